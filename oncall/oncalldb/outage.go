package oncalldb

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// outageEvent is one thing that was done about a mail while the database was away, with the ticket that the mail came to.
type outageEvent struct {
	ID      int64
	Ticket  int64
	At      time.Time
	Type    tickets.OutageEventType
	Person  string
	Webhook string
	Contact string
	Channel string
	Detail  string
	Token   []byte
}

// ReconcileOutage takes over, inside the transaction that reads spooled mails into the given tickets, what was done about
// them while the database was away: whoever was told stands among the pages and on the timeline, with the time and the
// link of then, and is not told a second time. It returns the acknowledgements of that time.
func (s *Store) ReconcileOutage(ctx context.Context, tx pgx.Tx, numbers []int64) ([]tickets.OutageAck, error) {
	rows, err := tx.Query(ctx, `
		WITH open AS (
			SELECT o.id, m.ticket FROM outage_events o JOIN mails m ON m.id = o.mail
			WHERE NOT o.reconciled AND m.ticket = ANY($1)
			ORDER BY o.id FOR UPDATE OF o
		)
		UPDATE outage_events o SET reconciled = true FROM open WHERE o.id = open.id
		RETURNING o.id, coalesce((SELECT merged_into FROM tickets t WHERE t.number = open.ticket), open.ticket) AS ticket, o.at, o.type,
			o.person, o.webhook, o.contact, o.channel, o.detail, o.token_hash AS token`, numbers)
	if err != nil {
		return nil, err
	}
	events, err := pgx.CollectRows(rows, pgx.RowToStructByName[outageEvent])
	if err != nil || len(events) == 0 {
		return nil, err
	}
	var acks []tickets.OutageAck
	batch := &pgx.Batch{}
	var entries []tickets.Entry
	for _, event := range events {
		if event.Type == tickets.OutageAcknowledged {
			acks = append(acks, tickets.OutageAck{Ticket: event.Ticket, Actor: event.Person, At: event.At})
			continue
		}
		entries = append(entries, event.entry())
		event.queue(batch)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, err
	}
	return acks, s.addEvents(ctx, tx, entries)
}

func (e outageEvent) entry() tickets.Entry {
	kind := tickets.EventPageSent
	if e.Type == tickets.OutageFailed {
		kind = tickets.EventPageFailed
	}
	data := map[string]any{"channel": e.Channel, "outage": true}
	for key, value := range map[string]string{"person": e.Person, "webhook": e.Webhook, "contact": e.Contact, "reason": e.Detail} {
		if value != "" {
			data[key] = value
		}
	}
	return tickets.Entry{Ticket: e.Ticket, Event: tickets.Event{At: e.At.UTC(), Type: kind, Actor: tickets.ActorSystem, Data: data}}
}

// queue writes the page of then, and takes back the one of now that would tell the same contact again.
func (e outageEvent) queue(batch *pgx.Batch) {
	state := oncall.PageSent
	if e.Type == tickets.OutageFailed {
		state = oncall.PageFailed
	}
	batch.Queue(`
		INSERT INTO pages (key, ticket, person, webhook, contact, channel, type, generation, round, step, state, due_at, give_up_at,
			attempts, last_error, token_hash, token_expires, created_at, sent_at, single_at, finished_at)
		SELECT 'outage/' || $1::bigint, $2, (SELECT id FROM people WHERE id = $3), $4, $5, $6, 'page', e.generation, e.round, e.step, $7, $8, $8,
			1, $9, $10, $11, $8, CASE WHEN $7 = 'sent' THEN $8::timestamptz END, CASE WHEN $7 = 'sent' THEN $8::timestamptz END, $8
		FROM escalations e WHERE e.ticket = $2
		ON CONFLICT DO NOTHING`,
		e.ID, e.Ticket, e.Person, e.Webhook, e.Contact, e.Channel, state, e.At, e.Detail, e.Token, e.At.Add(oncall.LinkLifetime))
	if state != oncall.PageSent {
		return
	}
	batch.Queue(`
		UPDATE pages SET state = 'cancelled', finished_at = $5, lease_until = NULL,
			last_error = 'sent directly while the database was away'
		WHERE ticket = $1 AND state = 'queued' AND type = 'page' AND coalesce(person, '') = $2 AND webhook = $3 AND contact = $4`,
		e.Ticket, e.Person, e.Webhook, e.Contact, e.At)
}

// ReconcileRest is ReconcileOutage for mails that changed no ticket when they were read: repeats of others. acknowledge
// gives tickets to those who acknowledged.
func (s *Store) ReconcileRest(ctx context.Context, acknowledge func(ctx context.Context, tx pgx.Tx, acks []tickets.OutageAck) error) error {
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT number FROM tickets WHERE number IN (
				SELECT m.ticket FROM outage_events o JOIN mails m ON m.id = o.mail WHERE NOT o.reconciled AND m.ticket IS NOT NULL)
			ORDER BY number FOR NO KEY UPDATE`)
		if err != nil {
			return err
		}
		numbers, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil || len(numbers) == 0 {
			return err
		}
		acks, err := s.ReconcileOutage(ctx, tx, numbers)
		if err != nil {
			return err
		}
		return acknowledge(ctx, tx, acks)
	})
	if err != nil {
		return fmt.Errorf("reconcile an outage: %w", err)
	}
	return nil
}
