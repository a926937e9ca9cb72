package defender

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/tickets"
)

// Store is all SQL of polls, limits and what is written back.
type Store struct {
	pool *pgxpool.Pool
	now  func() time.Time
	// addEvents appends to timelines inside the given transaction.
	addEvents func(ctx context.Context, tx pgx.Tx, entries []tickets.Entry) error
}

// NewStore returns a store on a migrated database.
func NewStore(pool *pgxpool.Pool, now func() time.Time, addEvents func(ctx context.Context, tx pgx.Tx, entries []tickets.Entry) error) *Store {
	return &Store{pool, now, addEvents}
}

// classify marks what a later attempt may mend as tickets.ErrUnavailable.
func classify(err error) error {
	var refused *pgconn.PgError
	var network net.Error
	switch {
	case errors.As(err, &refused) && (refused.Code[:2] == "08" || refused.Code[:2] == "40" || refused.Code[:2] == "53" || refused.Code[:2] == "57"):
	case errors.As(err, &network), pgconn.SafeToRetry(err):
	default:
		return err
	}
	return fmt.Errorf("%w: %w", tickets.ErrUnavailable, err)
}

// claim is a tenant's poll in the hands of one replica.
type claim struct {
	tenant    string
	fence     int64
	mark      *time.Time
	incidents bool // their turn has come
	incMark   *time.Time
	mailTold  *time.Time
	polledAt  *time.Time
	failures  int
	failedAt  *time.Time
}

// Bounds of a poll's lease. It is short and lengthened while the poll goes on, so that a tenant whose poller died is polled
// again soon. early lets a tick that comes a moment before a poll's turn take it.
const (
	pollLease = 20 * time.Second
	pollBeat  = 5 * time.Second
	early     = 200 * time.Millisecond
)

// incidentsEvery is the least distance of two looks at the incidents, whose limits are narrower.
const incidentsEvery = time.Minute

// notDue are the tenants whose turn has not come, or which another replica polls: asked for all at once, because ticks come
// every second and most find nothing to do.
func (s *Store) notDue(ctx context.Context, now time.Time) (map[string]bool, error) {
	rows, err := s.pool.Query(ctx, `SELECT tenant FROM tenant_polls WHERE next_poll_at > $1 OR lease_until > $2`, now.Add(early), now)
	if err != nil {
		return nil, fmt.Errorf("look for due polls: %w", classify(err))
	}
	found := map[string]bool{}
	var tenant string
	_, err = pgx.ForEachRow(rows, []any{&tenant}, func() error { found[tenant] = true; return nil })
	if err != nil {
		return nil, fmt.Errorf("look for due polls: %w", classify(err))
	}
	return found, nil
}

// claimPoll takes a tenant's poll when its turn has come and no other replica has it.
func (s *Store) claimPoll(ctx context.Context, t Tenant, now time.Time) (c claim, ok bool, err error) {
	c.tenant = t.ID
	if _, err := s.pool.Exec(ctx, `
		INSERT INTO tenant_polls (tenant, next_poll_at, next_incidents_at) VALUES ($1, $2, $2) ON CONFLICT DO NOTHING`, t.ID, now); err != nil {
		return c, false, fmt.Errorf("claim the poll of %s: %w", t.ID, classify(err))
	}
	rows, err := s.pool.Query(ctx, `
		WITH mine AS (
			SELECT tenant, next_incidents_at <= $2 AS incidents FROM tenant_polls
			WHERE tenant = $1 AND next_poll_at <= $2 AND (lease_until IS NULL OR lease_until <= $3)
			FOR UPDATE SKIP LOCKED
		)
		UPDATE tenant_polls p SET fence = fence + 1, lease_until = $4,
			next_poll_at = CASE WHEN next_poll_at + $5 > $3 THEN next_poll_at + $5 ELSE $3 + $5 END,
			next_incidents_at = CASE WHEN mine.incidents THEN $3 + $6 ELSE next_incidents_at END
		FROM mine WHERE p.tenant = mine.tenant
		RETURNING p.fence, p.mark, mine.incidents, p.incident_mark, p.mail_told_at, p.polled_at, p.failures, p.failed_at`,
		t.ID, now.Add(early), now, now.Add(pollLease), t.Poll, max(t.Poll, incidentsEvery))
	if err != nil {
		return c, false, fmt.Errorf("claim the poll of %s: %w", t.ID, classify(err))
	}
	c, err = pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (claim, error) {
		c := claim{tenant: t.ID}
		err := row.Scan(&c.fence, &c.mark, &c.incidents, &c.incMark, &c.mailTold, &c.polledAt, &c.failures, &c.failedAt)
		return c, err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return c, false, nil
	}
	if err != nil {
		return c, false, fmt.Errorf("claim the poll of %s: %w", t.ID, classify(err))
	}
	return c, true, nil
}

// errLostLease says that another replica polls the tenant by now.
var errLostLease = errors.New("another replica has taken the poll over")

// hold lengthens the lease of a poll that goes on.
func (s *Store) hold(ctx context.Context, c claim) error {
	return s.record(ctx, c, `lease_until = $3`, s.now().Add(pollLease))
}

// release gives the lease of a poll back that did not come to its end. The mark stays, and its turn comes as planned.
func (s *Store) release(ctx context.Context, c claim) error {
	return s.record(ctx, c, `lease_until = NULL`)
}

// record changes the row of a poll as long as it is in these hands. set uses the parameters from $3 on.
func (s *Store) record(ctx context.Context, c claim, set string, values ...any) error {
	changed, err := s.pool.Exec(ctx, `UPDATE tenant_polls SET `+set+` WHERE tenant = $1 AND fence = $2`, append([]any{c.tenant, c.fence}, values...)...)
	if err != nil {
		return fmt.Errorf("record the poll of %s: %w", c.tenant, classify(err))
	}
	if changed.RowsAffected() == 0 {
		return fmt.Errorf("poll of %s: %w", c.tenant, errLostLease)
	}
	return nil
}

// finish moves the mark and gives the lease back.
func (s *Store) finish(ctx context.Context, c claim, mark time.Time, read int, lag time.Duration) error {
	return s.record(ctx, c, `
		mark = $3, polled_at = $4, lease_until = NULL, failed_at = NULL, failures = 0, error = '', mend = '', told_code = '',
		alerts = alerts + $5, lag = CASE WHEN $5 > 0 AND $6 > interval '0' THEN $6 ELSE lag END`, mark, s.now(), int64(read), lag)
}

// fail notes why a poll did not come to its end and gives the lease back. The mark stays.
func (s *Store) fail(ctx context.Context, c claim, fault *Fault, again time.Time) error {
	return s.record(ctx, c, `
		failed_at = coalesce(failed_at, $3), failures = failures + 1, error = $4, mend = $5, lease_until = NULL,
		next_poll_at = greatest(next_poll_at, $6)`, s.now(), fault.Says, fault.Mend, again)
}

// fresh leaves out the reports that are stored as they are.
func (s *Store) fresh(ctx context.Context, tenant string, readings []tickets.Reading) ([]tickets.Reading, error) {
	keys := make([]string, len(readings))
	for i, reading := range readings {
		keys[i] = reading.Report.About()
	}
	rows, err := s.pool.Query(ctx, `SELECT key, updated_at FROM api_alerts WHERE tenant = $1 AND key = ANY($2)`, tenant, keys)
	if err != nil {
		return nil, fmt.Errorf("look up alerts of %s: %w", tenant, classify(err))
	}
	stored := map[string]time.Time{}
	var key string
	var at time.Time
	if _, err := pgx.ForEachRow(rows, []any{&key, &at}, func() error { stored[key] = at; return nil }); err != nil {
		return nil, fmt.Errorf("look up alerts of %s: %w", tenant, classify(err))
	}
	var news []tickets.Reading
	for _, reading := range readings {
		// The database keeps microseconds, Microsoft writes tenths of them.
		if at, known := stored[reading.Report.About()]; !known || at.Before(reading.Report.UpdatedAt.Truncate(time.Microsecond)) {
			news = append(news, reading)
		}
	}
	return news, nil
}

// unmailed names up to five alerts that the rules should have mailed and that no mail brought in time, and says how many
// there are.
func (s *Store) unmailed(ctx context.Context, t Tenant, now time.Time) (ids []string, count int, err error) {
	rows, err := s.pool.Query(ctx, `
		SELECT a.alert_id, count(*) OVER () FROM api_alerts a JOIN tickets t ON t.number = a.ticket
		WHERE a.tenant = $1 AND a.alert_id <> '' AND a.severity = ANY($2) AND a.product IN ('endpoint', 'xdr')
			AND a.first_seen_at > $3 AND a.first_seen_at <= $4 AND a.created_at > a.first_seen_at - interval '1 hour'
			AND t.message_count = 0
		ORDER BY a.first_seen_at LIMIT 5`, t.ID, t.ExpectMail, now.Add(-24*time.Hour), now.Add(-mailWithin))
	if err != nil {
		return nil, 0, fmt.Errorf("look for unmailed alerts of %s: %w", t.ID, classify(err))
	}
	var id string
	_, err = pgx.ForEachRow(rows, []any{&id, &count}, func() error { ids = append(ids, id); return nil })
	if err != nil {
		return nil, 0, fmt.Errorf("look for unmailed alerts of %s: %w", t.ID, classify(err))
	}
	return ids, count, nil
}

// mailedSince says whether any alert first seen after a moment was brought by a mail, too.
func (s *Store) mailedSince(ctx context.Context, tenant string, since time.Time) (mailed bool, err error) {
	err = s.pool.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM api_alerts a JOIN tickets t ON t.number = a.ticket
			WHERE a.tenant = $1 AND a.alert_id <> '' AND a.first_seen_at > $2 AND t.message_count > 0)`, tenant, since).Scan(&mailed)
	if err != nil {
		return false, fmt.Errorf("look for mailed alerts of %s: %w", tenant, classify(err))
	}
	return mailed, nil
}

// Statuses returns how the polls of all tenants go, by our ids.
func (s *Store) Statuses(ctx context.Context) (map[string]tickets.TenantStatus, error) {
	now := s.now()
	rows, err := s.pool.Query(ctx, `
		SELECT p.tenant, p.polled_at, p.next_poll_at, coalesce(p.lag, '0'), p.alerts, p.failed_at, p.error, p.mend, p.incident_error,
			coalesce((SELECT sum(requests) FROM api_requests r WHERE r.tenant = p.tenant AND r.stretch > $1), 0),
			(SELECT count(*) FROM api_writes w WHERE w.tenant = p.tenant AND w.state = 'queued'),
			(SELECT count(*) FROM api_writes w WHERE w.tenant = p.tenant AND w.state = 'failed' AND w.finished_at > $2)
		FROM tenant_polls p`, now.Add(-time.Hour), now.Add(-24*time.Hour))
	if err != nil {
		return nil, fmt.Errorf("read the polls: %w", classify(err))
	}
	found := map[string]tickets.TenantStatus{}
	var at tickets.TenantStatus
	_, err = pgx.ForEachRow(rows, []any{
		&at.Tenant, &at.PolledAt, &at.NextPollAt, &at.Lag, &at.Alerts, &at.FailedAt, &at.Error, &at.Mend, &at.IncidentError,
		&at.Requests, &at.Waiting, &at.Failed,
	}, func() error {
		found[at.Tenant] = at
		at = tickets.TenantStatus{}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the polls: %w", classify(err))
	}
	return found, nil
}
