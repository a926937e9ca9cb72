package oncalldb

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// disableWebhook ends a webhook whose receiver answered that it is gone. The new version of the configuration tells every
// process.
func (s *Store) disableWebhook(ctx context.Context, tx pgx.Tx, webhook oncall.Webhook, reason string, now time.Time) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO webhook_states (webhook, url_digest, disabled_at, reason) VALUES ($1, $2, $3, $4)
		ON CONFLICT (webhook) DO UPDATE SET url_digest = $2, disabled_at = $3, reason = $4`, webhook.ID, digest(webhook.URL), now, reason)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE configuration SET version = version + 1`); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO audit_log (at, actor, action) VALUES ($1, $2, $3)`,
		now, tickets.ActorSystem, "webhook "+webhook.ID+" disabled: "+reason)
	return err
}

// EnableWebhook lets a webhook be told again.
func (s *Store) EnableWebhook(ctx context.Context, actor, webhook string) error {
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		enabled, err := tx.Exec(ctx, `DELETE FROM webhook_states WHERE webhook = $1`, webhook)
		if err != nil {
			return err
		}
		if enabled.RowsAffected() == 0 {
			return fmt.Errorf("%w: it is not disabled", tickets.ErrNotFound)
		}
		if _, err := tx.Exec(ctx, `UPDATE configuration SET version = version + 1`); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO audit_log (at, actor, action) VALUES ($1, $2, $3)`, s.Now(), actor, "webhook "+webhook+" enabled")
		return err
	})
	if err != nil {
		return fmt.Errorf("enable webhook %s: %w", webhook, err)
	}
	return nil
}

// withDisabled adds which webhooks are disabled: those whose URL is still the one that answered 410.
func withDisabled(ctx context.Context, db querier, c oncall.Configuration) (oncall.Configuration, error) {
	rows, err := db.Query(ctx, `SELECT webhook, url_digest, reason FROM webhook_states`)
	if err != nil {
		return c, err
	}
	var id, reason string
	var of []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &of, &reason}, func() error {
		if webhook, ok := c.Webhook(id); ok && slices.Equal(digest(webhook.URL), of) {
			c = c.Disable(id, reason)
		}
		return nil
	})
	return c, err
}

func digest(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// Deliveries returns what a webhook of the team was sent or is to be sent, newest first, below the id before; 0 begins at
// the newest. What goes with a summary is not sent by itself.
func (s *Store) Deliveries(ctx context.Context, webhook string, limit int, before int64) ([]oncall.Page, error) {
	return s.pages(ctx, `
		SELECT `+pageColumns+` FROM pages
		WHERE webhook = $1 AND webhook <> '' AND NOT bundled AND ($3 = 0 OR id < $3)
		ORDER BY id DESC LIMIT $2`, webhook, limit, before)
}

// Redeliver sends to a webhook once more what was sent to it or failed, under the same id.
func (s *Store) Redeliver(ctx context.Context, webhook string, id int64) error {
	now := s.Now()
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			UPDATE pages SET state = 'queued', due_at = $3, give_up_at = $4, lease_until = $5, started_at = NULL, attempts = 0,
				last_error = '', finished_at = NULL, sent_at = NULL
			WHERE id = $1 AND webhook = $2 AND state IN ('sent', 'delivered', 'failed')
			RETURNING `+pageColumns, id, webhook, now, now.Add(time.Minute), now.Add(oncall.ClaimLease))
		if err != nil {
			return err
		}
		pages, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (oncall.Page, error) { return scanPage(row) })
		if err != nil {
			return err
		}
		if len(pages) == 0 {
			return &tickets.ConflictError{Reason: "this delivery is still under way, or was cancelled"}
		}
		return s.Enqueue(ctx, tx, pages)
	})
	if err != nil {
		return fmt.Errorf("send delivery %d again: %w", id, err)
	}
	return nil
}
