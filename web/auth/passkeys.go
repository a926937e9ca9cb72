package auth

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// Bounds of an account's passkeys.
const (
	maxPasskeys    = 20
	maxPasskeyName = 60 // characters
	handleBytes    = 32
)

// Passkey is a passkey as its owner sees it.
type Passkey struct {
	ID        string // its credential id, URL-safe
	Account   string
	Name      string
	CreatedAt time.Time
	UsedAt    *time.Time
	SuspectAt *time.Time // when its counter went back
}

// Challenge is what a browser hands to an authenticator. Token finds it again, once, within five minutes.
type Challenge struct {
	Token   string `json:"token"`
	Options any    `json:"options"`
}

// ErrPasskeyRefused is the one answer to a passkey that is unknown or removed, to one of a disabled account, and to an answer
// that comes late, twice or from elsewhere.
var ErrPasskeyRefused = errors.New("this passkey lets nobody in: it was removed here, or its answer came too late. Try again, or use your password")

// ErrPasskeySuspect refuses a passkey whose counter went back (WebAuthn, 7.2, step 22).
var ErrPasskeySuspect = errors.New("this passkey counted backwards, so somebody may have a copy of it. Sign in another way, remove it under Your account and add a new one")

// owner is an account as authenticators know it.
type owner struct {
	Identity
	email       string
	handle      []byte
	credentials []webauthn.Credential
}

func (o owner) WebAuthnID() []byte                         { return o.handle }
func (o owner) WebAuthnName() string                       { return o.email }
func (o owner) WebAuthnDisplayName() string                { return o.Name }
func (o owner) WebAuthnCredentials() []webauthn.Credential { return o.credentials }

// BeginPasskey asks an authenticator to make a passkey for an account. It must be one that finds itself by the site alone
// and checks who uses it. Where Confirmed does not hold, the answer is ErrUnconfirmed. address is the sender's.
func (a *Auth) BeginPasskey(ctx context.Context, account, address string) (Challenge, error) {
	if a.party == nil {
		return Challenge{}, &tickets.ConflictError{Reason: a.passkeysOff}
	}
	if !a.Confirmed(ctx) {
		return Challenge{}, ErrUnconfirmed
	}
	handle := make([]byte, handleBytes)
	_, _ = rand.Read(handle) // it never fails: crypto/rand ends the program instead
	if _, err := a.pool.Exec(ctx, `UPDATE accounts SET passkey_handle = coalesce(passkey_handle, $2) WHERE id = $1`, account, handle); err != nil {
		return Challenge{}, fmt.Errorf("begin passkey of %s: %w", account, classify(err))
	}
	who, err := a.ownerOf(ctx, a.pool, account)
	if err != nil {
		return Challenge{}, fmt.Errorf("begin passkey of %s: %w", account, classify(err))
	}
	if len(who.credentials) >= maxPasskeys {
		return Challenge{}, &tickets.ConflictError{Reason: fmt.Sprintf("an account has at most %d passkeys; remove one first", maxPasskeys)}
	}
	options, session, err := a.party.BeginRegistration(who, webauthn.WithExclusions(webauthn.Credentials(who.credentials).CredentialDescriptors()))
	if err != nil {
		return Challenge{}, fmt.Errorf("begin passkey of %s: %w", account, err)
	}
	token, err := a.beginCeremony(ctx, newPasskey, account, address, session)
	return Challenge{token, options.Response}, err
}

// AddPasskey keeps the passkey that an authenticator has made for an account, under a name.
func (a *Auth) AddPasskey(ctx context.Context, account, token, name string, answer []byte) error {
	name = strings.TrimSpace(name)
	if name == "" || utf8.RuneCountInString(name) > maxPasskeyName || !storable(name) {
		return &tickets.InvalidError{Field: "name", Reason: fmt.Sprintf("give the passkey a name of at most %d characters, like the device that holds it", maxPasskeyName)}
	}
	refused := &tickets.InvalidError{Field: "passkey", Reason: "the passkey was not made, or its answer came too late; try again"}
	if a.party == nil {
		return &tickets.ConflictError{Reason: a.passkeysOff}
	}
	var session webauthn.SessionData
	if err := a.takeCeremony(ctx, newPasskey, account, token, &session); errors.Is(err, tickets.ErrNotFound) {
		return refused
	} else if err != nil {
		return err
	}
	who, err := a.ownerOf(ctx, a.pool, account)
	if err != nil {
		return fmt.Errorf("add passkey of %s: %w", account, classify(err))
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return refused
	}
	credential, err := a.party.CreateCredential(who, session, parsed)
	if err != nil {
		return refused
	}
	content, err := json.Marshal(credential)
	if err != nil {
		return fmt.Errorf("add passkey of %s: %w", account, err)
	}
	err = a.audited(ctx, account, fmt.Sprintf("passkey %q of account %s added", name, account), func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO passkeys (id, account, name, credential, created_at) VALUES ($1, $2, $3, $4, $5)`,
			credential.ID, account, name, content, a.now())
		return err
	})
	if violates(err, uniqueViolation) {
		return &tickets.ConflictError{Reason: "this passkey is here already"}
	}
	if err != nil {
		return fmt.Errorf("add passkey of %s: %w", account, classify(err))
	}
	return nil
}

// ownerOf reads an account that may come in, with its passkeys.
func (a *Auth) ownerOf(ctx context.Context, in querier, account string) (owner, error) {
	rows, err := in.Query(ctx, `
		SELECT accounts.id, accounts.name, role, email, coalesce(passkey_handle, ''), array_remove(array_agg(credential), NULL)
		FROM accounts LEFT JOIN passkeys ON passkeys.account = accounts.id
		WHERE accounts.id = $1 AND disabled_at IS NULL GROUP BY accounts.id`, account)
	if err != nil {
		return owner{}, err
	}
	return pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (who owner, err error) {
		err = row.Scan(&who.ID, &who.Name, &who.Role, &who.email, &who.handle, &who.credentials)
		return who, err
	})
}

// Passkeys are those of an account, the oldest first; an empty account means all.
func (a *Auth) Passkeys(ctx context.Context, account string) ([]Passkey, error) {
	rows, err := a.pool.Query(ctx, `
		SELECT id, account, name, created_at, used_at, suspect_at FROM passkeys WHERE $1 IN (account, '') ORDER BY created_at, id`, account)
	if err != nil {
		return nil, fmt.Errorf("list passkeys: %w", classify(err))
	}
	passkeys, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p Passkey, err error) {
		var id []byte
		err = row.Scan(&id, &p.Account, &p.Name, &p.CreatedAt, &p.UsedAt, &p.SuspectAt)
		p.ID = base64.RawURLEncoding.EncodeToString(id)
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("list passkeys: %w", classify(err))
	}
	return passkeys, nil
}

// RemovePasskey forgets a passkey of an account.
func (a *Auth) RemovePasskey(ctx context.Context, account, id string) error {
	raw, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil {
		return fmt.Errorf("passkey: %w", tickets.ErrNotFound)
	}
	err = pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		var name string
		if err := tx.QueryRow(ctx, `DELETE FROM passkeys WHERE id = $1 AND account = $2 RETURNING name`, raw, account).Scan(&name); err != nil {
			return err
		}
		return a.audit(ctx, tx, account, fmt.Sprintf("passkey %q of account %s removed", name, account))
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("passkey: %w", tickets.ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("remove passkey of %s: %w", account, classify(err))
	}
	return nil
}

// RemovePasskeys forgets every passkey of an account on behalf of by, and ends its sessions: one of them may be in wrong hands.
func (a *Auth) RemovePasskeys(ctx context.Context, by, account string) error {
	err := pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		removed, err := tx.Exec(ctx, `DELETE FROM passkeys WHERE account = $1`, account)
		if err != nil {
			return err
		}
		if removed.RowsAffected() == 0 {
			return &tickets.ConflictError{Reason: "this account has no passkey"}
		}
		if _, err := tx.Exec(ctx, `UPDATE sign_ins SET ended_at = $2 WHERE account = $1 AND ended_at IS NULL`, account, a.now()); err != nil {
			return err
		}
		return a.audit(ctx, tx, by, fmt.Sprintf("account %s lost its passkeys: %d", account, removed.RowsAffected()))
	})
	if err != nil {
		return fmt.Errorf("remove passkeys of %s: %w", account, classify(err))
	}
	return nil
}
