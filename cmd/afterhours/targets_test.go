package main

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// The full form is go test ./cmd/afterhours -run DeadTargets -target.mails 1000 -punctual.
var targetMails = flag.Int("target.mails", 30, "mails that page while targets are dead")

// targetEvery is the distance of two of them; so many come before them, and page the healthy alone, for an application that
// has just started opens its connections first.
const (
	targetEvery  = 50 * time.Millisecond
	targetBefore = 60
)

// TestDeadTargetsDoNotDelayTheOthers pages two people by webhooks that work, while of the team's webhooks one hangs, one
// refuses connections and one answers 503, for pages and for events.
func TestDeadTargetsDoNotDelayTheOthers(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "broken", http.StatusServiceUnavailable)
	}))
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close() // nobody listens there any more
	t.Cleanup(func() { close(release); hanging.Close(); broken.Close() })
	ana, ben := newHook(t), newHook(t)
	app := serveTest(t, trusting)
	yaml := strings.Replace(team(ana, ben, "1h"), `notify: ["schedule:primary"]`,
		`notify: ["webhook:hanging", "webhook:broken", "webhook:gone", "schedule:primary", "schedule:secondary"]`, 1)
	yaml = strings.Replace(yaml, "policies:\n", `policies:
  - {id: before, steps: [{notify: ["schedule:primary", "schedule:secondary"], wait: 1h}], bundle: {after: 0}}
`, 1)
	yaml = strings.Replace(yaml, "routes:\n", "routes:\n  - {match: {title: \"Before*\"}, policy: before}\n", 1) + "webhooks:\n"
	for id, url := range map[string]string{"hanging": hanging.URL, "broken": broken.URL, "gone": gone.URL} {
		yaml += fmt.Sprintf("  - {id: %s, url: %q, secret: %q, events: [ticket.created]}\n", id, url, signingSecret)
	}
	app.configure(t, yaml)
	client, err := dialSMTP(app.smtpAddr)
	if err != nil {
		t.Fatal(err)
	}
	defer client.close()
	sent := map[string]time.Time{}
	pace := time.NewTicker(targetEvery)
	defer pace.Stop()
	for i := range targetBefore + *targetMails {
		<-pace.C
		if i == targetBefore {
			eventually(t, "what came before has paged", func() bool {
				return len(ana.deliveries()) == targetBefore && len(ben.deliveries()) == targetBefore
			})
		}
		title := fmt.Sprintf("Before %d", i)
		if i >= targetBefore {
			title = fmt.Sprintf("Ransomware %d", i)
			sent[title] = time.Now()
		}
		if _, _, err := client.send("defender@test.example", stuffed(vouched(alertMail("High", title, "pc1", fmt.Sprintf("da5555555555%06d_1", i), fmt.Sprintf("dead-%d@example", i))))); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "every page for a healthy target has come", func() bool {
		return len(ana.deliveries()) == targetBefore+*targetMails && len(ben.deliveries()) == targetBefore+*targetMails
	})
	var healthy load
	for _, delivery := range append(ana.deliveries(), ben.deliveries()...) {
		if mailed, counts := sent[delivery.message.Data.Ticket.Title]; counts {
			healthy.replies = append(healthy.replies, delivery.at.Sub(mailed))
		}
	}
	slices.Sort(healthy.replies)
	t.Logf("p50 %s, p95 %s, p99.9 %s", healthy.percentile(50), healthy.percentile(95), healthy.percentile(99.9))
	within(t, fmt.Sprintf("p99 of %d pages for healthy targets, from the end of their mails", len(healthy.replies)), healthy.percentile(99), 2*time.Second)
	if got := app.counted(t, `SELECT count(*) FROM pages WHERE webhook IN ('hanging', 'broken', 'gone') AND state IN ('sent', 'delivered')`); got != 0 {
		t.Errorf("got %d pages sent to targets that are dead", got)
	}
}
