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

// CreateToken makes an API token and returns it: it is not to be had again. expires nil means never. A name is used
// once, so that a timeline's token:NAME stays clear.
func (a *Auth) CreateToken(ctx context.Context, name, role string, expires *time.Time) (token string, err error) {
	if !tokenName.MatchString(name) {
		return "", &tickets.InvalidError{Field: "name", Reason: "use up to 64 letters, digits, dots, dashes and underscores"}
	}
	if !Role(role).Valid() {
		return "", &tickets.InvalidError{Field: "role", Reason: "choose viewer, responder or admin"}
	}
	token = tokenPrefix + newSecret()
	_, err = a.pool.Exec(ctx, `INSERT INTO tokens (name, token_hash, role, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)`,
		name, digest(token), role, a.now(), expires)
	if violates(err, uniqueViolation) {
		return "", &tickets.ConflictError{Reason: fmt.Sprintf("a token named %s exists already; choose another name", name)}
	}
	if err != nil {
		return "", fmt.Errorf("make token %s: %w", name, classify(err))
	}
	return token, nil
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
