package oncalldb

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
)

// FollowMaintenance moves what maintenances hold back to their present ends: one that was made longer or shorter, or taken
// away, counts from then on.
func (s *Store) FollowMaintenance(ctx context.Context, now time.Time) error {
	configuration, err := s.Configuration(ctx)
	if err != nil {
		return err
	}
	on := configuration.Maintenances(now)
	ids, ends := make([]string, len(on)), make([]time.Time, len(on))
	for i, maintenance := range on {
		ids[i] = maintenance.ID
		_, ends[i] = maintenance.Span()
	}
	_, err = s.Pool.Exec(ctx, `
		WITH held AS (
			SELECT e.ticket, coalesce(m.ends, $3) AS due FROM escalations e
			LEFT JOIN unnest($1::text[], $2::timestamptz[]) AS m (id, ends) ON m.id = e.maintenance
			WHERE e.maintenance <> '' AND e.state = 'running' AND CASE WHEN m.id IS NULL THEN e.due_at > $3 ELSE e.due_at <> m.ends END
			ORDER BY e.ticket FOR UPDATE OF e SKIP LOCKED
		)
		UPDATE escalations SET due_at = held.due FROM held WHERE escalations.ticket = held.ticket`, ids, ends, now)
	if err != nil {
		return fmt.Errorf("move what is held back: %w", err)
	}
	return nil
}

// RemindOfMaintenance tells those who are to be reminded that a maintenance ends soon, once.
func (s *Store) RemindOfMaintenance(ctx context.Context, now time.Time) error {
	configuration, err := s.Configuration(ctx)
	if err != nil {
		return err
	}
	notices := configuration.Reminders(now)
	if len(notices) == 0 {
		return nil
	}
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		keys := make([]string, len(notices))
		for i, notice := range notices {
			keys[i] = pageKey(notice)
		}
		rows, err := tx.Query(ctx, `SELECT key FROM pages WHERE key = ANY($1)`, keys)
		if err != nil {
			return err
		}
		told, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		var due []oncall.Page
		for i, notice := range notices {
			if !slices.Contains(told, keys[i]) {
				due = append(due, notice)
			}
		}
		return s.insertPages(ctx, tx, due, now)
	})
	if err != nil {
		return fmt.Errorf("remind of maintenance: %w", err)
	}
	return nil
}
