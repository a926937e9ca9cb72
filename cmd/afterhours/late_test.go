package main

import (
	"io"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"afterhours/migrations/pgtest"
)

// TestAGatewayThatStartsWhileTheDatabaseIsAwayTakesMailAndPages stops and starts the application during an outage.
func TestAGatewayThatStartsWhileTheDatabaseIsAwayTakesMailAndPages(t *testing.T) {
	longTest(t)
	t.Parallel()
	ana, ben := newHook(t), newHook(t)
	server := pgtest.Own(t)
	s := testSettings(server.URL())
	s.spooling(t)
	log := slog.New(slog.NewTextHandler(logWriter{t}, nil))
	first, err := start(t.Context(), s, log, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	first.configure(t, team(ana, ben, "1h"))
	first.rostered(t, "ana")
	server.Kill()
	if err := first.stop(); err != nil {
		t.Fatalf("stop: %v", err)
	}

	app, err := start(t.Context(), s, log, time.Now)
	if err != nil {
		t.Fatalf("start without a database: %v", err)
	}
	t.Cleanup(func() {
		if err := app.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	var greeting strings.Builder
	if err := app.greet(t.Context(), &greeting); err != nil || !strings.Contains(greeting.String(), "The database is away; mail waits in the spool") {
		t.Errorf("greeting: got %q, %v", greeting.String(), err)
	}
	ready := request(t, "GET", app.baseURL+"/readyz", nil)
	if why, _ := io.ReadAll(ready.Body); ready.StatusCode != 503 || !strings.Contains(string(why), "has not been there since the start") {
		t.Errorf("readyz: got %s %q, want 503 and why", ready.Status, why)
	}
	if response := request(t, "GET", app.baseURL+"/readyz?for=smtp", nil); response.StatusCode != 200 {
		t.Errorf("readyz for smtp: got %s, want 200", response.Status)
	}
	mustSend(t, app.smtpAddr, alertMail("High", "During", "pc2", "da1111111111111111_2", "two@example"))
	eventually(t, "the page from the roster that the first process left", func() bool { return len(ana.deliveries()) == 1 })

	server.Start()
	eventually(t, "the gateway is ready", func() bool { return request(t, "GET", app.baseURL+"/readyz", nil).StatusCode == 200 })
	eventually(t, "one ticket, and an empty spool", func() bool {
		counts, err := app.rooms.tickets.Counts(t.Context())
		return err == nil && counts.Open == 1 && app.gateway.spool.State().Mails == 0
	})
	mustSend(t, app.smtpAddr, alertMail("High", "After", "pc3", "da1111111111111111_3", "three@example"))
	eventually(t, "mail pages as ever", func() bool { return len(ana.deliveries()) == 2 })
}

// TestAGatewayWhoseDatabaseGoesAwayInTheMidstOfTheStartWaitsForIt lets everything through but what the queue asks when it
// begins: no such moment ends the gateway.
func TestAGatewayWhoseDatabaseGoesAwayInTheMidstOfTheStartWaitsForIt(t *testing.T) {
	t.Parallel()
	ana, ben := newHook(t), newHook(t)
	database := pgtest.URL(t)
	configureDatabase(t, database, team(ana, ben, "1h"))
	between := inFrontOf(t, database)
	between.set(&statementFault{code: "57P03", severity: "ERROR", statements: regexp.MustCompile(`river_queue`)})
	app := serveTest(t, func(s *settings) {
		trusting(s)
		s.spooling(t)
		s.DatabaseURL = between.url
	})
	if response := request(t, "GET", app.baseURL+"/readyz", nil); response.StatusCode != 503 {
		t.Errorf("readyz: got %s, want 503", response.Status)
	}
	mustSend(t, app.smtpAddr, vouched(alertMail("High", "During", "pc2", "da1111111111111111_2", "two@example")))
	between.set(nil)
	eventually(t, "the gateway is ready", func() bool { return request(t, "GET", app.baseURL+"/readyz", nil).StatusCode == 200 })
	eventually(t, "the mail pages", func() bool { return len(ana.deliveries()) > 0 })
}

// TestAGatewayStopsWhileItWaitsForItsDatabase: it has nothing to hand over, and no reason to hang.
func TestAGatewayStopsWhileItWaitsForItsDatabase(t *testing.T) {
	t.Parallel()
	s := testSettings("postgres://nobody@127.0.0.1:1/none")
	s.spooling(t)
	app, err := start(t.Context(), s, slog.New(slog.NewTextHandler(logWriter{t}, nil)), time.Now)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	if err := app.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestAWrongPasswordOrAMissingSpoolIsToldAtTheStart(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(*settings){
		"no such database": func(s *settings) {
			at := strings.LastIndex(s.DatabaseURL, "/")
			name, rest, _ := strings.Cut(s.DatabaseURL[at:], "?")
			s.DatabaseURL = s.DatabaseURL[:at] + name + "_none?" + rest
		},
		"no spool": func(s *settings) { s.DatabaseURL, s.Spool = "postgres://nobody@127.0.0.1:1/none", "off" },
	} {
		s := testSettings(pgtest.URL(t))
		s.spooling(t)
		change(&s)
		app, err := start(t.Context(), s, slog.New(slog.DiscardHandler), time.Now)
		if err == nil {
			t.Errorf("%s: the gateway started: %v", what, app.stop())
		} else if !strings.Contains(err.Error(), "does not answer") {
			t.Errorf("%s: got %v", what, err)
		}
	}
}
