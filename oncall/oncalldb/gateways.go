package oncalldb

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
)

// gatewayKept is how long a gateway that was not seen again is remembered.
const gatewayKept = 7 * 24 * time.Hour

// SeeGateway writes down how a gateway is and forgets those that have been gone for long.
func (s *Store) SeeGateway(ctx context.Context, g oncall.Gateway) error {
	batch := &pgx.Batch{}
	batch.Queue(`
		INSERT INTO gateways (name, version, started_at, seen_at, ailing, heartbeat_at, heartbeat_fault)
		VALUES (@name, @version, @started, @seen, @ailing, @beat, @fault)
		ON CONFLICT (name) DO UPDATE SET version = EXCLUDED.version, started_at = EXCLUDED.started_at, seen_at = EXCLUDED.seen_at,
			ailing = EXCLUDED.ailing, heartbeat_at = coalesce(EXCLUDED.heartbeat_at, gateways.heartbeat_at),
			heartbeat_fault = EXCLUDED.heartbeat_fault`,
		pgx.NamedArgs{
			"name": g.Name, "version": g.Version, "started": g.StartedAt, "seen": g.SeenAt, "ailing": g.Ailing,
			"beat": g.HeartbeatAt, "fault": g.HeartbeatFault,
		})
	batch.Queue(`DELETE FROM gateways WHERE seen_at < $1`, g.SeenAt.Add(-gatewayKept))
	if err := s.Pool.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("write down how %s is: %w", g.Name, err)
	}
	return nil
}

// Gateways are those that were seen of late, by name.
func (s *Store) Gateways(ctx context.Context) ([]oncall.Gateway, error) {
	rows, err := s.Pool.Query(ctx, `
		SELECT name, version, started_at, seen_at, ailing, heartbeat_at, heartbeat_fault FROM gateways ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("list gateways: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[oncall.Gateway])
	if err != nil {
		return nil, fmt.Errorf("list gateways: %w", err)
	}
	return found, nil
}

// Overdue returns since when a step, and since when a page that should have been given up, has waited; zero where none has.
func (s *Store) Overdue(ctx context.Context, now time.Time) (step, page time.Time, err error) {
	var oldestStep, oldestPage *time.Time
	err = s.Pool.QueryRow(ctx, `
		SELECT (SELECT min(due_at) FROM escalations WHERE state = 'running' AND due_at <= $1),
			(SELECT min(give_up_at) FROM pages WHERE state = 'queued' AND NOT bundled AND due_at <= $1 AND give_up_at <= $1)`,
		now).Scan(&oldestStep, &oldestPage)
	if err != nil {
		return step, page, fmt.Errorf("look for what is overdue: %w", err)
	}
	if oldestStep != nil {
		step = *oldestStep
	}
	if oldestPage != nil {
		page = *oldestPage
	}
	return step, page, nil
}
