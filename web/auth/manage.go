package auth

import (
	"context"
	"errors"
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

// CreateAccount makes an account on behalf of by, with a password that it returns with its id. An empty id comes from the address; a person of that
// id is the same human.
func (a *Auth) CreateAccount(ctx context.Context, by string, account Account) (id, password string, err error) {
	account.Name, account.Email = strings.TrimSpace(account.Name), strings.TrimSpace(account.Email)
	if err := checkAccount(account.Name, account.Email, account.Role); err != nil {
		return "", "", err
	}
	if account.ID == "" {
		account.ID = idFrom(account.Email)
	}
	if !accountID.MatchString(account.ID) {
		return "", "", &tickets.InvalidError{Field: "id", Reason: "use small letters, digits, dots, dashes and underscores"}
	}
	password = newSecret()
	hash, err := a.hasher.hash(ctx, password)
	if err != nil {
		return "", "", fmt.Errorf("hash password: %w", classify(err))
	}
	err = a.audited(ctx, by, fmt.Sprintf("account %s made: %s", account.ID, account.Role), func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO accounts (id, name, email, role, password_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
			account.ID, account.Name, account.Email, account.Role, hash, a.now())
		return err
	})
	if violates(err, uniqueViolation) {
		return "", "", &tickets.ConflictError{Reason: fmt.Sprintf("an account with the id %s or the address %s is there already", account.ID, account.Email)}
	}
	if err != nil {
		return "", "", fmt.Errorf("make account %s: %w", account.ID, classify(err))
	}
	return account.ID, password, nil
}

// ResetPassword gives the account of an id or address a new password and returns it; its sessions end.
func (a *Auth) ResetPassword(ctx context.Context, by, account string) (password string, err error) {
	password = newSecret()
	hash, err := a.hasher.hash(ctx, password)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", classify(err))
	}
	return password, a.change(ctx, by, account, "got a new password", true, `UPDATE accounts SET password_hash = $2`, hash)
}

// Disable keeps the account of an id or address from signing in; its sessions end.
func (a *Auth) Disable(ctx context.Context, by, account string) error {
	return a.change(ctx, by, account, "disabled", true, `UPDATE accounts SET disabled_at = coalesce(disabled_at, $2)`, a.now())
}

// Enable lets a disabled account sign in again.
func (a *Auth) Enable(ctx context.Context, by, account string) error {
	return a.change(ctx, by, account, "enabled", false, `UPDATE accounts SET disabled_at = $2`, nil)
}

// SetRole gives an account another role, from its next request on.
func (a *Auth) SetRole(ctx context.Context, by, account string, role Role) error {
	if !role.Valid() {
		return &tickets.InvalidError{Field: "role", Reason: "choose viewer, responder or admin"}
	}
	return a.change(ctx, by, account, "has the role "+string(role)+" now", false, `UPDATE accounts SET role = $2`, role)
}

// change updates the account of an id or address, and ends its sessions where that is asked for.
func (a *Auth) change(ctx context.Context, by, account, what string, end bool, update string, value any) error {
	err := pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		var id string
		if err := tx.QueryRow(ctx, update+` WHERE id = $1 OR lower(email) = lower($1) RETURNING id`, account, value).Scan(&id); err != nil {
			return err
		}
		if end {
			if _, err := tx.Exec(ctx, `UPDATE sign_ins SET ended_at = $2 WHERE account = $1 AND ended_at IS NULL`, id, a.now()); err != nil {
				return err
			}
		}
		return a.audit(ctx, tx, by, "account "+id+" "+what)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("account %q: %w; `afterhours user list` shows those that are there", account, tickets.ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("change account %s: %w", account, classify(err))
	}
	return nil
}

// audited runs a change and its entry in the audit log in one transaction.
func (a *Auth) audited(ctx context.Context, by, action string, change func(tx pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		return a.audit(ctx, tx, by, action)
	})
}

func (a *Auth) audit(ctx context.Context, tx pgx.Tx, by, action string) error {
	_, err := tx.Exec(ctx, `INSERT INTO audit_log (at, actor, action) VALUES ($1, $2, $3)`, a.now(), by, action)
	return err
}
