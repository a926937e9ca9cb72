package ticketdb_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"afterhours/tickets"
)

// betterAlertOf reads what alertOf does not understand: mails that begin with "unknown" are High alerts of an incident.
func betterAlertOf(raw []byte) tickets.Alert {
	alert := alertOf(raw)
	if alert.Severity == tickets.SeverityUnknown {
		alert.Severity, alert.IncidentID, alert.Devices = tickets.High, "77", []string{"pc1"}
	}
	return alert
}

func worseAlertOf(raw []byte) tickets.Alert {
	alert := alertOf(raw)
	if alert.Severity == tickets.SeverityUnknown {
		alert.Kind = tickets.KindUnrecognised
	}
	return alert
}

// reparse runs a scope to its end.
func (r *room) reparse(t *testing.T, scope string) (total tickets.Reread) {
	t.Helper()
	if _, err := r.StartReparse(t.Context(), scope, tickets.RunnerCommand, tickets.ActorSystem, false); err != nil {
		t.Fatal(err)
	}
	for {
		reread, done, err := r.ContinueReparse(t.Context(), scope, betterAlertOf)
		if err != nil {
			t.Fatal(err)
		}
		if done {
			return total
		}
		total.Mails, total.Changed = total.Mails+reread.Mails, total.Changed+reread.Changed
		total.Tickets = append(total.Tickets, reread.Tickets...)
	}
}

func (r *room) events(t *testing.T, number int64) (types []tickets.EventType) {
	t.Helper()
	timeline, err := r.Timeline(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range timeline {
		types = append(types, event.Type)
	}
	return types
}

func TestReadingAgainGivesTicketsWhatTheirMailsSay(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.accept(t, "unknown Open da1", "unknown Acknowledged da2", "unknown Resolved da3", "low Understood da4")
	r.read(t, worseAlertOf)
	if _, err := r.Acknowledge(t.Context(), 1002, "ana"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Resolve(t.Context(), 1003, "ana", ""); err != nil {
		t.Fatal(err)
	}
	told := len(r.changes)
	total := r.reparse(t, tickets.ScopeUnrecognised)
	if total.Mails != 3 || total.Changed != 3 || len(total.Tickets) != 3 {
		t.Errorf("got %+v, want 3 mails, 3 changed, 3 tickets", total)
	}
	for number, want := range map[int64]tickets.State{1001: tickets.Open, 1002: tickets.Open, 1003: tickets.Resolved} {
		ticket, err := r.Get(t.Context(), number)
		if err != nil || ticket.Severity != tickets.High || ticket.IncidentID != "77" || ticket.State != want || ticket.Kind != tickets.KindAlert {
			t.Errorf("ticket %d: got %+v, %v, want %s", number, ticket, err, want)
		}
		if types := fmt.Sprint(r.events(t, number)); !strings.Contains(types, "reread") {
			t.Errorf("ticket %d: the timeline says %s", number, types)
		}
	}
	// The open and the acknowledged one became worse than anybody knew; the resolved one wakes nobody.
	raised := r.changes[told:]
	if len(raised) != 2 || raised[0].Kind != tickets.ChangeRaised || raised[0].Ticket.Number != 1001 || raised[1].Ticket.Number != 1002 || raised[1].Owner != "ana" {
		t.Errorf("changes: got %+v, want two raised", raised)
	}
	if found, err := r.List(t.Context(), tickets.Filter{Query: "pc1"}); err != nil || len(found.Tickets) != 3 {
		t.Errorf("by the device that was found now: got %d tickets, %v, want 3", len(found.Tickets), err)
	}
	// A second run finds nothing to change.
	if total := r.reparse(t, tickets.ScopeAll); total.Mails != 4 || total.Changed != 0 {
		t.Errorf("a second run: got %+v", total)
	}
	// The new key counts for mail that comes in: of the tickets that have it, one holds it.
	r.accept(t, "high More da77")
	r.read(t, func(raw []byte) tickets.Alert {
		alert := alertOf(raw)
		alert.IncidentID = "77"
		return alert
	})
	if holders := r.count(t, `SELECT count(*) FROM ticket_keys WHERE key = 'incident:/77' AND active`); holders != 1 {
		t.Errorf("%d tickets hold the key, want 1", holders)
	}
	if ticket, err := r.Get(t.Context(), 1001); err != nil || ticket.MessageCount != 2 {
		t.Errorf("the mail of the incident: ticket got %+v, %v", ticket, err)
	}
}

func TestADryRunOfReadingAgainChangesNothing(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.accept(t, "unknown Open da1", "unknown Other da2")
	r.read(t, worseAlertOf)
	told, events := len(r.changes), len(r.events(t, 1001))
	reread, last, err := r.TryReparse(t.Context(), tickets.ScopeAll, 0, betterAlertOf)
	if err != nil || reread.Changed != 2 || last == 0 || len(reread.Tickets) != 2 || !reread.Tickets[0].Raised {
		t.Errorf("got %+v, %d, %v", reread, last, err)
	}
	if one, err := r.ReparseTicket(t.Context(), 1001, "ana", betterAlertOf, true); err != nil || one.Changed != 1 {
		t.Errorf("one ticket: got %+v, %v", one, err)
	}
	if ticket, err := r.Get(t.Context(), 1001); err != nil || ticket.Severity != tickets.SeverityUnknown || len(r.events(t, 1001)) != events || len(r.changes) != told {
		t.Errorf("ticket: got %+v, %v", ticket, err)
	}
}

func TestOneTicketIsReadAgainByWhoeverAsked(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.accept(t, "unknown Open da1", "unknown Other da2")
	r.read(t, worseAlertOf)
	reread, err := r.ReparseTicket(t.Context(), 1002, "ana", betterAlertOf, false)
	if err != nil || reread.Mails != 1 || reread.Changed != 1 {
		t.Errorf("got %+v, %v", reread, err)
	}
	if other, err := r.Get(t.Context(), 1001); err != nil || other.Severity != tickets.SeverityUnknown {
		t.Errorf("the other ticket: got %+v, %v", other, err)
	}
	timeline, err := r.Timeline(t.Context(), 1002)
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range timeline {
		if event.Type == tickets.EventReread && event.Actor != "ana" {
			t.Errorf("actor: got %q", event.Actor)
		}
	}
	if _, err := r.ReparseTicket(t.Context(), 999, "ana", betterAlertOf, false); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("no such ticket: got %v", err)
	}
}

func TestAnInterruptedRunGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	r := open(t)
	var raws []string
	for i := range 250 {
		raws = append(raws, fmt.Sprintf("unknown Mail%d da%d", i, i))
	}
	r.accept(t, raws...)
	r.read(t, worseAlertOf)
	if _, err := r.StartReparse(t.Context(), tickets.ScopeAll, tickets.RunnerDesk, "ana", false); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.ContinueReparse(t.Context(), tickets.ScopeAll, betterAlertOf); err != nil {
		t.Fatal(err)
	}
	run, err := r.DeskRun(t.Context())
	if err != nil || run.Mails != 100 || run.Changed != 100 || run.Last == 0 {
		t.Errorf("run: got %+v, %v", run, err)
	}
	parsed := 0
	if _, err := r.StartReparse(t.Context(), tickets.ScopeAll, tickets.RunnerCommand, "ben", false); err != nil {
		t.Fatal(err)
	}
	for done := false; !done; {
		if _, done, err = r.ContinueReparse(t.Context(), tickets.ScopeAll, func(raw []byte) tickets.Alert { parsed++; return betterAlertOf(raw) }); err != nil {
			t.Fatal(err)
		}
	}
	if parsed != 150 {
		t.Errorf("the rest: got %d mails, want 150", parsed)
	}
	if left := r.count(t, `SELECT count(*) FROM tickets WHERE severity = 'unknown'`); left != 0 {
		t.Errorf("%d tickets were left out", left)
	}
	if _, err := r.DeskRun(t.Context()); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("a finished run: got %v, want not found", err)
	}
	if doubled := r.count(t, `SELECT count(*) FROM (SELECT ticket FROM ticket_events WHERE type = 'reread' GROUP BY ticket HAVING count(*) > 1) d`); doubled != 0 {
		t.Errorf("%d tickets were told of twice", doubled)
	}
}
