package oncalldb

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Latency is how long the pages of one channel took of late, from the moment that they were due by their rule to the
// provider's acceptance.
type Latency struct {
	Channel string
	Pages   int
	P50     float64 // seconds
	P99     float64
}

// Latencies are those of the messages that were sent since a moment, by channel: a summary is one, whatever it stands for.
func (s *Store) Latencies(ctx context.Context, since time.Time) ([]Latency, error) {
	rows, err := s.Pool.Query(ctx, `
		SELECT channel, count(*)::integer AS pages, percentile_disc(0.5) WITHIN GROUP (ORDER BY seconds) AS p50,
			percentile_disc(0.99) WITHIN GROUP (ORDER BY seconds) AS p99
		FROM pages, LATERAL (SELECT greatest(extract(epoch FROM sent_at - due_at), 0)::float8 AS seconds) AS l
		WHERE person IS NOT NULL AND sent_at > $1 AND NOT bundled AND type IN ('page', 'page.summary')
		GROUP BY channel`, since)
	if err != nil {
		return nil, fmt.Errorf("latencies of pages: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[Latency])
	if err != nil {
		return nil, fmt.Errorf("latencies of pages: %w", err)
	}
	return found, nil
}

// Waiting returns since when the oldest page that is due has waited to be sent; zero where none waits.
func (s *Store) Waiting(ctx context.Context, now time.Time) (time.Time, error) {
	var oldest *time.Time
	err := s.Pool.QueryRow(ctx, `SELECT min(due_at) FROM pages WHERE state = 'queued' AND NOT bundled AND due_at <= $1`, now).Scan(&oldest)
	if err != nil {
		return time.Time{}, fmt.Errorf("since when pages wait: %w", err)
	}
	if oldest == nil {
		return time.Time{}, nil
	}
	return *oldest, nil
}
