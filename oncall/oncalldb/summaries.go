package oncalldb

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
)

// lastSummary is the newest summary of a recipient.
const lastSummary = `
	SELECT created_at AS at, coalesce((payload->'by_severity'->>'high')::integer, 0) > 0 AS high FROM pages l
	WHERE l.type = 'page.summary' AND coalesce(l.person, 'webhook:' || l.webhook) = recipient
	ORDER BY created_at DESC LIMIT 1`

// SummariseBundled makes the summaries that are due at now, for up to limit recipients. A recipient whom another process
// serves just now is left to it.
func (s *Store) SummariseBundled(ctx context.Context, now time.Time, limit int) (taken int, err error) {
	recipients, err := s.summariesDue(ctx, now, limit)
	if err != nil {
		return 0, fmt.Errorf("read bundled pages: %w", err)
	}
	for _, recipient := range recipients {
		err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error { return s.summarise(ctx, tx, recipient, now) })
		if err != nil {
			return taken, fmt.Errorf("summary for %s: %w", recipient, err)
		}
	}
	return len(recipients), nil
}

// summariesDue are the recipients for whom a summary is due at now, those who wait longest first. It is asked each second, and
// in a storm much waits: the first statement reads a row or two of each recipient, the second what waits for those alone whose
// turn may have come. In one, a plan made while little waited would read it all.
func (s *Store) summariesDue(ctx context.Context, now time.Time, limit int) ([]string, error) {
	first, every, least := now.Add(-oncall.SummaryAfter), now.Add(-oncall.SummaryEvery), now.Add(-oncall.SummaryLeast)
	rows, err := s.Pool.Query(ctx, `
		WITH RECURSIVE recipients AS (
			(SELECT coalesce(person, 'webhook:' || webhook) AS recipient FROM pages
				WHERE state = 'queued' AND bundled AND summary IS NULL ORDER BY 1 LIMIT 1)
			UNION ALL
			SELECT (SELECT coalesce(person, 'webhook:' || webhook) FROM pages
				WHERE state = 'queued' AND bundled AND summary IS NULL AND coalesce(person, 'webhook:' || webhook) > r.recipient
				ORDER BY 1 LIMIT 1)
			FROM recipients r WHERE r.recipient IS NOT NULL
		)
		SELECT recipient FROM recipients LEFT JOIN LATERAL (`+lastSummary+`) AS last ON true
		WHERE recipient IS NOT NULL AND (last.at IS NULL OR last.at <= $2 OR NOT last.high AND last.at <= $3)
			AND (SELECT min(due_at) FROM pages WHERE coalesce(person, 'webhook:' || webhook) = recipient
				AND state = 'queued' AND bundled AND summary IS NULL) <= $1`,
		first, every, least)
	if err != nil {
		return nil, err
	}
	candidates, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(candidates) == 0 {
		return nil, err
	}
	rows, err = s.Pool.Query(ctx, `
		WITH busy AS (
			SELECT person FROM (
				SELECT DISTINCT person FROM pages
				WHERE state = 'queued' AND bundled AND summary IS NULL AND coalesce(person, 'webhook:' || webhook) = ANY($8)
					AND person IS NOT NULL AND channel IN (`+phones+`)
			) AS w WHERE `+phoneBusy("w.person", "$5", "$6", "$7")+`
		), `+going("$8")+`, waiting AS (
			SELECT coalesce(p.person, 'webhook:' || p.webhook) AS recipient, min(p.due_at) AS since, bool_or(t.severity = 'high') AS high
			FROM pages p JOIN tickets t ON t.number = p.ticket
			WHERE p.state = 'queued' AND p.bundled AND p.summary IS NULL AND coalesce(p.person, 'webhook:' || p.webhook) = ANY($8)
				AND p.id NOT IN (SELECT page FROM going) AND NOT (p.channel IN (`+phones+`) AND p.person IS NOT NULL AND p.person IN (SELECT person FROM busy))
			GROUP BY 1
		)
		SELECT recipient FROM waiting LEFT JOIN LATERAL (`+lastSummary+`) AS last ON true
		WHERE since <= $1 AND (last.at IS NULL OR last.at <= $2 OR waiting.high AND NOT last.high AND last.at <= $3)
		ORDER BY since LIMIT $4`,
		first, every, least, limit, now.Add(-oncall.PhoneEvery), now.Add(-oncall.PhoneWithin), oncall.PhoneCalls, candidates)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// phoneBusy is the condition that a person's telephone has had enough: something went to it after every, or as many as
// calls after within, or a summary waits for it.
func phoneBusy(person, every, within, calls string) string {
	return `(
		EXISTS (SELECT FROM pages h WHERE h.person = ` + person + ` AND h.phoned_at > ` + every + `)
		OR ` + calls + ` <= (SELECT count(*) FROM pages h WHERE h.person = ` + person + ` AND h.phoned_at > ` + within + `)
		OR EXISTS (SELECT FROM pages s WHERE coalesce(s.person, 'webhook:' || s.webhook) = ` + person + ` AND s.type = 'page.summary'
			AND s.state = 'queued' AND s.channel IN (` + phones + `)))`
}

// going are the pages of recipients, an array, for which a summary stands and that do not know yet what became of it. They are few
// or many thousands, whatever the planner expects: ask for them by IN, which is answered from a table in memory.
func going(recipients string) string {
	return `going AS MATERIALIZED (
		SELECT unnest(sp.pages) AS page FROM summary_parts sp JOIN pages s ON s.id = sp.summary
		WHERE NOT sp.recorded AND coalesce(s.person, 'webhook:' || s.webhook) = ANY(` + recipients + `))`
}

func (s *Store) summarise(ctx context.Context, tx pgx.Tx, recipient string, now time.Time) error {
	var mine bool
	if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock(hashtextextended($1, 3))`, recipient).Scan(&mine); err != nil || !mine {
		return err
	}
	rows, err := tx.Query(ctx, `
		WITH `+going("ARRAY[$1::text]")+`
		SELECT p.id, p.ticket, t.severity, t.title, p.unverified, p.contact, p.channel, EXISTS (
			SELECT FROM pages told
			WHERE told.ticket = p.ticket AND told.type = 'page' AND told.id <> p.id
				AND coalesce(told.person, 'webhook:' || told.webhook) = $1
				AND (told.state IN ('sent', 'delivered') OR told.state = 'queued' AND (told.summary IS NOT NULL OR told.id IN (SELECT page FROM going))))
		FROM pages p JOIN tickets t ON t.number = p.ticket
		WHERE coalesce(p.person, 'webhook:' || p.webhook) = $1 AND p.state = 'queued' AND p.bundled AND p.summary IS NULL
			AND p.id NOT IN (SELECT page FROM going)
			AND (p.person IS NULL OR p.channel NOT IN (`+phones+`) OR NOT (`+phoneBusy("$1", "$2", "$3", "$4")+`))
		ORDER BY p.id`, recipient, now.Add(-oncall.PhoneEvery), now.Add(-oncall.PhoneWithin), oncall.PhoneCalls)
	if err != nil {
		return err
	}
	waiting, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (w oncall.Bundled, err error) {
		err = row.Scan(&w.Page, &w.Ticket, &w.Severity, &w.Title, &w.Unverified, &w.Contact, &w.Channel, &w.Told)
		return w, err
	})
	if err != nil || len(waiting) == 0 {
		return err
	}
	person, webhook := recipient, ""
	if of, ok := strings.CutPrefix(recipient, "webhook:"); ok {
		person, webhook = "", of
	}
	summaries, stands, err := oncall.Summarise(person, webhook, s.Links.BaseURL+"/tickets?state=open", waiting, now)
	if err != nil {
		return err
	}
	ids, err := s.numberPages(ctx, tx, summaries, now)
	if err != nil {
		return err
	}
	batch := &pgx.Batch{}
	for i, id := range ids {
		queueParts(batch, id, stands[i])
	}
	return tx.SendBatch(ctx, batch).Close()
}
