package oncalldb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// ClaimPage takes a queued page for one attempt. The job that lost its page, because somebody acknowledged, another job
// has it or it goes with a summary, gets ok false.
func (s *Store) ClaimPage(ctx context.Context, id int64) (dispatch oncall.Dispatch, ok bool, err error) {
	page, giveUp, err := claim(ctx, s.Pool, id, s.Now())
	if errors.Is(err, pgx.ErrNoRows) || err == nil && page.Bundled {
		return dispatch, false, nil
	}
	if err != nil {
		return dispatch, false, fmt.Errorf("claim page %d: %w", id, err)
	}
	dispatch, err = s.dispatch(ctx, page)
	dispatch.GiveUp = giveUp
	return dispatch, err == nil, err
}

// claim counts the attempt. started_at keeps a second job for the same page away while the first one sends. The locks let
// those that would spend the same budget count one after the other.
func claim(ctx context.Context, db batcher, id int64, now time.Time) (page oncall.Page, giveUp time.Time, err error) {
	batch := &pgx.Batch{}
	batch.Queue(`SELECT pg_advisory_xact_lock(hashtextextended(coalesce(person, 'webhook:' || webhook), 1)) FROM pages WHERE id = $1 AND single_at IS NULL`, id)
	batch.Queue(`SELECT pg_advisory_xact_lock(hashtextextended('unverified', 2)) FROM pages WHERE id = $1 AND single_at IS NULL AND unverified`, id)
	batch.Queue(`
		WITH p AS (
			SELECT * FROM pages
			WHERE id = $1 AND state = 'queued' AND NOT bundled AND due_at <= $2 AND (started_at IS NULL OR started_at <= $4)
			FOR UPDATE
		), decided AS (
			SELECT id AS page, type = 'page' AND repetition = 0 AS countable,
				type = 'page' AND repetition = 0 AND single_at IS NULL AND (
					person IS NOT NULL AND bundle_after > 0 AND bundle_after <= (
						SELECT count(*) FROM pages s
						WHERE coalesce(s.person, 'webhook:' || s.webhook) = coalesce(p.person, 'webhook:' || p.webhook)
							AND s.unverified = p.unverified AND s.single_at > $2 - p.bundle_within)
					OR unverified
						AND NOT EXISTS (SELECT FROM pages s WHERE s.ticket = p.ticket AND s.type = 'page' AND s.single_at IS NOT NULL)
						AND $6 <= (SELECT count(DISTINCT ticket) FROM pages s WHERE s.unverified AND s.single_at > $5)
				) AS over
			FROM p
		)
		UPDATE pages SET
			bundled = over, attempts = attempts + (NOT over)::integer,
			started_at = CASE WHEN NOT over THEN $2::timestamptz END,
			lease_until = CASE WHEN NOT over THEN $3::timestamptz END,
			single_at = CASE WHEN countable AND NOT over THEN coalesce(single_at, $2) END
		FROM decided WHERE id = decided.page
		RETURNING `+pageColumns+`, give_up_at, payload`,
		id, now, now.Add(oncall.ClaimLease), now.Add(-oncall.ClaimLease), now.Add(-oncall.UnverifiedWithin), oncall.UnverifiedTickets)
	results := db.SendBatch(ctx, batch)
	defer func() { err = errors.Join(err, results.Close()) }()
	for range 2 {
		if _, err := results.Exec(); err != nil {
			return page, giveUp, err
		}
	}
	rows, err := results.Query()
	if err != nil {
		return page, giveUp, err
	}
	var payload []byte
	page, err = pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (oncall.Page, error) {
		return scanPage(row, &giveUp, &payload)
	})
	page.Payload = payload
	return page, giveUp, err
}

// dispatch adds to a page its ticket, its person and the contact as they are now.
func (s *Store) dispatch(ctx context.Context, page oncall.Page) (oncall.Dispatch, error) {
	dispatch := oncall.Dispatch{Page: page}
	configuration, err := s.Configuration(ctx)
	if err != nil {
		return dispatch, err
	}
	if page.Ticket != 0 {
		if dispatch.Ticket, err = s.GetTicket(ctx, page.Ticket); err != nil {
			return dispatch, err
		}
	}
	if page.Webhook != "" {
		webhook, _ := configuration.Webhook(page.Webhook)
		dispatch.Contact = webhook.Target()
		return dispatch, nil
	}
	person, _ := configuration.Person(page.Person)
	contact, _ := person.Contact(page.Contact)
	dispatch.Person = person
	dispatch.Contact = contact.Target()
	dispatch.Told, err = s.told(ctx, page, configuration)
	return dispatch, err
}

// told names the people who were notified of the ticket before this page, in order.
func (s *Store) told(ctx context.Context, page oncall.Page, configuration oncall.Configuration) ([]string, error) {
	rows, err := s.Pool.Query(ctx, `
		SELECT person FROM pages
		WHERE ticket = $1 AND id < $2 AND person IS NOT NULL AND person <> $3 AND state IN ('sent', 'delivered')
		GROUP BY person ORDER BY min(id)`, page.Ticket, page.ID, page.Person)
	if err != nil {
		return nil, fmt.Errorf("who was told of ticket %d: %w", page.Ticket, err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("who was told of ticket %d: %w", page.Ticket, err)
	}
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = configuration.Name(id)
	}
	return names, nil
}

// FinishAttempt records what became of a claimed page. Where nothing of a step has reached anybody, the next step is
// brought forward; a push that was sent is repeated until somebody acknowledges.
func (s *Store) FinishAttempt(ctx context.Context, dispatch oncall.Dispatch, outcome oncall.Outcome) error {
	page, now := dispatch.Page, s.Now()
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if page.Type == oncall.SummaryType && outcome.State != oncall.PageQueued {
			return s.finishSummary(ctx, tx, page, outcome, now)
		}
		at, due, running, err := position(ctx, tx, page.Ticket)
		if err != nil {
			return err
		}
		if outcome.State == oncall.PageQueued {
			_, err := tx.Exec(ctx, `
				UPDATE pages SET due_at = $2, last_error = $3, lease_until = NULL, started_at = NULL, attempts = attempts - $4
				WHERE id = $1 AND state = 'queued'`, page.ID, outcome.RetryAt, outcome.Reason, untried(outcome))
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE pages SET state = $2, last_error = $3, provider_id = $4, finished_at = $5, lease_until = NULL,
				sent_at = CASE WHEN $2 IN ('sent', 'delivered') THEN $5::timestamptz END
			WHERE id = $1 AND state IN ('queued', 'cancelled')`,
			page.ID, outcome.State, outcome.Reason, outcome.Receipt.ProviderID, now)
		if err != nil {
			return err
		}
		if outcome.Gone && page.Webhook != "" {
			configuration, err := s.configuration(ctx, tx)
			if err != nil {
				return err
			}
			if webhook, ok := configuration.Webhook(page.Webhook); ok && webhook.URL == dispatch.Contact.Address {
				if err := s.disableWebhook(ctx, tx, webhook, outcome.Reason, now); err != nil {
					return err
				}
			}
		}
		if page.IsEvent() {
			return nil
		}
		if err := s.AddEvents(ctx, tx, []tickets.Entry{receipt(page, outcome, now)}); err != nil {
			return err
		}
		if outcome.State == oncall.PageFailed {
			more := map[string]any{"page": map[string]any{"id": page.ID, "person": page.Person, "channel": page.Channel, "reason": outcome.Reason}}
			configuration, err := s.configuration(ctx, tx)
			if err != nil {
				return err
			}
			notices, err := configuration.Notices(oncall.EventPageFailed, dispatch.Ticket, now, more)
			if err != nil {
				return err
			}
			if err := s.insertPages(ctx, tx, notices, now); err != nil {
				return err
			}
		}
		if !running || at.Generation != page.Generation {
			return nil
		}
		if outcome.State == oncall.PageSent || outcome.State == oncall.PageDelivered {
			return s.repeat(ctx, tx, page, now)
		}
		return s.fallThrough(ctx, tx, at, due, page, now)
	})
	if err != nil {
		return fmt.Errorf("record page %d: %w", page.ID, err)
	}
	return nil
}

// untried is how many attempts an outcome takes back.
func untried(outcome oncall.Outcome) int {
	if outcome.Untried {
		return 1
	}
	return 0
}

func receipt(page oncall.Page, outcome oncall.Outcome, now time.Time) tickets.Entry {
	kind := map[oncall.PageState]tickets.EventType{
		oncall.PageHeld: tickets.EventPageHeld, oncall.PageFailed: tickets.EventPageFailed,
	}[outcome.State]
	if kind == "" {
		kind = tickets.EventPageSent
	}
	data := map[string]any{"page": page.ID, "channel": page.Channel, "attempts": page.Attempts}
	for key, value := range map[string]string{
		"person": page.Person, "webhook": page.Webhook, "contact": page.Contact,
		"reason": outcome.Reason, "detail": outcome.Receipt.Detail, "provider_id": outcome.Receipt.ProviderID,
	} {
		if value != "" {
			data[key] = value
		}
	}
	return tickets.Entry{Ticket: page.Ticket, Event: tickets.Event{At: now, Type: kind, Actor: tickets.ActorSystem, Data: data}}
}

func (s *Store) repeat(ctx context.Context, tx pgx.Tx, page oncall.Page, now time.Time) error {
	again, ok := oncall.Repeat(page, now)
	if !ok {
		return nil
	}
	return s.insertPages(ctx, tx, []oncall.Page{again}, now)
}

func (s *Store) fallThrough(ctx context.Context, tx pgx.Tx, at oncall.Position, due time.Time, page oncall.Page, now time.Time) error {
	if at.Round != page.Round || at.Step != page.Step {
		return nil
	}
	var alive bool
	err := tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM pages WHERE ticket = $1 AND generation = $2 AND round = $3 AND step = $4
			AND state IN ('queued', 'sent', 'delivered') AND NOT (state = 'queued' AND reason = $5))`, at.Ticket, at.Generation, at.Round, at.Step, oncall.QuietReason).Scan(&alive)
	if err != nil || alive {
		return err
	}
	configuration, err := s.configuration(ctx, tx)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE escalations SET due_at = $2 WHERE ticket = $1`, at.Ticket, configuration.FallThrough(at, due, now))
	return err
}
