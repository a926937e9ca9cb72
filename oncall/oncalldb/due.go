package oncalldb

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
)

// Due looks for what a tick has to do, each by an index that holds nothing else, in one journey to the database. Every
// condition takes in all that the part itself would take. What has a moment is asked for its first one: whether anything is due
// could as well be answered by reading all that waits, which is done where a plan must do for any moment.
func (s *Store) Due(ctx context.Context, now time.Time) (due oncall.Due, err error) {
	var version int64
	var held recorded
	batch := &pgx.Batch{}
	queueLookup(batch, &version)
	batch.Queue(`
		SELECT coalesce((SELECT min(due_at) FROM escalations WHERE state = 'running') <= $1, false),
			EXISTS (SELECT FROM escalations WHERE state = 'running' AND maintenance <> ''),
			coalesce((SELECT min(due_at) FROM escalations WHERE state = 'waiting') <= $1, false),
			EXISTS (SELECT FROM pages WHERE state = 'queued' AND bundled AND summary IS NULL),
			EXISTS (SELECT FROM shift_requests WHERE state = 'asked' AND expires_at <= $1),
			coalesce((SELECT min(due_at) FROM pages WHERE state = 'queued' AND NOT bundled AND (lease_until IS NULL OR lease_until <= $1)) <= $1, false),
			until, configuration, last_version
		FROM on_call_recorded`,
		now).QueryRow(func(row pgx.Row) (err error) {
		held, err = scanRecorded(row, &due.Steps, &due.Held, &due.Acknowledgements, &due.Summaries, &due.ShiftRequests, &due.Pages)
		return err
	})
	if err := s.Pool.SendBatch(ctx, batch).Close(); err != nil {
		return due, fmt.Errorf("read what is due: %w", err)
	}
	inForce, err := s.inForceAt(ctx, s.Pool, version)
	if err != nil {
		return due, err
	}
	due.Steps = due.Steps || due.Held
	at := now.UTC().Truncate(time.Microsecond)
	recording := s.recording(inForce, held, at)
	due.OnCall = recording != recordsNothing
	if recording == recordsMoment {
		s.seen.Store(&seenMoment{held, at})
	}
	due.Shifts = !s.notices.Load().covers(version, now, now)
	return due, nil
}
