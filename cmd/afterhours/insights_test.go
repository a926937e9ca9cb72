package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

func TestAWeeklyReportGoesTheWayOfOutgoingMail(t *testing.T) {
	t.Parallel()
	app := serveTest(t, nil)
	app.configure(t, `
people: [{id: ana, name: Ana, email: ana@example.com, timezone: Europe/Madrid, weekly_report: true}]
policies: [{id: security, steps: [{notify: ["person:ana"], wait: 5m}]}]
`)
	monday := tickets.Week(time.Now()).AddDate(0, 0, 7) // so that its mail is not too late to be sent
	created := monday.AddDate(0, 0, -7).Add(time.Minute)
	if _, err := app.db.pool.Exec(t.Context(), `
		INSERT INTO tickets (state, severity, kind, product, title, source, created_at, updated_at)
		VALUES ('open', 'high', 'alert', 'endpoint', 'Ransomware', 'email', $1, $1)`, created); err != nil {
		t.Fatal(err)
	}
	if _, err := app.db.pool.Exec(t.Context(), `INSERT INTO insight_due VALUES (($1::timestamptz AT TIME ZONE 'UTC')::date) ON CONFLICT DO NOTHING`, created); err != nil {
		t.Fatal(err)
	}
	if err := app.tendInsights(t.Context(), new(time.Time)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := app.rooms.oncall.TellWeeks(t.Context(), monday.Add(9*time.Hour), app.rooms.week); err != nil {
			t.Fatal(err)
		}
	}
	pages, err := app.rooms.oncall.Outgoing(context.WithoutCancel(t.Context()), 10, 0)
	if err != nil || len(pages) != 1 || pages[0].Type != oncall.ReportType || pages[0].Person != "ana" || pages[0].Recipient != "ana@example.com" {
		t.Fatalf("got %+v, %v", pages, err)
	}
	letter, err := app.rooms.oncall.Letter(t.Context(), pages[0].ID)
	if err != nil || !strings.HasPrefix(letter.Subject, "The week of ") {
		t.Fatalf("got %v, %q", err, letter.Subject)
	}
	for _, said := range []string{"Defender for Endpoint", "Ransomware", "weekly_report"} {
		if !strings.Contains(letter.Text, said) || !strings.Contains(letter.HTML, said) {
			t.Errorf("no %s in\n%s\n%s", said, letter.Text, letter.HTML)
		}
	}
}
