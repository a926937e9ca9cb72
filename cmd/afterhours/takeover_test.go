package main

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"afterhours/oncall"
)

// TestWhoTakesOverIsPagedFromThenOnAndStandsInTheHistory signs somebody in, takes over what runs, and follows it to the
// page, the team's webhook, the history, the export and the notice to whoever was on call.
func TestWhoTakesOverIsPagedFromThenOnAndStandsInTheHistory(t *testing.T) {
	t.Parallel()
	ana, ben, soc := newHook(t), newHook(t), newHook(t)
	app := serveTest(t, nil)
	app.configure(t, fmt.Sprintf(`
people:
  - {id: ana, name: Ana, contacts: [{id: hook, channel: webhook, to: %q}, {id: mail, channel: email, to: ana@test.example}], notify: [{after: 0s, contact: hook}]}
  - {id: ben, name: Ben, contacts: [{id: hook, channel: webhook, to: %q}]}
webhooks: [{id: soc, url: %q, events: [oncall.changed]}]
schedules: [{id: primary, timezone: Europe/Madrid, layers: [{people: [ana], rotation: {every: 1w, start: "2026-01-05T09:00"}}]}]
policies: [{id: security, steps: [{notify: ["schedule:primary"], wait: 10m}]}]
`, ana.URL, ben.URL, soc.URL))
	began := time.Now()
	history := func() (people []string) {
		t.Helper()
		past, err := app.rooms.oncall.OnCallHistory(t.Context(), "primary", began.Add(-time.Hour), time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		for _, shift := range past.Shifts {
			people = append(people, shift.Person+" by "+shift.Source)
		}
		return people
	}
	eventually(t, "the history begins", func() bool { return len(history()) == 1 })

	if err := app.auth.EnsureAccount(t.Context(), "ben", "Ben", "ben@test.example", "responder"); err != nil {
		t.Fatal(err)
	}
	account := "ben"
	token, err := app.auth.CreateLoginLink(t.Context(), &account, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, post := range []struct {
		path   string
		fields url.Values
	}{{"/login/" + token, nil}, {"/oncall/primary/take-over", url.Values{"hours": {"2"}}}} {
		response, err := client.PostForm(app.baseURL+post.path, post.fields)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusSeeOther {
			t.Fatalf("POST %s: got %s", post.path, response.Status)
		}
	}
	mustSend(t, app.smtpAddr, alertMail("High", "Ransomware behavior detected", "srv-sql-07", "da637551227677560813_-961444813", "one@example"))
	eventually(t, "whoever took over is paged", func() bool { return len(ben.deliveries()) == 1 })
	if got := len(ana.deliveries()); got != 0 {
		t.Errorf("whoever was on call got %d pages", got)
	}
	eventually(t, "the history goes on", func() bool { return strings.Join(history(), ", ") == "ana by layer, ben by override" })
	eventually(t, "the team is told", func() bool { return len(soc.deliveries()) == 1 })
	if told := string(soc.deliveries()[0].body); !strings.Contains(told, `"oncall.changed"`) || !strings.Contains(told, `"person":"ben"`) || !strings.Contains(told, `"previous":"ana"`) {
		t.Errorf("the team: got %s", told)
	}
	eventually(t, "whoever was on call is told", func() bool {
		letters, err := app.rooms.oncall.Outgoing(t.Context(), 10, 0)
		if err != nil {
			t.Fatal(err)
		}
		return len(letters) == 1 && letters[0].Person == "ana" && letters[0].Type == oncall.ShiftSettledType && letters[0].State == oncall.PageHeld
	})
	exported, err := app.rooms.oncall.Export(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if text, err := exported.Export(); err != nil || !strings.Contains(string(text), "      - person: ben\n") {
		t.Errorf("export: got %s, %v", text, err)
	}
}
