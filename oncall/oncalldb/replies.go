package oncalldb

import (
	"context"
	"fmt"

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
