package oncall

import "afterhours/tickets"

// Configuration is everything that `afterhours apply` sets up for on-call. Order counts for policies (the first takes
// what no route matches), routes and mutes (the first that matches wins).
type Configuration struct {
	People      []Person
	Schedules   []Schedule
	Policies    []Policy
	Routes      []Route
	Webhooks    []Webhook
	Mutes       []Mute
	Maintenance []Maintenance
	Intake      []Intake
	Tenants     []Tenant
	Playbooks   []Playbook
	Readings    []tickets.ReadingRule // by which mails of other senders are read; the first that matches counts
	Retention   Retention
	Load        Load

	disabled map[string]string // webhooks that their receivers have ended, with the reason
}

// Disable returns c in which a webhook is told nothing, for a reason.
func (c Configuration) Disable(webhook, reason string) Configuration {
	disabled := map[string]string{webhook: reason}
	for id, why := range c.disabled {
		disabled[id] = why
	}
	c.disabled = disabled
	return c
}

// Disabled is why a webhook is told nothing; empty where it is told.
func (c Configuration) Disabled(webhook string) string { return c.disabled[webhook] }

// Person returns the person of the given id.
func (c Configuration) Person(id string) (Person, bool) {
	return find(c.People, func(p Person) bool { return p.ID == id })
}

// Schedule returns the schedule of the given id.
func (c Configuration) Schedule(id string) (Schedule, bool) {
	return find(c.Schedules, func(s Schedule) bool { return s.ID == id })
}

// Policy returns the policy of the given id.
func (c Configuration) Policy(id string) (Policy, bool) {
	return find(c.Policies, func(p Policy) bool { return p.ID == id })
}

// Webhook returns the webhook of the given id.
func (c Configuration) Webhook(id string) (Webhook, bool) {
	return find(c.Webhooks, func(w Webhook) bool { return w.ID == id })
}

func find[T any](list []T, wanted func(T) bool) (found T, ok bool) {
	for _, item := range list {
		if wanted(item) {
			return item, true
		}
	}
	return found, false
}
