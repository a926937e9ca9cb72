package oncalldb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// keep writes down what it takes to undo a replacement, its credentials sealed.
func (s *Store) keep(ctx context.Context, tx pgx.Tx, entry int64, r replacement) error {
	kept := oncall.Keep(r.current, r.wanted)
	sealed, err := kept.MapSecrets(s.Sealer.Seal)
	if err != nil {
		return err
	}
	state, err := json.Marshal(sealed)
	if err != nil {
		return err
	}
	forgotten := oncall.StateNone
	if len(state) > oncall.MostUndoState {
		state, forgotten = nil, oncall.StateSize
	}
	leftOut := r.leftOut
	if leftOut == nil {
		leftOut = []string{}
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO configuration_changes (entry, at, undoes, things, left_out, state, forgotten) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		entry, s.Now(), r.undoes, kept.Things(), leftOut, state, forgotten)
	return err
}

// Kept returns what it takes to undo an entry of the audit log: oncall.ErrNotKept where it is not kept.
func (s *Store) Kept(ctx context.Context, entry int64) (oncall.Kept, error) {
	return s.kept(ctx, s.Pool, entry)
}

func (s *Store) kept(ctx context.Context, db querier, entry int64) (kept oncall.Kept, err error) {
	var state []byte
	err = db.QueryRow(ctx, `SELECT state FROM configuration_changes WHERE entry = $1`, entry).Scan(&state)
	switch {
	case errors.Is(err, pgx.ErrNoRows), err == nil && state == nil:
		return kept, fmt.Errorf("entry %d of the audit log: %w", entry, oncall.ErrNotKept)
	case err != nil:
		return kept, fmt.Errorf("entry %d of the audit log: %w", entry, err)
	}
	if err := json.Unmarshal(state, &kept); err != nil {
		return kept, fmt.Errorf("entry %d of the audit log: %w", entry, err)
	}
	if kept, err = kept.MapSecrets(s.Sealer.Open); err != nil {
		return kept, fmt.Errorf("entry %d of the audit log: %w", entry, err)
	}
	return kept, nil
}

// Undo undoes an entry of the audit log: decide gets what is in force and what is kept, and returns what comes of it. The
// undoing is an entry of its own, whose id is returned. What is undone already, and an undoing that would change nothing, is a
// tickets.ConflictError.
func (s *Store) Undo(ctx context.Context, actor string, entry int64, decide func(current oncall.Configuration, kept oncall.Kept) (oncall.Undoing, error)) (made int64, err error) {
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		current, err := s.lockConfiguration(ctx, tx)
		if err != nil {
			return err
		}
		change, err := s.auditEntry(ctx, tx, entry)
		if err != nil {
			return err
		}
		if change.UndoneBy != 0 && !change.UndoneInPart() {
			return &tickets.ConflictError{Reason: fmt.Sprintf("entry %d is undone already, by entry %d", entry, change.UndoneBy)}
		}
		kept, err := s.kept(ctx, tx, entry)
		if err != nil {
			return err
		}
		undoing, err := decide(current, kept)
		if err != nil {
			return err
		}
		made, err = s.replace(ctx, tx, replacement{
			actor: actor, action: undoAction(change), current: current, wanted: undoing.Wanted, undoes: &entry, leftOut: undoing.LeftOut(),
		})
		if err == nil && made == 0 {
			return &tickets.ConflictError{Reason: fmt.Sprintf("nothing of entry %d is left to undo", entry)}
		}
		return err
	})
	return made, err
}

// undoAction is what the audit log says of an undoing. Of one that undoes another it does not repeat what that undid.
func undoAction(change oncall.Change) string {
	if change.Undoes != 0 {
		return fmt.Sprintf("undid entry %d, which undid entry %d", change.ID, change.Undoes)
	}
	return fmt.Sprintf("undid entry %d: %s", change.ID, strings.TrimSpace(change.Action))
}

// ForgetChanges ends what is kept of changes before a moment; that they happened stays.
func (s *Store) ForgetChanges(ctx context.Context, before time.Time) error {
	_, err := s.Pool.Exec(ctx, `UPDATE configuration_changes SET state = NULL, forgotten = 'age' WHERE state IS NOT NULL AND at < $1`, before)
	if err != nil {
		return fmt.Errorf("forget the state before old changes: %w", err)
	}
	return nil
}
