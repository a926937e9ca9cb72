package defender

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// limits are what one tenant's API lets pass (Microsoft, "List alerts API" and "List incidents API": 100 and 50 calls a
// minute, 1,500 an hour; Graph: 150 a minute). reserved is what only urgent requests may use, so that a poll never stands
// in the way of an isolation.
type limits struct{ minute, hour, reservedMinute, reservedHour int }

var limitsOf = map[string]limits{
	string(endpointAPI): {100, 1500, 15, 150},
	string(xdrAPI):      {50, 1500, 0, 0},
	string(graphAPI):    {150, 9000, 15, 150},
}

// stretch is how finely requests are counted. A window is looked at a whole stretch longer than it is, so that the limits
// hold wherever in a stretch the requests lay.
const stretch = 5 * time.Second

// Take counts one request of a tenant to an API among those of all replicas, or says from when there is room again.
func (s *Store) Take(ctx context.Context, tenant, of string, urgent bool) (until time.Time, err error) {
	limit := limitsOf[of]
	if !urgent {
		limit.minute, limit.hour = limit.minute-limit.reservedMinute, limit.hour-limit.reservedHour
	}
	now := s.now().UTC()
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 3))`, tenant+"/"+of); err != nil {
			return err
		}
		var minute, hour int
		var inMinute, inHour, blocked *time.Time
		err := tx.QueryRow(ctx, `
			SELECT coalesce(sum(requests) FILTER (WHERE stretch > $3), 0), coalesce(sum(requests), 0),
				min(stretch) FILTER (WHERE stretch > $3), min(stretch),
				(SELECT until FROM api_blocks WHERE tenant = $1 AND service = $2 AND until > $5)
			FROM api_requests WHERE tenant = $1 AND service = $2 AND stretch > $4`,
			tenant, of, now.Add(-time.Minute-stretch), now.Add(-time.Hour-stretch), now).Scan(&minute, &hour, &inMinute, &inHour, &blocked)
		if err != nil {
			return err
		}
		switch {
		case blocked != nil:
			until = blocked.UTC()
			return nil
		case hour >= limit.hour:
			until = inHour.Add(time.Hour + stretch).UTC()
			return nil
		case minute >= limit.minute:
			until = inMinute.Add(time.Minute + stretch).UTC()
			return nil
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO api_requests (tenant, service, stretch, requests) VALUES ($1, $2, $3, 1)
			ON CONFLICT (tenant, service, stretch) DO UPDATE SET requests = api_requests.requests + 1`, tenant, of, now.Truncate(stretch))
		return err
	})
	if err != nil {
		return until, fmt.Errorf("count a request of %s: %w", tenant, classify(err))
	}
	return until, nil
}

// Block lets no replica ask a tenant's API before a moment.
func (s *Store) Block(ctx context.Context, tenant, of string, until time.Time) error {
	_, err := s.pool.Exec(ctx, `
		INSERT INTO api_blocks (tenant, service, until) VALUES ($1, $2, $3)
		ON CONFLICT (tenant, service) DO UPDATE SET until = greatest(api_blocks.until, EXCLUDED.until)`, tenant, of, until)
	if err != nil {
		return fmt.Errorf("block requests of %s: %w", tenant, classify(err))
	}
	return nil
}

// forget removes counts that no limit looks at any more.
func (s *Store) forget(ctx context.Context, now time.Time) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM api_requests WHERE stretch < $1`, now.Add(-2*time.Hour))
	return err
}
