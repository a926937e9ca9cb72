package oncalldb

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
)

// TellWeeks queues the weekly reports that are due. One goes out to each person and week, however many processes do this.
func (s *Store) TellWeeks(ctx context.Context, now time.Time, figures func(context.Context, oncall.WeeklyReport) (oncall.WeekFigures, error)) error {
	configuration, err := s.Configuration(ctx)
	if err != nil {
		return err
	}
	for _, report := range configuration.ReportsDue(now) {
		var told bool
		key := pageKey(oncall.Page{Type: oncall.ReportType, Cause: report.Cause()})
		if err := s.Pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pages WHERE key = $1)`, key).Scan(&told); err != nil {
			return fmt.Errorf("read whether %s was told of the week: %w", report.Person.ID, err)
		}
		if told {
			continue
		}
		of, err := figures(ctx, report)
		if err != nil {
			return err
		}
		pages := []oncall.Page{report.Page(of, now)}
		if err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error { return s.insertPages(ctx, tx, pages, now) }); err != nil {
			return fmt.Errorf("queue the report to %s: %w", report.Person.ID, err)
		}
	}
	return nil
}
