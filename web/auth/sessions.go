package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/alexedwards/scs/pgxstore"
	"github.com/alexedwards/scs/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/tickets"
)

// How long a session lasts without a request, and at most, where nothing else is set.
const (
	sessionIdle     = 12 * time.Hour
	sessionLifetime = 24 * time.Hour
)

// What a session holds: the account, the sign-in by which it can be ended, and the role under which its id was given.
const (
	accountKey = "account"
	signInKey  = "sign_in"
	roleKey    = "role"
)

func newSessions(pool *pgxpool.Pool, secure bool, idle, lifetime time.Duration) *scs.SessionManager {
	sessions := scs.New()
	sessions.Store = sessionStore{pgxstore.NewWithCleanupInterval(pool, 0), pool} // sign-ins remove what has expired
	sessions.HashTokenInStore = true
	sessions.IdleTimeout, sessions.Lifetime = idle, lifetime
	sessions.Cookie.Name = "afterhours"
	sessions.Cookie.HttpOnly = true
	sessions.Cookie.SameSite = http.SameSiteLaxMode
	sessions.Cookie.Secure = secure
	return sessions
}

// sessionStore keeps sessions in the database.
type sessionStore struct {
	*pgxstore.PostgresStore
	pool *pgxpool.Pool
}

// Commit writes a session, as every request does, which moves its end. No page waits for the disk for that: what a crash of the
// database takes with it is a sign-in of the last second, or where it ends. Sign-outs are deletions, and wait.
func (s sessionStore) Commit(token string, data []byte, expiry time.Time) error {
	batch := &pgx.Batch{}
	batch.Queue(`SELECT set_config('synchronous_commit', 'off', true)`)
	batch.Queue(`
		INSERT INTO sessions (token, data, expiry) VALUES ($1, $2, $3)
		ON CONFLICT (token) DO UPDATE SET data = EXCLUDED.data, expiry = EXCLUDED.expiry`, token, data, expiry)
	return s.pool.SendBatch(context.Background(), batch).Close()
}

// Sessions returns the middleware that every other method with a session needs around it. fail answers where the
// sessions cannot be read.
func (a *Auth) Sessions(fail func(http.ResponseWriter, *http.Request, error)) func(http.Handler) http.Handler {
	manager := *a.sessions
	manager.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) {
		fail(w, r, fmt.Errorf("session: %w", classify(err)))
	}
	return func(next http.Handler) http.Handler { return withClient(manager.LoadAndSave(next)) }
}

// begin signs an account in, under a new session id: whoever knew the old one does not come in with it.
func (a *Auth) begin(ctx context.Context, identity Identity) error {
	if err := a.sessions.RenewToken(ctx); err != nil {
		return fmt.Errorf("renew session: %w", classify(err))
	}
	a.sessions.Put(ctx, accountKey, identity.ID)
	a.sessions.Put(ctx, roleKey, string(identity.Role))
	a.confirm(ctx)
	if err := a.record(ctx, identity.ID); err != nil {
		return err
	}
	if _, err := a.pool.Exec(ctx, `DELETE FROM sessions WHERE expiry < $1`, a.now()); err != nil {
		return fmt.Errorf("remove expired sessions: %w", classify(err))
	}
	return nil
}

// follow gives the session another id once its account has another role: an id that somebody learnt under the former role does
// not have the new one.
func (a *Auth) follow(ctx context.Context, role Role) error {
	former := Role(a.sessions.GetString(ctx, roleKey))
	if former == role {
		return nil
	}
	if former != "" {
		if err := a.sessions.RenewToken(ctx); err != nil {
			return fmt.Errorf("renew session: %w", classify(err))
		}
	}
	a.sessions.Put(ctx, roleKey, string(role))
	return nil
}

// SignOut ends the request's session, here and in the database.
func (a *Auth) SignOut(ctx context.Context) error {
	if id := a.CurrentSession(ctx); id != "" {
		if err := a.EndSession(ctx, id, ""); err != nil && !errors.Is(err, tickets.ErrNotFound) {
			return err
		}
	}
	if err := a.sessions.Destroy(ctx); err != nil {
		return fmt.Errorf("end session: %w", classify(err))
	}
	return nil
}
