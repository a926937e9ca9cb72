package ticketdb

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// forgetTicketsAtOnce bounds the tickets of one transaction, so that nobody waits long for a row.
const forgetTicketsAtOnce = 200

// disposable says of a ticket that nothing keeps it: no hold, none that went into it, nothing that still refers to it.
const disposable = `hold IS NULL
	AND NOT EXISTS (SELECT FROM tickets m WHERE m.merged_into = t.number)
	AND NOT EXISTS (SELECT FROM self_test WHERE ticket = t.number)
	AND NOT EXISTS (SELECT FROM intake_watch WHERE silent_ticket = t.number)
	AND NOT EXISTS (SELECT FROM mails WHERE ticket = t.number AND state = 'accepted')`

// ForgetTickets deletes up to one batch of the tickets of some severities that were resolved, and not touched since, before a
// moment: with their mails, raw bodies, timeline, pages and runs. It returns how many; fewer than a full batch means that none
// is left. Tickets under hold stay, and those into which another went that stays.
func (s *Store) ForgetTickets(ctx context.Context, severities []tickets.Severity, before time.Time) (forgotten int, more bool, err error) {
	return s.forget(ctx, `
		SELECT number FROM tickets t
		WHERE state = 'resolved' AND severity = ANY($1) AND resolved_at < $2 AND updated_at < $2 AND `+disposable+`
		ORDER BY resolved_at LIMIT $3
		FOR UPDATE SKIP LOCKED`, severities, before)
}

// ForgetUnresolved is ForgetTickets for tickets that nobody resolved and nobody touched since a moment. One stays while anybody
// is told of it, or will be, and while an action on a device goes on.
func (s *Store) ForgetUnresolved(ctx context.Context, severities []tickets.Severity, before time.Time) (forgotten int, more bool, err error) {
	return s.forget(ctx, `
		SELECT number FROM tickets t
		WHERE state <> 'resolved' AND severity = ANY($1) AND updated_at < $2 AND `+disposable+`
			AND NOT EXISTS (SELECT FROM escalations WHERE ticket = t.number AND state IN ('running', 'waiting'))
			AND NOT EXISTS (SELECT FROM pages WHERE ticket = t.number AND state = 'queued')
			AND NOT EXISTS (SELECT FROM playbook_runs WHERE ticket = t.number AND state IN ('planned', 'waiting', 'approved', 'requesting', 'running'))
		ORDER BY updated_at LIMIT $3
		FOR UPDATE SKIP LOCKED`, severities, before)
}

func (s *Store) forget(ctx context.Context, which string, severities []tickets.Severity, before time.Time) (forgotten int, more bool, err error) {
	err = s.transact(ctx, "forget tickets", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, which, severities, before, forgetTicketsAtOnce)
		if err != nil {
			return err
		}
		numbers, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil || len(numbers) == 0 {
			return err
		}
		forgotten, more = len(numbers), len(numbers) == forgetTicketsAtOnce
		return forgetTickets(ctx, tx, numbers)
	})
	return forgotten, more, err
}

// forgetTickets deletes locked tickets, what refers to them first.
func forgetTickets(ctx context.Context, tx pgx.Tx, numbers []int64) error {
	batch := &pgx.Batch{}
	batch.Queue(`SET LOCAL afterhours.exception = 'retention'`)
	for _, statement := range []string{
		`UPDATE pages SET summary = NULL WHERE summary IN (SELECT id FROM pages WHERE ticket = ANY($1))`,
		`UPDATE contact_verifications SET page = NULL WHERE page IN (SELECT id FROM pages WHERE ticket = ANY($1))`,
		`DELETE FROM pages WHERE ticket = ANY($1)`,
		`DELETE FROM escalations WHERE ticket = ANY($1)`,
		`DELETE FROM playbook_steps WHERE run IN (SELECT id FROM playbook_runs WHERE ticket = ANY($1))`,
		`DELETE FROM playbook_approvals WHERE run IN (SELECT id FROM playbook_runs WHERE ticket = ANY($1))`,
		`DELETE FROM playbook_runs WHERE ticket = ANY($1)`,
		`DELETE FROM api_writes WHERE ticket = ANY($1)`,
		`DELETE FROM api_alerts WHERE ticket = ANY($1)`,
		`DELETE FROM outage_events WHERE mail IN (SELECT id FROM mails WHERE ticket = ANY($1))`,
		`DELETE FROM mail_bodies WHERE mail IN (SELECT id FROM mails WHERE ticket = ANY($1))`,
		`DELETE FROM mails WHERE ticket = ANY($1)`,
		`DELETE FROM ticket_keys WHERE ticket = ANY($1)`,
		`DELETE FROM ticket_events WHERE ticket = ANY($1)`,
		`DELETE FROM tickets WHERE number = ANY($1)`,
	} {
		batch.Queue(statement, numbers)
	}
	batch.Queue(`SET LOCAL afterhours.exception = ''`)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("tickets %d to %d: %w", numbers[0], numbers[len(numbers)-1], err)
	}
	return nil
}
