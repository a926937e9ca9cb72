package ticketdb

import (
	"testing"
	"time"

	"afterhours/migrations/pgtest"
	"afterhours/tickets"
)

// TestACountThatTookLongStandsForAWhile counts by a clock on which every count takes a second.
func TestACountThatTookLongStandsForAWhile(t *testing.T) {
	t.Parallel()
	now, counting := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC), time.Second
	store := New(pgtest.New(t), func() time.Time { now = now.Add(counting); return now }, nil)
	want := func(when string, open int) {
		t.Helper()
		counts, err := store.Counts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if counts.Open != open {
			t.Errorf("%s: got %d open tickets, want %d", when, counts.Open, open)
		}
	}
	fillTickets(t, store.pool, 2000)
	want("at first", 1)
	fillTickets(t, store.pool, 2000)
	counting = 0
	want("at once", 1)
	now = now.Add(countRests * time.Second)
	want("later", 2)
	fillTickets(t, store.pool, 2000)
	want("after a count that was quick", 3)
}

// TestTheOldestOpenTicketsAreLookedUp counts what is read where many are open.
func TestTheOldestOpenTicketsAreLookedUp(t *testing.T) {
	t.Parallel()
	store := New(pgtest.New(t), time.Now, nil)
	fillTickets(t, store.pool, 20_000)
	for _, statement := range []string{`UPDATE tickets SET state = 'open', resolved_at = NULL WHERE severity <> 'low'`, `ANALYZE tickets`} {
		if _, err := store.pool.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	oldest, err := store.OldestOpen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if at := oldest[tickets.High]; len(oldest) != 3 || !at.Equal(time.Date(2024, 1, 1, 0, 4, 0, 0, time.UTC)) {
		t.Errorf("got %v", oldest)
	}
	if read := rowsRead(t, store, "tickets", oldestOpen, tickets.Severities[:]); read > 100 {
		t.Errorf("%d tickets read, where some 15,000 are open", read)
	}
}
