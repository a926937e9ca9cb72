package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"afterhours/tickets"
)

// confirmedFor is how long somebody who has shown who they are need not show it again for what lets them in for good.
const confirmedFor = 10 * time.Minute

// confirmedKey is the second in which somebody last did, in a session.
const confirmedKey = "confirmed"

// ErrUnconfirmed asks somebody to show again who they are: a session that was left open must not become a way in for good.
var ErrUnconfirmed = errors.New("you signed in more than 10 minutes ago; load this page again and confirm that it is you")

// Confirmed says whether whoever has the request's session signed in, or confirmed that it is them, in the last ten minutes.
func (a *Auth) Confirmed(ctx context.Context) bool {
	at, now := time.Unix(a.sessions.GetInt64(ctx, confirmedKey), 0), a.now()
	return !at.After(now) && now.Sub(at) < confirmedFor
}

func (a *Auth) confirm(ctx context.Context) { a.sessions.Put(ctx, confirmedKey, a.now().Unix()) }

// Confirm takes an account's password as proof that whoever has the session is its owner. A wrong one counts as a failed sign-in.
// Errors are ErrWrongPassword, a LimitError, or the database's.
func (a *Auth) Confirm(ctx context.Context, account, password, address string) error {
	if err := a.checkOwn(ctx, account, password, address); err != nil {
		return err
	}
	a.confirm(ctx)
	return nil
}

// BeginConfirmation asks for any passkey of the account.
func (a *Auth) BeginConfirmation(ctx context.Context, account, address string) (Challenge, error) {
	if a.party == nil {
		return Challenge{}, &tickets.ConflictError{Reason: a.passkeysOff}
	}
	options, session, err := a.party.BeginDiscoverableLogin()
	if err != nil {
		return Challenge{}, fmt.Errorf("begin confirmation: %w", err)
	}
	token, err := a.beginCeremony(ctx, passkeySignIn, account, address, session)
	return Challenge{token, options.Response}, err
}

// ConfirmByPasskey takes a passkey's answer as proof in the place of the password. Errors are those of PasskeySignIn.
func (a *Auth) ConfirmByPasskey(ctx context.Context, account, token string, answer []byte, address string) error {
	if _, err := a.attemptPasskey(ctx, account, token, answer, address); err != nil {
		return err
	}
	a.confirm(ctx)
	return nil
}
