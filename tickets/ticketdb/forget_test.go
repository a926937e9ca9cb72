package ticketdb_test

import (
	"errors"
	"testing"
	"time"

	"afterhours/tickets"
)

// forgetAll forgets batch by batch and returns how many went.
func (r *room) forgetAll(t *testing.T, before time.Time) int {
	t.Helper()
	total := 0
	for {
		n, more, err := r.ForgetTickets(t.Context(), tickets.Severities[:], before)
		if err != nil {
			t.Fatal(err)
		}
		if total += n; !more {
			return total
		}
	}
}

func TestOnlyTicketsThatWereResolvedForLongAreForgottenAndNothingOfThemStays(t *testing.T) {
	t.Parallel()
	r := open(t)
	begin := r.now
	mails := r.accept(t, "high Resolved da1", "high Open da2", "high Acknowledged da3", "high Held da4", "high Noted da5")
	r.read(t, alertOf)
	list, err := r.List(t.Context(), tickets.Filter{})
	if err != nil || len(list.Tickets) != 5 {
		t.Fatalf("got %d tickets, %v, want 5", len(list.Tickets), err)
	}
	numbers := map[string]int64{}
	for _, ticket := range list.Tickets {
		numbers[ticket.Title] = ticket.Number
	}
	must := func(_ tickets.Ticket, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(r.Acknowledge(t.Context(), numbers["Acknowledged"], "ana"))
	must(r.Hold(t.Context(), numbers["Held"], "ana", "for the lawyers"))
	for _, title := range []string{"Resolved", "Held", "Noted"} {
		must(r.Resolve(t.Context(), numbers[title], "ana", ""))
	}
	r.now = begin.AddDate(0, 6, 0)
	must(r.Note(t.Context(), numbers["Noted"], "ben", "still at it"))
	if n := r.forgetAll(t, begin.AddDate(0, 1, 0)); n != 1 {
		t.Errorf("forgot %d tickets, want the one that was resolved and left alone", n)
	}
	for title, number := range numbers {
		_, err := r.Get(t.Context(), number)
		if gone := errors.Is(err, tickets.ErrNotFound); gone != (title == "Resolved") {
			t.Errorf("%s: got %v", title, err)
		}
	}
	if _, err := r.Raw(t.Context(), mails[0]); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("its raw mail: got %v, want not found", err)
	}
	for _, table := range []string{"mails", "ticket_keys", "ticket_events"} {
		var left int
		if err := r.pool.QueryRow(t.Context(), `SELECT count(*) FROM `+table+` WHERE ticket = $1`, numbers["Resolved"]).Scan(&left); err != nil || left != 0 {
			t.Errorf("%s: got %d rows, %v, want none", table, left, err)
		}
	}
	must(r.Release(t.Context(), numbers["Held"], "adm"))
	if n := r.forgetAll(t, begin.AddDate(0, 1, 0)); n != 0 {
		t.Errorf("forgot %d tickets, want the released one to count from its release", n)
	}
	if n := r.forgetAll(t, begin.AddDate(0, 7, 0)); n != 2 {
		t.Errorf("forgot %d tickets, want the released and the noted one", n)
	}
}

func TestAMergedTicketGoesBeforeTheOneThatItWentInto(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.accept(t, "high One da1", "high Two da2")
	r.read(t, alertOf)
	list, err := r.List(t.Context(), tickets.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	into, from := list.Tickets[0].Number, list.Tickets[1].Number
	for _, number := range []int64{into, from} {
		if _, err := r.Resolve(t.Context(), number, "ana", ""); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.pool.Exec(t.Context(), `UPDATE tickets SET merged_into = $2 WHERE number = $1`, from, into); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 1, 0} {
		if n, _, err := r.ForgetTickets(t.Context(), tickets.Severities[:], r.now.AddDate(0, 1, 0)); err != nil || n != want {
			t.Errorf("got %d, %v, want %d", n, err, want)
		}
	}
}

func TestRawMailsUnderHoldOutliveTheirMonth(t *testing.T) {
	t.Parallel()
	r := open(t)
	march := r.now
	if err := r.PrepareMonths(t.Context(), march); err != nil {
		t.Fatal(err)
	}
	mails := r.accept(t, "high Held da1", "high Free da2")
	r.read(t, alertOf)
	held, err := r.Mail(t.Context(), mails[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Hold(t.Context(), held.Ticket, "ana", "for the lawyers"); err != nil {
		t.Fatal(err)
	}
	before, err := r.Raw(t.Context(), mails[0])
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // out of its month, then out of the default partition
		if err := r.ForgetRaw(t.Context(), march.AddDate(0, 2, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if after, err := r.Raw(t.Context(), mails[0]); err != nil || string(after) != string(before) {
		t.Errorf("held: got %q, %v, want it byte for byte", after, err)
	}
	if _, err := r.Raw(t.Context(), mails[1]); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("not held: got %v, want it gone", err)
	}
	if _, err := r.Release(t.Context(), held.Ticket, "adm"); err != nil {
		t.Fatal(err)
	}
	if err := r.ForgetRaw(t.Context(), march.AddDate(0, 2, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Raw(t.Context(), mails[0]); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("released: got %v, want it gone", err)
	}
}

func TestAHoldNeedsAReasonAndIsHeldOnce(t *testing.T) {
	t.Parallel()
	r := open(t)
	mail := r.accept(t, "high One da1")[0]
	r.read(t, alertOf)
	of, err := r.Mail(t.Context(), mail)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Hold(t.Context(), of.Ticket, "ana", " "); !errors.As(err, new(*tickets.InvalidError)) {
		t.Errorf("without a reason: got %v, want an InvalidError", err)
	}
	if _, err := r.Release(t.Context(), of.Ticket, "ana"); !errors.As(err, new(*tickets.ConflictError)) {
		t.Errorf("release: got %v, want a ConflictError", err)
	}
	ticket, err := r.Hold(t.Context(), of.Ticket, "ana", "for the lawyers")
	if err != nil || ticket.Hold == nil || ticket.Hold.By != "ana" || ticket.Hold.Reason != "for the lawyers" {
		t.Errorf("hold: got %+v, %v", ticket.Hold, err)
	}
	if _, err := r.Hold(t.Context(), of.Ticket, "ben", "too"); !errors.As(err, new(*tickets.ConflictError)) {
		t.Errorf("twice: got %v, want a ConflictError", err)
	}
	events, err := r.Timeline(t.Context(), of.Ticket)
	if last := events[len(events)-1]; err != nil || last.Type != tickets.EventHeld || last.Actor != "ana" || last.Data["reason"] != "for the lawyers" {
		t.Errorf("timeline: got %+v, %v", last, err)
	}
}

func TestTicketsAreForgottenBySeverity(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.accept(t, "high One da1", "low Two da2")
	r.read(t, alertOf)
	list, err := r.List(t.Context(), tickets.Filter{})
	if err != nil || len(list.Tickets) != 2 {
		t.Fatalf("got %d tickets, %v, want 2", len(list.Tickets), err)
	}
	for _, ticket := range list.Tickets {
		if _, err := r.Resolve(t.Context(), ticket.Number, "ana", ""); err != nil {
			t.Fatal(err)
		}
	}
	before := r.now.AddDate(1, 0, 0)
	if n, _, err := r.ForgetTickets(t.Context(), []tickets.Severity{tickets.Medium, tickets.Low}, before); err != nil || n != 1 {
		t.Errorf("forgot %d tickets, %v, want the Low one alone", n, err)
	}
	left, err := r.List(t.Context(), tickets.Filter{})
	if err != nil || len(left.Tickets) != 1 || left.Tickets[0].Severity != tickets.High {
		t.Errorf("got %+v, %v, want the High ticket", left.Tickets, err)
	}
}

// TestAnUnresolvedTicketIsForgottenOnlyOnceNobodyIsToldOfIt keeps what still pages, or will, however old.
func TestAnUnresolvedTicketIsForgottenOnlyOnceNobodyIsToldOfIt(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.accept(t, "low Recorded da1", "low Running da2", "low Waiting da3", "low Queued da4", "low Held da5", "low Acting da6", "low Resolved da7", "high Severe da8")
	r.read(t, alertOf)
	list, err := r.List(t.Context(), tickets.Filter{})
	if err != nil || len(list.Tickets) != 8 {
		t.Fatalf("got %d tickets, %v, want 8", len(list.Tickets), err)
	}
	numbers := map[string]int64{}
	for _, ticket := range list.Tickets {
		numbers[ticket.Title] = ticket.Number
	}
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := r.pool.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(`INSERT INTO escalations (ticket, policy, state, reason, started_at) VALUES ($1, 'security', 'stopped', 'recorded', $2)`, numbers["Recorded"], r.now)
	exec(`INSERT INTO escalations (ticket, policy, state, due_at, started_at) VALUES ($1, 'security', 'running', $2, $2)`, numbers["Running"], r.now)
	exec(`INSERT INTO escalations (ticket, policy, state, due_at, started_at) VALUES ($1, 'security', 'waiting', $2, $2)`, numbers["Waiting"], r.now)
	exec(`INSERT INTO pages (key, ticket, webhook, channel, generation, round, step, state, due_at, created_at, give_up_at, token_hash)
		VALUES ('k', $1, 'soc', 'webhook', 1, 1, 1, 'queued', $2, $2, $2, 'x')`, numbers["Queued"], r.now)
	exec(`INSERT INTO playbook_runs (playbook, ticket, tenant, action, device, state, due_at, created_at, updated_at)
		VALUES ('isolate', $1, 'contoso', 'isolate_device', 'pc', 'approved', $2, $2, $2)`, numbers["Acting"], r.now)
	if _, err := r.Hold(t.Context(), numbers["Held"], "ana", "for the lawyers"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Resolve(t.Context(), numbers["Resolved"], "ana", ""); err != nil {
		t.Fatal(err)
	}
	low := []tickets.Severity{tickets.Low}
	if n, _, err := r.ForgetUnresolved(t.Context(), low, r.now); err != nil || n != 0 {
		t.Errorf("forgot %d tickets, %v, want none that changed just now", n, err)
	}
	if n, _, err := r.ForgetUnresolved(t.Context(), low, r.now.AddDate(1, 0, 0)); err != nil || n != 1 {
		t.Errorf("forgot %d tickets, %v, want the recorded one alone", n, err)
	}
	for title, number := range numbers {
		if _, err := r.Get(t.Context(), number); errors.Is(err, tickets.ErrNotFound) != (title == "Recorded") {
			t.Errorf("%s: got %v", title, err)
		}
	}
}
