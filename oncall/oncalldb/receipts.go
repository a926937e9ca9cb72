package oncalldb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// callMemory is how long the signature of a provider's call is remembered: longer than any of its tokens is good for.
const callMemory = 30 * 24 * time.Hour

// TakeCall remembers a provider's call by the digest of its signature; fresh is false where it was taken before.
func (s *Store) TakeCall(ctx context.Context, digest []byte) (fresh bool, err error) {
	now := s.Now()
	taken, err := s.Pool.Exec(ctx, `
		WITH old AS (
			DELETE FROM provider_calls WHERE digest IN (SELECT digest FROM provider_calls WHERE at < $3 ORDER BY at LIMIT 100)
		)
		INSERT INTO provider_calls (digest, at) VALUES ($1, $2) ON CONFLICT DO NOTHING`, digest, now, now.Add(-callMemory))
	if err != nil {
		return false, fmt.Errorf("take provider's call: %w", err)
	}
	return taken.RowsAffected() == 1, nil
}

// ForgetCall lets a call that could not be answered come again.
func (s *Store) ForgetCall(ctx context.Context, digest []byte) error {
	if _, err := s.Pool.Exec(ctx, `DELETE FROM provider_calls WHERE digest = $1`, digest); err != nil {
		return fmt.Errorf("forget provider's call: %w", err)
	}
	return nil
}

// Callback returns the page that a provider's call is about; tickets.ErrNotFound for a token that is forged, or whose page
// is older than its link is good for.
func (s *Store) Callback(ctx context.Context, token string) (oncall.Invitation, error) {
	var invitation oncall.Invitation
	page, ok := s.Links.CallbackPage(token)
	if !ok {
		return invitation, fmt.Errorf("provider's call: %w", tickets.ErrNotFound)
	}
	err := s.Pool.QueryRow(ctx, `
		SELECT pages.id, coalesce(pages.ticket, 0), coalesce(pages.person, ''), coalesce(people.name, '')
		FROM pages LEFT JOIN people ON people.id = pages.person
		WHERE pages.id = $1 AND pages.created_at > $2`, page, s.Now().Add(-oncall.LinkLifetime)).
		Scan(&invitation.Page, &invitation.Ticket, &invitation.Person, &invitation.Name)
	if errors.Is(err, pgx.ErrNoRows) {
		return invitation, fmt.Errorf("provider's call: %w", tickets.ErrNotFound)
	}
	if err != nil {
		return invitation, fmt.Errorf("provider's call: %w", err)
	}
	return invitation, nil
}

// Told returns the open tickets that a person was told of, the one told of last first.
func (s *Store) Told(ctx context.Context, person string) ([]int64, error) {
	rows, err := s.Pool.Query(ctx, `
		SELECT pages.ticket FROM pages JOIN tickets ON tickets.number = pages.ticket
		WHERE pages.person = $1 AND pages.type = 'page' AND pages.state IN ('sent', 'delivered') AND tickets.state = 'open'
		GROUP BY pages.ticket ORDER BY max(pages.sent_at) DESC, pages.ticket DESC LIMIT 100`, person)
	if err != nil {
		return nil, fmt.Errorf("what %s was told of: %w", person, err)
	}
	numbers, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("what %s was told of: %w", person, err)
	}
	return numbers, nil
}

// RecordReport records what a provider tells of a page that it had accepted. A failure goes on to the next contact or step,
// as one at the sending would. What was delivered stays so.
func (s *Store) RecordReport(ctx context.Context, id int64, report oncall.Report) error {
	if !report.Delivered && !report.Failed {
		return nil
	}
	now := s.Now()
	err := s.keyed(ctx, func(tx pgx.Tx) error {
		var ticket int64
		if err := tx.QueryRow(ctx, `SELECT coalesce(ticket, 0) FROM pages WHERE id = $1`, id).Scan(&ticket); err != nil {
			return err
		}
		at, due, running, err := position(ctx, tx, ticket)
		if err != nil {
			return err
		}
		outcome := oncall.Outcome{State: oncall.PageDelivered, Receipt: oncall.DeliveredReceipt(report)}
		if report.Failed {
			outcome = oncall.Outcome{State: oncall.PageFailed, Reason: report.Reason}
		}
		page, overtaken, err := reported(ctx, tx, id, outcome, now)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil // it has ended already
		}
		if err != nil {
			return err
		}
		switch page.Type {
		case oncall.PageType:
			if err := s.addReport(ctx, tx, page, overtaken, outcome, now); err != nil || !report.Failed {
				return err
			}
			configuration, err := s.tellReported(ctx, tx, page, outcome, now)
			if err != nil || !running || at.Generation != page.Generation {
				return err
			}
			return s.moveOn(ctx, tx, configuration, at, due, page, now)
		case oncall.SummaryType:
			if report.Failed {
				if _, err := s.tellReported(ctx, tx, page, outcome, now); err != nil {
					return err
				}
			}
			return s.EnqueueShare(ctx, tx, share(page.ID, outcome))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record report of page %d: %w", id, err)
	}
	return nil
}

// reported moves a page to the state of a report; pgx.ErrNoRows where it has ended already. overtaken says that the report came
// before the page was recorded as sent.
func reported(ctx context.Context, tx pgx.Tx, id int64, outcome oncall.Outcome, now time.Time) (page oncall.Page, overtaken bool, err error) {
	if err := tx.QueryRow(ctx, `SELECT state = 'queued' FROM pages WHERE id = $1 FOR UPDATE`, id).Scan(&overtaken); err != nil {
		return page, false, err
	}
	rows, err := tx.Query(ctx, `
		UPDATE pages SET state = $2, last_error = $3, finished_at = $4, lease_until = NULL, sent_at = coalesce(sent_at, $4),
			phoned_at = CASE WHEN $2 <> 'failed' THEN phoned_at END
		WHERE id = $1 AND (state = 'sent' OR state = 'queued' AND started_at IS NOT NULL)
		RETURNING `+pageColumns, id, outcome.State, outcome.Reason, now)
	if err != nil {
		return page, false, err
	}
	page, err = pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (oncall.Page, error) { return scanPage(row) })
	return page, overtaken, err
}

// addReport writes what was told of a page to its timeline.
func (s *Store) addReport(ctx context.Context, tx pgx.Tx, page oncall.Page, overtaken bool, outcome oncall.Outcome, now time.Time) error {
	var entries []tickets.Entry
	if overtaken {
		entries = append(entries, receipt(page, oncall.Outcome{State: oncall.PageSent}, now))
	}
	entry := receipt(page, outcome, now)
	if outcome.State == oncall.PageDelivered {
		entry.Event.Type = tickets.EventPageDelivered
	}
	return s.addEvents(ctx, tx, append(entries, entry))
}

// tellReported tells the webhooks that ask for it of a failure that a provider reported.
func (s *Store) tellReported(ctx context.Context, tx pgx.Tx, page oncall.Page, outcome oncall.Outcome, now time.Time) (oncall.Configuration, error) {
	configuration, err := s.configuration(ctx, tx)
	if err != nil {
		return configuration, err
	}
	ticket, err := s.GetTicket(ctx, page.Ticket)
	if err != nil {
		return configuration, err
	}
	return configuration, s.tellFailed(ctx, tx, configuration, ticket, page, outcome.Reason, now)
}

// updateWritten queues a new form of what was written about changed tickets.
func (s *Store) updateWritten(ctx context.Context, tx pgx.Tx, configuration oncall.Configuration, changes []tickets.Change) error {
	if !configuration.HasContact(oncall.ReplacingChannel) {
		return nil
	}
	numbers := make([]int64, 0, len(changes))
	for _, change := range changes {
		if change.Kind != tickets.ChangeCreated {
			numbers = append(numbers, change.Ticket.Number)
		}
	}
	if len(numbers) == 0 {
		return nil
	}
	return s.rewrite(ctx, tx, numbers, changes[0].At)
}

// rewrite queues a new form of what was written about tickets in channels that can replace it.
func (s *Store) rewrite(ctx context.Context, tx pgx.Tx, numbers []int64, now time.Time) error {
	rows, err := tx.Query(ctx, `
		SELECT `+pageColumns+` FROM pages
		WHERE ticket = ANY($1) AND type = 'page' AND channel = $2 AND provider_id <> '' AND state IN ('sent', 'delivered')
		ORDER BY id DESC LIMIT 200`, numbers, oncall.ReplacingChannel)
	if err != nil {
		return err
	}
	written, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (oncall.Page, error) { return scanPage(row) })
	if err != nil {
		return err
	}
	updates := make([]oncall.Page, len(written))
	for i, page := range written {
		payload, err := json.Marshal(oncall.Update{Page: page.ID, CreatedAt: page.CreatedAt, Replaces: page.ProviderID})
		if err != nil {
			return err
		}
		updates[i] = oncall.Page{
			Ticket: page.Ticket, Person: page.Person, Contact: page.Contact, Channel: page.Channel, Type: oncall.UpdateType,
			State: oncall.PageQueued, DueAt: now, CreatedAt: now, Payload: payload,
		}
	}
	return s.insertPages(ctx, tx, updates, now)
}
