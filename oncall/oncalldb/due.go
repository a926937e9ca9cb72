package oncalldb

import (
	"context"
	"fmt"
	"time"

	"afterhours/oncall"
)

// Due looks for what a tick has to do, each by an index that holds nothing else. Every condition takes in all that the
// part itself would take. What has a moment is asked for its first one: whether anything is due could as well be answered by
// reading all that waits, which is done where a plan must do for any moment.
func (s *Store) Due(ctx context.Context, now time.Time) (due oncall.Due, err error) {
	err = s.Pool.QueryRow(ctx, `
		SELECT coalesce((SELECT min(due_at) FROM escalations WHERE state = 'running') <= $1, false)
				OR EXISTS (SELECT FROM escalations WHERE state = 'running' AND maintenance <> ''),
			coalesce((SELECT min(due_at) FROM escalations WHERE state = 'waiting') <= $1, false),
			EXISTS (SELECT FROM pages WHERE state = 'queued' AND bundled AND summary IS NULL),
			EXISTS (SELECT FROM shift_requests WHERE state = 'asked' AND expires_at <= $1),
			coalesce((SELECT min(due_at) FROM pages WHERE state = 'queued' AND NOT bundled AND (lease_until IS NULL OR lease_until <= $1)) <= $1, false)`,
		now).Scan(&due.Steps, &due.Acknowledgements, &due.Summaries, &due.ShiftRequests, &due.Pages)
	if err != nil {
		return due, fmt.Errorf("read what is due: %w", err)
	}
	return due, nil
}
