package auth

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// ErrWrongPassword is the answer to a present password that is not the account's.
var ErrWrongPassword = errors.New("this is not your present password")

// ChangePassword gives an account another password for its present one, and ends its sessions but the request's own, which goes on
// under a new id. A wrong one counts as a failed sign-in. An account without a password gets its first one in a session in which
// Confirmed holds. address is the sender's. Errors are ErrWrongPassword, ErrUnconfirmed, a LimitError, invalid, or the database's.
func (a *Auth) ChangePassword(ctx context.Context, account, present, next, address string) error {
	if err := checkPassword(next); err != nil {
		return err
	}
	ways, err := a.WaysIn(ctx, account)
	if err != nil {
		return err
	}
	if !ways.Password && !a.Confirmed(ctx) {
		return ErrUnconfirmed
	}
	if ways.Password {
		if err := a.checkOwn(ctx, account, present, address); err != nil {
			return err
		}
	}
	hash, err := a.hasher.hash(ctx, next)
	if err != nil {
		return fmt.Errorf("hash password: %w", classify(err))
	}
	err = a.audited(ctx, account, "account "+account+" changed its password", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE accounts SET password_hash = $2 WHERE id = $1`, account, hash)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE sign_ins SET ended_at = $3 WHERE account = $1 AND id <> $2 AND ended_at IS NULL`, account, a.CurrentSession(ctx), a.now())
		return err
	})
	if err != nil {
		return fmt.Errorf("change password of %s: %w", account, classify(err))
	}
	if err := a.sessions.RenewToken(ctx); err != nil {
		return fmt.Errorf("renew session: %w", classify(err))
	}
	a.confirm(ctx)
	return nil
}

// checkOwn compares a password with that of an account that is signed in; a wrong one counts as a failed sign-in.
func (a *Auth) checkOwn(ctx context.Context, account, password, address string) error {
	var email string
	err := a.pool.QueryRow(ctx, `SELECT email FROM accounts WHERE id = $1 AND disabled_at IS NULL`, account).Scan(&email)
	if err != nil {
		return fmt.Errorf("read account %s: %w", account, classify(err))
	}
	_, err = a.attempt(ctx, email, password, address)
	if errors.Is(err, ErrWrongCredentials) {
		return ErrWrongPassword
	}
	return err
}

// Ways are how somebody can sign in by themselves; Email is what goes with the password.
type Ways struct {
	Email                       string
	Password, Passkey, Provider bool
}

// WaysIn are those of an account.
func (a *Auth) WaysIn(ctx context.Context, account string) (Ways, error) {
	ways, err := a.waysIn(ctx, a.pool, account)
	if errors.Is(err, pgx.ErrNoRows) {
		err = tickets.ErrNotFound
	}
	if err != nil {
		return Ways{}, fmt.Errorf("ways in of %s: %w", account, classify(err))
	}
	return ways, nil
}

func (a *Auth) waysIn(ctx context.Context, in querier, account string) (Ways, error) {
	issuer := ""
	if a.provider != nil {
		issuer = a.provider.Issuer
	}
	rows, err := in.Query(ctx, `
		SELECT email, password_hash <> '', EXISTS (SELECT FROM passkeys WHERE account = accounts.id AND suspect_at IS NULL) AND $2,
			EXISTS (SELECT FROM account_identities WHERE account = accounts.id AND issuer = $3)
		FROM accounts WHERE id = $1`, account, a.party != nil, issuer)
	if err != nil {
		return Ways{}, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Ways])
}

// Disconnect unties an account from the identity provider where it has another way in. It keeps its role, and its sessions.
func (a *Auth) Disconnect(ctx context.Context, account string) error {
	if a.provider == nil {
		return errNoProvider()
	}
	err := pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT FROM accounts WHERE id = $1 FOR UPDATE`, account); err != nil {
			return err
		}
		ways, err := a.waysIn(ctx, tx, account)
		switch {
		case err != nil:
			return err
		case !ways.Provider:
			return tickets.ErrNotFound
		case !ways.Password && !ways.Passkey:
			return &tickets.ConflictError{Reason: "without the identity provider nothing would let you in; set a password or add a passkey first"}
		}
		if _, err := tx.Exec(ctx, `DELETE FROM account_identities WHERE account = $1 AND issuer = $2`, account, a.provider.Issuer); err != nil {
			return err
		}
		return a.audit(ctx, tx, account, "account "+account+" disconnected from the identity provider")
	})
	if err != nil {
		return fmt.Errorf("disconnect %s: %w", account, classify(err))
	}
	return nil
}
