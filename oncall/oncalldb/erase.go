package oncalldb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// WordsOf are name and addresses of a person who left the configuration; nil where there never was one of that id. One who
// is in the configuration still is a ConflictError.
func (s *Store) WordsOf(ctx context.Context, tx pgx.Tx, id string) ([]string, error) {
	var person oncall.Person
	var removed *time.Time
	err := tx.QueryRow(ctx, `SELECT definition, removed_at FROM people WHERE id = $1 FOR UPDATE`, id).Scan(&person, &removed)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("person %s: %w", id, err)
	case removed == nil:
		return nil, &tickets.ConflictError{Reason: id + " is in the configuration still; remove them there and from schedules, policies and overrides, and apply it first"}
	}
	words := []string{person.Name, person.Email}
	for _, contact := range person.Contacts {
		words = append(words, contact.To)
	}
	return words, nil
}

// EraseIn takes a person out of everything of on-call that holds words, inside the caller's transaction, which has named the
// exception by ticketdb.EraseIn. The row of the person stays, with the id alone, because pages refer to it.
func (s *Store) EraseIn(ctx context.Context, tx pgx.Tx, e tickets.Erasure) ([]tickets.Erased, error) {
	pattern, inJSON, instead := e.Pattern(), e.JSONPattern(), e.Replacement()
	var erased []tickets.Erased
	for _, step := range []struct {
		place, statement string
		args             []any
	}{
		{"people", `UPDATE people SET name = $2, definition = jsonb_build_object('id', id, 'name', $2::text) WHERE id = $1`, []any{e.Person, instead}},
		{"verified contacts", `DELETE FROM contact_verifications WHERE person = $1`, []any{e.Person}},
		{"pages and letters", `
			UPDATE pages SET payload = regexp_replace(payload::text, $1, $3, 'gi')::jsonb, last_error = regexp_replace(last_error, $2, $3, 'gi'),
				reason = regexp_replace(reason, $2, $3, 'gi')
			WHERE payload::text ~* $1 OR last_error ~* $2 OR reason ~* $2`, []any{inJSON, pattern, instead}},
		{"audit entries", `
			UPDATE audit_log SET difference = regexp_replace(difference, $1, $2, 'gi'), action = regexp_replace(action, $1, $2, 'gi')
			WHERE difference ~* $1 OR action ~* $1`, []any{pattern, instead}},
		{"changes to undo", `
			UPDATE configuration_changes SET state = NULL, forgotten = 'erased'
			WHERE state IS NOT NULL AND ('people/' || $1 = ANY(things) OR state::text ~* $2)`, []any{e.Person, inJSON}},
		{"hand-over notes", `UPDATE handover_notes SET body = left(regexp_replace(body, $1, $2, 'gi'), 4000) WHERE body ~* $1`, []any{pattern, instead}},
		{"shift requests", `
			UPDATE shift_requests SET says = left(regexp_replace(says, $1, $2, 'gi'), 500), reason = regexp_replace(reason, $1, $2, 'gi')
			WHERE says ~* $1 OR reason ~* $1`, []any{pattern, instead}},
		{"pages of outages", `UPDATE outage_events SET detail = regexp_replace(detail, $1, $2, 'gi') WHERE detail ~* $1`, []any{pattern, instead}},
		{"answers of playbooks", `UPDATE playbook_steps SET says = regexp_replace(says, $1, $2, 'gi') WHERE says ~* $1`, []any{pattern, instead}},
	} {
		tag, err := tx.Exec(ctx, step.statement, step.args...)
		if err != nil {
			return nil, fmt.Errorf("erase from %s: %w", step.place, err)
		}
		erased = append(erased, tickets.Erased{Place: step.place, Rows: tag.RowsAffected()})
	}
	_, err := tx.Exec(ctx, `INSERT INTO audit_log (at, actor, action) VALUES ($1, $2, $3)`, s.Now(), tickets.ActorSystem, "erased person "+e.Person)
	return erased, err
}
