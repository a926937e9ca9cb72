package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"afterhours/oncall"
)

// The full form is go test ./cmd/afterhours -run TenThousand -storm.mails 10000 -storm.for 60s -punctual -timeout 10m.
var (
	stormMails = flag.Int("storm.mails", 300, "mails of the storm")
	stormFor   = flag.Duration("storm.for", 3*time.Second, "how long they come in")
)

const (
	stormRules    = 50
	stormSessions = 10
	stormBefore   = 30
	stormUpdates  = 10              // each so many mails one is about an alert that another has told of
	stormSummary  = 3 * time.Minute // for which the last summary is awaited: there is one a minute
)

// stormTeam is one person with a webhook and a telephone, a route for each rule, and somebody else for what comes before.
func stormTeam(ana, ben *hook) string {
	var yaml strings.Builder
	fmt.Fprintf(&yaml, `
people:
  - {id: ana, name: Ana Ruiz, contacts: [{id: hook, channel: webhook, to: %q, secret: %q}, {id: phone, channel: sms, to: "+34600000001"}],
     notify: [{contact: hook}, {contact: phone}]}
  - {id: ben, name: Ben Okafor, contacts: [{id: hook, channel: webhook, to: %q, secret: %q}]}
policies:
  - {id: security, steps: [{notify: ["person:ana"], wait: 1h}], bundle: {after: 5, within: 5m}}
  - {id: critical, steps: [{notify: ["person:ana"], wait: 1h}], bundle: {after: 0}}
  - {id: before, steps: [{notify: ["person:ben"], wait: 1h}], bundle: {after: 0}}
routes:
  - {match: {title: "Domain controller*"}, policy: critical}
  - {match: {title: "Before*"}, policy: before}
`, ana.URL, signingSecret, ben.URL, signingSecret)
	for rule := range stormRules {
		fmt.Fprintf(&yaml, "  - {match: {title: \"Rule %02d *\"}, policy: security}\n", rule)
	}
	return yaml.String()
}

// stormMail is the nth mail of a storm.
func stormMail(n int) []byte {
	about := n
	if n%stormUpdates == stormUpdates-1 {
		about = n - 1
	}
	return stuffed(vouched(alertMail("High", fmt.Sprintf("Rule %02d fired", about%stormRules), "pc1", fmt.Sprintf("da6666666666%06d_1", about), fmt.Sprintf("storm-%d@example", n))))
}

// TestAStormOfTenThousandMailsWakesAFewTimesAndCountsAll sends mails of fifty rules at a steady rate, and in their midst a
// different alert whose policy does not bundle.
func TestAStormOfTenThousandMailsWakesAFewTimesAndCountsAll(t *testing.T) {
	t.Parallel()
	ana, ben := newHook(t), newHook(t)
	app, provider, _ := withProviders(t, stormTeam(ana, ben))
	for i := range stormBefore { // an application that has just started opens its connections first
		mustSend(t, app.smtpAddr, vouched(alertMail("High", fmt.Sprintf("Before %d", i), "pc1", fmt.Sprintf("da8888888888%06d_1", i), fmt.Sprintf("before-%d@example", i))))
	}
	eventually(t, "what came before the storm has paged", func() bool { return len(ben.deliveries()) == stormBefore })
	began := time.Now()
	all, critical := sendStorm(t, app.smtpAddr)
	within(t, fmt.Sprintf("DATA reply's p99 of %d mails in %s", len(all.replies), time.Since(began).Round(time.Second)), all.percentile(99), 500*time.Millisecond)
	sent := time.Now()
	app.settled(t)
	within(t, "reading the rest", time.Since(sent), 2*time.Minute)

	tickets := *stormMails - *stormMails/stormUpdates
	if got := app.counted(t, `SELECT count(*) FROM tickets WHERE title LIKE 'Rule %'`); got != tickets {
		t.Errorf("got %d tickets of %d mails, want %d", got, *stormMails, tickets)
	}
	if got := app.counted(t, `SELECT coalesce(sum(message_count), 0)::int FROM tickets`); got != stormBefore+*stormMails+1 {
		t.Errorf("got %d mails on tickets, want %d", got, stormBefore+*stormMails+1)
	}
	var different delivery
	eventually(t, "the different alert has paged", func() bool {
		for _, d := range ana.deliveries() {
			if d.message.Type == "page" && strings.HasPrefix(d.message.Data.Ticket.Title, "Domain controller") {
				different = d
				return true
			}
		}
		return false
	})
	within(t, "the different alert, from its mail to its page", different.at.Sub(critical), time.Minute)

	awaitTold(t, app, tickets)
	judgeStorm(t, app, ana, provider, began, tickets)
}

// sendStorm sends the mails over a few sessions at a steady rate. It returns when the different alert was sent.
func sendStorm(t *testing.T, address string) (all load, critical time.Time) {
	t.Helper()
	next := make(chan int)
	var mutex sync.Mutex
	var group sync.WaitGroup
	for range stormSessions {
		client, err := dialSMTP(address)
		if err != nil {
			t.Fatal(err)
		}
		defer client.close()
		group.Go(func() {
			for n := range next {
				_, took, err := client.send("defender@test.example", stormMail(n))
				if err != nil {
					t.Errorf("mail %d not accepted: %v", n, err)
					continue
				}
				mutex.Lock()
				all.replies = append(all.replies, took)
				mutex.Unlock()
			}
		})
	}
	pace := time.NewTicker(*stormFor / time.Duration(*stormMails))
	defer pace.Stop()
	for n := range *stormMails {
		<-pace.C
		if n == *stormMails/2 {
			critical = time.Now()
			mustSend(t, address, vouched(alertMail("High", "Domain controller replicated", "dc-01", "da7777777777777777_1", "critical@example")))
		}
		next <- n
	}
	close(next)
	group.Wait()
	slices.Sort(all.replies)
	return all, critical
}

// awaitTold waits until the webhook was told of each ticket of the rules, by a page or by a summary.
func awaitTold(t *testing.T, app *application, tickets int) {
	t.Helper()
	const told = `
		SELECT count(DISTINCT p.ticket) FROM pages p JOIN tickets t ON t.number = p.ticket
		WHERE t.title LIKE 'Rule %' AND p.contact = 'hook' AND p.type = 'page' AND p.state IN ('sent', 'delivered')`
	deadline := time.Now().Add(stormSummary)
	for app.counted(t, told) < tickets {
		if time.Now().After(deadline) {
			t.Fatalf("after %s %d of %d tickets were told of", stormSummary, app.counted(t, told), tickets)
		}
		time.Sleep(100 * time.Millisecond) // the pace of polling, not a wait for luck
	}
}

// judgeStorm holds what one person got against what may wake a person: the pages of the rules, those of summaries, and the
// text messages.
func judgeStorm(t *testing.T, app *application, ana *hook, provider *provider, began time.Time, tickets int) {
	t.Helper()
	var singles, summaries []time.Time
	counted := 0
	for _, d := range ana.deliveries() {
		switch {
		case d.message.Type == oncall.SummaryType:
			var body struct{ Data summaryData }
			if err := json.Unmarshal(d.body, &body); err != nil {
				t.Errorf("summary: %v", err)
			}
			counted += body.Data.Count
			summaries = append(summaries, d.at)
		case strings.HasPrefix(d.message.Data.Ticket.Title, "Rule"):
			singles = append(singles, d.at)
		}
	}
	if len(singles) == 0 || len(summaries) == 0 {
		t.Fatalf("got %d single pages and %d summaries", len(singles), len(summaries))
	}
	t.Logf("%d tickets: %d told by single pages, %d counted by %d summaries", tickets, len(singles), counted, len(summaries))
	if len(singles)+counted != tickets {
		t.Errorf("single pages and counts: got %d + %d, want %d together", len(singles), counted, tickets)
	}
	within(t, "the first page, from the first mail", singles[0].Sub(began), time.Second)
	for i := 1; i < len(summaries); i++ {
		if gap := summaries[i].Sub(summaries[i-1]); gap < oncall.SummaryLeast-time.Second {
			t.Errorf("two summaries within %s", gap)
		}
	}
	all := app.counted(t, `
		SELECT coalesce(max(n), 0) FROM (
			SELECT (SELECT count(*) FROM pages o JOIN tickets t ON t.number = o.ticket
				WHERE t.title LIKE 'Rule %' AND o.single_at BETWEEN p.single_at AND p.single_at + interval '299 s') AS n
			FROM pages p WHERE single_at IS NOT NULL) AS windows`)
	if all > 5 {
		t.Errorf("got %d single pages in five minutes over all channels, want at most 5", all)
	}
	tooClose := app.counted(t, `
		SELECT count(*) FROM (SELECT phoned_at - lag(phoned_at) OVER (ORDER BY phoned_at) AS gap FROM pages WHERE phoned_at IS NOT NULL) AS gaps
		WHERE gap < interval '59 s'`)
	calls := app.counted(t, `SELECT count(*) FROM pages WHERE phoned_at IS NOT NULL AND state IN ('sent', 'delivered')`)
	if tooClose > 0 || calls > oncall.PhoneCalls {
		t.Errorf("got %d text messages, %d of them within a minute of another one", calls, tooClose)
	}
	provider.wait(t, "/Messages.json", 1)
	t.Logf("at most %d single pages in five minutes over all channels, %d text messages", all, calls)
}
