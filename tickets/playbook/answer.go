package playbook

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// Answer records what a signed-in person says to a run that asks. With enough people the run goes on; one no ends it.
// Nobody answers twice, and what is decided already is a ConflictError.
func (e *Engine) Answer(ctx context.Context, id int64, person string, yes bool) error {
	now := e.Now().UTC()
	return e.transact(ctx, fmt.Sprintf("answer run %d", id), func(tx pgx.Tx) error {
		run, err := e.get(ctx, tx, id, "FOR UPDATE")
		if err != nil {
			return err
		}
		switch {
		case run.State != Waiting:
			return &tickets.ConflictError{Reason: fmt.Sprintf("run %d does not ask any more: it is %s", id, run.State)}
		case run.DecideBy != nil && !now.Before(*run.DecideBy):
			return &tickets.ConflictError{Reason: fmt.Sprintf("run %d had to be answered before %s", id, run.DecideBy.Format("15:04 MST"))}
		case run.AnsweredBy(person):
			return &tickets.ConflictError{Reason: "you have answered already; another person must approve"}
		}
		if _, err := tx.Exec(ctx, `INSERT INTO playbook_approvals (run, person, at, yes) VALUES ($1, $2, $3, $4)`, id, person, now, yes); err != nil {
			return err
		}
		run.Approvals = append(run.Approvals, Approval{person, now, yes})
		switch {
		case !yes:
			return e.write(ctx, tx, run, Declined, "declined", person, now)
		case run.Yeses() < run.Approvers:
			return e.step(ctx, tx, run, Waiting, fmt.Sprintf("approved, %d of %d", run.Yeses(), run.Approvers), person, now)
		}
		return e.write(ctx, tx, run, Approved, "approved", person, now)
	})
}

// Undo takes back what a run did: the device is released, its programs are allowed again, its tag is removed. It returns
// the run that does it.
func (e *Engine) Undo(ctx context.Context, id int64, person string) (undo int64, err error) {
	now := e.Now().UTC()
	err = e.transact(ctx, fmt.Sprintf("undo run %d", id), func(tx pgx.Tx) error {
		run, err := e.get(ctx, tx, id, "FOR UPDATE")
		if err != nil {
			return err
		}
		action, ok := run.Action.Undo()
		if !ok || !run.MayUndo() {
			return &tickets.ConflictError{Reason: fmt.Sprintf("run %d cannot be undone: it is %s", id, run.State)}
		}
		back := Run{
			Playbook: run.Playbook, Ticket: run.Ticket, Tenant: run.Tenant, Action: action, Settings: run.Settings, Asked: run.Asked,
			MachineID: run.MachineID, Machine: run.Machine, State: Approved, Approvers: 1, CreatedAt: now, UndoOf: run.ID,
		}
		undo, err = e.insertUndo(ctx, tx, back, person)
		if errors.Is(err, pgx.ErrNoRows) {
			return &tickets.ConflictError{Reason: fmt.Sprintf("run %d is being undone, or was", id)}
		}
		return err
	})
	return undo, err
}
