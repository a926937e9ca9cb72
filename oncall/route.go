package oncall

import (
	"slices"
	"strings"
	"time"

	"afterhours/tickets"
)

// What a route does with a ticket.
const (
	ActionPage   = "page"
	ActionRecord = "record"
)

// Route sends the tickets that it matches to a policy, or records them. The first route that matches wins.
type Route struct {
	Match   Match  `json:"match" yaml:"match"`
	Policy  string `json:"policy,omitempty" yaml:"policy"`
	Action  string `json:"action,omitempty" yaml:"action"` // ActionPage (the default) or ActionRecord
	Runbook string `json:"runbook,omitempty" yaml:"runbook"`
}

// Match names what a ticket must be. A key that is absent does not restrict; a list matches any of its values. Title and
// Device are globs (* and ?), compared without case.
type Match struct {
	Severity     Values   `json:"severity,omitempty" yaml:"severity"`
	Kind         Values   `json:"kind,omitempty" yaml:"kind"`
	Product      Values   `json:"product,omitempty" yaml:"product"`
	Category     Values   `json:"category,omitempty" yaml:"category"`
	Title        Values   `json:"title,omitempty" yaml:"title"`
	Status       Values   `json:"status,omitempty" yaml:"status"`
	Device       Values   `json:"device,omitempty" yaml:"device"`
	Organisation Values   `json:"organisation,omitempty" yaml:"organisation"`
	From         Values   `json:"from,omitempty" yaml:"from"`
	To           Values   `json:"to,omitempty" yaml:"to"`
	Tenant       Values   `json:"tenant,omitempty" yaml:"tenant"`
	Verified     *bool    `json:"verified,omitempty" yaml:"verified"`
	Hours        []Window `json:"hours,omitempty" yaml:"hours"`
}

// Values is one value or a list of them.
type Values []string

// Mute records what it matches, without paging, until a moment.
type Mute struct {
	Match  Match     `json:"match" yaml:"match" required:"true"` // left out by mistake, it would silence everything
	Until  time.Time `json:"until" yaml:"until"`
	Reason string    `json:"reason" yaml:"reason"`
}

// Facts are what routes ask of a ticket.
type Facts struct {
	Ticket *tickets.Ticket
	Status string
	From   string
	To     []string
}

// FactsOf takes the facts from a change.
func FactsOf(change tickets.Change) Facts {
	return Facts{Ticket: change.Ticket, Status: change.Status, From: change.From, To: change.To}
}

// Matches says whether all keys of m hold for facts at a moment. Windows of hours are in UTC.
func (m Match) Matches(facts Facts, at time.Time) bool {
	t := facts.Ticket
	if m.Verified != nil && (t.Verified != nil && *t.Verified) != *m.Verified {
		return false
	}
	return equal(m.Severity, string(t.Severity)) && equal(m.Kind, string(t.Kind)) && equal(m.Product, string(t.Product)) &&
		equal(m.Category, t.Category) && glob(m.Title, t.Title) && equal(m.Status, facts.Status) &&
		glob(m.Device, t.Devices...) && equal(m.Organisation, t.Organisation) && equal(m.From, facts.From) &&
		equal(m.To, facts.To...) && equal(m.Tenant, t.TenantID) && tickets.WithinAny(m.Hours, at, time.UTC)
}

func equal(want Values, got ...string) bool {
	return len(want) == 0 || slices.ContainsFunc(want, func(value string) bool {
		return slices.ContainsFunc(got, func(given string) bool { return strings.EqualFold(value, given) })
	})
}

func glob(want Values, got ...string) bool {
	return len(want) == 0 || slices.ContainsFunc(want, func(pattern string) bool {
		return slices.ContainsFunc(got, func(given string) bool { return tickets.MatchGlob(pattern, given) })
	})
}

// Route returns the first route that matches, or, where none does, one that pages with the first policy.
func (c Configuration) Route(facts Facts, at time.Time) (route Route, index int, matched bool) {
	for i, route := range c.Routes {
		if route.Match.Matches(facts, at) {
			if route.Policy == "" && len(c.Policies) > 0 {
				route.Policy = c.Policies[0].ID
			}
			return route, i, true
		}
	}
	if len(c.Policies) > 0 {
		return Route{Policy: c.Policies[0].ID}, -1, false
	}
	return Route{}, -1, false
}

// Muted returns the first mute in force that matches.
func (c Configuration) Muted(facts Facts, at time.Time) (Mute, bool) {
	for _, mute := range c.Mutes {
		if at.Before(mute.Until) && mute.Match.Matches(facts, at) {
			return mute, true
		}
	}
	return Mute{}, false
}
