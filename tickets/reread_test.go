package tickets_test

import (
	"slices"
	"testing"

	"afterhours/tickets"
)

func TestReadingAgainTouchesOnlyWhatTheMailsSayDifferently(t *testing.T) {
	t.Parallel()
	before := backlogAlert(tickets.SeverityUnknown, "pc1, pc2")
	before.Kind, before.Title = tickets.KindUnrecognised, "Subject of the mail"
	after := backlogAlert(tickets.High, "pc1")
	after.Devices, after.Title, after.Category = []string{"pc1", "pc2"}, "Ransomware", "Malware"
	ticket := &tickets.Ticket{
		Severity: tickets.Low, Kind: tickets.KindUnrecognised, Product: tickets.ProductUnknown, Title: "Subject of the mail",
		Category: "set by the API", AlertIDs: []string{"da1"}, Devices: []string{"pc1, pc2", "srv-of-the-api"}, Users: []string{"ana"}, Links: []tickets.Link{},
	}
	changes := tickets.ReadAgain(ticket, []tickets.Alert{before}, []tickets.Alert{after})
	if ticket.Severity != tickets.High || ticket.Kind != tickets.KindAlert || ticket.Title != "Ransomware" || ticket.Category != "set by the API" {
		t.Errorf("ticket: got %+v", ticket)
	}
	if want := []string{"srv-of-the-api", "pc1", "pc2"}; !slices.Equal(ticket.Devices, want) {
		t.Errorf("devices: got %q, want %q", ticket.Devices, want)
	}
	if !slices.Equal(ticket.Users, []string{"ana"}) {
		t.Errorf("users: got %q", ticket.Users)
	}
	var fields []string
	for _, change := range changes {
		fields = append(fields, change.Field)
	}
	if want := []string{"severity", "kind", "title", "devices"}; !slices.Equal(fields, want) {
		t.Errorf("changes: got %q, want %q", fields, want)
	}
}

func TestReadingAgainKeepsASeverityThatSomethingElseRaised(t *testing.T) {
	t.Parallel()
	ticket := &tickets.Ticket{Severity: tickets.High}
	tickets.ReadAgain(ticket, []tickets.Alert{backlogAlert(tickets.Low, "pc1")}, []tickets.Alert{backlogAlert(tickets.Medium, "pc1")})
	if ticket.Severity != tickets.High {
		t.Errorf("got %s, want high", ticket.Severity)
	}
}
