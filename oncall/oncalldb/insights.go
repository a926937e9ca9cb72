package oncalldb

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
)

// Bounds of counting pages by quarters of an hour.
const (
	pageDays   = 31            // that are counted in one go
	unsettled  = 2             // days before today whose pages may still lead to something
	longestAsk = 2 * time.Hour // from the first to the last message of one step to one person
)

// pageActs are what people do about a ticket.
var pageActs = []string{
	"acknowledged", "taken_over", "resolved", "reopened", "note", "reply", "snoozed", "assigned", "escalated", "playbook", "merged",
}

// TendInsights counts the pages of the days that may have changed since the last time; more says that others wait. It can
// run in several processes: they wait for each other.
func (s *Store) TendInsights(ctx context.Context, now time.Time) (more bool, err error) {
	today := now.UTC().Truncate(24 * time.Hour)
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		var counted *time.Time
		err := tx.QueryRow(ctx, `SELECT coalesce(counted, (SELECT min(sent_at AT TIME ZONE 'UTC')::date FROM pages WHERE person IS NOT NULL AND sent_at IS NOT NULL AND NOT bundled))
			FROM insight_pages_mark FOR UPDATE`).Scan(&counted)
		if err != nil || counted == nil { // nobody was ever told of anything
			return err
		}
		from := counted.AddDate(0, 0, -unsettled)
		to := from.AddDate(0, 0, pageDays)
		if to.After(today) {
			to = today.AddDate(0, 0, 1)
		} else {
			more = true
		}
		if _, err := tx.Exec(ctx, `DELETE FROM insight_pages WHERE slot >= $1 AND slot < $2`, from, to); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, countPages, from, to, from.Add(-longestAsk), oncall.ActedWithin, pageActs); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE insight_pages_mark SET counted = $1`, to.AddDate(0, 0, -1))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("count pages: %w", err)
	}
	return more, nil
}

// countPages counts as Loads does: a person is told once by a step, however many contacts ring.
const countPages = `
	WITH told AS MATERIALIZED (
		SELECT ticket, min(sent_at) AS at FROM pages
		WHERE person IS NOT NULL AND sent_at >= $3 AND sent_at < $2 AND NOT bundled AND type IN ('page', 'page.summary')
		GROUP BY person, ticket, generation, round, step, CASE WHEN type = 'page.summary' THEN id END
		HAVING min(sent_at) >= $1
	)
	INSERT INTO insight_pages (slot, pages, acted)
	SELECT date_bin('15 minutes', at, timestamptz '2000-01-01Z'), count(*), count(*) FILTER (WHERE EXISTS (
		SELECT FROM ticket_events e WHERE e.ticket = told.ticket AND e.at >= told.at AND e.at <= told.at + $4::interval
			AND e.type = ANY($5) AND e.actor <> 'system'))
	FROM told GROUP BY 1`

// PagesCounted names the count of which the figures of pages are: each writes its mark anew.
func (s *Store) PagesCounted(ctx context.Context) (count string, err error) {
	if err := s.Pool.QueryRow(ctx, `SELECT xmin::text FROM insight_pages_mark`).Scan(&count); err != nil {
		return "", fmt.Errorf("read when pages were counted: %w", err)
	}
	return count, nil
}

// PageInsights are how people were told between two moments, by the clock of a zone.
func (s *Store) PageInsights(ctx context.Context, from, to time.Time, zone *time.Location) (found oncall.PageInsights, err error) {
	rows, err := s.Pool.Query(ctx, `
		SELECT extract(dow FROM slot AT TIME ZONE $3)::int AS weekday, extract(hour FROM slot AT TIME ZONE $3)::int AS hour, sum(pages), sum(acted)
		FROM insight_pages WHERE slot >= $1 AND slot < $2 GROUP BY 1, 2 ORDER BY 1, 2`, from, to, zone.String())
	if err != nil {
		return found, fmt.Errorf("read the pages of days: %w", err)
	}
	var weekday, hour, told, acted int
	_, err = pgx.ForEachRow(rows, []any{&weekday, &hour, &told, &acted}, func() error {
		found.Told += told
		found.Acted += acted
		found.Hours = append(found.Hours, oncall.PageHour{Weekday: time.Weekday(weekday), Hour: hour, Told: told})
		return nil
	})
	if err != nil {
		return found, fmt.Errorf("read the pages of days: %w", err)
	}
	return found, nil
}
