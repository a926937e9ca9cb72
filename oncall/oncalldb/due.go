package oncalldb

import (
	"context"
	"fmt"
	"time"

	"afterhours/oncall"
)

// Due looks for what a tick has to do, each by an index that holds nothing else. Every condition takes in all that the
// part itself would take.
func (s *Store) Due(ctx context.Context, now time.Time) (due oncall.Due, err error) {
	err = s.Pool.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM escalations WHERE state = 'running' AND due_at <= $1)
				OR EXISTS (SELECT FROM escalations WHERE state = 'running' AND maintenance <> ''),
			EXISTS (SELECT FROM escalations WHERE state = 'waiting' AND due_at <= $1),
			EXISTS (SELECT FROM pages WHERE state = 'queued' AND bundled AND summary IS NULL),
			EXISTS (SELECT FROM shift_requests WHERE state = 'asked' AND expires_at <= $1),
			EXISTS (SELECT FROM pages WHERE state = 'queued' AND NOT bundled AND due_at <= $1 AND (lease_until IS NULL OR lease_until <= $1))`,
		now).Scan(&due.Steps, &due.Acknowledgements, &due.Summaries, &due.ShiftRequests, &due.Pages)
	if err != nil {
		return due, fmt.Errorf("read what is due: %w", err)
	}
	return due, nil
}
