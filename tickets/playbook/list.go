package playbook

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// Filter chooses runs. A zero field does not restrict.
type Filter struct {
	Playbook string
	Ticket   int64
	State    State // empty is any
	Before   int64 // ids below this one; 0 begins at the newest
	Limit    int
}

// Runs returns runs, newest first.
func (e *Engine) Runs(ctx context.Context, filter Filter) ([]Run, error) {
	rows, err := e.Pool.Query(ctx, `
		SELECT `+runColumns+` FROM playbook_runs r
		WHERE ($1 = '' OR r.playbook = $1) AND ($2 = 0 OR r.ticket = $2) AND ($3 = '' OR r.state = $3) AND ($4 = 0 OR r.id < $4)
		ORDER BY r.id DESC LIMIT $5`, filter.Playbook, filter.Ticket, filter.State, filter.Before, max(1, filter.Limit))
	if err != nil {
		return nil, fmt.Errorf("list playbook runs: %w", err)
	}
	runs, err := pgx.CollectRows(rows, scanRun)
	if err != nil {
		return nil, fmt.Errorf("list playbook runs: %w", err)
	}
	return runs, nil
}

// Run returns one run with its audit, oldest first, or tickets.ErrNotFound.
func (e *Engine) Run(ctx context.Context, id int64) (Run, []Step, error) {
	rows, err := e.Pool.Query(ctx, `SELECT `+runColumns+` FROM playbook_runs r WHERE r.id = $1`, id)
	if err != nil {
		return Run{}, nil, fmt.Errorf("playbook run %d: %w", id, err)
	}
	run, err := pgx.CollectExactlyOneRow(rows, scanRun)
	if errors.Is(err, pgx.ErrNoRows) {
		return run, nil, fmt.Errorf("playbook run %d: %w", id, tickets.ErrNotFound)
	}
	if err != nil {
		return run, nil, fmt.Errorf("playbook run %d: %w", id, err)
	}
	rows, err = e.Pool.Query(ctx, `SELECT at, actor, state, says FROM playbook_steps WHERE run = $1 ORDER BY id`, id)
	if err != nil {
		return run, nil, fmt.Errorf("audit of playbook run %d: %w", id, err)
	}
	steps, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Step])
	if err != nil {
		return run, nil, fmt.Errorf("audit of playbook run %d: %w", id, err)
	}
	return run, steps, nil
}
