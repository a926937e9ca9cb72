// Package auth knows who is there: accounts with passwords, passkeys or an identity provider behind them, invitations,
// sessions, one-time sign-in links and API tokens, on the tables of the sign-in schema.
//
// It promises that no secret stands in the database: passwords are argon2id hashes, tokens, links and session ids
// SHA-256 sums. A wrong password and an unknown address get the same answer after the same work; failures are counted
// for the account and for the sender's address and then refused for a while. Whether an account may still come in is
// asked with every request, so that a disabled one is out at once.
//
// It refuses to decide what a role may do on a ticket: it only orders the roles.
package auth

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Role is what somebody may do; each includes the one before.
type Role string

// The roles: a viewer reads, a responder also acts on tickets, an admin does everything.
const (
	Viewer    Role = "viewer"
	Responder Role = "responder"
	Admin     Role = "admin"
)

// Allows says whether r may do what needs the role needed. A role that does not exist allows nothing and is never
// enough.
func (r Role) Allows(needed Role) bool { return needed.rank() > 0 && r.rank() >= needed.rank() }

// Valid says whether r is one of the three roles.
func (r Role) Valid() bool { return r.rank() > 0 }

func (r Role) rank() int {
	switch r {
	case Viewer:
		return 1
	case Responder:
		return 2
	case Admin:
		return 3
	}
	return 0
}

// Identity is whoever makes a request. ID is the actor that timelines name: an account's id, or "token:NAME".
type Identity struct {
	ID      string
	Name    string
	Role    Role
	Viewing Viewing // of a session alone
}

// ErrUnauthenticated is the answer to a token that is unknown, revoked or expired.
var ErrUnauthenticated = errors.New("unauthenticated")

// Options are the settings of New.
type Options struct {
	Now    func() time.Time
	Secure bool // cookies travel over https alone
	// PublicURL is where browsers find the site: passkeys belong to it.
	PublicURL string
	// Idle and Lifetime are how long a session lasts without a request, and at most; 0 is 12 hours and a day.
	Idle, Lifetime time.Duration
	SignOn         *SignOnOptions // nil: no identity provider
}

// Auth is safe for concurrent use.
type Auth struct {
	pool     *pgxpool.Pool
	now      func() time.Time
	sessions *scs.SessionManager
	hasher   *hasher
	accounts *limiter
	senders  *limiter
	begun    *limiter // sign-ins of several requests

	idle, lifetime time.Duration
	party          *webauthn.WebAuthn // nil where passkeysOff says why
	passkeysOff    string
	provider       *provider // nil where there is none
}

// New returns an Auth on the database's tables. It asks the database nothing yet.
func New(pool *pgxpool.Pool, options Options) *Auth {
	a := &Auth{
		pool: pool, now: options.Now, hasher: newHasher(), idle: cmp.Or(options.Idle, sessionIdle), lifetime: cmp.Or(options.Lifetime, sessionLifetime),
		accounts: newLimiter(failuresPerAccount, failureWindow), senders: newLimiter(failuresPerAddress, failureWindow),
		begun: newLimiter(ceremoniesPerAddress, failureWindow),
	}
	a.sessions = newSessions(pool, options.Secure, a.idle, a.lifetime)
	a.party, a.passkeysOff = newRelyingParty(options.PublicURL)
	if options.SignOn != nil {
		a.provider = newProvider(*options.SignOn, a.now)
	}
	return a
}

// Secure says whether cookies travel over https alone.
func (a *Auth) Secure() bool { return a.sessions.Cookie.Secure }

// secretBytes is the entropy of every token and link: 192 bits.
const secretBytes = 24

// newSecret returns a URL-safe secret.
func newSecret() string {
	raw := make([]byte, secretBytes)
	_, _ = rand.Read(raw) // it never fails: crypto/rand ends the program instead
	return base64.RawURLEncoding.EncodeToString(raw)
}

func digest(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}
