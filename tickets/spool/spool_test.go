package spool_test

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"afterhours/tickets"
	"afterhours/tickets/spool"
)

func open(t *testing.T, options spool.Options) *spool.Spool {
	t.Helper()
	if options.Dir == "" {
		options.Dir = filepath.Join(t.TempDir(), "spool")
	}
	if options.Now == nil {
		options.Now = func() time.Time { return time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC) }
	}
	s, err := spool.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t *testing.T, s *spool.Spool, raw string) string {
	t.Helper()
	id, err := s.Put(tickets.Envelope{From: "a@example", To: []string{"defender@test.example"}, Remote: netip.MustParseAddr("192.0.2.1")}, []byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestMailsComeBackInOrderByteForByteAfterARestart(t *testing.T) {
	t.Parallel()
	first := open(t, spool.Options{})
	var ids []string
	bodies := []string{"one\r\n", "two \x00\xff\nthree", ""}
	for _, body := range bodies {
		ids = append(ids, put(t, first, body))
	}
	if err := first.Record(ids[1], tickets.OutageEvent{Type: tickets.OutageTold, Person: "ana", Token: []byte{1, 2}}); err != nil {
		t.Fatal(err)
	}
	again := open(t, spool.Options{Dir: first.Dir()})
	if got := again.Waiting(0); !slices.Equal(got, ids) {
		t.Fatalf("waiting: got %v, want %v", got, ids)
	}
	for i, id := range ids {
		mail, err := again.Read(id)
		if err != nil || string(mail.Raw) != bodies[i] || mail.Envelope.From != "a@example" || mail.Envelope.Remote != netip.MustParseAddr("192.0.2.1") {
			t.Errorf("mail %d: got %+v, %v", i, mail, err)
		}
		if want := i == 1; (len(mail.Events) == 1 && mail.Events[0].Person == "ana" && bytes.Equal(mail.Events[0].Token, []byte{1, 2})) != want {
			t.Errorf("journal of mail %d: got %+v", i, mail.Events)
		}
		if err := again.Remove(id); err != nil {
			t.Fatal(err)
		}
	}
	if state := again.State(); state.Mails != 0 || state.Bytes != 0 || !state.Oldest.IsZero() {
		t.Errorf("afterwards: got %+v, want nothing", state)
	}
	if files, _ := filepath.Glob(filepath.Join(first.Dir(), "*")); len(files) != 0 {
		t.Errorf("left behind: %v", files)
	}
}

func TestTheSpoolIsBoundedInMailsAndOctets(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]spool.Options{"mails": {MaxMails: 2}, "octets": {MaxBytes: 3000}} {
		s := open(t, options)
		body := strings.Repeat("x", 1000)
		first := put(t, s, body)
		put(t, s, body)
		if _, err := s.Put(tickets.Envelope{}, []byte(body)); !errors.Is(err, spool.ErrFull) {
			t.Errorf("%s: got %v, want it full", name, err)
		}
		if err := s.Remove(first); err != nil {
			t.Fatal(err)
		}
		put(t, s, body) // what has left makes room
	}
}

func TestADamagedFileIsSetAsideAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	s := open(t, spool.Options{})
	bad, good := put(t, s, "a body that loses its end"), put(t, s, "whole")
	path := filepath.Join(s.Dir(), bad+".mail")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content[:len(content)-3], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(bad); err == nil || !strings.Contains(err.Error(), "set aside") {
		t.Errorf("got %v, want that it was set aside", err)
	}
	if got := s.Waiting(0); !slices.Equal(got, []string{good}) || s.State().Damaged != 1 {
		t.Errorf("waiting: got %v, state %+v", got, s.State())
	}
	if again := open(t, spool.Options{Dir: s.Dir()}); again.State().Damaged != 1 {
		t.Errorf("after a restart: got %+v, want it told of", again.State())
	}
}

func TestWhatWasNeverPromisedIsForgotten(t *testing.T) {
	t.Parallel()
	s := open(t, spool.Options{})
	id := put(t, s, "whole")
	if err := os.WriteFile(filepath.Join(s.Dir(), "x.mail.part"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Record(id, tickets.OutageEvent{Type: tickets.OutageTold, Person: "ana"}); err != nil {
		t.Fatal(err)
	}
	journal := filepath.Join(s.Dir(), id+".told")
	content, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(journal, append(content, `{"type":"acknow`...), 0o600); err != nil {
		t.Fatal(err)
	}
	again := open(t, spool.Options{Dir: s.Dir()})
	if got := again.Waiting(0); len(got) != 1 {
		t.Errorf("waiting: got %v, want the whole mail alone", got)
	}
	if entries, err := again.Journal(id); err != nil || len(entries) != 1 {
		t.Errorf("journal: got %+v, %v, want the whole entry alone", entries, err)
	}
}

func TestAFolderThatCannotBeWrittenIsTold(t *testing.T) {
	t.Parallel()
	s := open(t, spool.Options{})
	if err := s.CanTake(); err != nil {
		t.Fatalf("a good folder: %v", err)
	}
	if err := os.RemoveAll(s.Dir()); err != nil {
		t.Fatal(err)
	}
	if err := s.CanTake(); err == nil {
		t.Error("got no error for a folder that is gone")
	}
	if _, err := s.Put(tickets.Envelope{}, []byte("x")); err == nil || s.State().Fault == nil || s.State().Mails != 0 {
		t.Errorf("got %v and %+v, want a fault and nothing held", err, s.State())
	}
}

func TestASealedFileIsReplacedWhole(t *testing.T) {
	t.Parallel()
	s := open(t, spool.Options{})
	if _, err := s.ReadSealed("roster"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("before: got %v, want that there is none", err)
	}
	for _, text := range []string{"one", "two"} {
		if err := s.WriteSealed("roster", text); err != nil {
			t.Fatal(err)
		}
		if got, err := s.ReadSealed("roster"); err != nil || got != text {
			t.Errorf("got %q, %v, want %q", got, err, text)
		}
	}
}

// TestAMailThatIsBeingWrittenIsNotTakenForGone drains beside those that put in: what got its id is handed over.
func TestAMailThatIsBeingWrittenIsNotTakenForGone(t *testing.T) {
	t.Parallel()
	s, err := spool.Open(spool.Options{Dir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	ended, drained := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(drained)
		for {
			for _, id := range s.Waiting(0) {
				if _, err := s.Read(id); err != nil {
					t.Errorf("%s waits and cannot be read: %v", id, err)
				}
			}
			select {
			case <-ended:
				return
			default:
			}
		}
	}()
	const mails = 50
	for range mails {
		if _, err := s.Put(tickets.Envelope{ReceivedAt: time.Now()}, []byte("Subject: x\r\n\r\ny\r\n")); err != nil {
			t.Errorf("put: %v", err)
		}
	}
	close(ended)
	<-drained
	if got := len(s.Waiting(0)); got != mails {
		t.Errorf("got %d waiting, want %d", got, mails)
	}
}
