package main

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"afterhours/migrations/pgtest"
)

// watchers are rooms with a clock that the test moves.
type watchers struct {
	*rooms
	db  database
	now time.Time
}

func newWatchers(t *testing.T, yaml string) *watchers {
	t.Helper()
	pool := pgtest.New(t)
	w := &watchers{db: database{pool: pool, intake: pool}, now: time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)}
	w.restart(t)
	app := &application{rooms: w.rooms}
	app.configure(t, yaml)
	return w
}

// restart makes everything anew that a process holds in memory.
func (w *watchers) restart(t *testing.T) {
	t.Helper()
	s, err := testSettings("postgres://unused").complete()
	if err != nil {
		t.Fatal(err)
	}
	w.rooms, err = wire(s, w.db, "https://afterhours.test.example", slog.New(slog.DiscardHandler), func() time.Time { return w.now })
	if err != nil {
		t.Fatal(err)
	}
}

func (w *watchers) watch(t *testing.T, at time.Time) {
	t.Helper()
	w.now = at
	if err := w.oncall.WatchIntakes(t.Context(), at); err != nil {
		t.Fatal(err)
	}
}

// mailTo stores a mail that came in now, as the intake does.
func (w *watchers) mailTo(t *testing.T, address string) {
	t.Helper()
	_, err := w.db.pool.Exec(t.Context(), `
		INSERT INTO mails (received_at, envelope_from, envelope_to, digest, size) VALUES ($1, 'a@b.example', ARRAY[$2], sha256($2::bytea), 1)`, w.now, address)
	if err != nil {
		t.Fatal(err)
	}
}

func (w *watchers) silences(t *testing.T) (opened, open int) {
	t.Helper()
	err := w.db.pool.QueryRow(t.Context(), `
		SELECT count(*), count(*) FILTER (WHERE state <> 'resolved') FROM tickets WHERE source = 'manual'`).Scan(&opened, &open)
	if err != nil {
		t.Fatal(err)
	}
	return opened, open
}

func watchedTeam(h *hook) string {
	return team(h, h, "1h") + fmt.Sprintf(`
intake:
  - {id: defender-mail, to: Defender@Example.com, expect_every: 24h, notify: ["person:ben", "webhook:soc"]}
  - {id: other, to: other@example.com, unverified: record}
webhooks:
  - {id: soc, url: %q, secret: %q, events: [intake.silent]}
`, h.URL, signingSecret)
}

// TestASilenceIsToldOnceAndIsOverWithTheNextMail goes through thirty days, by the minute around the moments that matter
// and by the hour elsewhere. Mail comes daily and stops twice; everything in memory is lost each hour.
func TestASilenceIsToldOnceAndIsOverWithTheNextMail(t *testing.T) {
	t.Parallel()
	w := newWatchers(t, watchedTeam(newHook(t)))
	begin := w.now
	quiet := map[int]bool{9: true, 10: true, 20: true} // days without mail
	last, opened := begin, 0
	for minute := range 30 * 24 * 60 {
		now := begin.Add(time.Duration(minute) * time.Minute)
		day, ofDay := minute/(24*60), minute%(24*60)
		if w.now = now; ofDay == 30 && !quiet[day] {
			w.mailTo(t, "defender@example.com")
			w.mailTo(t, "nobody@example.com")
			last = now
		}
		if ofDay%60 == 0 {
			w.restart(t)
		} else if ofDay < 28 || ofDay > 33 {
			continue
		}
		w.watch(t, now)
		if n, _ := w.silences(t); n > opened {
			opened = n
			if late := now.Sub(last) - 24*time.Hour; late.Abs() > time.Minute {
				t.Errorf("told %s after the last mail, want 24 h", now.Sub(last))
			}
		}
	}
	if opened != 2 {
		t.Errorf("told %d times, want twice", opened)
	}
	if _, open := w.silences(t); open != 0 {
		t.Errorf("%d tickets of silences are open, want them resolved by the next mail", open)
	}
	var pages, ben, soc, silent int
	err := w.db.pool.QueryRow(t.Context(), `
		SELECT count(*) FILTER (WHERE type = 'page'), count(*) FILTER (WHERE type = 'page' AND person = 'ben'),
			count(*) FILTER (WHERE type = 'page' AND webhook = 'soc'), count(*) FILTER (WHERE type = 'intake.silent')
		FROM pages`).Scan(&pages, &ben, &soc, &silent)
	if err != nil || pages != 4 || ben != 2 || soc != 2 || silent != 2 {
		t.Errorf("got %d pages, %d to ben, %d to soc, %d events, %v, want 4, 2, 2, 2", pages, ben, soc, silent, err)
	}
}

func TestASilenceThatSomebodyResolvedIsNotToldAgainBeforeMailCame(t *testing.T) {
	t.Parallel()
	w := newWatchers(t, watchedTeam(newHook(t)))
	w.watch(t, w.now)
	w.watch(t, w.now.Add(25*time.Hour))
	var number int64
	if err := w.db.pool.QueryRow(t.Context(), `SELECT silent_ticket FROM intake_watch`).Scan(&number); err != nil {
		t.Fatal(err)
	}
	if _, err := w.tickets.Resolve(t.Context(), number, "ana", ""); err != nil {
		t.Fatal(err)
	}
	w.watch(t, w.now.Add(48*time.Hour))
	if opened, _ := w.silences(t); opened != 1 {
		t.Errorf("told %d times without a mail between, want once", opened)
	}
	w.mailTo(t, "DEFENDER@example.com")
	w.watch(t, w.now.Add(time.Minute))
	w.watch(t, w.now.Add(25*time.Hour))
	if opened, open := w.silences(t); opened != 2 || open != 1 {
		t.Errorf("after a mail and a new silence: got %d, %d open, want 2, 1", opened, open)
	}
}

func TestEachAddressHasASenderPolicyAndABudgetOfItsOwn(t *testing.T) {
	t.Parallel()
	ana := newHook(t)
	app := serveTest(t, trusting)
	app.configure(t, team(ana, ana, "1h")+`
intake:
  - {id: one, to: one@test.example}
  - {id: two, to: two@test.example}
  - {id: kept, to: kept@test.example, unverified: record}
  - {id: closed, to: closed@test.example, unverified: refuse}
`)
	send := func(to string, number int) error {
		raw := alertMail("High", fmt.Sprintf("Ransomware %d", number), "pc1", fmt.Sprintf("da333333333333%04d_1", number), fmt.Sprintf("policy-%d@example", number))
		_, err := sendMail(t, app.smtpAddr, to, raw)
		return err
	}
	if err := send("closed@test.example", 0); err == nil {
		t.Error("closed: got it accepted, want 550 5.7.26")
	}
	if err := send("kept@test.example", 1); err != nil {
		t.Error(err)
	}
	for i := range 8 {
		if err := send("one@test.example", 10+i); err != nil {
			t.Fatal(err)
		}
	}
	app.settled(t)
	if err := send("two@test.example", 20); err != nil {
		t.Fatal(err)
	}
	eventually(t, "five pages of the one address and one of the other", func() bool {
		pages, _ := told(t, ana)
		return pages == 6
	})
	app.settled(t)
	var recorded int
	if err := app.db.pool.QueryRow(t.Context(), `SELECT count(*) FROM escalations WHERE reason = 'recorded: nobody is paged'`).Scan(&recorded); err != nil || recorded != 1 {
		t.Errorf("recorded: got %d, %v, want the one of kept", recorded, err)
	}
}
