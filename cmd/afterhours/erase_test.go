package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
	"afterhours/web/auth"
)

// TestAnErasedPersonIsFoundNowhereAndTheTimelineStands fills every place that can hold a name, erases, and looks through
// each column of the database but those that hold mails.
func TestAnErasedPersonIsFoundNowhereAndTheTimelineStands(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	w := newWatchers(t, team(h, h, "1h")+`
mutes: []
`)
	pool := w.db.pool
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := pool.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	accounts := auth.New(pool, auth.Options{Now: func() time.Time { return w.now }})
	if _, _, err := accounts.CreateAccount(t.Context(), "system", auth.Account{ID: "ana", Name: "Ana Ruiz", Email: "ana@example.com", Role: auth.Responder}); err != nil {
		t.Fatal(err)
	}
	exec(`INSERT INTO tickets (number, severity, kind, product, title, source, created_at, updated_at, hold)
		OVERRIDING SYSTEM VALUE VALUES (1, 'high', 'alert', 'endpoint', 'x', 'email', $1, $1, '{"reason": "Ana Ruiz asked", "by": "ana"}')`, w.now)
	exec(`INSERT INTO ticket_events (ticket, at, type, actor, data) VALUES
		(1, $1, 'note', 'ana', '{"text": "call ANA RUIZ (\"ana@example.com\")"}'), (1, $1, 'page_sent', 'system', '{"to": "ana@example.com"}'),
		(1, $1, 'note', 'ben', '{"text": "Banana Ruizo stays"}')`, w.now)
	exec(`INSERT INTO pages (key, ticket, person, channel, generation, round, step, due_at, give_up_at, created_at, payload, last_error)
		VALUES ('k', 1, 'ana', 'email', 1, 1, 1, $1, $1, $1, '{"text": "Ana Ruiz took it"}', '550 ana@example.com unknown')`, w.now)
	exec(`INSERT INTO handover_notes (schedule, author, at, body) VALUES ('primary', 'ben', $1, 'Ana Ruiz knows')`, w.now)
	exec(`INSERT INTO shift_requests (schedule, giver, taker, starts_at, ends_at, asked_by, says, state, created_at, expires_at)
		VALUES ('primary', 'ana', 'ben', $1, $2, 'ana', 'for Ana Ruiz', 'asked', $1, $2)`, w.now, w.now.Add(time.Hour))
	exec(`INSERT INTO audit_log (at, actor, action) VALUES ($1, 'ben', 'ana@example.com invited: viewer')`, w.now)
	before := timelineShape(t, w)
	erase := func(dry bool) ([]tickets.Erased, error) {
		var erased []tickets.Erased
		err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) (err error) {
			if erased, err = w.erase(t.Context(), tx, accounts, "ana", nil); err == nil && dry {
				return errTried
			}
			return err
		})
		return erased, err
	}
	if _, err := erase(false); !errors.As(err, new(*tickets.ConflictError)) {
		t.Fatalf("of the configuration still: got %v, want a ConflictError", err)
	}
	app := &application{rooms: w.rooms}
	app.configure(t, strings.NewReplacer("{id: ana, name: Ana Ruiz, email: ana@example.com,", "{id: chi, name: Chi Ko, email: chi@example.com,",
		"people: [ana]", "people: [chi]", "/ana", "/chi").Replace(team(h, h, "1h")))
	if _, err := erase(true); !errors.Is(err, errTried) {
		t.Fatalf("dry run: %v", err)
	}
	if len(whereIs(t, w, "ana@example.com")) == 0 {
		t.Fatal("a dry run changed what is stored")
	}
	erased, err := erase(false)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", erased)
	for _, word := range []string{"Ana Ruiz", "ana@example.com", h.URL + "/ana"} {
		if places := whereIs(t, w, word); len(places) > 0 {
			t.Errorf("%q is still in %v", word, places)
		}
	}
	if places := whereIs(t, w, "Banana Ruizo stays"); len(places) != 1 {
		t.Errorf("a word of others was changed")
	}
	if after := timelineShape(t, w); after != before {
		t.Errorf("the timeline's order, moments or actors changed: %s, was %s", after, before)
	}
	if _, err := erase(false); err != nil {
		t.Errorf("erased again: %v", err)
	}
	if _, err := w.db.pool.Exec(t.Context(), `UPDATE ticket_events SET data = '{}'`); err == nil {
		t.Error("the timeline can be changed outside of an erasure")
	}
	err = pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `SET LOCAL afterhours.exception = 'erasure'`); err != nil {
			return err
		}
		_, err := tx.Exec(t.Context(), `UPDATE ticket_events SET actor = 'ben'`)
		return err
	})
	if err == nil {
		t.Error("an erasure can change who did something")
	}
}

// timelineShape is everything of the timeline that must stand.
func timelineShape(t *testing.T, w *watchers) string {
	t.Helper()
	var shape string
	err := w.db.pool.QueryRow(t.Context(), `SELECT string_agg(concat_ws(' ', id, ticket, at, type, actor), '; ' ORDER BY id) FROM ticket_events`).Scan(&shape)
	if err != nil {
		t.Fatal(err)
	}
	return shape
}

// whereIs looks for a word in every table but those of mails.
func whereIs(t *testing.T, w *watchers, word string) (places []string) {
	t.Helper()
	rows, err := w.db.pool.Query(context.WithoutCancel(t.Context()), `
		SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND relname NOT LIKE 'mail%'`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if len(tables) < 30 {
		t.Fatalf("looked into %d tables, want all", len(tables))
	}
	for _, table := range tables {
		var found int
		query := fmt.Sprintf(`SELECT count(*) FROM %s AS r WHERE strpos(lower(r::text), lower($1)) > 0 AND (strpos($1, 'stays') > 0 OR strpos(r::text, 'stays') = 0)`, pgx.Identifier{table}.Sanitize())
		if err := w.db.pool.QueryRow(t.Context(), query, word).Scan(&found); err != nil {
			t.Fatal(err)
		}
		if found > 0 {
			places = append(places, table)
		}
	}
	return places
}
