package ticketdb_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/migrations/pgtest"
	"afterhours/tickets"
	"afterhours/tickets/ticketdb"
)

// room is a store on a database of its own, with a clock that stands and the changes that its hook saw.
type room struct {
	*ticketdb.Store
	pool    *pgxpool.Pool
	now     time.Time
	changes []tickets.Change
	hookErr error
}

func open(t *testing.T) *room {
	t.Helper()
	r := &room{pool: pgtest.New(t), now: time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)}
	r.Store = ticketdb.New(r.pool, func() time.Time { return r.now }, func(_ context.Context, _ pgx.Tx, changes []tickets.Change) error {
		r.changes = append(r.changes, changes...)
		return r.hookErr
	})
	return r
}

// accept stores mails by the intake of a process that stops before it reads them, and returns their ids.
func (r *room) accept(t *testing.T, raws ...string) []int64 {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	intake := ticketdb.NewIntake(r.Store)
	var running sync.WaitGroup
	running.Go(func() { intake.Run(ctx) })
	defer func() {
		cancel()
		running.Wait()
		if err := intake.Release(t.Context()); err != nil {
			t.Errorf("release: %v", err)
		}
	}()
	ids := make([]int64, len(raws))
	for i, raw := range raws {
		id, err := intake.Accept(t.Context(), tickets.Envelope{From: "a@b.example", To: []string{`odd "one", \`, "c@d.example"}, ReceivedAt: r.now}, []byte(raw))
		if err != nil {
			t.Fatalf("accept %q: %v", raw, err)
		}
		ids[i] = id
	}
	return ids
}

// read claims everything and writes it as parse sees it.
func (r *room) read(t *testing.T, parse func(raw []byte) tickets.Alert) {
	t.Helper()
	reader := &tickets.Reader{Store: r.Store, Parse: parse, Log: slog.New(slog.DiscardHandler)}
	for {
		read, err := reader.ReadBatch(t.Context())
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		if read == 0 {
			return
		}
	}
}

// alertOf reads made-up mails of the form "severity title alert-id".
func alertOf(raw []byte) tickets.Alert {
	alert := tickets.Unreadable("", nil)
	alert.Tracking, alert.Kind = nil, tickets.KindAlert
	var severity, title, id string
	fmt.Sscan(string(raw), &severity, &title, &id)
	alert.Severity, alert.Title, alert.AlertIDs = tickets.Severity(severity), title, []string{id}
	return alert
}

func TestRawBytesComeBackAsTheyWereAccepted(t *testing.T) {
	t.Parallel()
	r := open(t)
	raw := "Subject: x\r\n\r\n\x00\xff bare\nlines\r"
	id := r.accept(t, raw, "")
	got, err := r.Raw(t.Context(), id[0])
	if err != nil || !bytes.Equal(got, []byte(raw)) {
		t.Errorf("raw: got %q, %v, want %q", got, err, raw)
	}
	mail, err := r.Mail(t.Context(), id[0])
	if err != nil || mail.Envelope.To[0] != `odd "one", \` || mail.Size != len(raw) || mail.State != tickets.MailAccepted {
		t.Errorf("mail: got %+v, %v", mail, err)
	}
	if _, err := r.Raw(t.Context(), 999); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("unknown mail: got %v, want not found", err)
	}
}

func TestMarkupIsStoredInAFractionOfItsSize(t *testing.T) {
	t.Parallel()
	r := open(t)
	if err := r.PrepareMonths(t.Context(), r.now); err != nil {
		t.Fatal(err)
	}
	raw := strings.Repeat("<tr><td style=\"padding:12px\">Severity</td><td>High</td></tr>\r\n", 1000)
	id := r.accept(t, raw)
	var stored int
	if err := r.pool.QueryRow(t.Context(), `SELECT pg_column_size(raw) FROM mail_bodies WHERE mail = $1`, id[0]).Scan(&stored); err != nil || stored > len(raw)/20 {
		t.Errorf("%d octets take %d, %v, want a twentieth", len(raw), stored, err)
	}
	if got, err := r.Raw(t.Context(), id[0]); err != nil || string(got) != raw {
		t.Errorf("got %d octets back, %v, want the %d that were accepted", len(got), err, len(raw))
	}
}

func TestMailsAcceptedAtOnceKeepTheirOrderAndBodies(t *testing.T) {
	t.Parallel()
	r := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	intake := ticketdb.NewIntake(r.Store)
	var running, senders sync.WaitGroup
	running.Go(func() { intake.Run(ctx) })
	defer running.Wait()
	defer cancel()
	for i := range 300 {
		senders.Go(func() {
			raw := fmt.Appendf(nil, "mail %d", i)
			id, err := intake.Accept(t.Context(), tickets.Envelope{ReceivedAt: r.now}, raw)
			if err != nil {
				t.Errorf("accept: %v", err)
				return
			}
			if got, err := r.Raw(t.Context(), id); err != nil || !bytes.Equal(got, raw) {
				t.Errorf("mail %d: got %q, %v, want %q", id, got, err, raw)
			}
		})
	}
	senders.Wait()
	if pending, err := r.Pending(t.Context()); err != nil || pending != 300 {
		t.Errorf("pending: got %d, %v, want 300", pending, err)
	}
}

func TestAMailBecomesATicketAndItsRepeatNothing(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.accept(t, "high Ransomware da1", "high Ransomware da1")
	r.read(t, alertOf)
	r.accept(t, "high Ransomware da1")
	r.read(t, alertOf)
	list, err := r.List(t.Context(), tickets.Filter{})
	if err != nil || len(list.Tickets) != 1 {
		t.Fatalf("tickets: got %d, %v, want 1", len(list.Tickets), err)
	}
	ticket := list.Tickets[0]
	if ticket.Number != 1001 || ticket.State != tickets.Open || ticket.Severity != tickets.High || ticket.MessageCount != 1 || ticket.Title != "Ransomware" {
		t.Errorf("ticket: got %+v", ticket)
	}
	if len(r.changes) != 1 || r.changes[0].Kind != tickets.ChangeCreated {
		t.Errorf("changes: got %+v, want one creation", r.changes)
	}
	timeline, err := r.Timeline(t.Context(), 1001)
	if err != nil || len(timeline) != 1 || timeline[0].Type != tickets.EventCreated {
		t.Errorf("timeline: got %+v, %v, want one creation", timeline, err)
	}
	if mails, err := r.Mails(t.Context(), 1001); err != nil || len(mails) != 1 || mails[0].Alert == nil {
		t.Errorf("mails: got %d, %v, want the one distinct mail", len(mails), err)
	}
}

func TestTheHooksErrorUndoesTheTicket(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.hookErr = fmt.Errorf("no: %w", tickets.ErrUnavailable)
	r.accept(t, "high Ransomware da1")
	reader := &tickets.Reader{Store: r.Store, Parse: alertOf, Log: slog.New(slog.DiscardHandler)}
	if _, err := reader.ReadBatch(t.Context()); !errors.Is(err, tickets.ErrUnavailable) {
		t.Errorf("read: got %v, want unavailable", err)
	}
	if counts, _ := r.Counts(t.Context()); counts.Open != 0 {
		t.Errorf("open tickets: got %d, want 0", counts.Open)
	}
	r.hookErr, r.now = nil, r.now.Add(time.Hour)
	r.read(t, alertOf)
	if counts, _ := r.Counts(t.Context()); counts.Open != 1 {
		t.Errorf("open tickets after the lease: got %d, want 1", counts.Open)
	}
}

func TestActsChangeTheStateOnceAndNameTheConflict(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.accept(t, "high Ransomware da1")
	r.read(t, alertOf)
	ctx := t.Context()
	if ticket, err := r.Acknowledge(ctx, 1001, "ana"); err != nil || ticket.State != tickets.Acknowledged || ticket.AcknowledgedBy != "ana" {
		t.Errorf("acknowledge: got %+v, %v", ticket, err)
	}
	if _, err := r.Acknowledge(ctx, 1001, "ben"); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("second acknowledge: got %v, want a conflict", err)
	}
	if _, err := r.Reopen(ctx, 1001, "ben"); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("reopen an acknowledged ticket: got %v, want a conflict", err)
	}
	if _, err := r.Resolve(ctx, 1001, "ben", ""); err != nil {
		t.Errorf("resolve: %v", err)
	}
	if ticket, err := r.Reopen(ctx, 1001, "ben"); err != nil || ticket.State != tickets.Open || ticket.ResolvedAt != nil {
		t.Errorf("reopen: got %+v, %v", ticket, err)
	}
	if _, err := r.Note(ctx, 1001, "ben", "  "); !errors.Is(err, tickets.ErrInvalid) {
		t.Errorf("empty note: got %v, want invalid", err)
	}
	if _, err := r.Note(ctx, 1001, "ben", "on it"); err != nil {
		t.Errorf("note: %v", err)
	}
	if _, err := r.Acknowledge(ctx, 7, "ana"); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("unknown ticket: got %v, want not found", err)
	}
}

func TestAResolvedMatterReopensWithinADayAndIsNewLater(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.accept(t, "high Ransomware da1")
	r.read(t, alertOf)
	if _, err := r.Resolve(t.Context(), 1001, "ana", ""); err != nil {
		t.Fatal(err)
	}
	r.now = r.now.Add(tickets.ReopenWithin - time.Minute)
	r.accept(t, "high Again da1")
	r.read(t, alertOf)
	if ticket, _ := r.Get(t.Context(), 1001); ticket.State != tickets.Open || ticket.MessageCount != 2 {
		t.Errorf("within a day: got %+v, want the ticket open again", ticket)
	}
	if _, err := r.Resolve(t.Context(), 1001, "ana", ""); err != nil {
		t.Fatal(err)
	}
	r.now = r.now.Add(tickets.ReopenWithin + time.Minute)
	r.accept(t, "high Later da1")
	r.read(t, alertOf)
	if counts, _ := r.Counts(t.Context()); counts.Open != 1 || !counts.Any {
		t.Errorf("after a day: got %+v, want a new ticket", counts)
	}
}

func TestTheTimelineIsAppendOnly(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.accept(t, "high Ransomware da1")
	r.read(t, alertOf)
	for _, statement := range []string{`UPDATE ticket_events SET actor = 'x'`, `DELETE FROM ticket_events`} {
		if _, err := r.pool.Exec(t.Context(), statement); err == nil {
			t.Errorf("%s: got no error", statement)
		}
	}
}

func TestAMailThatBreaksTheParserIsStillATicket(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.accept(t, "high Good da1", "bad", "bad too")
	r.read(t, func(raw []byte) tickets.Alert {
		if bytes.HasPrefix(raw, []byte("bad")) {
			alert := alertOf([]byte("high Bad da2"))
			alert.Category = "a NUL \x00 that Postgres refuses" + string(raw)
			alert.AlertIDs = nil
			return alert
		}
		return alertOf(raw)
	})
	list, _ := r.List(t.Context(), tickets.Filter{})
	if len(list.Tickets) != 3 {
		t.Fatalf("tickets: got %d, want 3", len(list.Tickets))
	}
	if kind := list.Tickets[0].Kind; kind != tickets.KindUnrecognised {
		t.Errorf("kind: got %s, want unrecognised", kind)
	}
}

func TestConcurrentReadersMakeOneTicketOfOneMatter(t *testing.T) {
	t.Parallel()
	r := open(t)
	var raws []string
	for i := range 200 {
		raws = append(raws, fmt.Sprintf("high Mail-%d da%d", i, i%5))
	}
	r.accept(t, raws...)
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				claimed, err := r.ClaimMails(t.Context(), 7, time.Minute)
				if err != nil || len(claimed) == 0 {
					return
				}
				readings := make([]tickets.Reading, len(claimed))
				for i, mail := range claimed {
					digest := sha256.Sum256(mail.Raw)
					readings[i] = tickets.NewReading(mail.Mail, alertOf(mail.Raw), digest[:])
				}
				if err := r.WriteReadings(t.Context(), readings); err != nil {
					t.Errorf("write: %v", err)
				}
			}
		})
	}
	readers.Wait()
	list, err := r.List(t.Context(), tickets.Filter{})
	if err != nil || len(list.Tickets) != 5 {
		t.Fatalf("tickets: got %d, %v, want 5", len(list.Tickets), err)
	}
	for _, ticket := range list.Tickets {
		if ticket.MessageCount != 40 {
			t.Errorf("ticket %d: got %d messages, want 40", ticket.Number, ticket.MessageCount)
		}
	}
}

// TestAKeyBelongsToOneUnresolvedTicket tries what no reader does: they lock their keys before.
func TestAKeyBelongsToOneUnresolvedTicket(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.accept(t, "high Ransomware da1", "high Ransomware da2")
	r.read(t, alertOf)
	give := func(active bool) error {
		_, err := r.pool.Exec(t.Context(), `INSERT INTO ticket_keys (key, ticket, active) SELECT 'alert:one', number, $1 FROM tickets`, active)
		return err
	}
	if err := give(true); err == nil {
		t.Error("two unresolved tickets have the same key")
	}
	if err := give(false); err != nil {
		t.Errorf("two resolved tickets may have had the same key: %v", err)
	}
}

func TestABatchOfLargeMailsIsASmallOne(t *testing.T) {
	t.Parallel()
	r := open(t)
	large := strings.Repeat("x", 3<<20)
	r.accept(t, "high A da1 "+large, "high B da2 "+large, "high C da3 "+large, "high D da4 "+large, "high E da5")
	for _, want := range []int{3, 2, 0} { // the third begins below 8 MiB
		if mails := claimed(t, r.Store, batch); len(mails) != want {
			t.Errorf("claimed %d mails, want %d", len(mails), want)
		}
	}
}

func TestListFiltersAndPages(t *testing.T) {
	t.Parallel()
	r := open(t)
	for i := range 7 {
		r.accept(t, fmt.Sprintf("high Title%d da%d", i, i))
		r.read(t, alertOf)
	}
	r.accept(t, "low 100%_sure da9")
	r.read(t, alertOf)
	first, err := r.List(t.Context(), tickets.Filter{Limit: 5})
	if err != nil || len(first.Tickets) != 5 || first.Next != 1004 {
		t.Fatalf("first page: got %d, next %d, %v", len(first.Tickets), first.Next, err)
	}
	second, err := r.List(t.Context(), tickets.Filter{Limit: 5, Before: first.Next})
	if err != nil || len(second.Tickets) != 3 || second.Next != 0 {
		t.Errorf("second page: got %d, next %d, %v", len(second.Tickets), second.Next, err)
	}
	for query, want := range map[string]int{"title3": 1, "#1002": 1, "100%_sure": 1, "title": 7, "~!": 0, "nothing": 0} {
		if list, err := r.List(t.Context(), tickets.Filter{Query: query}); err != nil || len(list.Tickets) != want {
			t.Errorf("query %q: got %d, %v, want %d", query, len(list.Tickets), err, want)
		}
	}
	if list, _ := r.List(t.Context(), tickets.Filter{Severities: []tickets.Severity{tickets.Low}}); len(list.Tickets) != 1 {
		t.Errorf("low: got %d, want 1", len(list.Tickets))
	}
}

func TestMonthsArePreparedOnceAndAgain(t *testing.T) {
	t.Parallel()
	r := open(t)
	for range 2 {
		if err := r.PrepareMonths(t.Context(), r.now); err != nil {
			t.Fatal(err)
		}
	}
	id := r.accept(t, "in its month")
	var partition string
	if err := r.pool.QueryRow(t.Context(), `SELECT tableoid::regclass::text FROM mail_bodies WHERE mail = $1`, id[0]).Scan(&partition); err != nil || partition != "mail_bodies_2026_03" {
		t.Errorf("partition: got %q, %v, want mail_bodies_2026_03", partition, err)
	}
}

func TestATicketIsAssignedOnceForEachChange(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.accept(t, "high Ransomware da1")
	r.read(t, alertOf)
	for _, person := range []string{"ana", "ana", ""} {
		if ticket, err := r.Assign(t.Context(), 1001, "ben", person); err != nil || ticket.Assignee != person {
			t.Errorf("assign to %q: got %+v, %v", person, ticket, err)
		}
	}
	timeline, err := r.Timeline(t.Context(), 1001)
	if err != nil || len(timeline) != 3 || timeline[1].Data["person"] != "ana" || timeline[2].Data["from"] != "ana" {
		t.Errorf("timeline: got %+v, %v", timeline, err)
	}
}

func TestAMergeFindsAndEndsATicketThatItsMailIsNotAbout(t *testing.T) {
	t.Parallel()
	r := open(t)
	incident := func(id string, merged ...string) tickets.Alert {
		alert := tickets.Unreadable("", nil)
		alert.Tracking, alert.Kind, alert.Title = nil, tickets.KindIncident, "Incident "+id
		alert.IncidentID, alert.MergedIncidentIDs = id, merged
		return alert
	}
	r.accept(t, "one", "two")
	r.read(t, func(raw []byte) tickets.Alert { return incident(string(raw)) })
	r.accept(t, "merge")
	r.read(t, func([]byte) tickets.Alert { return incident("two", "one") })
	list, err := r.List(t.Context(), tickets.Filter{States: []tickets.State{tickets.Open}})
	if err != nil || len(list.Tickets) != 1 || list.Tickets[0].IncidentID != "two" || list.Tickets[0].MessageCount != 3 {
		t.Errorf("got %+v, %v, want the ticket of the incident that lives on, with all mails", list.Tickets, err)
	}
}
