package ticketdb

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// To count what is open is to read all of it. A count that took longer than countQuick, as after a storm that nobody has cleared
// up, stands for countRests times as long, so that the desk and the metrics do not spend the database's time on it.
const (
	countQuick = 200 * time.Millisecond
	countRests = 20
)

// countMemory is the last count that took long, and until when it stands.
type countMemory struct {
	mutex  sync.Mutex
	counts tickets.Counts
	until  time.Time
}

func (m *countMemory) at(now time.Time) (counts tickets.Counts, stands bool) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.counts, now.Before(m.until)
}

func (m *countMemory) remember(counts tickets.Counts, took time.Duration, now time.Time) {
	if took <= countQuick {
		return
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.counts, m.until = counts, now.Add(countRests*took)
}

// Counts returns how many tickets are in each unresolved state, and whether there is any ticket at all. Resolved ones are
// not counted: there may be millions of them.
func (s *Store) Counts(ctx context.Context) (tickets.Counts, error) {
	began := s.now()
	if counts, stands := s.counted.at(began); stands {
		return counts, nil
	}
	var counts tickets.Counts
	err := s.pool.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE state = 'open'), count(*) FILTER (WHERE state = 'acknowledged'), EXISTS (SELECT FROM tickets)
		FROM tickets WHERE state <> 'resolved'`).Scan(&counts.Open, &counts.Acknowledged, &counts.Any)
	if err != nil {
		return counts, fmt.Errorf("count tickets: %w", classify(err))
	}
	ended := s.now()
	s.counted.remember(counts, ended.Sub(began), ended)
	return counts, nil
}

// oldestOpen looks up the first of each severity in the index of what is unresolved. Its order is asked for whole: by the time
// alone, another index would be walked until a ticket of the severity comes, through all where none is open.
const oldestOpen = `
	SELECT s, first.created_at FROM unnest($1::text[]) AS s, LATERAL (
		SELECT state, severity, created_at FROM tickets
		WHERE state <> 'resolved' AND (state, severity, created_at) >= ('open', s, timestamptz '-infinity')
		ORDER BY state, severity, created_at LIMIT 1
	) AS first
	WHERE first.state = 'open' AND first.severity = s`

// OldestOpen is when the oldest open ticket of each severity was made; a severity without one is absent.
func (s *Store) OldestOpen(ctx context.Context) (map[tickets.Severity]time.Time, error) {
	rows, err := s.pool.Query(ctx, oldestOpen, tickets.Severities[:])
	if err != nil {
		return nil, fmt.Errorf("look for the oldest open tickets: %w", classify(err))
	}
	oldest := map[tickets.Severity]time.Time{}
	var severity tickets.Severity
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&severity, &at}, func() error {
		oldest[severity] = at
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for the oldest open tickets: %w", classify(err))
	}
	return oldest, nil
}
