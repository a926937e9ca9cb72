package ticketdb_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"afterhours/tickets"
	"afterhours/tickets/ticketdb"
)

// taking is an intake that runs until the end of its test, with so many mails in it.
func (r *room) taking(t *testing.T, mails int) *ticketdb.Intake {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	intake := ticketdb.NewIntake(r.Store)
	var running sync.WaitGroup
	running.Go(func() { intake.Run(ctx) })
	t.Cleanup(running.Wait)
	t.Cleanup(cancel)
	var senders sync.WaitGroup
	for i := range mails {
		senders.Go(func() {
			envelope := tickets.Envelope{From: "a@b.example\x00", To: []string{"c@d.example"}, ReceivedAt: r.now.Add(1234 * time.Nanosecond)}
			if _, err := intake.Accept(t.Context(), envelope, fmt.Appendf(nil, "high Ransomware da%d", i)); err != nil {
				t.Errorf("accept: %v", err)
			}
		})
	}
	senders.Wait()
	return intake
}

const (
	batch = 100
	lease = 30 * time.Second
)

func claimed(t *testing.T, store tickets.MailStore, limit int) []tickets.Claimed {
	t.Helper()
	mails, err := store.ClaimMails(t.Context(), limit, lease)
	if err != nil {
		t.Fatalf("claim: %v", err)
	}
	return mails
}

func TestWhatAProcessCommittedItsReadersGetFromMemoryAsTheDatabaseKeepsIt(t *testing.T) {
	t.Parallel()
	r := open(t)
	intake := r.taking(t, 1)
	if others := claimed(t, r.Store, batch); len(others) != 0 {
		t.Errorf("another process claimed %d of them, want none", len(others))
	}
	fromMemory := claimed(t, intake, batch)
	r.now = r.now.Add(lease) // the process is dead
	fromDatabase := claimed(t, r.Store, batch)
	if len(fromMemory) != 1 || len(fromDatabase) != 1 {
		t.Fatalf("got %d from memory, %d from the database, want one each", len(fromMemory), len(fromDatabase))
	}
	memory, database := fromMemory[0], fromDatabase[0]
	if database.Attempt != 2 {
		t.Errorf("attempt: got %d, want the second", database.Attempt)
	}
	database.Attempt, database.Until = 1, memory.Until
	database.Mail.ReceivedAt, database.Mail.Envelope.ReceivedAt = database.Mail.ReceivedAt.UTC(), database.Mail.Envelope.ReceivedAt.UTC()
	if got, want := fmt.Sprintf("%+v", memory), fmt.Sprintf("%+v", database); got != want {
		t.Errorf("from memory: %s\nfrom the database: %s", got, want)
	}
}

func TestMailThatFindsNoPlaceInMemoryIsReadFromTheDatabase(t *testing.T) {
	t.Parallel()
	r := open(t)
	const mails = 1010
	intake := r.taking(t, mails)
	seen := map[int64]bool{}
	for range mails {
		got := claimed(t, intake, batch)
		for _, mail := range got {
			if seen[mail.Mail.ID] {
				t.Fatalf("mail %d came twice", mail.Mail.ID)
			}
			seen[mail.Mail.ID] = true
		}
		if len(got) == 0 {
			break
		}
	}
	if len(seen) != mails {
		t.Errorf("got %d of %d", len(seen), mails)
	}
}

func TestMailThatWaitedTooLongInMemoryIsLeftToItsLease(t *testing.T) {
	t.Parallel()
	r := open(t)
	intake := r.taking(t, 3)
	r.now = r.now.Add(15 * time.Second) // less of the lease is left than a reader needs
	if got := claimed(t, intake, batch); len(got) != 0 {
		t.Errorf("got %d, want none yet", len(got))
	}
	r.now = r.now.Add(15 * time.Second)
	if got := claimed(t, intake, batch); len(got) != 3 || got[0].Attempt != 2 {
		t.Errorf("got %+v, want all three, for the second time", got)
	}
}

func TestAStoppingProcessGivesBackWhatItDidNotRead(t *testing.T) {
	t.Parallel()
	r := open(t)
	intake := r.taking(t, 3)
	if got := claimed(t, intake, 1); len(got) != 1 {
		t.Fatalf("got %d, want one in hand", len(got))
	}
	if err := intake.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := claimed(t, r.Store, batch); len(got) != 2 || got[0].Attempt != 1 {
		t.Errorf("another process got %+v, want the two that waited, for the first time", got)
	}
}

func TestAMailWhoseReadersDieIsReadAlone(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.accept(t, "high Ransomware da1", "high Ransomware da2", "high Ransomware da3")
	for attempt := 1; attempt <= 2; attempt++ { // two readers die with all of them
		if got := claimed(t, r.Store, batch); len(got) != 3 || got[0].Attempt != attempt {
			t.Fatalf("attempt %d: got %+v", attempt, got)
		}
		r.now = r.now.Add(lease)
	}
	r.accept(t, "high Ransomware da4")
	for range 3 {
		if got := claimed(t, r.Store, batch); len(got) != 1 || got[0].Attempt != 3 {
			t.Fatalf("got %+v, want one alone, for the third time", got)
		}
	}
	if got := claimed(t, r.Store, batch); len(got) != 1 || got[0].Attempt != 1 {
		t.Errorf("got %+v, want what came last, for the first time", got)
	}
}

func TestMailsThatCouldNotBeWrittenAreReadAgainFromMemory(t *testing.T) {
	t.Parallel()
	r := open(t)
	intake := r.taking(t, 3)
	first := claimed(t, intake, batch)
	intake.GiveBack(first[1:])
	if again := claimed(t, intake, batch); len(again) != 2 || again[0].Mail.ID != first[1].Mail.ID || again[0].Attempt != 1 {
		t.Errorf("given back: got %+v, want the last two in their order", again)
	}
	intake.GiveBack(first)
	r.now = r.now.Add(lease) // in which nothing came of them
	intake.KeepToHanded(true)
	if stale := claimed(t, intake, batch); len(stale) != 0 {
		t.Errorf("kept to what it has: got %d mails, want none, for their lease is over", len(stale))
	}
	intake.KeepToHanded(false)
	if fromDatabase := claimed(t, intake, batch); len(fromDatabase) != 3 || fromDatabase[0].Attempt != 2 {
		t.Errorf("afterwards: got %+v, want all of them from the database", fromDatabase)
	}
}
