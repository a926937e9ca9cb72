package ticketdb

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// Bounds of one batch of stored mails that are read again.
const (
	reparseMails  = 100
	reparseOctets = 16 << 20
)

// StartReparse begins a run over a scope, or returns the one that was interrupted. again begins anew in any case.
func (s *Store) StartReparse(ctx context.Context, scope, runner, actor string, again bool) (tickets.Run, error) {
	var run tickets.Run
	now := s.now()
	err := s.transact(ctx, "start reading again", func(tx pgx.Tx) error {
		if again {
			if _, err := tx.Exec(ctx, `DELETE FROM reparses WHERE scope = $1`, scope); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `
			INSERT INTO reparses (scope, runner, actor, started_at, upto)
			VALUES ($1, $2, $3, $4, (SELECT coalesce(max(id), 0) FROM mails))
			ON CONFLICT (scope) DO NOTHING`, scope, runner, actor, now)
		if err != nil {
			return err
		}
		run, err = getRun(ctx, tx, `SELECT `+runColumns+` FROM reparses WHERE scope = $1`, scope)
		return err
	})
	return run, err
}

const runColumns = `scope, runner, started_at, last_mail, upto, mails, changed`

func getRun(ctx context.Context, db querier, query string, args ...any) (run tickets.Run, err error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return run, err
	}
	return pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (tickets.Run, error) {
		var run tickets.Run
		err := row.Scan(&run.Scope, &run.Runner, &run.StartedAt, &run.Last, &run.Upto, &run.Mails, &run.Changed)
		return run, err
	})
}

// DeskRun returns a run that every process that serves goes on with; tickets.ErrNotFound where there is none.
func (s *Store) DeskRun(ctx context.Context) (tickets.Run, error) {
	run, err := getRun(ctx, s.pool, `SELECT `+runColumns+` FROM reparses WHERE runner = $1 ORDER BY started_at LIMIT 1`, tickets.RunnerDesk)
	if errors.Is(err, pgx.ErrNoRows) {
		return run, fmt.Errorf("run of the desk: %w", tickets.ErrNotFound)
	}
	if err != nil {
		return run, fmt.Errorf("run of the desk: %w", classify(err))
	}
	return run, nil
}

// ContinueReparse reads the next batch of a run again and notes in the same transaction how far it came. done is true
// when nothing is left; the run is gone then. A batch that another process has in hand is waited for.
func (s *Store) ContinueReparse(ctx context.Context, scope string, parse func(raw []byte) tickets.Alert) (reread tickets.Reread, done bool, err error) {
	now := s.now()
	err = s.transact(ctx, "read stored mails again", func(tx pgx.Tx) error {
		run, err := getRun(ctx, tx, `SELECT `+runColumns+` FROM reparses WHERE scope = $1 FOR UPDATE`, scope)
		if errors.Is(err, pgx.ErrNoRows) {
			done = true // another process has finished it
			return nil
		}
		if err != nil {
			return err
		}
		stored, err := loadStored(ctx, tx, selection{scope: scope, after: run.Last, upto: run.Upto})
		if err != nil {
			return err
		}
		if len(stored) == 0 {
			done = true
			_, err := tx.Exec(ctx, `DELETE FROM reparses WHERE scope = $1`, scope)
			return err
		}
		if reread, err = s.readAgain(ctx, tx, stored, parse, tickets.ActorSystem, now); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE reparses SET last_mail = $2, mails = mails + $3, changed = changed + $4 WHERE scope = $1`,
			scope, stored[len(stored)-1].mail.ID, reread.Mails, reread.Changed)
		return err
	})
	return reread, done, err
}

// errDryRun takes back what a dry run has written.
var errDryRun = errors.New("dry run")

// TryReparse says what reading the next batch of a scope after a mail again would change, and the last mail of the batch:
// 0 where there is none.
func (s *Store) TryReparse(ctx context.Context, scope string, after int64, parse func(raw []byte) tickets.Alert) (reread tickets.Reread, last int64, err error) {
	now := s.now()
	quiet := *s
	quiet.hook = func(context.Context, pgx.Tx, []tickets.Change) error { return nil }
	err = s.transact(ctx, "try to read stored mails again", func(tx pgx.Tx) error {
		stored, err := loadStored(ctx, tx, selection{scope: scope, after: after})
		if err != nil || len(stored) == 0 {
			return err
		}
		last = stored[len(stored)-1].mail.ID
		if reread, err = quiet.readAgain(ctx, tx, stored, parse, tickets.ActorSystem, now); err != nil {
			return err
		}
		return errDryRun
	})
	if errors.Is(err, errDryRun) {
		err = nil
	}
	return reread, last, err
}

// ReparseTicket reads the mails of one ticket again, those of tickets that were joined to it included. With dryRun
// nothing is kept of it.
func (s *Store) ReparseTicket(ctx context.Context, number int64, actor string, parse func(raw []byte) tickets.Alert, dryRun bool) (tickets.Reread, error) {
	var total tickets.Reread
	if _, err := s.Get(ctx, number); err != nil {
		return total, err
	}
	now := s.now()
	store := *s
	if dryRun {
		store.hook = func(context.Context, pgx.Tx, []tickets.Change) error { return nil }
	}
	err := s.transact(ctx, fmt.Sprintf("read the mails of ticket %d again", number), func(tx pgx.Tx) error {
		for after := int64(0); ; {
			stored, err := loadStored(ctx, tx, selection{ticket: number, after: after})
			if err != nil {
				return err
			}
			if len(stored) == 0 {
				break
			}
			after = stored[len(stored)-1].mail.ID
			reread, err := store.readAgain(ctx, tx, stored, parse, actor, now)
			if err != nil {
				return err
			}
			total.Mails, total.Changed = total.Mails+reread.Mails, total.Changed+reread.Changed
			total.Tickets = append(total.Tickets, reread.Tickets...)
		}
		if dryRun {
			return errDryRun
		}
		return nil
	})
	if errors.Is(err, errDryRun) {
		err = nil
	}
	return total, err
}
