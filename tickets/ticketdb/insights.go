package ticketdb

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// Bounds of counting a day's figures.
const (
	insightEvents = 20_000           // that are looked through in one go
	insightDays   = 31               // that are counted in one go
	presentEvery  = 45 * time.Second // by all processes together
	titlesADay    = 100
	titlesShown   = 25
)

// uncounted are the events that no figure of a day depends on. In a storm they are most of them.
var uncounted = []tickets.EventType{
	tickets.EventEscalated, tickets.EventDeferred, tickets.EventExhausted, tickets.EventPagesStopped,
	tickets.EventPageSent, tickets.EventPageDelivered, tickets.EventPageHeld, tickets.EventPageFailed,
}

// NoteDays notes the days whose tickets have changed since the last time; more says that others wait. It can run in several
// processes: they wait for each other.
func (s *Store) NoteDays(ctx context.Context) (more bool, err error) {
	err = s.transact(ctx, "note the days of tickets", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT FROM insight_mark FOR UPDATE`); err != nil {
			return err
		}
		var events int
		err := tx.QueryRow(ctx, noteDays, s.now().Add(-tallyAfter), insightEvents, uncounted).Scan(&events)
		more = events == insightEvents
		return err
	})
	return more, err
}

// CountDays counts the noted days anew, today and yesterday only once in a while: all tickets of a day are read for it, and in
// a storm they change all the time. more says that others wait. It can run in several processes: they wait for each other.
func (s *Store) CountDays(ctx context.Context) (more bool, err error) {
	now := s.now()
	err = s.transact(ctx, "count the figures of days", func(tx pgx.Tx) error {
		var fresh bool
		err := tx.QueryRow(ctx, `SELECT counted_at IS NOT NULL AND counted_at > $1 FROM insight_mark FOR UPDATE`, now.Add(-presentEvery)).Scan(&fresh)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, takeDays, insightDays, now, !fresh)
		if err != nil {
			return err
		}
		days, err := pgx.CollectRows(rows, pgx.RowTo[time.Time])
		if err != nil {
			return err
		}
		more = len(days) >= insightDays
		return countDays(ctx, tx, days)
	})
	return more, err
}

// noteDays notes the days of tickets to which happened what counts ($3 does not), as far as no earlier event can come to light.
const noteDays = `
	WITH batch AS MATERIALIZED (
		SELECT id, ticket, at, type FROM ticket_events WHERE id > (SELECT last_event FROM insight_mark) ORDER BY id LIMIT $2
	), ripe AS MATERIALIZED (
		SELECT id, ticket, type FROM batch WHERE id < coalesce((SELECT min(id) FROM batch WHERE at > $1), 9223372036854775807)
	), due AS (
		INSERT INTO insight_due
		SELECT DISTINCT (t.created_at AT TIME ZONE 'UTC')::date
		FROM (SELECT DISTINCT ticket FROM ripe WHERE type <> ALL($3)) AS changed JOIN tickets t ON t.number = changed.ticket
		ON CONFLICT DO NOTHING
	), moved AS (
		UPDATE insight_mark SET last_event = coalesce((SELECT max(id) FROM ripe), last_event)
	)
	SELECT count(*) FROM ripe`

// takeDays takes noted days to count them; today and yesterday, noted or not, where it is their turn.
const takeDays = `
	WITH present AS (
		SELECT ($2::timestamptz AT TIME ZONE 'UTC')::date - before AS day FROM generate_series(0, 1) AS before
	), taken AS (
		DELETE FROM insight_due WHERE day IN (
			SELECT day FROM insight_due WHERE $3::boolean OR day NOT IN (SELECT day FROM present) ORDER BY day DESC LIMIT $1
		) RETURNING day
	), moved AS (
		UPDATE insight_mark SET counted_at = $2 WHERE $3
	)
	SELECT day FROM taken UNION SELECT day FROM present WHERE $3`

// countDays replaces the figures of days.
func countDays(ctx context.Context, tx pgx.Tx, days []time.Time) error {
	batch := &pgx.Batch{}
	for _, table := range []string{"insight_tickets", "insight_times", "insight_titles", "insight_mails"} {
		batch.Queue(`DELETE FROM `+table+` WHERE day = ANY($1)`, days)
	}
	for _, day := range days { // each by its own bounds, for which there is an index
		batch.Queue(countTickets, day, day.AddDate(0, 0, 1), tickets.SpansADoubling, tickets.LastSpan, titlesADay)
		batch.Queue(countMails, day, day.AddDate(0, 0, 1), tickets.LateReading)
	}
	return tx.SendBatch(ctx, batch).Close()
}

const countTickets = `
	WITH fresh AS MATERIALIZED (
		SELECT ($1::timestamptz AT TIME ZONE 'UTC')::date AS day, t.severity, t.product, t.kind, t.title, t.message_count, t.classification,
			CASE WHEN t.source <> 'import' THEN (
				SELECT min(e.at) FROM ticket_events e WHERE e.ticket = t.number AND e.type = 'acknowledged'
			) - t.created_at END AS acknowledged,
			CASE WHEN t.source <> 'import' THEN t.resolved_at - t.created_at END AS resolved
		FROM tickets t WHERE t.created_at >= $1 AND t.created_at < $2 AND t.merged_into IS NULL
	), volumes AS (
		INSERT INTO insight_tickets (day, severity, product, tickets, unrecognised)
		SELECT day, severity, product, count(*), count(*) FILTER (WHERE kind = 'unrecognised') FROM fresh GROUP BY day, severity, product
	), times AS (
		INSERT INTO insight_times (day, what, severity, span, tickets)
		SELECT day, what, severity, span, count(*) FROM fresh, LATERAL (VALUES
			('acknowledged', fresh.acknowledged), ('resolved', fresh.resolved)
		) AS m (what, took), LATERAL (
			SELECT least(floor(log(2, greatest(extract(epoch FROM took), 1)) * $3), $4)::smallint AS span
		) AS spans
		WHERE took IS NOT NULL GROUP BY day, what, severity, span
	)
	INSERT INTO insight_titles (day, title, tickets, mails, dismissed)
	SELECT day, title, tickets, mails, dismissed FROM (
		SELECT day, title, count(*) AS tickets, sum(message_count) AS mails,
			count(*) FILTER (WHERE classification IN ('FalsePositive', 'InformationalExpectedActivity')) AS dismissed,
			row_number() OVER (PARTITION BY day ORDER BY count(*) DESC, title) AS place
		FROM fresh WHERE title <> '' GROUP BY day, title
	) AS counted WHERE place <= $5`

const countMails = `
	INSERT INTO insight_mails (day, mails, unrecognised, unverified, repeated, spooled, late)
	SELECT ($1::timestamptz AT TIME ZONE 'UTC')::date, count(*), count(*) FILTER (WHERE m.alert ->> 'kind' = 'unrecognised'), count(*) FILTER (WHERE m.verified IS NOT TRUE),
		count(*) FILTER (WHERE m.state = 'repeated'), count(m.spooled), count(*) FILTER (WHERE m.spooled IS NULL AND m.read_at - m.received_at > $3)
	FROM mails m WHERE m.received_at >= $1 AND m.received_at < $2 AND NOT m.imported HAVING count(*) > 0`

// InsightsCounted says when the figures of the present day were counted last, nil where never, and which count they are of: each
// writes its mark anew, so that the transaction that wrote it names it.
func (s *Store) InsightsCounted(ctx context.Context) (count string, at *time.Time, err error) {
	if err := s.pool.QueryRow(ctx, `SELECT xmin::text, counted_at FROM insight_mark`).Scan(&count, &at); err != nil {
		return "", nil, fmt.Errorf("read when days were counted: %w", classify(err))
	}
	return count, utc(at), nil
}

// Insights are the figures of the days from one up to another, which is not in it.
func (s *Store) Insights(ctx context.Context, from, to time.Time) (found tickets.Insights, err error) {
	batch := &pgx.Batch{}
	batch.Queue(`SELECT day, severity, product, tickets, unrecognised FROM insight_tickets WHERE day >= $1 AND day < $2 ORDER BY day`, from, to).
		Query(func(rows pgx.Rows) error {
			found.Volumes, err = pgx.CollectRows(rows, pgx.RowToStructByPos[tickets.Volume])
			return err
		})
	batch.Queue(`SELECT what, severity, span, sum(tickets) FROM insight_times WHERE day >= $1 AND day < $2 GROUP BY what, severity, span ORDER BY what, severity`, from, to).
		Query(func(rows pgx.Rows) error {
			found.Times, err = collectTimes(rows)
			return err
		})
	batch.Queue(`
		SELECT title, sum(tickets) AS tickets, sum(mails), sum(dismissed) FROM insight_titles WHERE day >= $1 AND day < $2
		GROUP BY title ORDER BY tickets DESC, title LIMIT $3`, from, to, titlesShown).
		Query(func(rows pgx.Rows) error {
			found.Titles, err = pgx.CollectRows(rows, pgx.RowToStructByPos[tickets.TitleCount])
			return err
		})
	batch.Queue(`SELECT day, mails, unrecognised, unverified, repeated, spooled, late FROM insight_mails WHERE day >= $1 AND day < $2 ORDER BY day`, from, to).
		Query(func(rows pgx.Rows) error {
			found.Mails, err = pgx.CollectRows(rows, pgx.RowToStructByPos[tickets.MailDay])
			return err
		})
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return found, fmt.Errorf("read the figures of days: %w", classify(err))
	}
	return found, nil
}

// collectTimes makes one spread of the rows of a measure and a severity, which stand together.
func collectTimes(rows pgx.Rows) (times []tickets.Taken, err error) {
	var what, severity string
	var span, count int
	_, err = pgx.ForEachRow(rows, []any{&what, &severity, &span, &count}, func() error {
		if n := len(times); n == 0 || times[n-1].What != what || times[n-1].Severity != tickets.Severity(severity) {
			times = append(times, tickets.Taken{What: what, Severity: tickets.Severity(severity), Spread: tickets.Spread{}})
		}
		times[len(times)-1].Spread[span] += count
		return nil
	})
	return times, err
}
