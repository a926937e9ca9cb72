package oncall

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"afterhours/tickets"
)

// Position is where a ticket stands in its policy: the round and step that were executed last, both counted from 1.
// Step 0 is the ticket's owner, asked before the policy begins when an acknowledged ticket became worse.
type Position struct {
	Ticket     int64
	Policy     string
	Generation int // one more each time that the policy starts again
	Round      int
	Step       int
}

// Decision is what a moment of a policy comes to.
type Decision struct {
	Position  Position
	Pages     []Page // queued, with their moments; without ids
	Entries   []tickets.Entry
	Due       time.Time // of the next step; zero where there is none
	Exhausted string    // the named reason why there is none
}

// lateness is how far behind its moment a step may run without delaying the steps after it.
const lateness = 2 * time.Second

// Next executes the step after position, or the first one after it that reaches anybody: a step whose targets are all
// empty falls through at once. due is the moment at which it was meant to happen.
func (c Configuration) Next(position Position, due, now time.Time) Decision {
	decision := Decision{Position: position}
	policy, ok := c.Policy(position.Policy)
	if !ok || len(policy.Steps) == 0 {
		return decision.exhaust(fmt.Sprintf("the policy %q does not exist any more", position.Policy), now)
	}
	for {
		decision.Position.Step++
		if decision.Position.Step > len(policy.Steps) {
			decision.Position.Step = 1
			decision.Position.Round++
		}
		if decision.Position.Round > policy.Repeat+1 {
			decision.Position.Round, decision.Position.Step = policy.Repeat+1, len(policy.Steps)
			return decision.exhaust(fmt.Sprintf("all steps of the policy %q were executed and nobody acknowledged", policy.ID), now)
		}
		step := policy.Steps[decision.Position.Step-1]
		pages, empty := c.stepPages(decision.Position, step, now)
		data := map[string]any{
			"policy": policy.ID, "round": decision.Position.Round, "step": decision.Position.Step, "targets": targetNames(step),
		}
		if len(empty) > 0 {
			data["empty"] = empty
		}
		decision.entry(tickets.EventEscalated, data, now)
		if len(pages) > 0 {
			decision.Pages = bundling(pages, policy)
			decision.Due = begin(due, now).Add(time.Duration(step.Wait))
			return decision
		}
	}
}

// After says which step follows the given one, and the names of those it would reach at a moment.
func (c Configuration) After(policyID string, round, step int, at time.Time) (nextRound, nextStep int, names []string) {
	policy, ok := c.Policy(policyID)
	if !ok {
		return round, step, nil
	}
	step++
	if step > len(policy.Steps) {
		round, step = round+1, 1
	}
	if round > policy.Repeat+1 || len(policy.Steps) == 0 {
		return round, step, nil
	}
	pages, _ := c.stepPages(Position{}, policy.Steps[step-1], at)
	for _, page := range pages {
		name := "webhook " + page.Webhook
		if page.Person != "" {
			name = c.Name(page.Person)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return round, step, names
}

// Name is a person's name, or the id where the configuration does not know it.
func (c Configuration) Name(id string) string {
	if person, ok := c.Person(id); ok {
		return person.Name
	}
	return id
}

// Owner asks the person who had acknowledged the ticket, before the policy begins.
func (c Configuration) Owner(position Position, owner string, now time.Time) (Decision, bool) {
	policy, ok := c.Policy(position.Policy)
	person, known := c.Person(owner)
	if !ok || !known || len(policy.Steps) == 0 {
		return Decision{}, false
	}
	decision := Decision{Position: position, Pages: bundling(personPages(position, person, now), policy)}
	if len(decision.Pages) == 0 {
		return Decision{}, false
	}
	decision.entry(tickets.EventEscalated, map[string]any{
		"policy": policy.ID, "round": position.Round, "step": 0, "targets": []string{"person:" + owner},
	}, now)
	decision.Due = now.Add(time.Duration(policy.Steps[0].Wait))
	return decision, true
}

// Holes says where a ticket would reach nobody at a moment: no policy at all, or a step whose targets are all empty.
func (c Configuration) Holes(now time.Time) []string {
	if len(c.Policies) == 0 {
		return []string{"Nobody can be paged: there is no policy. Write a configuration and run afterhours apply FILE."}
	}
	var holes []string
	for _, policy := range c.Policies {
		for i, step := range policy.Steps {
			if pages, empty := c.stepPages(Position{}, step, now); len(pages) == 0 {
				holes = append(holes, fmt.Sprintf("Step %d of the policy %s reaches nobody now: %s.", i+1, policy.ID, strings.Join(empty, "; ")))
			}
		}
	}
	return holes
}

// begin is the moment from which a wait counts: the planned one, so that waits do not add up their ticks, unless the
// step ran late.
func begin(due, now time.Time) time.Time {
	if due.IsZero() || now.Sub(due) > lateness || due.After(now) {
		return now
	}
	return due
}

// FallThrough is the moment of the next step after everything that the executed step sent has failed or is held: at
// once, but after a policy's last step not before a minute has passed, so that an outage of every channel does not use
// up the repeats.
func (c Configuration) FallThrough(position Position, due, now time.Time) time.Time {
	policy, ok := c.Policy(position.Policy)
	if ok && position.Step >= len(policy.Steps) {
		now = now.Add(time.Minute)
	}
	if due.Before(now) {
		return due
	}
	return now
}

func (d Decision) exhaust(reason string, now time.Time) Decision {
	d.Exhausted = reason
	d.entry(tickets.EventExhausted, map[string]any{"reason": reason}, now)
	return d
}

func (d *Decision) entry(kind tickets.EventType, data map[string]any, now time.Time) {
	d.Entries = append(d.Entries, tickets.Entry{
		Ticket: d.Position.Ticket,
		Event:  tickets.Event{At: now, Type: kind, Actor: tickets.ActorSystem, Data: data},
	})
}

// stepPages resolves a step's targets at now, each person once, and names the targets that reach nobody.
func (c Configuration) stepPages(position Position, step Step, now time.Time) (pages []Page, empty []string) {
	asked := map[string]bool{}
	for _, target := range step.Notify {
		found, reason := c.targetPages(position, target, asked, now)
		pages = append(pages, found...)
		if reason != "" {
			empty = append(empty, target.String()+": "+reason)
		}
	}
	return pages, empty
}

func (c Configuration) targetPages(position Position, target Target, asked map[string]bool, now time.Time) (pages []Page, reason string) {
	id := target.ID
	switch target.Kind {
	case TargetWebhook:
		webhook, ok := c.Webhook(id)
		if !ok {
			return nil, "does not exist"
		}
		if reason := c.Disabled(id); reason != "" {
			return nil, "is disabled: " + reason
		}
		return []Page{newPage(position, Page{Webhook: webhook.ID, Channel: "webhook"}, now)}, ""
	case TargetSchedule:
		schedule, ok := c.Schedule(id)
		if !ok {
			return nil, "does not exist"
		}
		onCall, _, ok := schedule.At(now)
		if !ok {
			return nil, "nobody is on call"
		}
		id = onCall
	}
	person, ok := c.Person(id)
	if !ok {
		return nil, "does not exist"
	}
	if asked[id] {
		return nil, ""
	}
	asked[id] = true
	pages = personPages(position, person, now)
	if len(pages) == 0 {
		return nil, person.Name + " has no contact"
	}
	return pages, ""
}

// personPages are the pages of a person's rules, the later ones with later moments.
func personPages(position Position, person Person, now time.Time) []Page {
	var pages []Page
	for _, rule := range person.EffectiveRules() {
		contact, ok := person.Contact(rule.Contact)
		if !ok {
			continue
		}
		page := newPage(position, Page{Person: person.ID, Contact: contact.ID, Channel: contact.Channel}, now)
		page.DueAt = now.Add(time.Duration(rule.After))
		pages = append(pages, page)
	}
	return pages
}

func bundling(pages []Page, policy Policy) []Page {
	for i := range pages {
		pages[i].Bundle = policy.bundle()
	}
	return pages
}

func newPage(position Position, page Page, now time.Time) Page {
	page.Ticket, page.Generation, page.Round, page.Step = position.Ticket, position.Generation, position.Round, position.Step
	page.Type, page.State, page.DueAt, page.CreatedAt = PageType, PageQueued, now, now
	return page
}

func targetNames(step Step) []string {
	names := make([]string, len(step.Notify))
	for i, target := range step.Notify {
		names[i] = target.String()
	}
	return names
}

// Start decides what happens to a ticket that was created, reopened or became worse: it is recorded, or its policy
// begins. generation is the one that begins.
func (c Configuration) Start(change tickets.Change, generation int) (Decision, tickets.Routing) {
	ticket, now := change.Ticket, change.At
	position := Position{Ticket: ticket.Number, Generation: generation, Round: 1}
	routing := tickets.Routing{Ticket: ticket.Number, Policy: ticket.Policy, Runbook: ticket.Runbook}
	recorded := Decision{Position: position}
	if change.Silent != "" {
		recorded.entry(tickets.EventRecorded, map[string]any{"reason": change.Silent}, now)
		return recorded, routing
	}
	facts := FactsOf(change)
	if mute, ok := c.Muted(facts, now); ok {
		reason := fmt.Sprintf("muted until %s: %s", mute.Until.UTC().Format(time.RFC3339), mute.Reason)
		recorded.entry(tickets.EventRecorded, map[string]any{"reason": reason}, now)
		return recorded, routing
	}
	route, _, matched := c.Route(facts, now)
	if matched {
		routing.Runbook = route.Runbook
	}
	if matched && route.Action == ActionRecord {
		recorded.entry(tickets.EventRecorded, map[string]any{"reason": "its route says so"}, now)
		return recorded, routing
	}
	position.Policy = route.Policy
	routing.Policy = route.Policy
	if position.Policy == "" {
		return recorded.exhaust("no policy is configured, so nobody can be paged", now), routing
	}
	if change.Owner != "" {
		if decision, ok := c.Owner(position, change.Owner, now); ok {
			return decision, routing
		}
	}
	return c.Next(position, time.Time{}, now), routing
}
