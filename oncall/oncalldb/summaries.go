package oncalldb

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
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
		), waiting AS (
			SELECT coalesce(p.person, 'webhook:' || p.webhook) AS recipient, min(p.due_at) AS since, bool_or(t.severity = 'high') AS high
			FROM pages p JOIN tickets t ON t.number = p.ticket
			WHERE p.state = 'queued' AND p.bundled AND p.summary IS NULL AND coalesce(p.person, 'webhook:' || p.webhook) = ANY($8)
				AND NOT (p.channel IN (`+phones+`) AND p.person IS NOT NULL AND p.person IN (SELECT person FROM busy))
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

// waiting is one bundled page as a summary reads it.
type waiting struct {
	oncall.Bundled
	Person, Webhook string
}

func (s *Store) summarise(ctx context.Context, tx pgx.Tx, recipient string, now time.Time) error {
	var mine bool
	if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock(hashtextextended($1, 3))`, recipient).Scan(&mine); err != nil || !mine {
		return err
	}
	rows, err := tx.Query(ctx, `
		SELECT p.id, p.ticket, t.severity, t.title, p.unverified, p.contact, p.channel, coalesce(p.person, ''), p.webhook,
			EXISTS (
				SELECT FROM pages told
				WHERE told.ticket = p.ticket AND told.type = 'page' AND told.id <> p.id
					AND coalesce(told.person, 'webhook:' || told.webhook) = $1
					AND (told.state IN ('sent', 'delivered') OR told.state = 'queued' AND told.summary IS NOT NULL))
		FROM pages p JOIN tickets t ON t.number = p.ticket
		WHERE coalesce(p.person, 'webhook:' || p.webhook) = $1 AND p.state = 'queued' AND p.bundled AND p.summary IS NULL
			AND (p.person IS NULL OR p.channel NOT IN (`+phones+`) OR NOT (`+phoneBusy("$1", "$2", "$3", "$4")+`))
		ORDER BY p.id
		FOR UPDATE OF p SKIP LOCKED`, recipient, now.Add(-oncall.PhoneEvery), now.Add(-oncall.PhoneWithin), oncall.PhoneCalls)
	if err != nil {
		return err
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (waiting, error) {
		var w waiting
		err := row.Scan(&w.Page, &w.Ticket, &w.Severity, &w.Title, &w.Unverified, &w.Contact, &w.Channel, &w.Person, &w.Webhook, &w.Told)
		return w, err
	})
	if err != nil || len(found) == 0 {
		return err
	}
	bundled := make([]oncall.Bundled, len(found))
	for i, w := range found {
		bundled[i] = w.Bundled
	}
	summaries, stands, err := oncall.Summarise(found[0].Person, found[0].Webhook, s.Links.BaseURL+"/tickets?state=open", bundled, now)
	if err != nil {
		return err
	}
	ids, err := s.numberPages(ctx, tx, summaries, now)
	if err != nil {
		return err
	}
	for i, id := range ids {
		if _, err := tx.Exec(ctx, `UPDATE pages SET summary = $1 WHERE id = ANY($2)`, id, stands[i]); err != nil {
			return err
		}
	}
	return nil
}

// finishSummary records what became of a summary, and lets the pages that it stands for share it. Where it failed, their
// tickets go on to their next steps soon; half a minute keeps an outage of every channel from using up the repeats.
func (s *Store) finishSummary(ctx context.Context, tx pgx.Tx, summary oncall.Page, outcome oncall.Outcome, now time.Time) error {
	lost := outcome.State == oncall.PageFailed || outcome.State == oncall.PageHeld
	if lost { // escalations are locked before pages
		_, err := tx.Exec(ctx, `
			SELECT FROM escalations WHERE ticket IN (SELECT ticket FROM pages WHERE summary = $1) ORDER BY ticket FOR UPDATE`, summary.ID)
		if err != nil {
			return err
		}
	}
	// As with a claim: found by the summary before anything else is asked of them.
	rows, err := tx.Query(ctx, `
		WITH found AS MATERIALIZED (SELECT id, state FROM pages WHERE summary = $1)
		SELECT id FROM found WHERE state = 'queued' ORDER BY id`, summary.ID)
	if err != nil {
		return err
	}
	stands, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	stands = append(stands, summary.ID)
	for part := range slices.Chunk(stands, summaryPart) {
		if err := s.finishPart(ctx, tx, summary.ID, part, outcome, now); err != nil {
			return err
		}
	}
	if !lost {
		return nil
	}
	return hurry(ctx, tx, summary.ID, now)
}

// summaryPart is how many pages that share a summary's outcome are in memory at a time: of a storm there are many thousands.
const summaryPart = 1000

// finishPart gives some of those pages, or the summary itself, its outcome.
func (s *Store) finishPart(ctx context.Context, tx pgx.Tx, summary int64, ids []int64, outcome oncall.Outcome, now time.Time) error {
	rows, err := tx.Query(ctx, `
		UPDATE pages SET state = $2, last_error = $3, provider_id = $4, finished_at = $5, lease_until = NULL,
			sent_at = CASE WHEN $2 IN ('sent', 'delivered') THEN $5::timestamptz END
		WHERE id = ANY($6) AND state IN ('queued', 'cancelled') AND (id = $1 OR state = 'queued')
		RETURNING `+pageColumns, summary, outcome.State, outcome.Reason, outcome.Receipt.ProviderID, now, ids)
	if err != nil {
		return err
	}
	pages, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (oncall.Page, error) { return scanPage(row) })
	if err != nil {
		return err
	}
	var entries []tickets.Entry
	for _, page := range pages {
		if page.ID == summary {
			continue
		}
		entry := receipt(page, outcome, now)
		entry.Event.Data["summary"] = summary
		entries = append(entries, entry)
	}
	return s.addEvents(ctx, tx, entries)
}

// hurry lets the tickets of a summary that reached nobody go on to their next steps soon.
func hurry(ctx context.Context, tx pgx.Tx, summary int64, now time.Time) error {
	_, err := tx.Exec(ctx, `
		UPDATE escalations e SET due_at = $2
		FROM (SELECT DISTINCT ticket, generation, round, step FROM pages WHERE summary = $1) AS p
		WHERE e.ticket = p.ticket AND e.state = 'running' AND e.due_at > $2 AND (e.generation, e.round, e.step) = (p.generation, p.round, p.step)
			AND NOT EXISTS (SELECT FROM pages alive WHERE alive.ticket = p.ticket AND alive.type = 'page' AND alive.generation = p.generation
				AND alive.round = p.round AND alive.step = p.step AND alive.state IN ('queued', 'sent', 'delivered')
				AND NOT (alive.state = 'queued' AND alive.reason = $3))`,
		summary, now.Add(30*time.Second), oncall.QuietReason)
	return err
}
