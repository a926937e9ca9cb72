package oncall

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"afterhours/oncall/notify"
	"afterhours/tickets"
)

func question() Question {
	return Question{
		Run: 7, Playbook: "isolate", Action: "isolate_device", Device: "srv-sql-07", Until: time.Date(2026, 3, 1, 3, 30, 0, 0, time.UTC),
		URL: "https://a.example/playbooks/runs/7",
	}
}

// asked are the contacts, as person/contact, that a question goes to.
func asked(t *testing.T, c Configuration, ticket tickets.Ticket) []string {
	t.Helper()
	pages, err := c.ApprovalRequests(ticket, question(), time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, page := range pages {
		if page.Type != EventApprovalRequested {
			t.Errorf("got a %s, want a question", page.Type)
		}
		found = append(found, page.Person+"/"+page.Contact)
	}
	return found
}

func TestAQuestionGoesToEveryContactThatCanCarryALink(t *testing.T) {
	t.Parallel()
	everything := []Contact{
		{ID: "mail", Channel: "email", To: "ana@a.example"},
		{ID: "phone", Channel: "sms", To: "+34600000001"},
		{ID: "call", Channel: "voice", To: "+34600000001"},
		{ID: "push", Channel: "push", To: "https://ntfy.sh/topic"},
		{ID: "slack", Channel: "slack", To: "U1"},
		{ID: "teams", Channel: "teams", To: "https://teams.example/x"},
		{ID: "hook", Channel: "webhook", To: "https://hooks.example/ana"},
	}
	c := Configuration{
		People: []Person{
			{ID: "ana", Name: "Ana", Contacts: everything}, {ID: "ben", Name: "Ben", Contacts: []Contact{{ID: "call", Channel: "voice", To: "+34600000002"}}},
		},
		Policies: []Policy{{ID: "security", Steps: []Step{{Notify: []Target{{Kind: TargetPerson, ID: "ana"}, {Kind: TargetPerson, ID: "ben"}}}}}},
	}
	want := []string{"ana/mail", "ana/phone", "ana/push", "ana/slack", "ana/teams", "ana/hook", "ben/call"}
	if got := asked(t, c, tickets.Ticket{Number: 1042, Policy: "security"}); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := asked(t, c, tickets.Ticket{Number: 1042, Policy: "security", AcknowledgedBy: "ben"}); !slices.Equal(got, []string{"ben/call"}) {
		t.Errorf("got %v, want whoever has the ticket alone", got)
	}
	if got := asked(t, c, tickets.Ticket{Number: 1042}); !slices.Equal(got, want) {
		t.Errorf("got %v for a ticket that is recorded, want those of the first policy", got)
	}
}

// TestAQuestionIsAnsweredAtTheDeskAlone looks at what a channel could make a button, a key or a reply of.
func TestAQuestionIsAnsweredAtTheDeskAlone(t *testing.T) {
	t.Parallel()
	links := Links{Key: []byte("a key of thirty-two octets or more"), BaseURL: "https://a.example", Domain: "mx.example"}
	for _, detail := range []string{DetailFull, DetailMinimal} {
		d := dispatched(EventApprovalRequested, detail)
		d.Page.Payload = []byte(`{"question":{"run":7,"playbook":"isolate","action":"isolate_device","device":"srv-sql-07","until":"2026-03-01T03:30:00Z","url":"https://a.example/playbooks/runs/7"}}`)
		message, err := Compose(d, links)
		if err != nil {
			t.Fatal(err)
		}
		if message.Link != question().URL || !message.SignIn || message.Token != "" || message.ReplyTo != "" || message.OpenLabel() != notify.SignInLabel {
			t.Errorf("%s: got %+v, want a link to the desk and nothing that answers", detail, message)
		}
		everything := fmt.Sprintf("%+v %s", message, message.Data)
		if strings.Contains(everything, "/ack/") || strings.Contains(everything, "acknowledge") {
			t.Errorf("%s: it offers to acknowledge: %s", detail, everything)
		}
		if strings.Contains(everything, "srv-sql-07") != (detail == DetailFull) {
			t.Errorf("%s: got %s", detail, everything)
		}
	}
}

func TestWhatPeopleMustHearGoesPastRoutesMutesAndMaintenance(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	c := Configuration{
		People:   []Person{{ID: "ana", Name: "Ana", Email: "ana@a.example"}},
		Policies: []Policy{{ID: "security", Steps: []Step{{Notify: []Target{{Kind: TargetPerson, ID: "ana"}}, Wait: Wait{Other: Duration(time.Hour)}}}}},
		Routes:   []Route{{Action: ActionRecord}},
		Mutes:    []Mute{{Until: at.Add(time.Hour), Reason: "noise"}},
	}
	ticket := &tickets.Ticket{Number: 1042, Severity: tickets.Low, State: tickets.Open, Title: "Ransomware"}
	change := tickets.Change{Kind: tickets.ChangeSpread, Ticket: ticket, At: at, Actor: tickets.ActorSystem}
	if decision, _ := c.Start(change, 1); len(decision.Pages) != 0 {
		t.Fatalf("got %d pages of a muted ticket, want none", len(decision.Pages))
	}
	change.Insists = "NOT isolated: srv-sql-07: Defender says: Failed"
	decision, routing := c.Start(change, 1)
	if len(decision.Pages) != 1 || routing.Policy != "security" || decision.Note != change.Insists {
		t.Errorf("got %d pages by the policy %q with the note %q, want one", len(decision.Pages), routing.Policy, decision.Note)
	}
	d := dispatched(PageType, DetailFull)
	d.Notes, d.Urgent = []string{decision.Note}, "NOT isolated"
	message, err := Compose(d, Links{Key: []byte("a key of thirty-two octets or more"), BaseURL: "https://a.example"})
	if err != nil || message.Subject != "High: NOT isolated. Ransomware on srv-sql-07 (#1042)" || message.Facts[0].Value != decision.Note {
		t.Errorf("got %q with %v, %v", message.Subject, message.Facts, err)
	}
}
