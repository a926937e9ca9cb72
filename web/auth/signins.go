package auth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// seenEvery is how exactly the last request of a session is known.
const seenEvery = time.Minute

// maxAgent bounds what is kept of a browser's name.
const maxAgent = 200

// OpenSession is a session that can still be used.
type OpenSession struct {
	ID      string
	Account string
	Name    string // of the account
	At      time.Time
	SeenAt  time.Time // to the minute
	Address string
	Agent   string // as the browser calls itself
}

type clientKey struct{}

// client is from where a request comes.
type client struct{ address, agent string }

func withClient(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			address = r.RemoteAddr
		}
		from := client{address, fmt.Sprintf("%.*s", maxAgent, r.UserAgent())}
		if !storable(from.agent) {
			from.agent = ""
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), clientKey{}, from)))
	})
}

// record writes down that a session began.
func (a *Auth) record(ctx context.Context, account string) error {
	from, _ := ctx.Value(clientKey{}).(client)
	id, now := newSecret(), a.now()
	_, err := a.pool.Exec(ctx, `INSERT INTO sign_ins (id, account, at, seen_at, address, agent) VALUES ($1, $2, $3, $3, $4, $5)`,
		id, account, now, from.address, from.agent)
	if err != nil {
		return fmt.Errorf("record sign-in: %w", classify(err))
	}
	a.sessions.Put(ctx, signInKey, id)
	return nil
}

// OpenSessions returns the sessions of an account that can still be used, the newest first; an empty account means all.
func (a *Auth) OpenSessions(ctx context.Context, account string) ([]OpenSession, error) {
	rows, err := a.pool.Query(ctx, `
		SELECT s.id, s.account, accounts.name, s.at, s.seen_at, s.address, s.agent
		FROM sign_ins s JOIN accounts ON accounts.id = s.account
		WHERE s.ended_at IS NULL AND accounts.disabled_at IS NULL AND ($1 = '' OR s.account = $1) AND s.at > $2 AND s.seen_at > $3
		ORDER BY s.at DESC`, account, a.now().Add(-a.lifetime), a.now().Add(-a.idle-seenEvery))
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", classify(err))
	}
	sessions, err := pgx.CollectRows(rows, pgx.RowToStructByName[OpenSession])
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", classify(err))
	}
	return sessions, nil
}

// StillOpen are those of some sessions that can still be used. It counts for no request of theirs.
func (a *Auth) StillOpen(ctx context.Context, ids []string) (map[string]bool, error) {
	rows, err := a.pool.Query(ctx, `
		SELECT s.id FROM sign_ins s JOIN accounts ON accounts.id = s.account
		WHERE s.id = ANY($1) AND s.ended_at IS NULL AND accounts.disabled_at IS NULL AND s.at > $2 AND s.seen_at > $3`,
		ids, a.now().Add(-a.lifetime), a.now().Add(-a.idle-seenEvery))
	if err != nil {
		return nil, fmt.Errorf("look for sessions: %w", classify(err))
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("look for sessions: %w", classify(err))
	}
	open := make(map[string]bool, len(found))
	for _, id := range found {
		open[id] = true
	}
	return open, nil
}

// CurrentSession is the id of the request's own session.
func (a *Auth) CurrentSession(ctx context.Context) string {
	return a.sessions.GetString(ctx, signInKey)
}

// EndSession ends a session of an account; an empty account means anybody's. It is over with its next request.
func (a *Auth) EndSession(ctx context.Context, id, account string) error {
	ended, err := a.pool.Exec(ctx, `
		UPDATE sign_ins SET ended_at = $3 WHERE id = $1 AND ($2 = '' OR account = $2) AND ended_at IS NULL`, id, account, a.now())
	if err != nil {
		return fmt.Errorf("end session: %w", classify(err))
	}
	if ended.RowsAffected() == 0 {
		return fmt.Errorf("session: %w", tickets.ErrNotFound)
	}
	return nil
}

// Current returns whose session the request has; ok is false where it has none or an ended one, or where the account is
// gone or disabled.
func (a *Auth) Current(ctx context.Context) (identity Identity, ok bool, err error) {
	id := a.sessions.GetString(ctx, accountKey)
	if id == "" {
		return Identity{}, false, nil
	}
	var seen time.Time
	err = a.pool.QueryRow(ctx, `
		SELECT accounts.id, name, role, seen_at, coalesce(timezone, ''), coalesce(date_order, ''), coalesce(twelve_hours, false)
		FROM accounts JOIN sign_ins ON sign_ins.account = accounts.id LEFT JOIN account_views ON account_views.account = accounts.id
		WHERE accounts.id = $1 AND disabled_at IS NULL AND sign_ins.id = $2 AND ended_at IS NULL`, id, a.CurrentSession(ctx)).
		Scan(&identity.ID, &identity.Name, &identity.Role, &seen, &identity.Viewing.Timezone, &identity.Viewing.DateOrder, &identity.Viewing.TwelveHours)
	if errors.Is(err, pgx.ErrNoRows) {
		return Identity{}, false, nil
	}
	if err != nil {
		return Identity{}, false, fmt.Errorf("read account of the session: %w", classify(err))
	}
	if now := a.now(); now.Sub(seen) > seenEvery {
		if _, err := a.pool.Exec(ctx, `UPDATE sign_ins SET seen_at = $2 WHERE id = $1`, a.CurrentSession(ctx), now); err != nil {
			return Identity{}, false, fmt.Errorf("note the session's last request: %w", classify(err))
		}
	}
	return identity, true, a.follow(ctx, identity.Role)
}
