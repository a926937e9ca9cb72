package oncalldb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// Share is the part of a summary's outcome that is to be recorded next, on some of the pages that it stands for. Of a storm they are
// many thousands, and no transaction, nor a stop, is to wait for all of them.
type Share struct {
	Summary int64  `json:"summary"`
	Part    int    `json:"part,omitempty"`   // 0 where an older program wrote it
	Detail  string `json:"detail,omitempty"` // what the provider said
	Lost    bool   `json:"lost,omitempty"`   // the summary reached nobody: the others' steps wait for it
}

// sharePart is how many pages one transaction gives the outcome of their summary.
const sharePart = 500

// queueParts writes down what a summary stands for.
func queueParts(batch *pgx.Batch, summary int64, stands []int64) {
	number := 0
	for part := range slices.Chunk(stands, sharePart) {
		number++
		batch.Queue(`INSERT INTO summary_parts (summary, part, pages) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, summary, number, part)
	}
}

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
	return s.EnqueueShare(ctx, tx, share(summary.ID, outcome))
}

// share is the first part of what became of a summary.
func share(summary int64, outcome oncall.Outcome) Share {
	return Share{Summary: summary, Part: 1, Detail: outcome.Receipt.Detail, Lost: outcome.State.Lost()}
}

// ShareOutcome gives some of the pages that a summary stands for what became of it, and enqueues the rest. Where it reached
// nobody, their tickets go on to their next steps soon; half a minute keeps an outage of every channel from using up the
// repeats. A share that is done twice changes nothing.
func (s *Store) ShareOutcome(ctx context.Context, share Share) error {
	now := s.Now()
	err := s.keyed(ctx, func(tx pgx.Tx) error {
		if share.Part == 0 {
			if err := adoptParts(ctx, tx, share.Summary); err != nil {
				return err
			}
			share.Part = 1
		}
		part, more, err := lockPart(ctx, tx, share)
		if err != nil || len(part) == 0 {
			return err
		}
		summary, err := readSummary(ctx, tx, share.Summary)
		if err != nil || summary.FinishedAt == nil {
			return err
		}
		if share.Lost = summary.State.Lost(); share.Lost { // escalations are locked before pages
			_, err := tx.Exec(ctx, `
				SELECT FROM escalations WHERE ticket IN (SELECT ticket FROM pages WHERE id = ANY($1)) ORDER BY ticket FOR UPDATE`, part)
			if err != nil {
				return err
			}
		}
		if err := s.recordShare(ctx, tx, summary, part, share.Detail); err != nil {
			return err
		}
		if share.Lost {
			if err := hurry(ctx, tx, part, now); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE summary_parts SET recorded = true WHERE summary = $1 AND part = $2 AND NOT recorded`, share.Summary, share.Part); err != nil {
			return err
		}
		if !more {
			return nil
		}
		share.Part++
		return s.EnqueueShare(ctx, tx, share)
	})
	if err != nil {
		return fmt.Errorf("share the outcome of summary %d: %w", share.Summary, err)
	}
	return nil
}

// lockPart returns the pages of a part, none where there is no such part, and whether another one follows. Whoever holds it reads
// the summary after everybody who held it before.
func lockPart(ctx context.Context, tx pgx.Tx, share Share) (part []int64, more bool, err error) {
	err = tx.QueryRow(ctx, `
		SELECT pages, EXISTS (SELECT FROM summary_parts WHERE summary = $1 AND part = $2 + 1)
		FROM summary_parts WHERE summary = $1 AND part = $2 FOR UPDATE`, share.Summary, share.Part).Scan(&part, &more)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, false, nil
	}
	return part, more, err
}

func readSummary(ctx context.Context, tx pgx.Tx, id int64) (oncall.Page, error) {
	rows, err := tx.Query(ctx, `SELECT `+pageColumns+` FROM pages WHERE id = $1`, id)
	if err != nil {
		return oncall.Page{}, err
	}
	return pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (oncall.Page, error) { return scanPage(row) })
}

// adoptParts writes down what a summary of an older program stands for.
func adoptParts(ctx context.Context, tx pgx.Tx, summary int64) error {
	rows, err := tx.Query(ctx, `SELECT id FROM pages WHERE summary = $1 ORDER BY id`, summary)
	if err != nil {
		return err
	}
	stands, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	batch := &pgx.Batch{}
	queueParts(batch, summary, stands)
	return tx.SendBatch(ctx, batch).Close()
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

// sharesRest is how long after a summary's outcome its pages know of it, whatever the storm.
const sharesRest = 15 * time.Minute

// ResumeShares goes on with summaries of whose outcome not all pages know, where nobody else does: an older program, which knows
// nothing of parts, may have recorded it.
func (s *Store) ResumeShares(ctx context.Context, now time.Time) error {
	err := s.keyed(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT sp.summary, min(sp.part) AS part, '' AS detail, s.state IN ('failed', 'held') AS lost
			FROM summary_parts sp JOIN pages s ON s.id = sp.summary
			WHERE NOT sp.recorded AND s.finished_at < $1 GROUP BY sp.summary, s.state`, now.Add(-sharesRest))
		if err != nil {
			return err
		}
		left, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Share])
		if err != nil {
			return err
		}
		for _, share := range left {
			if err := s.EnqueueShare(ctx, tx, share); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("go on with the outcomes of summaries: %w", err)
	}
	return nil
}
