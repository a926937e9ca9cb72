package ticketdb

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// AcceptSpooled takes over a mail that waited in a spool, with what was done about it there. Handed over again, it
// changes nothing: the mail is in the database by then.
func (s *Store) AcceptSpooled(ctx context.Context, mail tickets.Spooled) error {
	return s.transact(ctx, "accept spooled mail "+mail.ID, func(tx pgx.Tx) error {
		id, err := insertSpooled(ctx, tx, mail)
		if err != nil || id == 0 {
			return err
		}
		return addOutage(ctx, tx, id, mail.Events)
	})
}

// ReadSpooled writes the reading of a mail that the database had before, together with what was done about it in the spool:
// only then does its ticket page nobody again who was told. A mail that another process has read by now gets the events
// alone, and one that was handed over before changes nothing.
func (s *Store) ReadSpooled(ctx context.Context, mail tickets.Spooled, readings []tickets.Reading) error {
	return s.transact(ctx, "read spooled mail "+mail.ID, func(tx pgx.Tx) error {
		var state tickets.MailState
		err := tx.QueryRow(ctx, `UPDATE mails SET spooled = $2 WHERE id = $1 AND spooled IS DISTINCT FROM $2 RETURNING state`, mail.Stored, mail.ID).Scan(&state)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := addOutage(ctx, tx, mail.Stored, mail.Events); err != nil || state != tickets.MailAccepted {
			return err
		}
		return s.writeReadings(ctx, tx, readings)
	})
}

// KeepClaims keeps mails claimed that the caller holds in its spool, so that no other reader takes them before ReadSpooled does.
func (s *Store) KeepClaims(ctx context.Context, ids []int64) error {
	_, err := s.pool.Exec(ctx, `
		UPDATE mails SET lease_until = greatest(lease_until, $2) WHERE id = ANY($1) AND state = 'accepted'`, ids, s.now().Add(handedLease))
	if err != nil {
		return fmt.Errorf("keep mails claimed: %w", classify(err))
	}
	return nil
}

func addOutage(ctx context.Context, tx pgx.Tx, mail int64, events []tickets.OutageEvent) error {
	batch := &pgx.Batch{}
	for _, event := range events {
		batch.Queue(`
			INSERT INTO outage_events (mail, at, type, person, webhook, contact, channel, detail, token_hash)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			mail, event.At, event.Type, event.Person, event.Webhook, event.Contact, event.Channel, storable(event.Detail), event.Token)
	}
	return tx.SendBatch(ctx, batch).Close()
}

// insertSpooled returns the mail's id, or 0 where the spool's mail is stored already.
func insertSpooled(ctx context.Context, tx pgx.Tx, mail tickets.Spooled) (int64, error) {
	e := mail.Envelope
	var remote *netip.Addr
	if e.Remote.IsValid() {
		address := e.Remote.Unmap().WithZone("")
		remote = &address
	}
	to := make([]string, len(e.To))
	for i, address := range e.To {
		to[i] = storable(address)
	}
	raw := mail.Raw
	if raw == nil {
		raw = []byte{}
	}
	digest := sha256.Sum256(raw)
	rows, err := tx.Query(ctx, `
		WITH header AS (
			INSERT INTO mails (received_at, envelope_from, envelope_to, remote, helo, tls, verified, authentication, digest, size, spooled)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
			ON CONFLICT (spooled) WHERE spooled IS NOT NULL DO NOTHING
			RETURNING id, received_at
		), body AS (
			INSERT INTO mail_bodies (mail, received_at, raw) SELECT id, received_at, $12 FROM header
		)
		SELECT id FROM header`,
		e.ReceivedAt, storable(e.From), to, remote, storable(e.Helo), e.TLS, e.Verified, storableAuthentication(e.Authentication),
		digest[:], len(raw), mail.ID, raw)
	if err != nil {
		return 0, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return ids[0], nil
}

// AcknowledgeAfterOutage gives tickets to those who acknowledged them while the database was away, inside the caller's
// transaction, and returns what the on-call room must know. Tickets that are not open any more are left as they are.
func AcknowledgeAfterOutage(ctx context.Context, tx pgx.Tx, acks []tickets.OutageAck) ([]tickets.Change, error) {
	var changes []tickets.Change
	var entries []tickets.Entry
	for _, ack := range acks { // as many as people answered during one outage
		ticket, err := getTicket(ctx, tx, ack.Ticket, "FOR NO KEY UPDATE")
		if err != nil {
			return nil, err
		}
		if ticket.State != tickets.Open {
			continue
		}
		at := ack.At.UTC()
		ticket.State, ticket.AcknowledgedAt, ticket.AcknowledgedBy = tickets.Acknowledged, &at, ack.Actor
		if ticket.Assignee == "" {
			ticket.Assignee = ack.Actor
		}
		if err := writeState(ctx, tx, ticket, tickets.ChangeAcknowledged); err != nil {
			return nil, err
		}
		entries = append(entries, tickets.Entry{Ticket: ticket.Number, Event: tickets.Event{
			At: at, Type: tickets.EventAcknowledged, Actor: ack.Actor, Data: map[string]any{"outage": true},
		}})
		changes = append(changes, tickets.Change{Kind: tickets.ChangeAcknowledged, Ticket: &ticket, At: at, Actor: ack.Actor})
	}
	return changes, AddEvents(ctx, tx, entries)
}
