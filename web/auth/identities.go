package auth

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// known is the account of somebody whom the provider vouches for, with the role that it gives them now. Somebody new gets an
// account: that of the invitation or of the session that asked for it, else one of their own. An address that is somebody's
// already gives nobody anything.
func (a *Auth) known(ctx context.Context, c claims, role Role, purpose SignOnPurpose, people []string) (who Identity, err error) {
	var invitation Invitation
	if purpose.Invitation != "" {
		invitation, err = a.InvitationOf(ctx, purpose.Invitation)
		if err != nil && !errors.Is(err, tickets.ErrNotFound) {
			return Identity{}, err
		}
		if err != nil || invitation.State != InvitationOpen {
			return Identity{}, &SignOnError{Reason: "The invitation does not work any more. Ask whoever invited you for a new one."}
		}
	}
	err = pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		var disabled bool
		err := tx.QueryRow(ctx, `
			SELECT id, name, role, disabled_at IS NOT NULL FROM accounts JOIN account_identities ON account = id
			WHERE issuer = $1 AND subject = $2 FOR UPDATE OF accounts`, c.issuer, c.subject).Scan(&who.ID, &who.Name, &who.Role, &disabled)
		switch {
		case err == nil && disabled:
			return &SignOnError{Reason: "Your account here is disabled. An administrator can enable it."}
		case err == nil && purpose.Account != "" && purpose.Account != who.ID:
			return &SignOnError{Reason: "You are connected to another account here already: " + who.ID + "."}
		case err == nil && purpose.Invitation != "":
			return &SignOnError{Reason: "You have an account here already: " + who.ID + ". Sign in to it; the invitation is still there for somebody else."}
		case err == nil:
			return a.followClaims(ctx, tx, &who, role)
		case !errors.Is(err, pgx.ErrNoRows):
			return err
		case purpose.Account != "":
			return a.connect(ctx, tx, c, &who, purpose.Account, role)
		}
		return a.admit(ctx, tx, c, &who, role, invitation, people)
	})
	var refused *SignOnError
	if errors.As(err, &refused) {
		return Identity{}, refused
	}
	var conflict *tickets.ConflictError
	if errors.As(err, &conflict) {
		return Identity{}, &SignOnError{Reason: conflict.Reason}
	}
	if err != nil {
		return Identity{}, fmt.Errorf("single sign-on: %w", classify(err))
	}
	return who, nil
}

// followClaims gives an account the role that its owner has at the provider.
func (a *Auth) followClaims(ctx context.Context, tx pgx.Tx, who *Identity, role Role) error {
	if who.Role == role {
		return nil
	}
	if _, err := tx.Exec(ctx, `UPDATE accounts SET role = $2 WHERE id = $1`, who.ID, role); err != nil {
		return err
	}
	who.Role = role
	return a.audit(ctx, tx, tickets.ActorSystem, fmt.Sprintf("account %s has the role %s now, by the identity provider", who.ID, role))
}

// connect ties somebody to the account that they are signed in to.
func (a *Auth) connect(ctx context.Context, tx pgx.Tx, c claims, who *Identity, account string, role Role) error {
	err := tx.QueryRow(ctx, `SELECT id, name, role FROM accounts WHERE id = $1 AND disabled_at IS NULL FOR UPDATE`, account).Scan(&who.ID, &who.Name, &who.Role)
	if errors.Is(err, pgx.ErrNoRows) {
		return &SignOnError{Reason: "Your account here is disabled. An administrator can enable it."}
	}
	if err != nil {
		return err
	}
	if err := a.tie(ctx, tx, c, account); err != nil {
		return err
	}
	if err := a.audit(ctx, tx, account, "account "+account+" connected with the identity provider"); err != nil {
		return err
	}
	return a.followClaims(ctx, tx, who, role)
}

// admit makes the account of somebody new.
func (a *Auth) admit(ctx context.Context, tx pgx.Tx, c claims, who *Identity, role Role, invitation Invitation, people []string) (err error) {
	email := c.email
	if invitation.ID != 0 {
		email = invitation.Email
	}
	if email == "" {
		return &SignOnError{Reason: "The identity provider does not say your e-mail address. An administrator lets it send the claim email."}
	}
	who.Name, who.Role = c.name, role
	if err := checkAccount(who.Name, email, role); err != nil {
		return &SignOnError{Reason: "The identity provider says a name or an address that no account can have.", Cause: err}
	}
	if invitation.ID != 0 {
		who.ID, err = a.acceptIn(ctx, tx, invitation, people)
		if errors.Is(err, pgx.ErrNoRows) {
			return &SignOnError{Reason: "The invitation was used or revoked in the meantime. Ask whoever invited you for a new one."}
		}
	} else {
		var taken bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM accounts WHERE lower(email) = lower($1))`, email).Scan(&taken); err != nil {
			return err
		}
		if taken {
			return &SignOnError{Reason: "An account with the address " + email + " is here already, and an address alone does not prove that it is yours. Sign in to it with its password or passkey, and connect it under Your account."}
		}
		who.ID, err = freeID(ctx, tx, email, people)
	}
	if err != nil {
		return err
	}
	if err := a.insertAccount(ctx, tx, Account{ID: who.ID, Name: who.Name, Email: email, Role: role}, ""); err != nil {
		return err
	}
	if err := a.tie(ctx, tx, c, who.ID); err != nil {
		return err
	}
	return a.audit(ctx, tx, who.ID, fmt.Sprintf("account %s made by the identity provider: %s", who.ID, role))
}

func (a *Auth) tie(ctx context.Context, tx pgx.Tx, c claims, account string) error {
	_, err := tx.Exec(ctx, `INSERT INTO account_identities (issuer, subject, account, created_at) VALUES ($1, $2, $3, $4)`, c.issuer, c.subject, account, a.now())
	if violates(err, uniqueViolation) {
		return &SignOnError{Reason: "This account is connected with somebody else at the identity provider."}
	}
	return err
}

// SignsOn are the accounts that the provider of the settings vouches for.
func (a *Auth) SignsOn(ctx context.Context) (map[string]bool, error) {
	connected := map[string]bool{}
	if a.provider == nil {
		return connected, nil
	}
	rows, err := a.pool.Query(ctx, `SELECT account FROM account_identities WHERE issuer = $1`, a.provider.Issuer)
	if err != nil {
		return nil, fmt.Errorf("list identities: %w", classify(err))
	}
	accounts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list identities: %w", classify(err))
	}
	for _, account := range accounts {
		connected[account] = true
	}
	return connected, nil
}
