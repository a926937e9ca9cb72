package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
	"afterhours/tickets/ticketdb"
)

// The flow of one mail stands in the log under ids alone: `message` from its 250 to the ticket, `ticket` from there to pages
// and acknowledgement. What happens inside a transaction is logged as it is written; where the commit fails, it is done, and
// logged, again.

// readLogged logs the ticket of each mail that is read, and goes on to next.
func readLogged(log *slog.Logger, next ticketdb.ReadHook) ticketdb.ReadHook {
	return func(ctx context.Context, tx pgx.Tx, outcomes []tickets.Outcome, now time.Time) error {
		for _, outcome := range outcomes {
			if outcome.Ticket != nil && outcome.Reading.Mail.ID != 0 {
				log.Info("mail read", "message", outcome.Reading.Mail.ID, "ticket", outcome.Ticket.Number, "state", outcome.State)
			}
		}
		noteOutcomes(ctx, outcomes)
		return next(ctx, tx, outcomes, now)
	}
}

// logChanges logs who took or ended tickets.
func logChanges(log *slog.Logger, changes []tickets.Change) {
	for _, change := range changes {
		switch change.Kind {
		case tickets.ChangeAcknowledged:
			log.Info("ticket acknowledged", "ticket", change.Ticket.Number, "actor", change.Actor)
		case tickets.ChangeResolved:
			log.Info("ticket resolved", "ticket", change.Ticket.Number, "actor", change.Actor)
		}
	}
}
