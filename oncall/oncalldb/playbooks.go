package oncalldb

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// TellOf queues an event of a ticket for the webhooks that ask for it, inside the given transaction.
func (s *Store) TellOf(ctx context.Context, tx pgx.Tx, event string, ticket tickets.Ticket, more map[string]any, now time.Time) error {
	configuration, err := s.configuration(ctx, tx)
	if err != nil {
		return err
	}
	notices, err := configuration.Notices(event, ticket, now, more)
	if err != nil {
		return fmt.Errorf("tell of %s: %w", event, err)
	}
	return s.insertPages(ctx, tx, notices, now)
}

// Ask queues the messages that ask for the approval of a response, inside the given transaction.
func (s *Store) Ask(ctx context.Context, tx pgx.Tx, ticket tickets.Ticket, question oncall.Question, now time.Time) error {
	configuration, err := s.configuration(ctx, tx)
	if err != nil {
		return err
	}
	pages, err := configuration.ApprovalRequests(ticket, question, now)
	if err != nil {
		return fmt.Errorf("ask for approval of run %d: %w", question.Run, err)
	}
	return s.insertPages(ctx, tx, pages, now)
}
