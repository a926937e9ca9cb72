package oncalldb

import (
	"context"
	"fmt"
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

// Share is the part of a summary's outcome that is to be recorded next: of the pages that it stands for, those after one. Of a
// storm they are many thousands, and no transaction, nor a stop, is to wait for all of them.
type Share struct {
	Summary int64  `json:"summary"`
	After   int64  `json:"after,omitempty"`
	Detail  string `json:"detail,omitempty"` // what the provider said
}

// sharePart is how many pages one transaction gives the outcome of their summary.
const sharePart = 1000

// finishSummary records what became of a summary, and lets the pages that it stands for share it.
func (s *Store) finishSummary(ctx context.Context, tx pgx.Tx, dispatch oncall.Dispatch, outcome oncall.Outcome, now time.Time) error {
	summary := dispatch.Page
	recorded, err := tx.Exec(ctx, `
		UPDATE pages SET state = $2, last_error = $3, provider_id = $4, finished_at = $5, lease_until = NULL,
			sent_at = CASE WHEN $2 IN ('sent', 'delivered') THEN $5::timestamptz END, phoned_at = CASE WHEN $2 <> 'failed' THEN phoned_at END
		WHERE id = $1 AND state IN ('queued', 'cancelled')`,
		summary.ID, outcome.State, outcome.Reason, outcome.Receipt.ProviderID, now)
	if err != nil {
		return err
	}
	if recorded.RowsAffected() == 0 { // the provider's report was faster
		_, err := tx.Exec(ctx, `UPDATE pages SET provider_id = $2 WHERE id = $1 AND provider_id = ''`, summary.ID, outcome.Receipt.ProviderID)
		return err
	}
	if outcome.State == oncall.PageFailed { // told once, however many pages it stands for
		configuration, err := s.configuration(ctx, tx)
		if err != nil {
			return err
		}
		if err := s.tellFailed(ctx, tx, configuration, dispatch.Ticket, summary, outcome.Reason, now); err != nil {
			return err
		}
	}
	return s.EnqueueShare(ctx, tx, Share{Summary: summary.ID, Detail: outcome.Receipt.Detail})
}

// ShareOutcome gives some of the pages that a summary stands for what became of it, and enqueues the rest. Where it reached
// nobody, their tickets go on to their next steps soon; half a minute keeps an outage of every channel from using up the
// repeats. A share that is done twice changes nothing.
func (s *Store) ShareOutcome(ctx context.Context, share Share) error {
	now := s.Now()
	err := s.keyed(ctx, func(tx pgx.Tx) error {
		summary, part, err := readShare(ctx, tx, share)
		if err != nil || len(part) == 0 || summary.FinishedAt == nil {
			return err
		}
		lost := summary.State == oncall.PageFailed || summary.State == oncall.PageHeld
		if lost { // escalations are locked before pages
			_, err := tx.Exec(ctx, `
				SELECT FROM escalations WHERE ticket IN (SELECT ticket FROM pages WHERE id = ANY($1)) ORDER BY ticket FOR UPDATE`, part)
			if err != nil {
				return err
			}
		}
		if err := s.recordShare(ctx, tx, summary, part, share.Detail); err != nil {
			return err
		}
		if lost {
			if err := hurry(ctx, tx, part, now); err != nil {
				return err
			}
		}
		if len(part) < sharePart {
			return nil
		}
		share.After = part[len(part)-1]
		return s.EnqueueShare(ctx, tx, share)
	})
	if err != nil {
		return fmt.Errorf("share the outcome of summary %d: %w", share.Summary, err)
	}
	return nil
}

func readShare(ctx context.Context, tx pgx.Tx, share Share) (summary oncall.Page, part []int64, err error) {
	rows, err := tx.Query(ctx, `SELECT `+pageColumns+` FROM pages WHERE id = $1`, share.Summary)
	if err != nil {
		return summary, nil, err
	}
	summary, err = pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (oncall.Page, error) { return scanPage(row) })
	if err != nil {
		return summary, nil, err
	}
	if rows, err = tx.Query(ctx, `SELECT id FROM pages WHERE summary = $1 AND id > $2 ORDER BY id LIMIT $3`, share.Summary, share.After, sharePart); err != nil {
		return summary, nil, err
	}
	part, err = pgx.CollectRows(rows, pgx.RowTo[int64])
	return summary, part, err
}

// recordShare writes a summary's state on pages and timelines. Who acknowledged after the summary had gone was told by it.
func (s *Store) recordShare(ctx context.Context, tx pgx.Tx, summary oncall.Page, part []int64, detail string) error {
	rows, err := tx.Query(ctx, `
		WITH part AS MATERIALIZED (SELECT id AS page, state AS former FROM pages WHERE id = ANY($1))
		UPDATE pages SET state = $2, last_error = $3, provider_id = $4, finished_at = $5, sent_at = $6, lease_until = NULL
		FROM part
		WHERE id = page AND (state = 'queued' OR state = 'sent' AND $2 <> 'sent'
			OR state = 'cancelled' AND $2 IN ('sent', 'delivered') AND finished_at > $5)
		RETURNING `+pageColumns+`, former`,
		part, summary.State, summary.LastError, summary.ProviderID, summary.FinishedAt, summary.SentAt)
	if err != nil {
		return err
	}
	outcome := oncall.Outcome{State: summary.State, Reason: summary.LastError}
	outcome.Receipt.ProviderID, outcome.Receipt.Detail = summary.ProviderID, detail
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (tickets.Entry, error) {
		var former oncall.PageState
		page, err := scanPage(row, &former)
		entry := receipt(page, outcome, *summary.FinishedAt)
		if former == oncall.PageSent && outcome.State == oncall.PageDelivered {
			entry.Event.Type = tickets.EventPageDelivered
		}
		entry.Event.Data["summary"] = summary.ID
		return entry, err
	})
	if err != nil {
		return err
	}
	return s.addEvents(ctx, tx, entries)
}

// hurry lets the tickets of pages that reached nobody go on to their next steps soon.
func hurry(ctx context.Context, tx pgx.Tx, pages []int64, now time.Time) error {
	_, err := tx.Exec(ctx, `
		UPDATE escalations e SET due_at = $2
		FROM (SELECT DISTINCT ticket, generation, round, step FROM pages WHERE id = ANY($1)) AS p
		WHERE e.ticket = p.ticket AND e.state = 'running' AND e.due_at > $2 AND (e.generation, e.round, e.step) = (p.generation, p.round, p.step)
			AND NOT EXISTS (SELECT FROM pages alive WHERE alive.ticket = p.ticket AND alive.type = 'page' AND alive.generation = p.generation
				AND alive.round = p.round AND alive.step = p.step AND alive.state IN ('queued', 'sent', 'delivered')
				AND NOT (alive.state = 'queued' AND alive.reason = $3))`,
		pages, now.Add(30*time.Second), oncall.QuietReason)
	return err
}
