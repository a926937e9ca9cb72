package oncalldb_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

const phoneTeam = `
schedules: []
people:
  - {id: ana, name: Ana, contacts: [{id: cell, channel: sms, to: "+34600000001"}, {id: call, channel: voice, to: "+34600000001"}, {id: chat, channel: slack, to: "U0123ABCD"}],
     notify: [{after: 0s, contact: cell}, {after: 3m, contact: call}, {after: 4m, contact: chat}]}
  - {id: ben, name: Ben, contacts: [{id: cell, channel: sms, to: "+34600000002"}]}
policies:
  - {id: security, steps: [{notify: ["person:ana"], wait: 10m}, {notify: ["person:ben"], wait: 10m}]}
`

// told lists the types of a ticket's timeline, and the reasons of failures.
func (r *room) told(ticket int64) []string {
	var said []string
	for _, entry := range r.timeline {
		if entry.Ticket == ticket {
			line := string(entry.Event.Type)
			if reason, ok := entry.Event.Data["reason"].(string); ok {
				line += " " + reason
			}
			said = append(said, line)
		}
	}
	return said
}

func TestAFailedContactMakesRoomForTheNextAtOnce(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, phoneTeam)
	r.change(t, 1, tickets.ChangeCreated)
	wantEqual(t, "at first", r.states(t, 1), []string{"1.1 ana cell queued", "1.1 ana call queued", "1.1 ana chat queued"})
	r.finish(t, 1, oncall.Outcome{State: oncall.PageFailed, Reason: "no account at Twilio"})
	if got := r.enqueued; len(got) != 2 || got[1] != 2 {
		t.Fatalf("enqueued: got %v, want the call right after the text message failed", got)
	}
	r.finish(t, 2, oncall.Outcome{State: oncall.PageFailed, Reason: "no account at Twilio"})
	r.finish(t, 3, oncall.Outcome{State: oncall.PageFailed, Reason: "no application"})
	r.tick(t, time.Second)
	wantEqual(t, "at the end", r.states(t, 1)[3:], []string{"1.2 ben cell queued"})
}

func TestALateFailureMovesOnAndALateDeliveryIsTold(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, phoneTeam)
	r.change(t, 1, tickets.ChangeCreated)
	r.finish(t, 1, oncall.Outcome{State: oncall.PageSent})
	report := func(page int64, report oncall.Report) {
		t.Helper()
		if err := r.RecordReport(t.Context(), page, report); err != nil {
			t.Fatal(err)
		}
	}
	report(1, oncall.Report{})
	wantEqual(t, "nothing yet", r.states(t, 1)[:1], []string{"1.1 ana cell sent"})
	report(1, oncall.Report{Failed: true, Reason: "the telephone is off"})
	wantEqual(t, "failed", r.states(t, 1), []string{"1.1 ana cell failed", "1.1 ana call queued", "1.1 ana chat queued"})
	if got := r.enqueued; len(got) != 2 || got[1] != 2 {
		t.Fatalf("enqueued: got %v, want the call", got)
	}
	r.finish(t, 2, oncall.Outcome{State: oncall.PageSent}) // the text message that failed is not in its way
	report(2, oncall.Report{Delivered: true, Detail: "answered"})
	report(2, oncall.Report{Failed: true, Reason: "too late to matter"})
	report(1, oncall.Report{Delivered: true})
	wantEqual(t, "in the end", r.states(t, 1)[:2], []string{"1.1 ana cell failed", "1.1 ana call delivered"})
	wantEqual(t, "timeline", r.told(1), []string{"escalated", "page_sent", "page_failed the telephone is off", "page_sent", "page_delivered"})
}

func TestAReportThatOvertakesTheRecordOfItsPageIsToldInOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		report oncall.Report
		state  string
		told   []string
	}{
		"delivered": {oncall.Report{Delivered: true}, "delivered", []string{"escalated", "page_sent", "page_delivered"}},
		"failed":    {oncall.Report{Failed: true, Reason: "no such number"}, "failed", []string{"escalated", "page_sent", "page_failed no such number"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := open(t)
			r.apply(t, phoneTeam)
			r.change(t, 1, tickets.ChangeCreated)
			dispatch, ok, err := r.ClaimPage(t.Context(), 1)
			if err != nil || !ok {
				t.Fatalf("claim: %v, %v", ok, err)
			}
			if err := r.RecordReport(t.Context(), 1, c.report); err != nil {
				t.Fatal(err)
			}
			accepted := oncall.Outcome{State: oncall.PageSent}
			accepted.Receipt.ProviderID = "SM1"
			if err := r.FinishAttempt(t.Context(), dispatch, accepted); err != nil {
				t.Fatal(err)
			}
			pages, err := r.Pages(t.Context(), 1)
			if err != nil || string(pages[0].State) != c.state || pages[0].ProviderID != "SM1" {
				t.Errorf("page: got %+v, %v", pages[0], err)
			}
			wantEqual(t, "timeline", r.told(1), c.told)
		})
	}
}

func TestAMessageThatWasOnItsWayWhenSomebodyTookTheTicketIsWrittenAnew(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, strings.Replace(phoneTeam, "notify: [{after: 0s, contact: cell}", "notify: [{after: 0s, contact: chat}", 1))
	r.change(t, 1, tickets.ChangeCreated)
	dispatch, ok, err := r.ClaimPage(t.Context(), 1)
	if err != nil || !ok {
		t.Fatalf("claim: %v, %v", ok, err)
	}
	r.change(t, 1, tickets.ChangeAcknowledged)
	accepted := oncall.Outcome{State: oncall.PageSent}
	accepted.Receipt.ProviderID = "D1/1.2"
	if err := r.FinishAttempt(t.Context(), dispatch, accepted); err != nil {
		t.Fatal(err)
	}
	if n := r.count(t, `SELECT count(*) FROM pages WHERE type = '`+string(oncall.UpdateType)+`' AND state = 'queued'`); n != 1 {
		t.Errorf("got %d new forms of the message, want one", n)
	}
}

func TestACallbackFindsItsPageForAWeek(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, phoneTeam)
	r.change(t, 1, tickets.ChangeCreated)
	token := r.Links.CallbackToken(1)
	got, err := r.Callback(t.Context(), token)
	if err != nil || got != (oncall.Invitation{Page: 1, Ticket: 1, Person: "ana", Name: "Ana"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	for name, forged := range map[string]string{"another page": "2" + token[1:], "a page that is not there": r.Links.CallbackToken(99), "nothing": ""} {
		if _, err := r.Callback(t.Context(), forged); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("%s: got %v, want not found", name, err)
		}
	}
	r.now = r.now.Add(oncall.LinkLifetime)
	if _, err := r.Callback(t.Context(), token); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("after a week: got %v, want not found", err)
	}
}

func TestACallIsTakenOnce(t *testing.T) {
	t.Parallel()
	r := open(t)
	take := func(want bool) {
		t.Helper()
		if fresh, err := r.TakeCall(t.Context(), []byte("digest")); err != nil || fresh != want {
			t.Errorf("got %v, %v, want %v", fresh, err, want)
		}
	}
	take(true)
	take(false)
	if err := r.ForgetCall(t.Context(), []byte("digest")); err != nil {
		t.Fatal(err)
	}
	take(true)
	r.now = r.now.Add(31 * 24 * time.Hour)
	if _, err := r.TakeCall(t.Context(), []byte("another")); err != nil {
		t.Fatal(err)
	}
	take(true) // it was forgotten with age: tokens are good for a week
}

func TestWhatSomebodyWasToldOf(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, phoneTeam)
	r.change(t, 1, tickets.ChangeCreated)
	r.finish(t, 1, oncall.Outcome{State: oncall.PageSent})
	r.now = r.now.Add(2 * time.Minute)
	r.change(t, 2, tickets.ChangeCreated)
	r.finish(t, r.enqueued[len(r.enqueued)-1], oncall.Outcome{State: oncall.PageSent})
	if told, err := r.Told(t.Context(), "ana"); err != nil || len(told) != 2 || told[0] != 2 || told[1] != 1 {
		t.Errorf("got %v, %v, want the newer ticket first", told, err)
	}
	if _, err := r.pool.Exec(t.Context(), `UPDATE tickets SET state = 'acknowledged', acknowledged_at = $1 WHERE number = 2`, r.now); err != nil {
		t.Fatal(err)
	}
	if told, err := r.Told(t.Context(), "ana"); err != nil || len(told) != 1 {
		t.Errorf("got %v, %v, want the open one alone", told, err)
	}
	if told, err := r.Told(t.Context(), "ben"); err != nil || len(told) != 0 {
		t.Errorf("Ben: got %v, %v", told, err)
	}
}

func TestWhatWasWrittenInSlackFollowsItsTicket(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, strings.Replace(phoneTeam, "{after: 0s, contact: cell}", "{after: 0s, contact: chat}", 1))
	r.change(t, 1, tickets.ChangeCreated)
	sent := oncall.Outcome{State: oncall.PageDelivered}
	sent.Receipt.ProviderID = "D9:1700000000.000100"
	r.finish(t, r.enqueued[0], sent)
	r.change(t, 1, tickets.ChangeAcknowledged)
	if len(r.enqueued) != 2 {
		t.Fatalf("enqueued: got %v, want an update", r.enqueued)
	}
	dispatch, ok, err := r.ClaimPage(t.Context(), r.enqueued[1])
	if err != nil || !ok {
		t.Fatalf("claim: %v, %v", ok, err)
	}
	message, err := oncall.Compose(dispatch, r.Links)
	if err != nil || message.Replaces != "D9:1700000000.000100" || message.Token != r.Links.CallbackToken(r.enqueued[0]) || dispatch.Contact.Address != "U0123ABCD" ||
		!strings.HasPrefix(message.Link, "https://pager.example/ack/") {
		t.Errorf("update: got %+v to %s, %v", message, dispatch.Contact.Address, err)
	}
	if err := r.FinishAttempt(t.Context(), dispatch, oncall.Outcome{State: oncall.PageDelivered}); err != nil {
		t.Fatal(err)
	}
	if got := len(r.states(t, 1)); got != 3 {
		t.Errorf("got %d pages of the ticket, want no more than its three", got)
	}
}
