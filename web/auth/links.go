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

// LoginLink is what a sign-in link stands for: an account, or, where First holds, whoever makes the first administrator.
type LoginLink struct {
	Account string
	Name    string
	First   bool
}

// CreateLoginLink makes a link that works once within ttl and returns its token. account nil makes the one for the first
// administrator.
func (a *Auth) CreateLoginLink(ctx context.Context, account *string, ttl time.Duration) (token string, err error) {
	token = newSecret()
	_, err = a.pool.Exec(ctx, `INSERT INTO login_links (token_hash, account, expires_at) VALUES ($1, $2, $3)`,
		digest(token), account, a.now().Add(ttl))
	if violates(err, foreignKeyViolation) {
		return "", fmt.Errorf("account %s: %w", *account, tickets.ErrNotFound)
	}
	if err != nil {
		return "", fmt.Errorf("make sign-in link: %w", classify(err))
	}
	return token, nil
}

// LoginLink returns what a link stands for and uses nothing up; tickets.ErrNotFound where it is unknown, used or
// expired, its account disabled, or, for the first administrator, where somebody already has an account.
func (a *Auth) LoginLink(ctx context.Context, token string) (LoginLink, error) {
	var link LoginLink
	err := a.pool.QueryRow(ctx, `
		SELECT coalesce(accounts.id, ''), coalesce(accounts.name, ''), login_links.account IS NULL
		FROM login_links LEFT JOIN accounts ON accounts.id = login_links.account
		WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 AND disabled_at IS NULL
		AND (login_links.account IS NOT NULL OR NOT EXISTS (SELECT FROM accounts))`, digest(token), a.now()).
		Scan(&link.Account, &link.Name, &link.First)
	return link, linkError(err)
}

// RedeemLink uses a link up and begins a session for its account.
func (a *Auth) RedeemLink(ctx context.Context, token string) (Identity, error) {
	var identity Identity
	err := a.pool.QueryRow(ctx, `
		UPDATE login_links SET used_at = $2 FROM accounts
		WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 AND accounts.id = login_links.account AND disabled_at IS NULL
		RETURNING accounts.id, accounts.name, accounts.role`, digest(token), a.now()).
		Scan(&identity.ID, &identity.Name, &identity.Role)
	if err != nil {
		return Identity{}, linkError(err)
	}
	return identity, a.begin(ctx, identity)
}

func linkError(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("sign-in link: %w", tickets.ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("sign-in link: %w", classify(err))
	}
	return nil
}

// FirstAccount is the first administrator. ID may be empty: then it comes from the address.
type FirstAccount struct {
	ID       string
	Name     string
	Email    string
	Password string
}

// CreateAdministrator uses up a first administrator's link, makes the account and begins its session. Faults in account
// are InvalidErrors and leave the link as it is.
func (a *Auth) CreateAdministrator(ctx context.Context, token string, account FirstAccount) (Identity, error) {
	account.Name, account.Email = strings.TrimSpace(account.Name), strings.TrimSpace(account.Email)
	if err := checkAccount(account.Name, account.Email, Admin); err != nil {
		return Identity{}, err
	}
	if err := checkPassword(account.Password); err != nil {
		return Identity{}, err
	}
	link, err := a.LoginLink(ctx, token) // before the work of a hash
	if err != nil {
		return Identity{}, err
	}
	if !link.First {
		return Identity{}, linkError(pgx.ErrNoRows)
	}
	if !accountID.MatchString(account.ID) {
		account.ID = idFrom(account.Email)
	}
	hash, err := a.hasher.hash(ctx, account.Password)
	if err != nil {
		return Identity{}, fmt.Errorf("hash password: %w", classify(err))
	}
	identity := Identity{ID: account.ID, Name: account.Name, Role: Admin}
	err = pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		// Two links opened at once make one administrator.
		if _, err := tx.Exec(ctx, `LOCK TABLE accounts IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		used, err := tx.Exec(ctx, `
			UPDATE login_links SET used_at = $2
			WHERE token_hash = $1 AND account IS NULL AND used_at IS NULL AND expires_at > $2
			AND NOT EXISTS (SELECT FROM accounts)`, digest(token), a.now())
		if err != nil {
			return err
		}
		if used.RowsAffected() == 0 {
			return pgx.ErrNoRows
		}
		_, err = tx.Exec(ctx, `INSERT INTO accounts (id, name, email, role, password_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
			identity.ID, identity.Name, account.Email, identity.Role, hash, a.now())
		if err != nil {
			return err
		}
		return a.audit(ctx, tx, identity.ID, "account "+identity.ID+" made by the first sign-in link: admin")
	})
	if err != nil {
		return Identity{}, linkError(err)
	}
	return identity, a.begin(ctx, identity)
}

var notInID = regexp.MustCompile(`[^a-z0-9._-]+`)

// idFrom makes an account's id of the part of an address before the @.
func idFrom(email string) string {
	local, _, _ := strings.Cut(strings.ToLower(email), "@")
	id := strings.TrimLeft(notInID.ReplaceAllString(local, "-"), "._-")
	if len(id) > 64 {
		id = id[:64]
	}
	if id == "" {
		return "admin"
	}
	return id
}
