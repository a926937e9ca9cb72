package tickets_test

import (
	"testing"
	"time"

	"afterhours/tickets"
)

var (
	importedAt = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	sentAt     = time.Date(2025, 6, 1, 8, 0, 0, 0, time.UTC)
)

// old is a mail of the backlog.
func old(id int64, sent time.Time, alert tickets.Alert) tickets.Reading {
	mail := tickets.Mail{ID: id, Imported: true, ReceivedAt: sent}
	reading := tickets.NewReading(mail, alert, []byte{byte(id)})
	reading.Backlog = "old"
	return reading
}

func backlogAlert(severity tickets.Severity, device string) tickets.Alert {
	alert := tickets.Unreadable("x", nil)
	alert.Tracking, alert.Kind, alert.Severity = nil, tickets.KindAlert, severity
	alert.AlertIDs, alert.Devices = []string{"da1"}, []string{device}
	return alert
}

func TestTheBacklogOpensTicketsThatAreResolvedAndTellsNobody(t *testing.T) {
	t.Parallel()
	plan := tickets.Correlate(tickets.Known{}, []tickets.Reading{
		old(1, sentAt, backlogAlert(tickets.Low, "pc1")),
		old(2, sentAt.AddDate(0, 0, 90), backlogAlert(tickets.High, "pc2")),
		old(3, sentAt.AddDate(0, 0, -5), backlogAlert(tickets.Medium, "pc3")),
	}, importedAt)
	if len(plan.Created) != 1 || len(plan.Changes) != 0 {
		t.Fatalf("got %d tickets and %d changes, want 1 and none", len(plan.Created), len(plan.Changes))
	}
	ticket := plan.Created[0]
	if ticket.State != tickets.Resolved || ticket.Source != tickets.FromImport || ticket.MessageCount != 3 || ticket.Severity != tickets.High || len(ticket.Devices) != 3 {
		t.Errorf("ticket: got %+v", ticket)
	}
	if first, last := sentAt.AddDate(0, 0, -5), sentAt.AddDate(0, 0, 90); !ticket.CreatedAt.Equal(first) || !ticket.ResolvedAt.Equal(last) || !ticket.UpdatedAt.Equal(last) {
		t.Errorf("created %s, resolved %s; want the mails' own %s and %s", ticket.CreatedAt, ticket.ResolvedAt, first, last)
	}
	var types []tickets.EventType
	for _, event := range plan.Events {
		types = append(types, event.Event.Type)
		if !event.Event.At.Equal(importedAt) {
			t.Errorf("%s at %s, want the moment of the import", event.Event.Type, event.Event.At)
		}
	}
	want := []tickets.EventType{tickets.EventCreated, tickets.EventResolved, tickets.EventUpdated, tickets.EventUpdated}
	if len(types) != len(want) || types[0] != want[0] || types[1] != want[1] || types[3] != want[3] {
		t.Errorf("timeline: got %v, want %v", types, want)
	}
}

func TestTheBacklogLeavesLiveTicketsAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, state := range []tickets.State{tickets.Open, tickets.Acknowledged, tickets.Resolved} {
		resolved := importedAt.Add(-time.Hour)
		live := &tickets.Ticket{Number: 1001, State: state, Severity: tickets.Low, Devices: []string{"pc1"}, Source: tickets.FromEmail, CreatedAt: resolved, MessageCount: 1}
		if state == tickets.Resolved {
			live.ResolvedAt = &resolved
		}
		other := &tickets.Ticket{Number: 1002, State: tickets.Open, Source: tickets.FromEmail, CreatedAt: importedAt.Add(time.Hour)}
		alert := backlogAlert(tickets.High, "pc9")
		alert.Message.MessageID = "m@example"
		known := tickets.Known{
			Tickets: map[int64]*tickets.Ticket{1001: live, 1002: other},
			Owners:  map[string]int64{"alert:1": 1001},
		}
		if state != tickets.Resolved { // of two live tickets that share keys with it, neither is joined to the other
			known.Owners["message:m@example"] = 1002
		}
		plan := tickets.Correlate(known, []tickets.Reading{old(1, sentAt, alert)}, importedAt)
		if len(plan.Created) != 0 || len(plan.Joined) != 0 || len(plan.Changes) != 0 {
			t.Errorf("%s: got %d created, %d joined, %d changes, want none", state, len(plan.Created), len(plan.Joined), len(plan.Changes))
		}
		if live.State != state || live.Severity != tickets.Low || len(live.Devices) != 1 || live.MessageCount != 2 || other.MessageCount != 0 {
			t.Errorf("%s: the ticket became %+v", state, live)
		}
		for _, claim := range plan.Keys {
			if claim.Key == "alert:1" || claim.Key == "message:m@example" && state != tickets.Resolved {
				t.Errorf("%s: the key %s changed hands", state, claim.Key)
			}
		}
	}
}
