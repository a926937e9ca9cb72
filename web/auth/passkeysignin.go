package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// BeginPasskeySignIn asks any authenticator that knows this site for an answer. It says nothing of who has an account.
// address is the sender's.
func (a *Auth) BeginPasskeySignIn(ctx context.Context, address string) (Challenge, error) {
	if a.party == nil {
		return Challenge{}, &tickets.ConflictError{Reason: a.passkeysOff}
	}
	options, session, err := a.party.BeginDiscoverableLogin()
	if err != nil {
		return Challenge{}, fmt.Errorf("begin passkey sign-in: %w", err)
	}
	token, err := a.beginCeremony(ctx, passkeySignIn, "", address, session)
	return Challenge{token, options.Response}, err
}

// PasskeySignIn begins a session for the account whose passkey gave the answer. Failures count for the sender's address, as
// those of passwords do; not for the account, which nobody can guess a signature of, so that nobody can shut it either.
// Errors are ErrPasskeyRefused, ErrPasskeySuspect, a LimitError, or the database's.
func (a *Auth) PasskeySignIn(ctx context.Context, token string, answer []byte, address string) (Identity, error) {
	identity, err := a.attemptPasskey(ctx, "", token, answer, address)
	if err != nil {
		return Identity{}, err
	}
	return identity, a.begin(ctx, identity)
}

// attemptPasskey checks an answer within the limits of failed ones. A challenge that was given to an account is answered by one of
// its passkeys alone.
func (a *Auth) attemptPasskey(ctx context.Context, account, token string, answer []byte, address string) (Identity, error) {
	sender := senderKey(address)
	if wait := a.senders.begin(sender, a.now()); wait > 0 {
		return Identity{}, &LimitError{wait}
	}
	identity, err := a.verifyPasskey(ctx, account, token, answer)
	if err == nil && account != "" && identity.ID != account {
		identity, err = Identity{}, ErrPasskeyRefused
	}
	if !errors.Is(err, ErrPasskeyRefused) && !errors.Is(err, ErrPasskeySuspect) {
		a.senders.takeBack(sender)
	}
	return identity, err
}

func (a *Auth) verifyPasskey(ctx context.Context, account, token string, answer []byte) (identity Identity, err error) {
	if a.party == nil {
		return Identity{}, &tickets.ConflictError{Reason: a.passkeysOff}
	}
	var session webauthn.SessionData
	if err := a.takeCeremony(ctx, passkeySignIn, account, token, &session); errors.Is(err, tickets.ErrNotFound) {
		return Identity{}, ErrPasskeyRefused
	} else if err != nil {
		return Identity{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return Identity{}, ErrPasskeyRefused
	}
	suspect := false
	err = pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		identity, suspect, err = a.checkPasskey(ctx, tx, session, parsed)
		return err
	})
	switch {
	case errors.Is(err, ErrPasskeyRefused):
		return Identity{}, ErrPasskeyRefused
	case err != nil:
		return Identity{}, fmt.Errorf("passkey sign-in: %w", classify(err))
	case suspect:
		return Identity{}, ErrPasskeySuspect
	}
	return identity, nil
}

// checkPasskey holds an answer against the passkey that it names, whose row stays locked, so that of two answers with one
// counter the second is seen to be the second.
func (a *Auth) checkPasskey(ctx context.Context, tx pgx.Tx, session webauthn.SessionData, parsed *protocol.ParsedCredentialAssertionData) (identity Identity, suspect bool, err error) {
	var who owner
	err = tx.QueryRow(ctx, `
		SELECT accounts.id, accounts.name, role, email, passkey_handle, ARRAY[credential]
		FROM passkeys JOIN accounts ON accounts.id = passkeys.account
		WHERE passkeys.id = $1 AND passkey_handle = $2 AND disabled_at IS NULL FOR UPDATE OF passkeys`, parsed.RawID, parsed.Response.UserHandle).
		Scan(&who.ID, &who.Name, &who.Role, &who.email, &who.handle, &who.credentials)
	if errors.Is(err, pgx.ErrNoRows) {
		return Identity{}, false, ErrPasskeyRefused
	}
	if err != nil {
		return Identity{}, false, err
	}
	_, credential, err := a.party.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return who, nil }, session, parsed)
	if err != nil {
		return Identity{}, false, ErrPasskeyRefused
	}
	if credential.Authenticator.CloneWarning {
		if _, err := tx.Exec(ctx, `UPDATE passkeys SET suspect_at = $2 WHERE id = $1`, credential.ID, a.now()); err != nil {
			return Identity{}, false, err
		}
		return Identity{}, true, a.audit(ctx, tx, who.ID, "passkey of account "+who.ID+" refused: its counter went back")
	}
	content, err := json.Marshal(credential)
	if err != nil {
		return Identity{}, false, err
	}
	_, err = tx.Exec(ctx, `UPDATE passkeys SET credential = $2, used_at = $3 WHERE id = $1`, credential.ID, content, a.now())
	return who.Identity, false, err
}
