package ticketdb

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// Hold keeps a ticket and its mails beyond every retention. A ticket that is held already is a ConflictError.
func (s *Store) Hold(ctx context.Context, number int64, actor, reason string) (tickets.Ticket, error) {
	reason = strings.TrimSpace(storable(reason))
	if reason == "" || len([]rune(reason)) > tickets.MaxHoldReason {
		return tickets.Ticket{}, &tickets.InvalidError{Field: "reason", Reason: fmt.Sprintf("a hold needs a reason of at most %d characters", tickets.MaxHoldReason)}
	}
	return s.changeHold(ctx, number, actor, func(ticket *tickets.Ticket, now time.Time) (tickets.Event, error) {
		if ticket.Hold != nil {
			return tickets.Event{}, conflict("ticket %d is held already: %s", number, ticket.Hold.Reason)
		}
		ticket.Hold = &tickets.Hold{Reason: reason, By: actor, At: now}
		return tickets.Event{Type: tickets.EventHeld, Data: map[string]any{"reason": reason}}, nil
	})
}

// Release ends a hold: from then on the ticket is forgotten like any other. One that is not held is a ConflictError.
func (s *Store) Release(ctx context.Context, number int64, actor string) (tickets.Ticket, error) {
	return s.changeHold(ctx, number, actor, func(ticket *tickets.Ticket, _ time.Time) (tickets.Event, error) {
		if ticket.Hold == nil {
			return tickets.Event{}, conflict("ticket %d is not held", number)
		}
		ticket.Hold = nil
		return tickets.Event{Type: tickets.EventReleased, Data: map[string]any{}}, nil
	})
}

func (s *Store) changeHold(ctx context.Context, number int64, actor string, change func(ticket *tickets.Ticket, now time.Time) (tickets.Event, error)) (tickets.Ticket, error) {
	var after tickets.Ticket
	now := s.now().UTC()
	err := s.transact(ctx, fmt.Sprintf("hold of ticket %d", number), func(tx pgx.Tx) error {
		ticket, err := getTicket(ctx, tx, number, "FOR NO KEY UPDATE")
		if err != nil {
			return err
		}
		event, err := change(&ticket, now)
		if err != nil {
			return err
		}
		ticket.UpdatedAt, after = now, ticket
		if _, err := tx.Exec(ctx, `UPDATE tickets SET hold = $2, updated_at = $3 WHERE number = $1`, number, ticket.Hold, now); err != nil {
			return err
		}
		event.At, event.Actor = now, actor
		return AddEvents(ctx, tx, []tickets.Entry{{Ticket: number, Event: event}})
	})
	if err != nil {
		return tickets.Ticket{}, err
	}
	after.UpdatedAt = now
	return after, nil
}
