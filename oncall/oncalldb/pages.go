package oncalldb

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
)

// columns are pages as they are inserted, an array for each column: of records of JSON the database took several times as long to
// make rows.
type columns struct {
	ids, owners                             []int64
	keys, people, webhooks, contacts        []string
	channels, types, reasons, intakes       []string
	generations, rounds, steps, repetitions []int32
	dues, givesUp, linkExpiries, creations  []time.Time
	leases                                  []*time.Time // set where it is enqueued at once
	links                                   [][]byte     // the hashes of their tokens; nil for what nobody acknowledges
	payloads                                []*string
	bundleAfter                             []int32
	bundleWithin                            []time.Duration
}

func (c *columns) add(page oncall.Page, lease *time.Time, link []byte) {
	c.ids, c.owners, c.keys = append(c.ids, page.ID), append(c.owners, page.Ticket), append(c.keys, pageKey(page))
	c.people, c.webhooks, c.contacts = append(c.people, page.Person), append(c.webhooks, page.Webhook), append(c.contacts, page.Contact)
	c.channels, c.types = append(c.channels, page.Channel), append(c.types, page.Type)
	c.reasons, c.intakes = append(c.reasons, page.Reason), append(c.intakes, page.Intake)
	c.generations, c.rounds = append(c.generations, int32(page.Generation)), append(c.rounds, int32(page.Round))
	c.steps, c.repetitions = append(c.steps, int32(page.Step)), append(c.repetitions, int32(page.Repetition))
	c.dues, c.givesUp = append(c.dues, page.DueAt), append(c.givesUp, page.GiveUpAt())
	c.creations, c.linkExpiries = append(c.creations, page.CreatedAt), append(c.linkExpiries, page.DueAt.Add(oncall.LinkLifetime))
	c.leases, c.links = append(c.leases, lease), append(c.links, link)
	var payload *string
	if page.Payload != nil {
		text := string(page.Payload)
		payload = &text
	}
	c.payloads = append(c.payloads, payload)
	c.bundleAfter, c.bundleWithin = append(c.bundleAfter, int32(page.Bundle.After)), append(c.bundleWithin, time.Duration(page.Bundle.Within))
}

// arguments are those of pageInsertion from $4 on.
func (c *columns) arguments() []any {
	return []any{
		c.ids, c.keys, c.owners, c.people, c.webhooks, c.contacts, c.channels, c.types, c.generations, c.rounds, c.steps, c.repetitions,
		c.dues, c.givesUp, c.leases, c.links, c.linkExpiries, c.creations, c.payloads, c.bundleAfter, c.bundleWithin, c.reasons, c.intakes,
	}
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
	numbered, rows := slices.Clone(pages), columns{}
	for i := range numbered {
		page := &numbered[i]
		// As the database keeps them: the link depends on the one, and a page that is due now would else be due a moment after.
		page.ID, page.CreatedAt, page.DueAt = ids[i], page.CreatedAt.UTC().Truncate(time.Microsecond), page.DueAt.UTC().Truncate(time.Microsecond)
		var lease *time.Time
		if !page.DueAt.After(now) {
			until := now.Add(oncall.ClaimLease)
			lease = &until
		}
		var link []byte
		if page.Type == oncall.PageType || page.IsNotice() && page.Ticket != 0 {
			link = oncall.HashToken(s.Links.Token(page.ID, page.CreatedAt))
		}
		rows.add(*page, lease, link)
	}
	inserted, err := tx.Query(ctx, pageInsertion, append([]any{now, now.Add(-oncall.UnverifiedWithin), oncall.UnverifiedTickets}, rows.arguments()...)...)
	if err != nil {
		return err
	}
	released, err := pgx.CollectRows(inserted, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	slices.Sort(released)
	var due []oncall.Page
	for _, page := range numbered {
		if _, found := slices.BinarySearch(released, page.ID); found {
			due = append(due, page)
		}
	}
	if len(due) == 0 {
		return nil
	}
	return s.Enqueue(ctx, tx, due)
}

// pageInsertion bundles a page at once where its recipient has had enough of late ($1 is now, $2 and $3 the budget of
// unverified mail), what waits to be sent included: the oldest tickets page by themselves. The claim, which counts
// exactly, stays the judge. A page that no message is made of needs no link. It returns what is to be sent now.
const pageInsertion = `
	WITH read AS (
		SELECT p.*, coalesce(nullif(p.intake, ''), CASE WHEN p.step > 1 OR p.round > 1 OR p.generation > 1 THEN
				(SELECT s.intake FROM pages s WHERE s.ticket = p.ticket AND s.type = 'page' AND s.intake <> '' LIMIT 1) END, '') AS budget,
			coalesce(nullif(person, ''), 'webhook:' || webhook) AS recipient,
			coalesce(t.source = 'email' AND t.verified IS NOT TRUE, false) AS unverified,
			p.type = 'page' AND p.repetition = 0 AND p.due_at <= $1 AS countable
		FROM unnest($4::bigint[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::integer[],
			$13::integer[], $14::integer[], $15::integer[], $16::timestamptz[], $17::timestamptz[], $18::timestamptz[], $19::bytea[],
			$20::timestamptz[], $21::timestamptz[], $22::text[], $23::integer[], $24::interval[], $25::text[], $26::text[])
			AS p (id, key, ticket, person, webhook, contact, channel, type, generation, round, step, repetition, due_at, give_up_at,
				lease_until, token_hash, token_expires, created_at, payload, bundle_after, bundle_within, reason, intake)
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
		WHERE state = 'queued' AND NOT bundled AND type = 'page' AND repetition = 0 AND single_at IS NULL AND due_at <= $1
	), spent AS (
		SELECT g.*, (
			SELECT count(*) FROM pages s
			WHERE coalesce(s.person, 'webhook:' || s.webhook) = g.recipient AND s.unverified = g.unverified
				AND s.single_at > $1 - g.bundle_within
		) + (SELECT count(*) FROM waiting w WHERE w.recipient = g.recipient AND w.unverified = g.unverified) AS pages
		FROM (SELECT DISTINCT recipient, unverified, bundle_after, bundle_within FROM given
			WHERE countable AND person <> '' AND bundle_after > 0) g
	), flood AS (
		SELECT intake AS budget, count(DISTINCT ticket) AS tickets FROM (
			SELECT ticket, intake FROM pages WHERE unverified AND single_at > $2 AND (SELECT bool_or(limited) FROM given)
			UNION SELECT ticket, intake FROM waiting WHERE unverified
		) AS u GROUP BY intake
	), inserted AS (
		INSERT INTO pages (id, key, ticket, person, webhook, contact, channel, type, generation, round, step, repetition,
			due_at, give_up_at, lease_until, token_hash, token_expires, created_at, payload, unverified, bundle_after,
			bundle_within, bundled, reason, intake)
		OVERRIDING SYSTEM VALUE
		SELECT id, key, nullif(ticket, 0), nullif(person, ''), webhook, contact, channel, type, generation, round, step, repetition,
			due_at, give_up_at, CASE WHEN NOT bundled THEN lease_until END, CASE WHEN NOT bundled THEN token_hash END, token_expires, created_at,
			payload::jsonb, unverified, bundle_after, bundle_within, bundled, reason, budget
		FROM (
			SELECT ranked.*, countable AND (
				coalesce(spent.pages + place > bundle_after, false) OR limited AND coalesce(flood.tickets, 0) + ticket_place > $3) AS bundled
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
