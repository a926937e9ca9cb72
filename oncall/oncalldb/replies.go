package oncalldb

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// Page returns one page, or tickets.ErrNotFound.
func (s *Store) Page(ctx context.Context, id int64) (oncall.Page, error) {
	pages, err := s.pages(ctx, `SELECT `+pageColumns+` FROM pages WHERE id = $1`, id)
	if err != nil {
		return oncall.Page{}, err
	}
	if len(pages) == 0 {
		return oncall.Page{}, fmt.Errorf("page %d: %w", id, tickets.ErrNotFound)
	}
	return pages[0], nil
}

// Tell queues a notice to a person. A cause that was told before is not told again.
func (s *Store) Tell(ctx context.Context, notice oncall.Page) error {
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		return s.insertPages(ctx, tx, []oncall.Page{notice}, s.Now())
	})
	if err != nil {
		return fmt.Errorf("tell %s: %w", notice.Person, err)
	}
	return nil
}

// Bounced records that a page, or a summary with the pages that it stands for, was not delivered although a provider had
// accepted it. The person's next contact is told at once; where nobody is left in the step, the next one begins.
func (s *Store) Bounced(ctx context.Context, page int64, reason string) error {
	now := s.Now()
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		// Escalations are locked before pages.
		_, err := tx.Exec(ctx, `
			SELECT FROM escalations WHERE ticket IN (SELECT ticket FROM pages WHERE id = $1 OR summary = $1) ORDER BY ticket FOR UPDATE`, page)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			UPDATE pages SET state = 'failed', last_error = $2, finished_at = $3
			WHERE (id = $1 OR summary = $1) AND state IN ('sent', 'delivered')
			RETURNING `+pageColumns, page, reason, now)
		if err != nil {
			return err
		}
		failed, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (oncall.Page, error) { return scanPage(row) })
		if err != nil {
			return err
		}
		for _, one := range failed {
			if err := s.lost(ctx, tx, one, reason, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("page %d came back: %w", page, err)
	}
	return nil
}

// lost lets what follows a failed page begin.
func (s *Store) lost(ctx context.Context, tx pgx.Tx, page oncall.Page, reason string, now time.Time) error {
	if page.Ticket == 0 {
		return nil
	}
	failure := receipt(page, oncall.Outcome{State: oncall.PageFailed, Reason: reason}, now)
	if err := s.AddEvents(ctx, tx, []tickets.Entry{failure}); err != nil || page.Type != oncall.PageType {
		return err
	}
	at, due, running, err := position(ctx, tx, page.Ticket)
	if err != nil || !running || at.Generation != page.Generation {
		return err
	}
	brought, err := tx.Exec(ctx, `
		UPDATE pages SET due_at = $6::timestamptz, give_up_at = $7
		WHERE id = (
			SELECT id FROM pages
			WHERE ticket = $1 AND generation = $2 AND round = $3 AND step = $4 AND person = $5 AND type = 'page' AND state = 'queued'
				AND due_at > $6 AND started_at IS NULL AND reason <> $8
			ORDER BY due_at, id LIMIT 1 FOR UPDATE)`,
		page.Ticket, page.Generation, page.Round, page.Step, page.Person, now, oncall.Page{DueAt: now, Type: oncall.PageType}.GiveUpAt(), oncall.QuietReason)
	if err != nil || brought.RowsAffected() > 0 {
		return err
	}
	return s.fallThrough(ctx, tx, at, due, page, now)
}
