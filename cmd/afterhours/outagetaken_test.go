package main

import (
	"strings"
	"testing"
	"time"

	"afterhours/tickets"
)

// TestWhoeverWasToldInAnOutageLearnsAfterwardsWhoTookIt hands over what a gateway recorded ten minutes ago.
func TestWhoeverWasToldInAnOutageLearnsAfterwardsWhoTookIt(t *testing.T) {
	t.Parallel()
	ana, ben := newHook(t), newHook(t)
	app := serveTest(t, trusting)
	app.configure(t, strings.Replace(team(ana, ben, "1h"), `notify: ["schedule:primary"]`, `notify: ["schedule:primary", "schedule:secondary"]`, 1))
	then := app.now().Add(-10 * time.Minute).Truncate(time.Second)
	verified := true
	told := func(person string) tickets.OutageEvent {
		return tickets.OutageEvent{At: then, Type: tickets.OutageTold, Person: person, Contact: "hook", Channel: "webhook"}
	}
	spooled := tickets.Spooled{
		ID: "1-abc", Raw: alertMail("High", "During", "pc1", "da1111111111111111_1", "one@example"),
		Envelope: tickets.Envelope{From: "azure-noreply@microsoft.com", To: []string{"defender@test.example"}, ReceivedAt: then, Verified: &verified},
		Events: []tickets.OutageEvent{
			told("ana"), told("ben"), {At: then.Add(time.Minute), Type: tickets.OutageAcknowledged, Person: "ana"},
		},
	}
	if err := app.rooms.tickets.AcceptSpooled(t.Context(), spooled); err != nil {
		t.Fatal(err)
	}
	app.rooms.intake.Signal()
	eventually(t, "Ben learns that Ana has it", func() bool {
		got := ben.deliveries()
		return len(got) == 1 && got[0].message.Type == "page.taken"
	})
	app.settled(t)
	if got := len(ana.deliveries()); got != 0 {
		t.Errorf("Ana was told %d times of what she has", got)
	}
	ticket, err := app.rooms.tickets.Get(t.Context(), 1001)
	if err != nil || ticket.AcknowledgedBy != "ana" || !ticket.AcknowledgedAt.Equal(then.Add(time.Minute)) {
		t.Errorf("ticket: got %+v, %v, want it acknowledged by Ana then", ticket, err)
	}
}
