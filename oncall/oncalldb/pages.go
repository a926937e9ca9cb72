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

// insertPages stores queued pages, each with the hash of its link, and enqueues those that are due at now. A page whose
// cause has one already is left out.
func (s *Store) insertPages(ctx context.Context, tx pgx.Tx, pages []oncall.Page, now time.Time) error {
	if len(pages) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, `
		SELECT nextval(pg_get_serial_sequence('pages', 'id')) FROM generate_series(1, $1)`, len(pages))
	if err != nil {
		return err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	type row struct {
		oncall.Page
		Generation  int        `json:"generation"`
		Key         string     `json:"key"`
		Token       string     `json:"token"`
		TokenExpiry time.Time  `json:"token_expires"`
		GiveUp      time.Time  `json:"give_up_at"`
		Lease       *time.Time `json:"lease_until"`
		Payload     any        `json:"payload"`
	}
	records := make([]row, len(pages))
	for i, page := range pages {
		page.ID = ids[i]
		page.CreatedAt = page.CreatedAt.UTC().Truncate(time.Microsecond) // as the database keeps it: the link depends on it
		records[i] = row{
			Page: page, Generation: page.Generation, Key: pageKey(page),
			Token:       fmt.Sprintf(`\x%x`, oncall.HashToken(s.Links.Token(page.ID, page.CreatedAt))),
			TokenExpiry: page.DueAt.Add(oncall.LinkLifetime), GiveUp: page.GiveUpAt(),
		}
		if page.IsEvent() { // nobody acknowledges by an event
			records[i].Payload, records[i].Token = page.Payload, ""
		}
		if !page.DueAt.After(now) {
			lease := now.Add(oncall.ClaimLease)
			records[i].Lease = &lease
		}
	}
	content, err := json.Marshal(records)
	if err != nil {
		return err
	}
	rows, err = tx.Query(ctx, `
		INSERT INTO pages (id, key, ticket, person, webhook, contact, channel, type, generation, round, step, repetition,
			due_at, give_up_at, lease_until, token_hash, token_expires, created_at, payload)
		OVERRIDING SYSTEM VALUE
		SELECT id, key, ticket, nullif(person, ''), webhook, contact, channel, type, generation, round, step, repetition,
			due_at, give_up_at, lease_until, nullif(token, '')::bytea, token_expires, created_at, payload
		FROM jsonb_to_recordset($1) AS p (id bigint, key text, ticket bigint, person text, webhook text, contact text,
			channel text, type text, generation integer, round integer, step integer, repetition integer, due_at timestamptz,
			give_up_at timestamptz, lease_until timestamptz, token text, token_expires timestamptz, created_at timestamptz,
			payload jsonb)
		ON CONFLICT (key) DO NOTHING
		RETURNING id`, content)
	if err != nil {
		return err
	}
	written, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	return s.enqueueDue(ctx, tx, written, now, func(id int64) oncall.Page {
		for i := range records {
			if records[i].ID == id {
				return records[i].Page
			}
		}
		return oncall.Page{}
	})
}

func (s *Store) enqueueDue(ctx context.Context, tx pgx.Tx, ids []int64, now time.Time, page func(int64) oncall.Page) error {
	var due []oncall.Page
	for _, id := range ids {
		if p := page(id); !p.DueAt.After(now) {
			due = append(due, p)
		}
	}
	if len(due) == 0 {
		return nil
	}
	return s.Enqueue(ctx, tx, due)
}

// pageKey names the cause of a page: the same rule of the same step never notifies the same contact twice.
func pageKey(page oncall.Page) string {
	if page.IsEvent() {
		return fmt.Sprintf("%d/%s/%s/%d", page.Ticket, page.Type, page.Webhook, page.ID)
	}
	return fmt.Sprintf("%d/%d/%d/%d/%s/%s/%s%s/%s/%d", page.Ticket, page.Generation, page.Round, page.Step,
		page.Type, page.Person, page.Contact, page.Webhook, page.DueAt.Sub(page.CreatedAt), page.Repetition)
}

// ReleasePages enqueues up to limit pages that are due at now: later rules, further attempts, and pages whose job died
// before its lease ended.
func (s *Store) ReleasePages(ctx context.Context, now time.Time, limit int) (taken int, err error) {
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			WITH due AS (
				SELECT id FROM pages
				WHERE state = 'queued' AND due_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
				ORDER BY due_at LIMIT $2
				FOR UPDATE SKIP LOCKED
			)
			UPDATE pages p SET lease_until = $3 FROM due WHERE p.id = due.id
			RETURNING p.id, p.channel`, now, limit, now.Add(oncall.ClaimLease))
		if err != nil {
			return err
		}
		pages, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (oncall.Page, error) {
			var page oncall.Page
			err := row.Scan(&page.ID, &page.Channel)
			return page, err
		})
		if err != nil || len(pages) == 0 {
			return err
		}
		taken = len(pages)
		return s.Enqueue(ctx, tx, pages)
	})
	return taken, err
}

// ClaimPage takes a queued page for one attempt. The job that lost its page, because somebody acknowledged or another
// job has it, gets ok false.
func (s *Store) ClaimPage(ctx context.Context, id int64) (dispatch oncall.Dispatch, ok bool, err error) {
	now := s.Now()
	page, giveUp, err := claim(ctx, s.Pool, id, now)
	if errors.Is(err, pgx.ErrNoRows) {
		return dispatch, false, nil
	}
	if err != nil {
		return dispatch, false, fmt.Errorf("claim page %d: %w", id, err)
	}
	dispatch, err = s.dispatch(ctx, page)
	dispatch.GiveUp = giveUp
	return dispatch, err == nil, err
}

// claim counts the attempt. started_at keeps a second job for the same page away while the first one sends.
func claim(ctx context.Context, db querier, id int64, now time.Time) (page oncall.Page, giveUp time.Time, err error) {
	var payload []byte
	rows, err := db.Query(ctx, `
		UPDATE pages SET attempts = attempts + 1, started_at = $2, lease_until = $3
		WHERE id = $1 AND state = 'queued' AND due_at <= $2 AND (started_at IS NULL OR started_at <= $4)
		RETURNING `+pageColumns+`, give_up_at, payload`, id, now, now.Add(oncall.ClaimLease), now.Add(-oncall.ClaimLease))
	if err != nil {
		return page, giveUp, err
	}
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
	if dispatch.Ticket, err = s.GetTicket(ctx, page.Ticket); err != nil {
		return dispatch, err
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
		at, due, running, err := position(ctx, tx, page.Ticket)
		if err != nil {
			return err
		}
		if outcome.State == oncall.PageQueued {
			_, err := tx.Exec(ctx, `
				UPDATE pages SET due_at = $2, last_error = $3, lease_until = NULL, started_at = NULL
				WHERE id = $1 AND state = 'queued'`, page.ID, outcome.RetryAt, outcome.Reason)
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
			AND state IN ('queued', 'sent', 'delivered'))`, at.Ticket, at.Generation, at.Round, at.Step).Scan(&alive)
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
