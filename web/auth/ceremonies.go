package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// Sign-ins of several requests: what is remembered between them, and how many may be under way.
const (
	ceremonyLifetime     = 5 * time.Minute
	ceremoniesPerAddress = 100 // begun within failureWindow
)

// The kinds of ceremonies.
const (
	passkeySignIn = "passkey sign-in"
	newPasskey    = "new passkey"
	singleSignOn  = "single sign-on"
)

// beginCeremony remembers what the answer to a challenge is held against, and returns the token under which it is found.
// account is whose answer it must be, address the sender's.
func (a *Auth) beginCeremony(ctx context.Context, kind, account, address string, data any) (token string, err error) {
	now := a.now()
	if wait := a.begun.begin(senderKey(address), now); wait > 0 {
		return "", &LimitError{wait}
	}
	content, err := json.Marshal(data)
	if err != nil {
		return "", fmt.Errorf("begin %s: %w", kind, err)
	}
	token = newSecret()
	err = pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM ceremonies WHERE expires_at <= $1`, now); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO ceremonies (token_hash, kind, account, data, expires_at) VALUES ($1, $2, $3, $4, $5)`,
			digest(token), kind, account, content, now.Add(ceremonyLifetime))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("begin %s: %w", kind, classify(err))
	}
	return token, nil
}

// takeCeremony reads what was remembered, this once; tickets.ErrNotFound where there is nothing, or no more.
func (a *Auth) takeCeremony(ctx context.Context, kind, account, token string, data any) error {
	var content []byte
	err := a.pool.QueryRow(ctx, `
		DELETE FROM ceremonies WHERE token_hash = $1 AND kind = $2 AND account = $3 AND expires_at > $4 RETURNING data`,
		digest(token), kind, account, a.now()).Scan(&content)
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("%s: %w", kind, tickets.ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", kind, classify(err))
	}
	if err := json.Unmarshal(content, data); err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	return nil
}
