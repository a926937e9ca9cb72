package main

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"afterhours/migrations/pgtest"
)

// TestAMailSurvivesAnOutageOfTheDatabase stops Postgres while the application runs: a mail that comes then is answered once
// Postgres is back, pages as always, and nothing needs a restart.
func TestAMailSurvivesAnOutageOfTheDatabase(t *testing.T) {
	t.Parallel()
	server := pgtest.Own(t)
	ana, ben := newHook(t), newHook(t)
	s := testSettings(server.URL())
	s.spooling(t)
	app, err := start(t.Context(), s, slog.New(slog.NewTextHandler(logWriter{t}, nil)), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := app.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	}()
	app.configure(t, team(ana, ben, "1h"))
	mustSend(t, app.smtpAddr, alertMail("High", "Before", "pc1", "da1111111111111111_1", "one@example"))
	eventually(t, "the first page", func() bool { return len(ana.deliveries()) == 1 })

	server.Kill()
	if response := request(t, "GET", app.baseURL+"/readyz", nil); response.StatusCode != 503 {
		t.Errorf("readyz without a database: got %s, want 503", response.Status)
	}
	replied := make(chan string, 1)
	go func() {
		reply, err := sendMail(t, app.smtpAddr, "defender@test.example", alertMail("High", "During", "pc2", "da1111111111111111_2", "two@example"))
		if err != nil {
			reply = err.Error()
		}
		replied <- reply
	}()
	select {
	case reply := <-replied:
		t.Fatalf("the reply came without a database: %s", reply)
	case <-time.After(time.Second): // it waits, as it should
	}
	server.Start()
	if reply := <-replied; !strings.HasPrefix(reply, "2.0.0 accepted as ") {
		t.Fatalf("reply: got %q, want it accepted", reply)
	}
	eventually(t, "the second page", func() bool { return len(ana.deliveries()) == 2 })
}
