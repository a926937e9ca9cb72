package tickets

import (
	"slices"
	"strings"
)

// newTicket is an open ticket that says what an alert says.
func newTicket(alert Alert) *Ticket {
	title := alert.Title
	if title == "" {
		title = "(no subject)"
	}
	ticket := &Ticket{
		State: Open, Severity: alert.Severity, Kind: alert.Kind, Product: alert.Product, Title: title,
		AlertIDs: []string{}, Devices: []string{}, Users: []string{}, Links: []Link{},
		Machines: []Machine{}, Techniques: []string{}, Evidence: []Evidence{},
	}
	absorb(ticket, alert)
	return ticket
}

// absorb adds to a ticket what an alert says. What the ticket already has stays, except that a mail which was
// understood corrects a ticket whose first mail was not, and a merge moves it to the incident that lives on.
func absorb(ticket *Ticket, alert Alert) {
	if ticket.Kind == KindUnrecognised && alert.Kind != KindUnrecognised {
		ticket.Kind, ticket.Product = alert.Kind, alert.Product
		if alert.Title != "" {
			ticket.Title = alert.Title
		}
	}
	if alert.IncidentID != "" && (ticket.IncidentID == "" || len(alert.MergedIncidentIDs) > 0) {
		ticket.IncidentID = alert.IncidentID
	}
	fill(&ticket.Description, alert.Description)
	fill(&ticket.Category, alert.Category)
	fill(&ticket.Organisation, alert.Organisation)
	fill(&ticket.TenantID, alert.TenantID)
	if ticket.Product == ProductUnknown {
		ticket.Product = alert.Product
	}
	ticket.AlertIDs = union(ticket.AlertIDs, alert.AlertIDs, FoldAlertID)
	ticket.Devices = union(ticket.Devices, alert.Devices, strings.ToLower)
	ticket.Users = union(ticket.Users, alert.Users, strings.ToLower)
	ticket.Links = unionLinks(ticket.Links, alert.Links)
}

func fill(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// union appends to have what it lacks of more, comparing by fold.
func union(have, more []string, fold func(string) string) []string {
	for _, value := range more {
		if !containsFolded(have, value, fold) {
			have = append(have, value)
		}
	}
	return have
}

// newIn says whether more holds anything that have lacks.
func newIn(have, more []string, fold func(string) string) bool {
	return slices.ContainsFunc(more, func(value string) bool { return !containsFolded(have, value, fold) })
}

func containsFolded(have []string, value string, fold func(string) string) bool {
	return slices.ContainsFunc(have, func(known string) bool { return fold(known) == fold(value) })
}

func unionLinks(have, more []Link) []Link {
	for _, link := range more {
		if !slices.Contains(have, link) {
			have = append(have, link)
		}
	}
	return have
}
