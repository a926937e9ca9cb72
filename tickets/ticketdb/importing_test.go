package ticketdb_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"afterhours/tickets"
)

// filedAt makes a mail of a file that was sent some time before the room's now.
func (r *room) filedAt(ago time.Duration, raw string) tickets.Filed {
	return tickets.Filed{Raw: []byte(raw), ReceivedAt: r.now.Add(-ago)}
}

func (r *room) importer() *tickets.Importer {
	return &tickets.Importer{Store: r.Store, Parse: alertOf, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return r.now }}
}

func (r *room) count(t *testing.T, query string) (n int) {
	t.Helper()
	if err := r.pool.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

const month = 30 * 24 * time.Hour

func TestAnImportIsIdempotent(t *testing.T) {
	t.Parallel()
	r := open(t)
	batch := []tickets.Filed{
		r.filedAt(5*month, "high Ransomware da1"), r.filedAt(4*month, "low Phish da2"), r.filedAt(5*month, "high Ransomware da1"), // a copy in the file
		r.filedAt(3*month, "medium Ransomware da1"),
	}
	for run, want := range []int{3, 0} {
		imports, err := r.importer().Batch(t.Context(), batch)
		if err != nil {
			t.Fatal(err)
		}
		fresh := 0
		for _, one := range imports {
			if !one.Repeated {
				fresh++
			}
		}
		if fresh != want {
			t.Errorf("run %d: got %d new, want %d", run+1, fresh, want)
		}
	}
	better := r.importer()
	better.Parse = func(raw []byte) tickets.Alert {
		alert := alertOf(raw)
		alert.Category = "seen by a better parser"
		return alert
	}
	if imports, err := better.Batch(t.Context(), batch); err != nil || !imports[0].Repeated || !imports[3].Repeated {
		t.Errorf("with another parser: got %+v, %v, want repeats", imports, err)
	}
	if mails, bodies, found := r.count(t, `SELECT count(*) FROM mails WHERE state = 'read'`), r.count(t, `SELECT count(*) FROM mail_bodies`), r.count(t, `SELECT count(*) FROM tickets`); mails != 3 || bodies != 3 || found != 2 {
		t.Errorf("got %d mails, %d bodies, %d tickets, want 3, 3 and 2", mails, bodies, found)
	}
	ticket, err := r.Get(t.Context(), 1001)
	if err != nil || ticket.State != tickets.Resolved || ticket.Source != tickets.FromImport || ticket.MessageCount != 2 || !ticket.CreatedAt.Equal(r.now.Add(-5*month)) {
		t.Errorf("ticket: got %+v, %v", ticket, err)
	}
	if len(r.changes) != 0 {
		t.Errorf("the on-call room heard of %d changes, want none", len(r.changes))
	}
	if active := r.count(t, `SELECT count(*) FROM ticket_keys WHERE active`); active != 0 {
		t.Errorf("%d keys of resolved tickets are active", active)
	}
}

func TestAMailThatCameInLiveIsNotImportedAgain(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.accept(t, "high Ransomware da1")
	r.read(t, alertOf)
	r.now = r.now.Add(3 * month)
	imports, err := r.importer().Batch(t.Context(), []tickets.Filed{r.filedAt(3*month, "high Ransomware da1")})
	if err != nil || !imports[0].Repeated {
		t.Errorf("got %+v, %v, want a repeat", imports, err)
	}
}

func TestAnImportedMailOfALiveTicketIsOnlyAddedToIt(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.accept(t, "low Ransomware da1")
	r.read(t, alertOf)
	if _, err := r.Acknowledge(t.Context(), 1001, "ana"); err != nil {
		t.Fatal(err)
	}
	told := len(r.changes)
	if _, err := r.importer().Batch(t.Context(), []tickets.Filed{r.filedAt(month, "high Ransomware da1")}); err != nil {
		t.Fatal(err)
	}
	ticket, err := r.Get(t.Context(), 1001)
	if err != nil || ticket.State != tickets.Acknowledged || ticket.Severity != tickets.Low || ticket.MessageCount != 2 {
		t.Errorf("ticket: got %+v, %v", ticket, err)
	}
	if len(r.changes) != told {
		t.Errorf("the on-call room heard of %+v", r.changes[told:])
	}
	if active := r.count(t, `SELECT count(*) FROM ticket_keys WHERE active AND ticket = 1001`); active == 0 {
		t.Error("the live ticket lost its keys")
	}
}

func TestANewMatterOfAnImportedTicketIsANewTicketThatPages(t *testing.T) {
	t.Parallel()
	r := open(t)
	if _, err := r.importer().Batch(t.Context(), []tickets.Filed{r.filedAt(month, "low Ransomware da1")}); err != nil {
		t.Fatal(err)
	}
	r.accept(t, "high Ransomware da1")
	r.read(t, alertOf)
	if len(r.changes) != 1 || r.changes[0].Kind != tickets.ChangeCreated || r.changes[0].Ticket.State != tickets.Open {
		t.Errorf("changes: got %+v, want one creation", r.changes)
	}
}

func TestOnlyMailYoungerThanAskedPages(t *testing.T) {
	t.Parallel()
	r := open(t)
	importer := r.importer()
	importer.PageNewerThan = time.Hour
	if _, err := importer.Batch(t.Context(), []tickets.Filed{r.filedAt(time.Hour, "high Old da1"), r.filedAt(59*time.Minute, "high Young da2")}); err != nil {
		t.Fatal(err)
	}
	if len(r.changes) != 1 || r.changes[0].Ticket.Title != "Young" || r.changes[0].Ticket.Source != tickets.FromImport || r.changes[0].Ticket.State != tickets.Open {
		t.Errorf("changes: got %+v, want the young one's creation", r.changes)
	}
}

func TestADryRunOfAnImportStoresNothing(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.accept(t, "high Ransomware da1")
	r.read(t, alertOf)
	importer := r.importer()
	importer.DryRun = true
	imports, err := importer.Batch(t.Context(), []tickets.Filed{r.filedAt(0, "high Ransomware da1"), r.filedAt(0, "low New da2"), r.filedAt(0, "low New da2")})
	if err != nil || !imports[0].Repeated || imports[1].Repeated || !imports[2].Repeated {
		t.Errorf("got %+v, %v", imports, err)
	}
	if mails := r.count(t, `SELECT count(*) FROM mails`); mails != 1 {
		t.Errorf("got %d mails, want the live one alone", mails)
	}
}

func TestAMailThatCannotBeStoredIsKeptAsUnreadableAndCostsNoOther(t *testing.T) {
	t.Parallel()
	r := open(t)
	importer := r.importer()
	importer.Parse = func(raw []byte) tickets.Alert {
		alert := alertOf(raw)
		switch alert.Title {
		case "Bad":
			alert.Severity = "no severity" // the schema refuses it
		case "Panic":
			panic("a parser that fails")
		}
		return alert
	}
	if _, err := importer.Batch(t.Context(), []tickets.Filed{r.filedAt(month, "high Good da1"), r.filedAt(month, "high Bad da2"), r.filedAt(month, "high Panic da3")}); err != nil {
		t.Fatal(err)
	}
	list, err := r.List(t.Context(), tickets.Filter{})
	if err != nil || len(list.Tickets) != 3 {
		t.Fatalf("got %d tickets, %v, want 3", len(list.Tickets), err)
	}
	unreadable := 0
	for _, ticket := range list.Tickets {
		if strings.HasPrefix(ticket.Title, "Unreadable mail") && ticket.State == tickets.Resolved {
			unreadable++
		}
	}
	if unreadable != 2 {
		t.Errorf("got %d unreadable tickets, want 2", unreadable)
	}
}

func TestTwoImportsOfTheSameFilesAddEachMailOnce(t *testing.T) {
	t.Parallel()
	r := open(t)
	var batches [][]tickets.Filed
	for b := range 10 {
		var batch []tickets.Filed
		for i := range 20 {
			batch = append(batch, r.filedAt(month, fmt.Sprintf("high Mail%d da%d", i, 100*b+i)))
		}
		batches = append(batches, batch)
	}
	var runs sync.WaitGroup
	for range 3 {
		runs.Go(func() {
			importer := r.importer()
			for _, batch := range batches {
				if _, err := importer.Batch(context.WithoutCancel(t.Context()), batch); err != nil {
					t.Error(err)
				}
			}
		})
	}
	runs.Wait()
	if mails, found := r.count(t, `SELECT count(*) FROM mails`), r.count(t, `SELECT count(*) FROM tickets`); mails != 200 || found != 200 {
		t.Errorf("got %d mails and %d tickets, want 200 each", mails, found)
	}
}
