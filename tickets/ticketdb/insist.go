package ticketdb

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// Insist returns, inside the caller's transaction, the change by which people hear of a ticket again: an acknowledged one is
// open again, for its owner first. A ticket that went into another stands for that one; of one that is resolved nobody is
// told.
func Insist(ctx context.Context, tx pgx.Tx, number int64, what string, now time.Time) ([]tickets.Change, error) {
	var lives int64
	err := tx.QueryRow(ctx, `
		WITH RECURSIVE way (number, merged_into) AS (
			SELECT number, merged_into FROM tickets WHERE number = $1
			UNION
			SELECT t.number, t.merged_into FROM tickets t JOIN way ON t.number = way.merged_into)
		SELECT number FROM way WHERE merged_into IS NULL`, number).Scan(&lives)
	if err != nil {
		return nil, fmt.Errorf("ticket %d: %w", number, err)
	}
	ticket, err := getTicket(ctx, tx, lives, "FOR NO KEY UPDATE")
	if err != nil || ticket.State == tickets.Resolved {
		return nil, err
	}
	at := now.UTC()
	change := tickets.Change{Kind: tickets.ChangeSpread, Ticket: &ticket, At: at, Actor: tickets.ActorSystem, Insists: what}
	if ticket.State == tickets.Open {
		return []tickets.Change{change}, nil
	}
	change.Owner = ticket.AcknowledgedBy
	ticket.State, ticket.AcknowledgedAt, ticket.AcknowledgedBy, ticket.UpdatedAt = tickets.Open, nil, "", at
	if err := writeState(ctx, tx, ticket, tickets.ChangeSpread); err != nil {
		return nil, err
	}
	event := tickets.Event{At: at, Type: tickets.EventReopened, Actor: tickets.ActorSystem, Data: map[string]any{"reason": what}}
	if err := AddEvents(ctx, tx, []tickets.Entry{{Ticket: lives, Event: event}}); err != nil {
		return nil, err
	}
	return []tickets.Change{change}, nil
}
