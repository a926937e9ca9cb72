package auth

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// Account is an account as those who manage it see it.
type Account struct {
	ID         string
	Name       string
	Email      string
	Role       Role
	CreatedAt  time.Time
	DisabledAt *time.Time
}

// Accounts returns every account, the oldest first.
func (a *Auth) Accounts(ctx context.Context) ([]Account, error) {
	rows, err := a.pool.Query(ctx, `SELECT id, name, email, role, created_at, disabled_at FROM accounts ORDER BY created_at, id`)
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", classify(err))
	}
	accounts, err := pgx.CollectRows(rows, pgx.RowToStructByName[Account])
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", classify(err))
	}
	return accounts, nil
}

// CreateAccount makes an account with a password that it returns. An empty id comes from the address; a person of that
// id is the same human.
func (a *Auth) CreateAccount(ctx context.Context, account Account) (password string, err error) {
	account.Name, account.Email = strings.TrimSpace(account.Name), strings.TrimSpace(account.Email)
	if err := checkAccount(account.Name, account.Email, account.Role); err != nil {
		return "", err
	}
	if account.ID == "" {
		account.ID = idFrom(account.Email)
	}
	if !accountID.MatchString(account.ID) {
		return "", &tickets.InvalidError{Field: "id", Reason: "use small letters, digits, dots, dashes and underscores"}
	}
	password = newSecret()
	hash, err := a.hasher.hash(ctx, password)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", classify(err))
	}
	_, err = a.pool.Exec(ctx, `INSERT INTO accounts (id, name, email, role, password_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		account.ID, account.Name, account.Email, account.Role, hash, a.now())
	if violates(err, uniqueViolation) {
		return "", &tickets.ConflictError{Reason: fmt.Sprintf("an account with the id %s or the address %s is there already", account.ID, account.Email)}
	}
	if err != nil {
		return "", fmt.Errorf("make account %s: %w", account.ID, classify(err))
	}
	return password, nil
}

// ResetPassword gives the account of an id or address a new password and returns it.
func (a *Auth) ResetPassword(ctx context.Context, account string) (password string, err error) {
	password = newSecret()
	hash, err := a.hasher.hash(ctx, password)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", classify(err))
	}
	return password, a.change(ctx, account, `UPDATE accounts SET password_hash = $2 WHERE id = $1 OR lower(email) = lower($1)`, hash)
}

// Disable keeps the account of an id or address from signing in; its sessions end with their next request.
func (a *Auth) Disable(ctx context.Context, account string) error {
	return a.change(ctx, account, `
		UPDATE accounts SET disabled_at = coalesce(disabled_at, $2) WHERE id = $1 OR lower(email) = lower($1)`, a.now())
}

func (a *Auth) change(ctx context.Context, account, update string, value any) error {
	changed, err := a.pool.Exec(ctx, update, account, value)
	if err != nil {
		return fmt.Errorf("change account %s: %w", account, classify(err))
	}
	if changed.RowsAffected() == 0 {
		return fmt.Errorf("account %q: %w; `afterhours user list` shows those that are there", account, tickets.ErrNotFound)
	}
	return nil
}
