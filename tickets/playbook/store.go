package playbook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

const runColumns = `r.id, r.playbook, r.ticket, r.tenant, r.action, r.settings, r.device, r.machine_id, r.machine, r.state, r.reason,
	r.approvers, r.decide_by, r.action_id, r.status, r.automatic, coalesce(r.undo_of, 0), r.created_at, r.updated_at, r.finished_at,
	coalesce((SELECT jsonb_agg(jsonb_build_object('person', a.person, 'at', a.at, 'yes', a.yes) ORDER BY a.at)
		FROM playbook_approvals a WHERE a.run = r.id), '[]')`

func scanRun(row pgx.CollectableRow) (Run, error) {
	var r Run
	err := row.Scan(&r.ID, &r.Playbook, &r.Ticket, &r.Tenant, &r.Action, &r.Settings, &r.Asked, &r.MachineID, &r.Machine, &r.State, &r.Reason,
		&r.Approvers, &r.DecideBy, &r.ActionID, &r.Status, &r.Automatic, &r.UndoOf, &r.CreatedAt, &r.UpdatedAt, &r.FinishedAt, &r.Approvals)
	r.CreatedAt, r.UpdatedAt = r.CreatedAt.UTC(), r.UpdatedAt.UTC()
	return r, err
}

func (e *Engine) transact(ctx context.Context, operation string, work func(tx pgx.Tx) error) error {
	if err := pgx.BeginFunc(ctx, e.Pool, work); err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	return nil
}

// insert adds a run; where there is one of its playbook, ticket and device already, nothing happens.
func (e *Engine) insert(ctx context.Context, tx pgx.Tx, run Run, actor, says string) error {
	err := tx.QueryRow(ctx, `
		INSERT INTO playbook_runs (playbook, ticket, tenant, action, settings, device, machine, state, approvers, due_at, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $10)
		ON CONFLICT (playbook, ticket, lower(device)) WHERE undo_of IS NULL DO NOTHING
		RETURNING id`,
		run.Playbook, run.Ticket, run.Tenant, run.Action, run.Settings, run.Asked, run.Machine, run.State, run.Approvers, run.CreatedAt).Scan(&run.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return e.step(ctx, tx, run, run.State, says, actor, run.CreatedAt)
}

func (e *Engine) insertUndo(ctx context.Context, tx pgx.Tx, run Run, actor string) (id int64, err error) {
	err = tx.QueryRow(ctx, `
		INSERT INTO playbook_runs (playbook, ticket, tenant, action, settings, device, machine_id, machine, state, approvers, undo_of, due_at, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $11, $11, $11)
		ON CONFLICT (undo_of) WHERE undo_of IS NOT NULL AND state NOT IN ('failed', 'declined') DO NOTHING
		RETURNING id`,
		run.Playbook, run.Ticket, run.Tenant, run.Action, run.Settings, run.Asked, run.MachineID, run.Machine, run.State, run.UndoOf, run.CreatedAt).Scan(&run.ID)
	if err != nil {
		return 0, err
	}
	return run.ID, e.step(ctx, tx, run, run.State, fmt.Sprintf("undoes run %d", run.UndoOf), actor, run.CreatedAt)
}

// claim takes the runs that are due.
func (e *Engine) claim(ctx context.Context, now time.Time) ([]Run, error) {
	rows, err := e.Pool.Query(ctx, `
		WITH due AS (
			SELECT id FROM playbook_runs
			WHERE state IN ('planned', 'waiting', 'approved', 'requesting', 'running') AND due_at <= $1
				AND (lease_until IS NULL OR lease_until <= $1)
			ORDER BY due_at LIMIT $2
			FOR UPDATE SKIP LOCKED
		), taken AS (
			UPDATE playbook_runs p SET lease_until = $3, attempts = attempts + 1 FROM due WHERE p.id = due.id RETURNING p.*
		)
		SELECT `+runColumns+` FROM taken r ORDER BY r.id`, now, tickBatch, now.Add(runLease))
	if err != nil {
		return nil, fmt.Errorf("claim playbook runs: %w", err)
	}
	due, err := pgx.CollectRows(rows, scanRun)
	if err != nil {
		return nil, fmt.Errorf("claim playbook runs: %w", err)
	}
	return due, nil
}

// set moves a run in a transaction of its own.
func (e *Engine) set(ctx context.Context, run Run, state State, reason string) error {
	return e.transact(ctx, "move to "+string(state), func(tx pgx.Tx) error {
		return e.write(ctx, tx, run, state, reason, tickets.ActorSystem, e.Now().UTC())
	})
}

// errMovedOn says that a run is not in the state any more in which it was found: another process has it.
var errMovedOn = errors.New("the run has been moved elsewhere")

// write moves a run inside a transaction, from the state in which it was found, with its step, its line on the timeline, and word to whom it concerns.
func (e *Engine) write(ctx context.Context, tx pgx.Tx, run Run, state State, reason, actor string, now time.Time) error {
	due := now
	var finished *time.Time
	switch {
	case state == Waiting:
		due = *run.DecideBy
	case state == Running:
		due = now.Add(followEvery)
	case state.Ended():
		finished = &now
	}
	// What writes tickets locks them before it looks at their runs; in the other order the two could wait for each other.
	lock := "FOR KEY SHARE"
	if state == Failed {
		lock = "FOR NO KEY UPDATE"
	}
	if _, err := tx.Exec(ctx, `SELECT FROM tickets WHERE number = $1 `+lock, run.Ticket); err != nil {
		return err
	}
	moved, err := tx.Exec(ctx, `
		UPDATE playbook_runs SET state = $2, reason = $3, machine_id = $4, machine = $5, action_id = $6, status = $7, automatic = $8,
			due_at = $9, updated_at = $10, finished_at = $11, attempts = 0,
			lease_until = CASE WHEN $2 = 'requesting' THEN lease_until END,
			requested_at = CASE WHEN $2 = 'requesting' THEN $10 ELSE requested_at END
		WHERE id = $1 AND state = $12`,
		run.ID, state, reason, run.MachineID, run.Machine, run.ActionID, run.Status, run.Automatic, due, now, finished, run.State)
	if err != nil {
		return err
	}
	if moved.RowsAffected() == 0 {
		return errMovedOn
	}
	run.State, run.Reason, run.UpdatedAt, run.FinishedAt = state, reason, now, finished
	return e.step(ctx, tx, run, state, reason, actor, now)
}

// step adds to the audit, and to the timeline what people ask about.
func (e *Engine) step(ctx context.Context, tx pgx.Tx, run Run, state State, says, actor string, now time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO playbook_steps (run, at, actor, state, says) VALUES ($1, $2, $3, $4, $5)`, run.ID, now, actor, state, says)
	if err != nil {
		return err
	}
	run.State = state
	if state == Planned || state == Requesting {
		return nil
	}
	data := map[string]any{
		"run": run.ID, "tag": run.Settings.Tag, "playbook": run.Playbook, "action": run.Action, "device": run.DeviceName(), "state": state, "reason": says,
	}
	event := tickets.Event{At: now, Type: tickets.EventPlaybook, Actor: actor, Data: data}
	if err := e.AddEvents(ctx, tx, []tickets.Entry{{Ticket: run.Ticket, Event: event}}); err != nil {
		return err
	}
	if state == Waiting && len(run.Approvals) == 0 || state.Ended() && state != Skipped {
		return e.Tell(ctx, tx, run, now)
	}
	return nil
}

// later tries again after a pause that grows.
func (e *Engine) later(ctx context.Context, run Run, reason string, cause error) error {
	if cause != nil {
		e.Log.Warn("playbook run waits", "run", run.ID, "ticket", run.Ticket, "error", cause)
	}
	_, err := e.Pool.Exec(ctx, `
		UPDATE playbook_runs SET reason = $2, machine_id = $3, machine = $4, lease_until = NULL,
			due_at = $5::timestamptz + least($6::interval * power(2, least(greatest(attempts - 1, 0), 10)), $7::interval)
		WHERE id = $1`, run.ID, reason, run.MachineID, run.Machine, e.Now(), firstRetry, longestRetry)
	if err != nil {
		return fmt.Errorf("put run %d off: %w", run.ID, err)
	}
	return nil
}

// wait notes Microsoft's word and looks again later.
func (e *Engine) wait(ctx context.Context, run Run, status string, span time.Duration) error {
	_, err := e.Pool.Exec(ctx, `UPDATE playbook_runs SET status = $2, due_at = $3, lease_until = NULL WHERE id = $1`, run.ID, status, e.Now().Add(span))
	if err != nil {
		return fmt.Errorf("put run %d off: %w", run.ID, err)
	}
	return nil
}

// twin is the run that makes this one needless: of the same playbook and ticket under another name of the device, or one
// that has shut the same device off already. Empty where there is none.
func (e *Engine) twin(ctx context.Context, tx pgx.Tx, run Run) (string, error) {
	var id int64
	var state State
	err := tx.QueryRow(ctx, `
		SELECT id, state FROM playbook_runs
		WHERE id <> $1 AND tenant = $2 AND machine_id = $3 AND action = $4 AND state IN ('waiting', 'approved', 'requesting', 'running', 'succeeded')
			AND (playbook = $5 AND ticket = $6 OR $7 AND id > coalesce((
				SELECT max(id) FROM playbook_runs u WHERE u.tenant = $2 AND u.machine_id = $3 AND u.action = $8
					AND u.state IN ('approved', 'requesting', 'running', 'succeeded')), 0))
		ORDER BY id DESC LIMIT 1`,
		run.ID, run.Tenant, run.MachineID, run.Action, run.Playbook, run.Ticket, limited(run.Action), opposite(run.Action)).Scan(&id, &state)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("run %d is about the same device (%s)", id, state), nil
}

func opposite(action Action) Action {
	undo, _ := action.Undo()
	return undo
}

// spent counts what shut devices off by itself within the hour.
func (e *Engine) spent(ctx context.Context, tx pgx.Tx, now time.Time) (count int, err error) {
	err = tx.QueryRow(ctx, `
		SELECT count(*) FROM playbook_runs r
		WHERE automatic AND action IN ('isolate_device', 'restrict_apps') AND undo_of IS NULL
			AND state IN ('approved', 'requesting', 'running', 'succeeded', 'failed')
			AND (SELECT max(s.at) FROM playbook_steps s WHERE s.run = r.id AND s.state = 'approved') > $1`, now.Add(-time.Hour)).Scan(&count)
	return count, err
}

func (e *Engine) resolved(ctx context.Context, ticket int64) (resolved bool, err error) {
	err = e.Pool.QueryRow(ctx, `SELECT state = 'resolved' AND merged_into IS NULL FROM tickets WHERE number = $1`, ticket).Scan(&resolved)
	return resolved, err
}

func (e *Engine) get(ctx context.Context, tx pgx.Tx, id int64, lock string) (Run, error) {
	rows, err := tx.Query(ctx, `SELECT `+runColumns+` FROM playbook_runs r WHERE r.id = $1 `+lock, id)
	if err != nil {
		return Run{}, err
	}
	run, err := pgx.CollectExactlyOneRow(rows, scanRun)
	if errors.Is(err, pgx.ErrNoRows) {
		return run, fmt.Errorf("run %d: %w", id, tickets.ErrNotFound)
	}
	return run, err
}
