package tickets

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Reread is what came of reading stored mails again.
type Reread struct {
	Mails   int // read again
	Changed int // of them, read differently than before
	Tickets []TicketChange
}

// The scopes of a run over stored mails.
const (
	ScopeAll          = "all"
	ScopeUnrecognised = "unrecognised"
)

// The runners that go on with a run: whoever started it from a shell, or every process that serves.
const (
	RunnerCommand = "command"
	RunnerDesk    = "desk"
)

// Run is how far reading stored mails again has come.
type Run struct {
	Scope          string
	Runner         string
	StartedAt      time.Time
	Last, Upto     int64 // ids of mails
	Mails, Changed int
}

// TicketChange is what a ticket says differently after its mails were read again.
type TicketChange struct {
	Number int64
	Title  string
	Fields []FieldChange
	Raised bool // the severity went up on a ticket that is not resolved: its people are told
}

// FieldChange is one fact of a ticket before and after; lists are in one line.
type FieldChange struct {
	Field string `json:"field"`
	From  string `json:"from"`
	To    string `json:"to"`
}

// Differs says whether two readings of a mail say anything different.
func Differs(before, after Alert) bool {
	a, errA := json.Marshal(before)
	b, errB := json.Marshal(after)
	return errA != nil || errB != nil || string(a) != string(b)
}

// ReadAgain gives a ticket what its mails say now in place of what they said before. Both are the alerts of all its mails,
// in order. Only what differs between the two is touched: what people, the API or a joined ticket brought stays.
func ReadAgain(ticket *Ticket, before, after []Alert) []FieldChange {
	was, is := built(before), built(after)
	old := *ticket
	if ticket.Severity == was.Severity || is.Severity.Above(ticket.Severity) {
		ticket.Severity = is.Severity
	}
	for _, field := range []struct {
		have     *string
		was, now string
	}{
		{&ticket.Title, was.Title, is.Title},
		{&ticket.Description, was.Description, is.Description},
		{&ticket.Category, was.Category, is.Category},
		{&ticket.Organisation, was.Organisation, is.Organisation},
		{&ticket.TenantID, was.TenantID, is.TenantID},
		{&ticket.IncidentID, was.IncidentID, is.IncidentID},
		{(*string)(&ticket.Kind), string(was.Kind), string(is.Kind)},
		{(*string)(&ticket.Product), string(was.Product), string(is.Product)},
	} {
		if field.was != field.now && (*field.have == field.was || *field.have == "") {
			*field.have = field.now
		}
	}
	ticket.AlertIDs = exchanged(ticket.AlertIDs, was.AlertIDs, is.AlertIDs, FoldAlertID)
	ticket.Devices = exchanged(ticket.Devices, was.Devices, is.Devices, strings.ToLower)
	ticket.Users = exchanged(ticket.Users, was.Users, is.Users, strings.ToLower)
	links := slices.DeleteFunc(slices.Clone(ticket.Links), func(link Link) bool {
		return slices.Contains(was.Links, link) && !slices.Contains(is.Links, link)
	})
	ticket.Links = unionLinks(links, is.Links)
	return differences(old, *ticket)
}

// built is the ticket that alerts alone would make.
func built(alerts []Alert) *Ticket {
	if len(alerts) == 0 {
		return &Ticket{}
	}
	ticket := newTicket(alerts[0])
	for _, alert := range alerts[1:] {
		absorb(ticket, alert)
		if alert.Severity.Above(ticket.Severity) {
			ticket.Severity = alert.Severity
		}
	}
	return ticket
}

// exchanged takes out of a list what is not said any more and puts in what is said now.
func exchanged(have, was, now []string, fold func(string) string) []string {
	kept := slices.DeleteFunc(slices.Clone(have), func(value string) bool {
		return containsFolded(was, value, fold) && !containsFolded(now, value, fold)
	})
	return union(kept, now, fold)
}

func differences(before, after Ticket) []FieldChange {
	var changes []FieldChange
	add := func(field, from, to string) {
		if from != to {
			changes = append(changes, FieldChange{field, from, to})
		}
	}
	add("severity", string(before.Severity), string(after.Severity))
	add("kind", string(before.Kind), string(after.Kind))
	add("product", string(before.Product), string(after.Product))
	add("title", before.Title, after.Title)
	add("description", before.Description, after.Description)
	add("category", before.Category, after.Category)
	add("organisation", before.Organisation, after.Organisation)
	add("tenant_id", before.TenantID, after.TenantID)
	add("incident_id", before.IncidentID, after.IncidentID)
	add("alert_ids", strings.Join(before.AlertIDs, ", "), strings.Join(after.AlertIDs, ", "))
	add("devices", strings.Join(before.Devices, ", "), strings.Join(after.Devices, ", "))
	add("users", strings.Join(before.Users, ", "), strings.Join(after.Users, ", "))
	add("links", addressesOf(before.Links), addressesOf(after.Links))
	return changes
}

func addressesOf(links []Link) string {
	addresses := make([]string, len(links))
	for i, link := range links {
		addresses[i] = link.URL
	}
	return strings.Join(addresses, " ")
}
