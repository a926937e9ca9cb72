package ticketdb_test

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"sync"
	"testing"
	"time"

	"afterhours/tickets"
	"afterhours/tickets/ticketdb"
)

func TestASpooledMailIsTakenOverOnceWithWhatWasDoneAboutIt(t *testing.T) {
	t.Parallel()
	r := open(t)
	verified := false
	mail := tickets.Spooled{
		ID: "0001-a", Raw: []byte("high Ransomware da1"),
		Envelope: tickets.Envelope{
			From: "a@b.example", To: []string{"c@d.example\x00"}, ReceivedAt: r.now.Add(-time.Minute), Verified: &verified,
			Authentication: &tickets.Authentication{Author: "b.example", SPF: "fail", Spoof: true},
		},
		Events: []tickets.OutageEvent{
			{At: r.now, Type: tickets.OutageTold, Person: "ana", Channel: "webhook", Contact: "hook", Token: []byte{1}},
			{At: r.now, Type: tickets.OutageAcknowledged, Person: "ana"},
		},
	}
	for range 2 { // its removal from the spool never reached the disk
		if err := r.AcceptSpooled(t.Context(), mail); err != nil {
			t.Fatal(err)
		}
	}
	if mails, bodies, events := r.count(t, `SELECT count(*) FROM mails`), r.count(t, `SELECT count(*) FROM mail_bodies`), r.count(t, `SELECT count(*) FROM outage_events`); mails != 1 || bodies != 1 || events != 2 {
		t.Errorf("got %d mails, %d bodies, %d events, want 1, 1 and 2", mails, bodies, events)
	}
	r.read(t, alertOf)
	ticket, err := r.Get(t.Context(), 1001)
	if err != nil || ticket.Authentication == nil || !ticket.Authentication.Spoof || ticket.Authentication.String() != "spf=fail" {
		t.Errorf("ticket: got %+v, %v, want what was found about its sender", ticket.Authentication, err)
	}
}

func TestAMailOfWhichNoTicketWasMadeIsReadWithWhatWasDoneMeanwhile(t *testing.T) {
	t.Parallel()
	for name, stage := range map[string]struct{ readByOther bool }{"still accepted": {false}, "read by another process": {true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := open(t)
			raw := []byte("high Ransomware da1")
			id := r.accept(t, string(raw))[0]
			if stage.readByOther {
				r.read(t, alertOf)
			}
			digest := sha256.Sum256(raw)
			mail := tickets.Spooled{
				ID: "0001-a", Stored: id, Raw: raw, Envelope: tickets.Envelope{From: "a@b.example", ReceivedAt: r.now},
				Events: []tickets.OutageEvent{{At: r.now, Type: tickets.OutageTold, Person: "ana", Channel: "webhook", Contact: "hook"}},
			}
			reading := tickets.NewReading(tickets.Mail{ID: id, ReceivedAt: r.now, Size: len(raw), Envelope: mail.Envelope}, alertOf(raw), digest[:])
			for range 2 { // its removal from the spool never reached the disk
				if err := r.ReadSpooled(t.Context(), mail, []tickets.Reading{reading}); err != nil {
					t.Fatal(err)
				}
			}
			read, events := r.count(t, `SELECT count(*) FROM mails WHERE state = 'read' AND ticket = 1001`), r.count(t, `SELECT count(*) FROM outage_events`)
			if made := r.count(t, `SELECT count(*) FROM tickets`); read != 1 || events != 1 || made != 1 || len(r.changes) != 1 {
				t.Errorf("got %d mails read, %d events, %d tickets, %d changes, want one of each", read, events, made, len(r.changes))
			}
		})
	}
}

func TestAMailInASpoolIsLeftToItsProcessForAsLongAsThatKeepsIt(t *testing.T) {
	t.Parallel()
	r := open(t)
	id := r.accept(t, "high Ransomware da1")
	claimed := func() int {
		t.Helper()
		mails, err := r.ClaimMails(t.Context(), 10, 30*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		return len(mails)
	}
	if claimed() != 1 {
		t.Fatal("the mail was not claimed")
	}
	for range 3 {
		r.now = r.now.Add(20 * time.Second)
		if err := r.KeepClaims(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if got := claimed(); got != 0 {
			t.Fatalf("%d mails were claimed by another reader while they were kept", got)
		}
	}
	if r.now = r.now.Add(31 * time.Second); claimed() != 1 {
		t.Error("a mail whose process is gone was never claimed again")
	}
}

func TestAcceptedMailIsAnnouncedToOtherProcesses(t *testing.T) {
	t.Parallel()
	r := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	heard := make(chan string, 100)
	var listening sync.WaitGroup
	listening.Go(func() {
		r.Listen(ctx, r.pool, []string{ticketdb.MailsChannel}, func(channel string) { heard <- channel }, slog.New(slog.DiscardHandler))
	})
	defer listening.Wait()
	defer cancel()
	<-heard // the connection stands
	other := ticketdb.New(r.pool, func() time.Time { return r.now }, nil)
	intake := ticketdb.NewIntake(other)
	var running sync.WaitGroup
	running.Go(func() { intake.Run(ctx) })
	defer running.Wait()
	defer cancel()
	if _, err := intake.Accept(ctx, tickets.Envelope{ReceivedAt: r.now}, []byte("high Ransomware da1")); err != nil {
		t.Fatal(err)
	}
	select {
	case channel := <-heard:
		if channel != ticketdb.MailsChannel {
			t.Errorf("heard %s", channel)
		}
	case <-time.After(20 * time.Second):
		t.Error("nothing was heard")
	}
}
