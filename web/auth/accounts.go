package auth

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"afterhours/tickets"
)

// ErrWrongCredentials is the one answer to an unknown address, a wrong password and a disabled account.
var ErrWrongCredentials = errors.New("the e-mail address or the password is wrong")

// SignIn begins a session for whoever knows the password of an account. address is the sender's network address, with or
// without a port. Errors are ErrWrongCredentials, a LimitError, or the database's.
func (a *Auth) SignIn(ctx context.Context, email, password, address string) (Identity, error) {
	identity, err := a.attempt(ctx, email, password, address)
	if err != nil {
		return Identity{}, err
	}
	return identity, a.begin(ctx, identity)
}

// attempt compares a password within the limits of failed ones.
func (a *Auth) attempt(ctx context.Context, email, password, address string) (Identity, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	account, sender, now := string(digest(email)), senderKey(address), a.now()
	if wait := a.senders.begin(sender, now); wait > 0 {
		return Identity{}, &LimitError{wait}
	}
	if wait := a.accounts.begin(account, now); wait > 0 {
		return Identity{}, &LimitError{wait}
	}
	identity, err := a.verify(ctx, email, password)
	if err == nil {
		a.senders.takeBack(sender)
		a.accounts.clear(account)
		return identity, nil
	}
	if !errors.Is(err, ErrWrongCredentials) { // not the sender's fault
		a.senders.takeBack(sender)
		a.accounts.takeBack(account)
	}
	return Identity{}, err
}

func (a *Auth) verify(ctx context.Context, email, password string) (Identity, error) {
	var identity Identity
	var hash string
	var disabled bool
	err := pgx.ErrNoRows
	if storable(email) {
		err = a.pool.QueryRow(ctx, `SELECT id, name, role, password_hash, disabled_at IS NOT NULL FROM accounts WHERE lower(email) = $1`, email).
			Scan(&identity.ID, &identity.Name, &identity.Role, &hash, &disabled)
	}
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return Identity{}, fmt.Errorf("read account: %w", classify(err))
	}
	if len(password) > maxPassword {
		password, hash = "", ""
	}
	matches, err := a.hasher.matches(ctx, password, hash)
	if err != nil {
		return Identity{}, fmt.Errorf("compare password: %w", classify(err))
	}
	if !matches || disabled {
		return Identity{}, ErrWrongCredentials
	}
	return identity, nil
}

// HasAccounts says whether anybody can sign in yet.
func (a *Auth) HasAccounts(ctx context.Context) (bool, error) {
	var exist bool
	if err := a.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM accounts)`).Scan(&exist); err != nil {
		return false, fmt.Errorf("look for accounts: %w", classify(err))
	}
	return exist, nil
}

var accountID = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// EnsureAccount makes an account, or gives an existing one this name, address and role. It has no password until it gets
// one; a sign-in link lets it in.
func (a *Auth) EnsureAccount(ctx context.Context, id, name, email, role string) error {
	if !accountID.MatchString(id) {
		return &tickets.InvalidError{Field: "id", Reason: "use small letters, digits, dots, dashes and underscores"}
	}
	if err := checkAccount(name, email, Role(role)); err != nil {
		return err
	}
	_, err := a.pool.Exec(ctx, `
		INSERT INTO accounts (id, name, email, role, created_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, email = excluded.email, role = excluded.role`,
		id, name, email, role, a.now())
	if violates(err, uniqueViolation) {
		return &tickets.ConflictError{Reason: fmt.Sprintf("another account has the address %s", email)}
	}
	if err != nil {
		return fmt.Errorf("make account %s: %w", id, classify(err))
	}
	return nil
}

func checkAccount(name, email string, role Role) error {
	if strings.TrimSpace(name) == "" || len(name) > 200 || !storable(name) {
		return &tickets.InvalidError{Field: "name", Reason: "give a name of at most 200 letters"}
	}
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Address != email || len(email) > 320 || !storable(email) {
		return &tickets.InvalidError{Field: "email", Reason: "give an address like ana@example.com"}
	}
	if !role.Valid() {
		return &tickets.InvalidError{Field: "role", Reason: "choose viewer, responder or admin"}
	}
	return nil
}

// storable says whether Postgres takes a text.
func storable(text string) bool {
	return strings.ToValidUTF8(text, "") == text && !strings.Contains(text, "\x00")
}

// SQLSTATEs.
const (
	uniqueViolation     = "23505"
	foreignKeyViolation = "23503"
)

func violates(err error, code string) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == code
}
