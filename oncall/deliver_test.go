package oncall

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"afterhours/oncall/notify"
	"afterhours/tickets"
)

// lateStore has a page for every id, whose moment of giving up has passed.
type lateStore struct {
	giveUp   time.Time
	mutex    sync.Mutex
	outcomes map[PageState]int
	reason   string
}

func (s *lateStore) StandInLine(context.Context, int64, time.Time) (bool, error) { return false, nil }

func (s *lateStore) ClaimPage(_ context.Context, id int64) (Dispatch, bool, error) {
	return Dispatch{
		Page:   Page{ID: id, Ticket: id, Person: "ana", Contact: "hook", Channel: "webhook", Type: PageType, Attempts: 1},
		Ticket: tickets.Ticket{Number: id, Severity: tickets.High, Title: "Ransomware"}, Person: Person{ID: "ana", Name: "Ana"},
		Contact: notify.Contact{Address: "https://ana.example/hook"}, GiveUp: s.giveUp,
	}, true, nil
}

func (s *lateStore) FinishAttempt(_ context.Context, _ Dispatch, outcome Outcome) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.outcomes[outcome.State]++
	s.reason = outcome.Reason
	return nil
}

func (s *lateStore) ReleaseLine(context.Context, Page, int) (int, error) { return 0, nil }

// slowChannel answers after a time.
type slowChannel struct{ takes time.Duration }

func (slowChannel) Check(notify.Contact) error { return nil }

func (c slowChannel) Send(ctx context.Context, _ notify.Contact, _ notify.Message) (notify.Receipt, error) {
	select {
	case <-ctx.Done():
		return notify.Receipt{}, ctx.Err()
	case <-time.After(c.takes):
		return notify.Receipt{Delivered: true}, nil
	}
}

// deliverLate sends a hundred pages side by side whose time was over before they were taken.
func deliverLate(t *testing.T, takes time.Duration) *lateStore {
	t.Helper()
	store := &lateStore{giveUp: time.Now().Add(-time.Minute), outcomes: map[PageState]int{}}
	d := &Deliverer{
		Store: store, Channels: map[string]notify.Channel{"webhook": slowChannel{takes}}, Links: Links{Key: make([]byte, 32), BaseURL: "https://afterhours.example"},
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
	var group sync.WaitGroup
	for id := range int64(100) {
		group.Go(func() {
			if err := d.Deliver(t.Context(), id+1, "ana/hook", false); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	return store
}

func TestAPageThatIsLateBecauseItsTargetIsBusyIsSentAllTheSame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := deliverLate(t, 200*time.Millisecond)
		if store.outcomes[PageDelivered] != 100 {
			t.Errorf("got %v, want all delivered: %s", store.outcomes, store.reason)
		}
	})
}

func TestAPageWhoseTimeIsOverDoesNotWaitForATargetThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		store := deliverLate(t, time.Hour)
		if failed := store.outcomes[PageFailed]; failed < 100-circuitSends {
			t.Errorf("got %v, want what found no place given up", store.outcomes)
		}
		if took := time.Since(began); took > sendTimeout {
			t.Errorf("it took %s, want no more than one send", took)
		}
	})
}

func TestAnEventIsTriedForADayFurtherAndFurtherApart(t *testing.T) {
	t.Parallel()
	due := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	tries := func() (moments []time.Duration) {
		now := due
		d := &Deliverer{Now: func() time.Time { return now }}
		page := Page{Type: EventTicketCreated, Webhook: "soc", DueAt: due}
		for page.Attempts = 1; ; page.Attempts++ {
			moments = append(moments, now.Sub(due).Round(time.Second))
			got := d.retry(Dispatch{Page: page, GiveUp: page.GiveUpAt()}, errors.New("answered 503"))
			if got.State == PageFailed {
				return moments
			}
			now = got.RetryAt
		}
	}
	first, second := tries(), tries()
	t.Logf("an event that nobody takes is tried at %v", first)
	if last := first[len(first)-1]; len(first) < 9 || last < 16*time.Hour || last > 24*time.Hour {
		t.Errorf("got %d attempts, the last after %s, want eight after the first or more, over most of a day", len(first), last)
	}
	for i := 1; i < len(first)-1; i++ {
		wait, former := first[i+1]-first[i], first[i]-first[i-1]
		if wait <= former && wait < eventLongestWait-time.Second { // two of the longest waits differ by chance alone; rounding takes a second
			t.Errorf("attempt %d comes %s after the one before, no later than that one did", i+2, wait)
		}
	}
	if slices.Equal(first, second) {
		t.Errorf("two events that failed together come again together: %v", first)
	}
}

func TestALateFailureComesToItsEndWithinAMinute(t *testing.T) {
	t.Parallel()
	due := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	giveUp := Page{Type: PageType, DueAt: due}.GiveUpAt()
	busy := notify.RetryAfter(errors.New("too many requests"), 15*time.Second)
	for _, c := range []struct {
		name     string
		at       time.Duration // after the page's moment
		attempts int
		next     time.Duration
	}{
		{"in good time", 10 * time.Second, 2, 25 * time.Second},
		{"late, with an attempt left", 44 * time.Second, 2, 55 * time.Second},
		{"late, with none left", 44 * time.Second, 3, 0},
		{"after an hour without a database", time.Hour, 1, time.Hour + 15*time.Second},
	} {
		d := &Deliverer{Now: func() time.Time { return due.Add(c.at) }}
		got := d.retry(Dispatch{Page: Page{Type: PageType, Attempts: c.attempts}, GiveUp: giveUp}, busy)
		if c.next == 0 {
			if got.State != PageFailed {
				t.Errorf("%s: got %+v, want it given up", c.name, got)
			}
		} else if got.State != PageQueued || !got.RetryAt.Equal(due.Add(c.next)) {
			t.Errorf("%s: got %s after %s, want the next attempt after %s", c.name, got.State, got.RetryAt.Sub(due), c.next)
		}
	}
}
