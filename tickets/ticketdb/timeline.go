package ticketdb

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

const timelineQuery = `SELECT at, type, actor, data FROM ticket_events WHERE ticket = $1 ORDER BY at, id`

// Timeline returns a ticket's events, oldest first, or tickets.ErrNotFound.
func (s *Store) Timeline(ctx context.Context, number int64) ([]tickets.Event, error) {
	if _, err := s.Get(ctx, number); err != nil {
		return nil, err
	}
	rows, err := s.pool.Query(ctx, timelineQuery, number)
	if err != nil {
		return nil, fmt.Errorf("timeline of ticket %d: %w", number, classify(err))
	}
	events, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (tickets.Event, error) {
		var event tickets.Event
		err := row.Scan(&event.At, &event.Type, &event.Actor, &event.Data)
		event.At = event.At.UTC()
		return event, err
	})
	if err != nil {
		return nil, fmt.Errorf("timeline of ticket %d: %w", number, classify(err))
	}
	return events, nil
}

// LastEvent is the id of the newest event of any ticket, 0 where there is none.
func (s *Store) LastEvent(ctx context.Context) (int64, error) {
	var last int64
	if err := s.pool.QueryRow(ctx, `SELECT coalesce(max(id), 0) FROM ticket_events`).Scan(&last); err != nil {
		return 0, fmt.Errorf("last event: %w", classify(err))
	}
	return last, nil
}

// AddEvents appends to timelines inside the caller's transaction, in order.
func AddEvents(ctx context.Context, tx pgx.Tx, entries []tickets.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	if err := QueueEvents(batch, entries); err != nil {
		return err
	}
	return tx.SendBatch(ctx, batch).Close()
}

// QueueEvents is AddEvents for whoever sends the batch with more.
func QueueEvents(batch *pgx.Batch, entries []tickets.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	if len(entries) == 1 {
		return queueEvent(batch, entries[0])
	}
	data, err := documents(entries, func(e tickets.Entry) any { return e.Event.Data }, func(e tickets.Entry) bool { return len(e.Event.Data) == 0 }, "{}")
	if err != nil {
		return err
	}
	batch.Queue(`
		INSERT INTO ticket_events (ticket, at, type, actor, data)
		SELECT ticket, at, type, actor, data
		FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::jsonb[])
			WITH ORDINALITY AS e (ticket, at, type, actor, data, place)
		ORDER BY place`,
		column(entries, func(e tickets.Entry) int64 { return e.Ticket }), column(entries, func(e tickets.Entry) time.Time { return e.Event.At }),
		column(entries, func(e tickets.Entry) string { return string(e.Event.Type) }),
		column(entries, func(e tickets.Entry) string { return storable(e.Event.Actor) }), data)
	return nil
}

// queueEvent is QueueEvents for one: most come alone, and nothing needs to be unpacked or put in order for them.
func queueEvent(batch *pgx.Batch, entry tickets.Entry) error {
	data := []byte(`{}`)
	if entry.Event.Data != nil {
		var err error
		if data, err = json.Marshal(entry.Event.Data); err != nil {
			return err
		}
	}
	batch.Queue(`INSERT INTO ticket_events (ticket, at, type, actor, data) VALUES ($1, $2, $3, $4, $5)`,
		entry.Ticket, entry.Event.At, entry.Event.Type, storable(entry.Event.Actor), data)
	return nil
}
