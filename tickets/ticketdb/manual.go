package ticketdb

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// OpenTicket writes a ticket that no mail is behind, inside the caller's transaction, and gives it its number. data goes
// to the timeline's first event.
func OpenTicket(ctx context.Context, tx pgx.Tx, ticket *tickets.Ticket, data map[string]any) error {
	if err := number(ctx, tx, []*tickets.Ticket{ticket}); err != nil {
		return err
	}
	event := tickets.Event{At: ticket.CreatedAt, Type: tickets.EventCreated, Actor: tickets.ActorSystem, Data: data}
	plan := tickets.Plan{
		Created: []*tickets.Ticket{ticket}, Events: []tickets.PlannedEvent{{Ticket: ticket, Event: event}},
		Outcomes: []tickets.Outcome{{Ticket: ticket, State: tickets.MailRead}}, // its own words find it
	}
	batch := &pgx.Batch{}
	if err := queueTickets(batch, plan); err != nil {
		return err
	}
	if err := queueEvents(batch, plan.Events); err != nil {
		return err
	}
	return tx.SendBatch(ctx, batch).Close()
}

// ResolveTicket ends a ticket inside the caller's transaction and returns what the on-call room must know: nothing where
// somebody has resolved it already.
func ResolveTicket(ctx context.Context, tx pgx.Tx, number int64, now time.Time, reason string) ([]tickets.Change, error) {
	ticket, err := getTicket(ctx, tx, number, "FOR NO KEY UPDATE")
	if err != nil || ticket.State == tickets.Resolved {
		return nil, err
	}
	at := now.UTC()
	ticket.State, ticket.ResolvedAt, ticket.UpdatedAt = tickets.Resolved, &at, at
	if err := writeState(ctx, tx, ticket, tickets.ChangeResolved); err != nil {
		return nil, err
	}
	event := tickets.Event{At: at, Type: tickets.EventResolved, Actor: tickets.ActorSystem, Data: map[string]any{"because": reason}}
	if err := AddEvents(ctx, tx, []tickets.Entry{{Ticket: number, Event: event}}); err != nil {
		return nil, err
	}
	return []tickets.Change{{Kind: tickets.ChangeResolved, Ticket: &ticket, At: at, Actor: tickets.ActorSystem}}, nil
}
