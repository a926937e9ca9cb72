package auth

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// WordsOf are name and address of an account; nil where there is none of that id.
func (a *Auth) WordsOf(ctx context.Context, tx pgx.Tx, id string) ([]string, error) {
	var name, email string
	err := tx.QueryRow(ctx, `SELECT name, email FROM accounts WHERE id = $1 FOR UPDATE`, id).Scan(&name, &email)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", id, classify(err))
	}
	return []string{name, email}, nil
}

// EraseIn empties and disables a person's account, inside the caller's transaction: sessions, links, invitations, feeds
// and kept filters end with it. The id stays, so that nobody else gets it with what was done under it.
func (a *Auth) EraseIn(ctx context.Context, tx pgx.Tx, e tickets.Erasure) ([]tickets.Erased, error) {
	now := a.now()
	_, err := tx.Exec(ctx, `
		DELETE FROM invitations WHERE person = $1 OR lower(email) IN (SELECT lower(email) FROM accounts WHERE id = $1)
		OR lower(email) IN (SELECT lower(word) FROM unnest($2::text[]) AS word)`, e.Person, e.Words)
	if err != nil {
		return nil, fmt.Errorf("erase invitations: %w", classify(err))
	}
	accounts, err := tx.Exec(ctx, `
		UPDATE accounts SET name = $2, email = id || '@erased.invalid', password_hash = '', passkey_handle = NULL, disabled_at = coalesce(disabled_at, $3)
		WHERE id = $1`, e.Person, e.Replacement(), now)
	if err != nil {
		return nil, fmt.Errorf("erase account: %w", classify(err))
	}
	batch := &pgx.Batch{}
	batch.Queue(`DELETE FROM login_links WHERE account = $1`, e.Person)
	batch.Queue(`DELETE FROM passkeys WHERE account = $1`, e.Person)
	batch.Queue(`DELETE FROM account_identities WHERE account = $1`, e.Person)
	batch.Queue(`DELETE FROM ceremonies WHERE account = $1`, e.Person)
	batch.Queue(`DELETE FROM saved_filters WHERE account = $1`, e.Person)
	batch.Queue(`UPDATE calendar_feeds SET revoked_at = coalesce(revoked_at, $2) WHERE account = $1 OR kind = 'person' AND subject = $1`, e.Person, now)
	batch.Queue(`UPDATE sign_ins SET ended_at = coalesce(ended_at, $2), address = '', agent = '' WHERE account = $1`, e.Person, now)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("erase account: %w", classify(err))
	}
	return []tickets.Erased{{Place: "accounts", Rows: accounts.RowsAffected()}}, nil
}
