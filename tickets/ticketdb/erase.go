package ticketdb

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// EraseIn takes a person's words out of the timelines, inside the caller's transaction. Types, moments, order and actors
// stay: the trigger refuses anything else.
func EraseIn(ctx context.Context, tx pgx.Tx, e tickets.Erasure) ([]tickets.Erased, error) {
	if _, err := tx.Exec(ctx, `SET LOCAL afterhours.exception = 'erasure'`); err != nil {
		return nil, fmt.Errorf("erase: %w", err)
	}
	events, err := tx.Exec(ctx, `
		UPDATE ticket_events SET data = regexp_replace(data::text, $1, $2, 'gi')::jsonb WHERE data::text ~* $1`, e.JSONPattern(), e.Replacement())
	if err != nil {
		return nil, fmt.Errorf("erase from timelines: %w", err)
	}
	holds, err := tx.Exec(ctx, `
		UPDATE tickets SET hold = regexp_replace(hold::text, $1, $2, 'gi')::jsonb WHERE hold IS NOT NULL AND hold::text ~* $1`, e.JSONPattern(), e.Replacement())
	if err != nil {
		return nil, fmt.Errorf("erase from holds: %w", err)
	}
	return []tickets.Erased{{Place: "timeline entries", Rows: events.RowsAffected()}, {Place: "holds", Rows: holds.RowsAffected()}}, nil
}
