package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/oncall/notify"
	"afterhours/tickets"
)

// outsider is the address outside that hears the heartbeats.
type outsider struct {
	*httptest.Server
	beats  atomic.Int64
	broken atomic.Bool
}

func newOutsider(t *testing.T) *outsider {
	t.Helper()
	o := &outsider{}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if o.broken.Load() {
			http.Error(w, "later", http.StatusBadGateway)
			return
		}
		if r.URL.Path == "/secret-path" {
			o.beats.Add(1)
		}
	}))
	t.Cleanup(o.Close)
	return o
}

// beating is an application with a clock that the test moves: SMTP listens, nothing else runs.
func beating(t *testing.T, w *watchers, to *outsider) *application {
	t.Helper()
	s, err := testSettings("postgres://unused").complete()
	if err != nil {
		t.Fatal(err)
	}
	s.HeartbeatURL = to.URL + "/secret-path"
	app := &application{
		settings: s, log: slog.New(slog.DiscardHandler), now: func() time.Time { return w.now }, rooms: w.rooms, db: w.db,
		outside: notify.NewHTTPClient(notify.Guard{AllowPrivate: true}), failed: make(chan error, 1),
	}
	app.gateway = &gateway{ping: app.ping, standby: w.standby, log: app.log, now: app.now}
	app.db.intake = w.db.pool
	app.vitals.began(w.now)
	if err := app.startSMTP(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := app.stop(); err != nil {
			t.Error(err)
		}
	})
	return app
}

// TestThirtyDaysOfHeartbeatsLeaveWhileAllIsWellAndOnlyThen goes by the minute around the faults and by the hour elsewhere.
func TestThirtyDaysOfHeartbeatsLeaveWhileAllIsWellAndOnlyThen(t *testing.T) {
	t.Parallel()
	w := newWatchers(t, team(newHook(t), newHook(t), "1h"))
	outside := newOutsider(t)
	app := beating(t, w, outside)
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := w.db.pool.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(`INSERT INTO tickets (number, severity, kind, product, title, source, created_at, updated_at)
		OVERRIDING SYSTEM VALUE VALUES (1, 'high', 'alert', 'endpoint', 'x', 'email', $1, $1)`, w.now)
	begin := w.now
	type fault struct {
		name        string
		begin, heal func(at time.Time)
		from        time.Duration // after its beginning, from when no heartbeat may leave
	}
	ticks := true
	faults := map[int]fault{
		5: {"escalator", func(time.Time) { ticks = false }, func(time.Time) { ticks = true }, 0},
		9: {
			"step", func(at time.Time) {
				exec(`INSERT INTO escalations (ticket, policy, state, due_at, started_at) VALUES (1, 'security', 'running', $1, $1)`, at)
			}, func(time.Time) { exec(`DELETE FROM escalations`) }, stepLate,
		},
		14: {
			"page", func(at time.Time) {
				exec(`INSERT INTO pages (key, ticket, person, channel, generation, round, step, due_at, give_up_at, created_at)
					VALUES ('stuck', 1, 'ana', 'email', 1, 1, 1, $1, $1, $1)`, at)
			}, func(time.Time) { exec(`DELETE FROM pages WHERE key = 'stuck'`) }, pageLate,
		},
		20: {"mail", func(time.Time) { w.mailTo(t, "defender@example.com") }, func(time.Time) { exec(`DELETE FROM mails`) }, readingLate},
		25: {"writes", func(time.Time) { exec(`ALTER TABLE gateways RENAME TO gateways_away`) }, func(time.Time) { exec(`ALTER TABLE gateways_away RENAME TO gateways`) }, 0},
	}
	heard, missed, falsely := int64(0), 0, 0
	for minute := 0; minute < 30*24*60; minute++ {
		day, ofDay := minute/(24*60), minute%(24*60)
		now := begin.Add(time.Duration(minute) * time.Minute)
		happens, ok := faults[day]
		if ofDay%60 != 0 && (!ok || ofDay > 30) {
			continue
		}
		w.now = now
		began := begin.AddDate(0, 0, day).Add(10 * time.Minute)
		if ok && ofDay == 10 {
			happens.begin(now)
		}
		if ok && ofDay == 20 {
			happens.heal(now)
		}
		if ticks {
			app.vitals.ticked(now)
		}
		_ = app.beat(t.Context()) // what could not be written is what this test is about
		ill := ok && ofDay >= 10 && ofDay < 20 && now.Sub(began) > happens.from || ok && happens.from == 0 && ofDay >= 10 && ofDay < 20
		switch left := outside.beats.Load() > heard; {
		case left && ill:
			falsely++
			t.Errorf("%s: a heartbeat left at minute %d", happens.name, ofDay)
		case !left && !ill:
			missed++
			t.Errorf("no heartbeat left on day %d, minute %d: %s", day, ofDay, ailing(app.vitals.found))
		}
		heard = outside.beats.Load()
	}
	t.Logf("%d heartbeats heard, %d missed, %d falsely", heard, missed, falsely)
	if heard < 700 {
		t.Errorf("%d heartbeats, want one each time that all was well", heard)
	}
}

func TestAnAddressThatDoesNotHearHeartbeatsIsToldWithoutItsPath(t *testing.T) {
	t.Parallel()
	w := newWatchers(t, team(newHook(t), newHook(t), "1h"))
	outside := newOutsider(t)
	outside.broken.Store(true)
	app := beating(t, w, outside)
	if err := app.beat(t.Context()); err == nil || strings.Contains(err.Error(), "secret-path") {
		t.Errorf("got %v, want an error without the address's path", err)
	}
	found := checkHeartbeat(t.Context(), app.settings, w.oncall, w.now)
	if found.level != "failed" || !strings.Contains(found.found, "502") {
		t.Errorf("doctor: got %+v, want failed with 502", found)
	}
	outside.broken.Store(false)
	if err := app.beat(t.Context()); err != nil {
		t.Fatal(err)
	}
	if found = checkHeartbeat(t.Context(), app.settings, w.oncall, w.now); found.level != "ok" {
		t.Errorf("doctor: got %+v, want ok", found)
	}
	if found := checkGateways(t.Context(), w.oncall, w.now); len(found) != 1 || found[0].level != "ok" {
		t.Errorf("doctor: got %+v, want one gateway that is well", found)
	}
	if found := checkGateways(t.Context(), w.oncall, w.now.Add(time.Hour)); found[0].level != "failed" {
		t.Errorf("doctor: got %+v an hour later, want failed", found)
	}
}

func TestASelfTestMailGoesThroughARestrictiveIntakeAndTellsNobody(t *testing.T) {
	t.Parallel()
	ana := newHook(t)
	app := serveTest(t, func(s *settings) {
		s.SelfTestEvery, s.SelfTestWithin = 24*time.Hour, 5*time.Minute
		s.MailTo, s.MailFromAllow, s.Unverified = "defender@test.example", "microsoft.com", "refuse"
	})
	app.configure(t, team(ana, ana, "1h"))
	app.selfTestIsDue(t)
	if err := app.watchSelfTest(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the self-test mail came through", func() bool {
		test, err := app.rooms.oncall.SelfTest(context.WithoutCancel(t.Context()))
		return err == nil && test.LastArrivedAt != nil && test.Fault == ""
	})
	app.settled(t)
	counts, err := app.rooms.tickets.Counts(t.Context())
	if err != nil || counts != (tickets.Counts{}) {
		t.Errorf("got tickets %+v, %v, want none", counts, err)
	}
	if len(ana.deliveries()) != 0 {
		t.Errorf("%d pages, want none", len(ana.deliveries()))
	}
	links := app.rooms.replies.Links
	links.Key = []byte("somebody else's key of 32 octets")
	if _, err := sendMail(t, app.smtpAddr, links.ProbeAddress(2), links.ProbeMail(2, time.Now())); err == nil {
		t.Error("a self-test mail with somebody else's signature was accepted")
	}
}

// selfTestIsDue lets the time of the next mail come.
func (a *application) selfTestIsDue(t *testing.T) {
	t.Helper()
	long := a.now().Add(-48 * time.Hour)
	_, err := a.db.pool.Exec(t.Context(), `UPDATE self_test SET begun_at = $1, arrived_at = $1, watched_at = $1`, long)
	if err != nil {
		t.Fatal(err)
	}
}

// TestALostSelfTestMailPagesPastMutesAndResolvesItself goes through thirty days with two gateways, by the minute around
// each mail and by the hour elsewhere; everything in memory is lost each hour, and on some days the mail.
func TestALostSelfTestMailPagesPastMutesAndResolvesItself(t *testing.T) {
	t.Parallel()
	hook := newHook(t)
	w := newWatchers(t, team(hook, hook, "1h")+`
mutes:
  - {match: {}, until: "2027-01-01T00:00Z", reason: "nothing pages"}
`)
	plan := oncall.SelfTestPlan{Every: 24 * time.Hour, Within: 5 * time.Minute}
	begin := w.now
	lost := map[int]bool{9: true, 20: true}
	sent, lostUntil := 0, begin
	for minute := range 30 * 24 * 60 {
		day, ofDay := minute/(24*60), minute%(24*60)
		if ofDay > 59 && ofDay%60 != 0 {
			continue
		}
		if w.now = begin.Add(time.Duration(minute) * time.Minute); ofDay%60 == 0 {
			w.restart(t)
		}
		for range 2 {
			id, err := w.oncall.WatchSelfTest(t.Context(), plan, w.now)
			if err != nil {
				t.Fatal(err)
			}
			if id == 0 {
				continue
			}
			sent++
			if err := w.oncall.ProbeSent(t.Context(), id, "", w.now); err != nil {
				t.Fatal(err)
			}
			if lost[day] {
				lost[day], lostUntil = false, w.now.Add(30*time.Minute)
			}
			if !w.now.Before(lostUntil) {
				if err := w.oncall.ProbeArrived(t.Context(), id, "", w.now); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	opened, open := w.silences(t)
	var pages int
	err := w.db.pool.QueryRow(t.Context(), `SELECT count(*) FROM pages WHERE type = 'page' AND person = 'ana'`).Scan(&pages)
	t.Logf("%d mails, %d tickets", sent, opened)
	if err != nil || opened != 2 || open != 0 || pages != 2 {
		t.Errorf("got %d tickets, %d open, %d pages, %v, want 2, 0, 2", opened, open, pages, err)
	}
	if sent < 30 || sent > 30+2*10 {
		t.Errorf("%d mails, want one a day and a few while it failed", sent)
	}
}

func TestASelfTestMailInTheSpoolPagesNobody(t *testing.T) {
	t.Parallel()
	w := newWatchers(t, team(newHook(t), newHook(t), "1h"))
	app := beating(t, w, newOutsider(t))
	links := w.replies.Links
	w.standby.Emergency = oncall.EmergencyContact{Channel: "email", Address: "x@example.com"}
	app.gateway.parse = func([]byte) tickets.Alert {
		t.Error("the self-test mail was shown to the standby")
		return tickets.Alert{}
	}
	app.gateway.read("spooled", tickets.Envelope{To: []string{links.ProbeAddress(1)}}, links.ProbeMail(1, w.now))
}

func TestVitalsAreMetricsAndAProbe(t *testing.T) {
	t.Parallel()
	app := serveTest(t, func(s *settings) { s.SelfTestEvery, s.SelfTestWithin = 24*time.Hour, 5*time.Minute })
	if response := request(t, "GET", app.baseURL+"/readyz?for=paging", nil); response.StatusCode != http.StatusOK {
		t.Errorf("readyz?for=paging: got %d, want 200", response.StatusCode)
	}
	if err := app.beat(t.Context()); err != nil {
		t.Fatal(err)
	}
	text := scrape(t, app)
	for _, want := range []string{
		"afterhours_well 1", `afterhours_vital_well{vital="escalator"} 1`, `afterhours_vital_well{vital="self-test"} 1`,
		"afterhours_self_test_failed 0", "afterhours_heartbeat_timestamp_seconds 0", "afterhours_gateways 1",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %q", want)
		}
	}
}

func scrape(t *testing.T, app *application) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	app.metrics().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if recorder.Code != http.StatusOK {
		t.Fatal(fmt.Errorf("metrics: %d", recorder.Code))
	}
	return recorder.Body.String()
}
