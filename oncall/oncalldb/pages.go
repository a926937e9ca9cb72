package oncalldb

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
)

// pageRecord is a page as it is inserted.
type pageRecord struct {
	oncall.Page
	Generation  int             `json:"generation"`
	Key         string          `json:"key"`
	Intake      string          `json:"intake"`
	Token       string          `json:"token"` // the hash of the link's token; empty for what nobody acknowledges
	TokenExpiry time.Time       `json:"token_expires"`
	GiveUp      time.Time       `json:"give_up_at"`
	Lease       *time.Time      `json:"lease_until"` // set where it is enqueued at once
	Payload     json.RawMessage `json:"payload"`
	After       int             `json:"bundle_after"`
	Within      string          `json:"bundle_within"`
}

func (s *Store) record(page oncall.Page, id int64, now time.Time) pageRecord {
	page.ID = id
	// As the database keeps them: the link depends on the one, and a page that is due now would else be due a moment after.
	page.CreatedAt, page.DueAt = page.CreatedAt.UTC().Truncate(time.Microsecond), page.DueAt.UTC().Truncate(time.Microsecond)
	record := pageRecord{
		Page: page, Generation: page.Generation, Key: pageKey(page), Intake: page.Intake, TokenExpiry: page.DueAt.Add(oncall.LinkLifetime),
		GiveUp: page.GiveUpAt(), Payload: page.Payload, After: page.Bundle.After, Within: interval(page.Bundle.Within),
	}
	if page.Type == oncall.PageType || page.IsNotice() && page.Ticket != 0 {
		record.Token = fmt.Sprintf(`\x%x`, oncall.HashToken(s.Links.Token(page.ID, page.CreatedAt)))
	}
	if !page.DueAt.After(now) {
		lease := now.Add(oncall.ClaimLease)
		record.Lease = &lease
	}
	return record
}

// insertPages stores queued pages and enqueues those that are due at now. A page whose cause has one already is left out.
func (s *Store) insertPages(ctx context.Context, tx pgx.Tx, pages []oncall.Page, now time.Time) error {
	_, err := s.numberPages(ctx, tx, pages, now)
	return err
}

// numberPages is insertPages, and returns the pages' ids in their order.
func (s *Store) numberPages(ctx context.Context, tx pgx.Tx, pages []oncall.Page, now time.Time) ([]int64, error) {
	if len(pages) == 0 {
		return nil, nil
	}
	var ids []int64
	batch := &pgx.Batch{}
	queueNumbers(batch, len(pages), &ids)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, err
	}
	return ids, s.insertNumbered(ctx, tx, pages, ids, now)
}

// queueNumbers takes the numbers of pages that are inserted next.
func queueNumbers(batch *pgx.Batch, count int, ids *[]int64) {
	if count == 0 {
		return
	}
	batch.Queue(`SELECT nextval((SELECT pg_get_serial_sequence('pages', 'id')::regclass)) FROM generate_series(1, $1)`, count).Query(func(rows pgx.Rows) (err error) {
		*ids, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		return err
	})
}

// insertNumbered is insertPages for pages that have their numbers.
func (s *Store) insertNumbered(ctx context.Context, tx pgx.Tx, pages []oncall.Page, ids []int64, now time.Time) error {
	if len(pages) == 0 {
		return nil
	}
	records := make([]pageRecord, len(pages))
	for i, page := range pages {
		records[i] = s.record(page, ids[i], now)
	}
	content, err := json.Marshal(records)
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, pageInsertion, content, now, now.Add(-oncall.UnverifiedWithin), oncall.UnverifiedTickets)
	if err != nil {
		return err
	}
	released, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	slices.Sort(released)
	var due []oncall.Page
	for _, record := range records {
		if _, found := slices.BinarySearch(released, record.ID); found {
			due = append(due, record.Page)
		}
	}
	if len(due) == 0 {
		return nil
	}
	return s.Enqueue(ctx, tx, due)
}

// pageInsertion bundles a page at once where its recipient has had enough of late ($2 is now, $3 and $4 the budget of
// unverified mail), what waits to be sent included: the oldest tickets page by themselves. The claim, which counts
// exactly, stays the judge. A page that no message is made of needs no link. It returns what is to be sent now.
const pageInsertion = `
	WITH read AS (
		SELECT p.*, coalesce(nullif(p.intake, ''), CASE WHEN p.step > 1 OR p.round > 1 OR p.generation > 1 THEN
				(SELECT s.intake FROM pages s WHERE s.ticket = p.ticket AND s.type = 'page' AND s.intake <> '' LIMIT 1) END, '') AS budget,
			coalesce(nullif(person, ''), 'webhook:' || webhook) AS recipient,
			coalesce(t.source = 'email' AND t.verified IS NOT TRUE, false) AS unverified,
			p.type = 'page' AND p.repetition = 0 AND p.due_at <= $2 AS countable
		FROM jsonb_to_recordset($1) AS p (id bigint, key text, ticket bigint, person text, webhook text, contact text,
			channel text, type text, generation integer, round integer, step integer, repetition integer, due_at timestamptz,
			give_up_at timestamptz, lease_until timestamptz, token text, token_expires timestamptz, created_at timestamptz,
			payload jsonb, bundle_after integer, bundle_within interval, reason text, intake text)
		LEFT JOIN LATERAL (SELECT source, verified FROM tickets WHERE number = p.ticket LIMIT 1) t ON true
	), given AS (
		SELECT read.*, unverified AND (
			SELECT true FROM pages s WHERE s.ticket = read.ticket AND s.type = 'page' AND s.single_at IS NOT NULL LIMIT 1) IS NULL AS limited
		FROM read
	), ranked AS (
		SELECT given.*, row_number() OVER (PARTITION BY recipient, unverified, countable ORDER BY id) AS place,
			dense_rank() OVER (PARTITION BY budget, limited, countable ORDER BY ticket) AS ticket_place
		FROM given
	), waiting AS (
		SELECT ticket, unverified, intake, coalesce(person, 'webhook:' || webhook) AS recipient FROM pages
		WHERE state = 'queued' AND NOT bundled AND type = 'page' AND repetition = 0 AND single_at IS NULL AND due_at <= $2
	), spent AS (
		SELECT g.*, (
			SELECT count(*) FROM pages s
			WHERE coalesce(s.person, 'webhook:' || s.webhook) = g.recipient AND s.unverified = g.unverified
				AND s.single_at > $2 - g.bundle_within
		) + (SELECT count(*) FROM waiting w WHERE w.recipient = g.recipient AND w.unverified = g.unverified) AS pages
		FROM (SELECT DISTINCT recipient, unverified, bundle_after, bundle_within FROM given
			WHERE countable AND person <> '' AND bundle_after > 0) g
	), flood AS (
		SELECT intake AS budget, count(DISTINCT ticket) AS tickets FROM (
			SELECT ticket, intake FROM pages WHERE unverified AND single_at > $3 AND (SELECT bool_or(limited) FROM given)
			UNION SELECT ticket, intake FROM waiting WHERE unverified
		) AS u GROUP BY intake
	), inserted AS (
		INSERT INTO pages (id, key, ticket, person, webhook, contact, channel, type, generation, round, step, repetition,
			due_at, give_up_at, lease_until, token_hash, token_expires, created_at, payload, unverified, bundle_after,
			bundle_within, bundled, reason, intake)
		OVERRIDING SYSTEM VALUE
		SELECT id, key, nullif(ticket, 0), nullif(person, ''), webhook, contact, channel, type, generation, round, step, repetition,
			due_at, give_up_at, CASE WHEN NOT bundled THEN lease_until END, CASE WHEN NOT bundled THEN nullif(token, '')::bytea END, token_expires, created_at,
			payload, unverified, bundle_after, bundle_within, bundled, coalesce(reason, ''), budget
		FROM (
			SELECT ranked.*, countable AND (
				coalesce(spent.pages + place > bundle_after, false) OR limited AND coalesce(flood.tickets, 0) + ticket_place > $4) AS bundled
			FROM ranked LEFT JOIN flood USING (budget) LEFT JOIN spent USING (recipient, unverified, bundle_after, bundle_within)
		) AS ready
		ON CONFLICT (key) DO NOTHING
		RETURNING id, lease_until
	)
	SELECT id FROM inserted WHERE lease_until IS NOT NULL`

// pageKey names the cause of a page: the same rule of the same step never notifies the same contact twice.
func pageKey(page oncall.Page) string {
	if page.Cause != "" {
		return fmt.Sprintf("%d/%s/%s", page.Ticket, page.Type, page.Cause)
	}
	if page.Type != oncall.PageType {
		return fmt.Sprintf("%d/%s/%s/%d", page.Ticket, page.Type, page.Webhook, page.ID)
	}
	if page.Reason == oncall.QuietReason { // every round that finds a person quiet means the same page
		return fmt.Sprintf("%d/%d/quiet/%s/%s/%d", page.Ticket, page.Generation, page.Person, page.Contact, page.DueAt.Unix())
	}
	return fmt.Sprintf("%d/%d/%d/%d/%s/%s/%s%s/%s/%d", page.Ticket, page.Generation, page.Round, page.Step,
		page.Type, page.Person, page.Contact, page.Webhook, page.DueAt.Sub(page.CreatedAt), page.Repetition)
}

// Bounds of what a tick releases.
const (
	lineReleased = 4               // pages in line at one target
	jobFollows   = 5 * time.Second // a page's job has its moment at most so much later: clocks differ, transactions take their time
)

// ReleasePages enqueues up to limit pages that are due at now: later rules, further attempts, and pages whose job died
// before its lease ended. A page whose job still waits in the queue needs no second one: jobs go in the order in which they
// were enqueued, so one that came later than the oldest that waits has not gone yet. Of those in line at one target only a few
// go at once: they might come back in vain, and are not to keep others waiting. Those whose time is over go, to end as failed.
func (s *Store) ReleasePages(ctx context.Context, now time.Time, limit int) (taken int, err error) {
	return s.release(ctx, `
		WITH oldest AS MATERIALIZED (
			SELECT queue, priority, min(scheduled_at) AS at FROM river_job WHERE state = 'available' GROUP BY queue, priority
		), waiting AS (
			SELECT id, place <= $4 OR NOT in_line AS goes FROM (
				SELECT id, in_line, row_number() OVER (PARTITION BY person, contact, webhook, in_line ORDER BY due_at, id) AS place
				FROM pages, LATERAL (SELECT last_error = $5 AND give_up_at > $1 AS in_line) AS l
				WHERE state = 'queued' AND NOT bundled AND due_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
					AND NOT EXISTS (
						SELECT FROM oldest WHERE started_at IS NULL AND queue = 'page_' || channel
							AND priority = CASE WHEN last_error = '' THEN 1 ELSE 2 END AND lease_until - $6::interval >= at)
			) AS ranked
		), due AS (
			SELECT p.id FROM pages p JOIN waiting USING (id)
			WHERE goes AND state = 'queued' AND NOT bundled AND due_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
			ORDER BY due_at LIMIT $2
			FOR UPDATE OF p SKIP LOCKED
		)
		UPDATE pages p SET lease_until = $3 FROM due WHERE p.id = due.id
		RETURNING p.id, p.channel, p.last_error, coalesce(p.person, ''), p.contact, p.webhook, p.type`, now, limit, now.Add(oncall.ClaimLease), lineReleased, oncall.LineReason, oncall.ClaimLease-jobFollows)
}

// StandInLine lets a page that is due and that nobody has claimed wait until a moment, unless its time is over then.
func (s *Store) StandInLine(ctx context.Context, page int64, until time.Time) (bool, error) {
	waits, err := s.Pool.Exec(ctx, `
		WITH found AS (SELECT * FROM pages WHERE id = $1 FOR UPDATE)
		UPDATE pages SET due_at = $2, last_error = $3, lease_until = NULL
		WHERE id = (
			SELECT id FROM found WHERE state = 'queued' AND NOT bundled AND started_at IS NULL AND due_at <= $4 AND give_up_at >= $2)`,
		page, until, oncall.LineReason, s.Now())
	if err != nil {
		return false, fmt.Errorf("let page %d stand in line: %w", page, err)
	}
	return waits.RowsAffected() > 0, nil
}

// ReleaseLine enqueues up to limit pages that stand in line at the target of the given one, pages before events: there
// are places for them, so that they go like those that were not tried yet.
func (s *Store) ReleaseLine(ctx context.Context, page oncall.Page, limit int) (int, error) {
	now := s.Now()
	taken, err := s.release(ctx, `
		WITH next AS (
			SELECT id FROM pages
			WHERE state = 'queued' AND NOT bundled AND last_error = $5 AND coalesce(person, '') = $6 AND contact = $7 AND webhook = $4
				AND (lease_until IS NULL OR lease_until <= $1)
			ORDER BY type <> 'page', id LIMIT $2
			FOR UPDATE SKIP LOCKED
		)
		UPDATE pages p SET due_at = least(due_at, $1), lease_until = $3 FROM next WHERE p.id = next.id
		RETURNING p.id, p.channel, '', coalesce(p.person, ''), p.contact, p.webhook, p.type`, now, limit, now.Add(oncall.ClaimLease), page.Webhook, oncall.LineReason, page.Person, page.Contact)
	if err != nil {
		return taken, fmt.Errorf("release the line behind page %d: %w", page.ID, err)
	}
	return taken, nil
}

func (s *Store) release(ctx context.Context, statement string, arguments ...any) (taken int, err error) {
	var pages []oncall.Page
	first := &pgx.Batch{}
	first.Queue(statement, arguments...).Query(func(rows pgx.Rows) (err error) {
		pages, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (oncall.Page, error) {
			var page oncall.Page
			err := row.Scan(&page.ID, &page.Channel, &page.LastError, &page.Person, &page.Contact, &page.Webhook, &page.Type)
			return page, err
		})
		return err
	})
	err = s.begin(ctx, first, func(tx *begun) error {
		if len(pages) == 0 {
			return nil
		}
		return s.Enqueue(ctx, tx, pages)
	})
	return len(pages), err
}

// interval writes a duration as Postgres reads it.
func interval(of oncall.Duration) string {
	return fmt.Sprintf("%d microseconds", time.Duration(of).Microseconds())
}
