package ticketdb

import (
	"context"
	"fmt"
	"strings"
	"time"

	"afterhours/tickets"
)

// Hold keeps a ticket and its mails beyond every retention. A ticket that is held already is a ConflictError.
func (s *Store) Hold(ctx context.Context, number int64, actor, reason string) (tickets.Ticket, error) {
	reason = strings.TrimSpace(storable(reason))
	if reason == "" || len([]rune(reason)) > tickets.MaxHoldReason {
		return tickets.Ticket{}, &tickets.InvalidError{Field: "reason", Reason: fmt.Sprintf("a hold needs a reason of at most %d characters", tickets.MaxHoldReason)}
	}
	return s.act(ctx, "hold", number, actor, func(ticket *tickets.Ticket, now time.Time) (happening, error) {
		if ticket.Hold != nil {
			return happening{}, conflict("ticket %d is held already: %s", number, ticket.Hold.Reason)
		}
		ticket.Hold = &tickets.Hold{Reason: reason, By: actor, At: now}
		return happening{event: tickets.EventHeld, data: map[string]any{"reason": reason}, quiet: true}, nil
	})
}

// Release ends a hold: from then on the ticket is forgotten like any other. One that is not held is a ConflictError.
func (s *Store) Release(ctx context.Context, number int64, actor string) (tickets.Ticket, error) {
	return s.act(ctx, "release", number, actor, func(ticket *tickets.Ticket, _ time.Time) (happening, error) {
		if ticket.Hold == nil {
			return happening{}, conflict("ticket %d is not held", number)
		}
		ticket.Hold = nil
		return happening{event: tickets.EventReleased, data: map[string]any{}, quiet: true}, nil
	})
}
