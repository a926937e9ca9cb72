package auth

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// tokenPrefix lets people and secret scanners recognise a token.
const tokenPrefix = "ah_"

var tokenName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// CreateToken makes an API token on behalf of by and returns it: it is not to be had again. expires nil means never. A name is used
// once, so that a timeline's token:NAME stays clear.
func (a *Auth) CreateToken(ctx context.Context, by, name, role string, expires *time.Time) (token string, err error) {
	if !tokenName.MatchString(name) {
		return "", &tickets.InvalidError{Field: "name", Reason: "use up to 64 letters, digits, dots, dashes and underscores"}
	}
	if !Role(role).Valid() {
		return "", &tickets.InvalidError{Field: "role", Reason: "choose viewer, responder or admin"}
	}
	token = tokenPrefix + newSecret()
	err = a.audited(ctx, by, fmt.Sprintf("token %s made: %s", name, role), func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO tokens (name, token_hash, role, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)`,
			name, digest(token), role, a.now(), expires)
		return err
	})
	if violates(err, uniqueViolation) {
		return "", &tickets.ConflictError{Reason: fmt.Sprintf("a token named %s exists already; choose another name", name)}
	}
	if err != nil {
		return "", fmt.Errorf("make token %s: %w", name, classify(err))
	}
	return token, nil
}

// Token is an API token as those who manage it see it.
type Token struct {
	Name      string
	Role      Role
	CreatedAt time.Time
	ExpiresAt *time.Time // nil: never
	RevokedAt *time.Time
}

// Tokens returns every token, the newest first.
func (a *Auth) Tokens(ctx context.Context) ([]Token, error) {
	rows, err := a.pool.Query(ctx, `SELECT name, role, created_at, expires_at, revoked_at FROM tokens ORDER BY created_at DESC, name`)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", classify(err))
	}
	tokens, err := pgx.CollectRows(rows, pgx.RowToStructByName[Token])
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", classify(err))
	}
	return tokens, nil
}

// RevokeToken ends a token from its next request on. Its name stays taken.
func (a *Auth) RevokeToken(ctx context.Context, by, name string) error {
	err := a.audited(ctx, by, "token "+name+" revoked", func(tx pgx.Tx) error {
		revoked, err := tx.Exec(ctx, `UPDATE tokens SET revoked_at = $2 WHERE name = $1 AND revoked_at IS NULL`, name, a.now())
		if err == nil && revoked.RowsAffected() == 0 {
			return tickets.ErrNotFound
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("revoke token %q: %w", name, classify(err))
	}
	return nil
}

// Bearer returns whom a token stands for, or ErrUnauthenticated.
func (a *Auth) Bearer(ctx context.Context, token string) (Identity, error) {
	if !strings.HasPrefix(token, tokenPrefix) {
		return Identity{}, ErrUnauthenticated
	}
	var identity Identity
	err := a.pool.QueryRow(ctx, `
		SELECT 'token:' || name, 'token ' || name, role FROM tokens
		WHERE token_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)`, digest(token), a.now()).
		Scan(&identity.ID, &identity.Name, &identity.Role)
	if errors.Is(err, pgx.ErrNoRows) {
		return Identity{}, ErrUnauthenticated
	}
	if err != nil {
		return Identity{}, fmt.Errorf("read token: %w", classify(err))
	}
	return identity, nil
}
