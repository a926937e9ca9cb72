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
	Token       string          `json:"token"` // the hash of the link's token; empty for an event, which nobody acknowledges
	TokenExpiry time.Time       `json:"token_expires"`
	GiveUp      time.Time       `json:"give_up_at"`
	Lease       *time.Time      `json:"lease_until"` // set where it is enqueued at once
	Payload     json.RawMessage `json:"payload"`
}

func (s *Store) record(page oncall.Page, id int64, now time.Time) pageRecord {
	page.ID = id
	page.CreatedAt = page.CreatedAt.UTC().Truncate(time.Microsecond) // as the database keeps it: the link depends on it
	record := pageRecord{
		Page: page, Generation: page.Generation, Key: pageKey(page), TokenExpiry: page.DueAt.Add(oncall.LinkLifetime),
		GiveUp: page.GiveUpAt(), Payload: page.Payload,
	}
	if !page.IsEvent() {
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
	records := make([]pageRecord, len(pages))
	for i, page := range pages {
		records[i] = s.record(page, ids[i], now)
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
	slices.Sort(written)
	var due []oncall.Page
	for _, record := range records {
		if _, stored := slices.BinarySearch(written, record.ID); stored && record.Lease != nil {
			due = append(due, record.Page)
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
