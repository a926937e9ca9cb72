package oncall

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"afterhours/tickets"
)

const persons = `
people:
  - {id: ana, name: Ana, timezone: Europe/Madrid,
     contacts: [{id: call, channel: webhook, to: "https://a.example/call"}, {id: phone, channel: push, to: "https://ntfy.example/t"}, {id: mail, channel: email, to: ana@example.com}],
     notify: [{after: 0s, contact: call, severity: high}, {after: 0s, contact: phone, severity: [medium]}, {after: 5m, contact: mail, severity: [medium]}, {after: 1m, contact: mail, severity: [high, unknown]}],
     quiet: [{from: "22:00", to: "07:00"}]}
  - {id: ben, name: Ben, email: ben@example.com, quiet: [{days: [sat, sun], from: "00:00", to: "24:00"}]}
  - {id: chi, name: Chi, email: chi@example.com}
policies:
  - {id: night, repeat: 1, steps: [{notify: ["person:ana"], wait: {high: 2m, other: 10m}}, {notify: ["person:ben"], wait: 10m}]}
  - {id: office, timezone: Europe/Madrid, steps: [{notify: ["person:chi"], wait: 5m, hours: [{days: [mon, tue, wed, thu, fri], from: "09:00", to: "17:00"}]}]}
  - {id: resort, timezone: Europe/Madrid, last_resort: ["person:chi"], last_resort_every: 20m,
     steps: [{notify: ["person:ben"], wait: 5m, hours: [{from: "09:00", to: "17:00"}]}, {notify: ["person:ana"], wait: 5m}]}
`

// plan loads persons and plays a policy for a severity from a moment on, for so many decisions.
func plan(t *testing.T, policy string, severity tickets.Severity, from string, decisions int) (said []string) {
	t.Helper()
	c, err := load(t, persons)
	if err != nil {
		t.Fatal(err)
	}
	start := instant(t, from)
	position, due := Position{Policy: policy, Round: 1, Severity: severity}, start
	for range decisions {
		decision := c.Next(position, due, due)
		var pages []string
		for _, page := range decision.Pages {
			pages = append(pages, fmt.Sprintf("%s %s +%s", page.Person, page.Contact, Duration(page.DueAt.Sub(start))))
		}
		end := "+" + Duration(decision.Due.Sub(start)).String()
		if decision.Due.IsZero() {
			end = "exhausted"
		}
		said = append(said, fmt.Sprintf("%d.%d [%s] then %s", decision.Position.Round, decision.Position.Step, strings.Join(pages, ", "), end))
		if decision.Due.IsZero() {
			break
		}
		position, due = decision.Position, decision.Due
	}
	return said
}

func TestRulesBySeverityQuietHoursAndBranches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, policy string
		severity     tickets.Severity
		from         string // Madrid is an hour ahead in winter
		want         []string
	}{
		{"High ignores quiet hours", "night", tickets.High, "2026-01-07T02:00:00Z", []string{
			"1.1 [ana call +0s, ana mail +1m] then +2m", "1.2 [ben email +2m] then +12m",
			"2.1 [ana call +12m, ana mail +13m] then +14m", "2.2 [ben email +14m] then +24m", "2.2 [] then exhausted",
		}},
		{"Medium by day", "night", tickets.Medium, "2026-01-07T10:00:00Z", []string{"1.1 [ana phone +0s, ana mail +5m] then +10m"}},
		{"Medium at night goes to the next at once, and waits for the morning", "night", tickets.Medium, "2026-01-07T02:00:00Z", []string{
			"1.2 [ana phone +4h, ana mail +245m, ben email +0s] then +10m", "2.2 [ana phone +4h, ana mail +245m, ben email +10m] then +20m", "2.2 [] then exhausted",
		}},
		{"a later rule that falls into quiet hours waits alone", "night", tickets.Medium, "2026-01-07T20:57:00Z", []string{
			"1.1 [ana phone +0s, ana mail +543m] then +10m",
		}},
		{"a severity without a rule falls through", "night", tickets.Low, "2026-01-07T10:00:00Z", []string{"1.2 [ben email +0s] then +10m"}},
		{"everybody is quiet", "night", tickets.Medium, "2026-01-10T02:00:00Z", []string{ // a Saturday
			"1.0 [] then +4h", "1.1 [ana phone +4h, ana mail +245m] then +250m",
		}},
		{"a step outside of its hours waits for them where it is all", "office", tickets.High, "2026-01-09T17:00:00Z", []string{ // Friday, 18:00
			"1.0 [] then +2d15h", "1.1 [chi email +2d15h] then +2d15h5m", "1.1 [] then exhausted",
		}},
		{"within its hours it speaks", "office", tickets.High, "2026-01-09T15:59:59Z", []string{"1.1 [chi email +0s] then +5m"}},
		{"a closed step is skipped, and the last resort comes again and again", "resort", tickets.High, "2026-01-07T22:00:00Z", []string{
			"1.2 [ana call +0s, ana mail +1m] then +5m", "2.0 [chi email +5m] then +25m", "3.0 [chi email +25m] then +45m",
		}},
	} {
		got := plan(t, c.policy, c.severity, c.from, len(c.want))
		for i, line := range c.want {
			c.want[i] = strings.NewReplacer("2d15h5m", "3785m", "2d15h", "63h").Replace(line)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestWaitsBySeverity(t *testing.T) {
	t.Parallel()
	minute := Duration(time.Minute)
	for _, c := range []struct {
		wait Wait
		want [5]time.Duration // worst first, in minutes
		said string
	}{
		{Same(5 * minute), [5]time.Duration{5, 5, 5, 5, 5}, "5m"},
		{Wait{High: 2 * minute, Medium: 10 * minute}, [5]time.Duration{2, 10, 10, 10, 2}, "high 2m, medium 10m"},
		{Wait{Medium: 3 * minute, Other: 7 * minute}, [5]time.Duration{7, 3, 7, 7, 7}, "medium 3m, other 7m"},
		{Wait{Low: 9 * minute}, [5]time.Duration{9, 9, 9, 9, 9}, "low 9m"},
		{Wait{High: 2 * minute, Unknown: minute}, [5]time.Duration{2, 2, 2, 2, 1}, "high 2m, unknown 1m"},
	} {
		for i, severity := range tickets.Severities {
			if got := c.wait.For(severity); got != c.want[i]*time.Minute {
				t.Errorf("%s for %s: got %s, want %s", c.said, severity, got, c.want[i]*time.Minute)
			}
		}
		if c.wait.String() != c.said {
			t.Errorf("got %q, want %q", c.wait.String(), c.said)
		}
	}
}

func TestFaultsOfRulesWaitsAndHours(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`people: [{id: a, name: A, email: a@b.cd, notify: [{contact: email, severity: [grave]}]}]`:                               `1: "grave" is no severity; use high`,
		`people: [{id: a, name: A, quiet: [{from: "00:00", to: "24:00"}]}]`:                                                      "1: the quiet hours of a never end; leave some",
		`people: [{id: a, name: A, quiet: [{from: "08:00", to: "20:00"}, {from: "20:00", to: "08:00"}]}]`:                        "never end",
		"policies:\n- id: p\n  steps:\n  - notify: [webhook:w]\n    wait: {hgih: 2m}\nwebhooks: [{id: w, url: x}]":               "5: policies[0].steps[0].wait has no key \"hgih\"; use other, high",
		"policies:\n- id: p\n  steps:\n  - notify: [webhook:w]\n    wait: {high: 0s, low: 3m}\nwebhooks: [{id: w, url: x}]":      "5: policies[0].steps[0].wait.high must be 1s or more",
		"policies:\n- id: p\n  steps:\n  - notify: [webhook:w]\n    wait: {high: 8d}\nwebhooks: [{id: w, url: x}]":               "needs a wait from 1s to 7d",
		"policies:\n- id: p\n  last_resort: [person:x]\n  steps: [{notify: [webhook:w], wait: 1m}]\nwebhooks: [{id: w, url: x}]": `3: there is no person "x"`,
		"policies:\n- id: p\n  last_resort_every: 5m\n  steps: [{notify: [webhook:w], wait: 1m}]\nwebhooks: [{id: w, url: x}]":   "3: policy p has no last resort; add",
		"policies:\n- id: p\n  timezone: Mars\n  steps: [{notify: [webhook:w], wait: 1m}]\nwebhooks: [{id: w, url: x}]":          `3: there is no time zone "Mars"`,
	} {
		if _, err := load(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
}

func TestAHighPathThatWakesNobodyIsTold(t *testing.T) {
	t.Parallel()
	c, err := load(t, `
people:
  - {id: ana, name: Ana, email: ana@example.com}
  - {id: ben, name: Ben, email: ben@other.example}
  - {id: chi, name: Chi, email: chi@sub.example.com, contacts: [{id: phone, channel: push, to: "https://ntfy.example/t"}, {id: mail, channel: email, to: chi@sub.example.com}],
     notify: [{contact: mail}, {contact: phone, severity: low}]}
  - {id: dan, name: Dan, contacts: [{id: phone, channel: push, to: "https://ntfy.example/t"}]}
schedules:
  - {id: s, layers: [{people: [ana, ben, chi], rotation: {every: 1w, start: "2026-01-05T09:00"}}]}
policies:
  - {id: sleepy, steps: [{notify: ["schedule:s"], wait: 5m}]}
  - {id: awake, steps: [{notify: ["schedule:s"], wait: 5m}], last_resort: ["person:dan"]}
routes: [{match: {to: defender@example.com}, policy: sleepy}]
`)
	if err != nil {
		t.Fatal(err)
	}
	got := c.HighPaths(c.WatchedDomains())
	want := []string{"reaches Ana by the mail system", "wakes Ben by no channel", "reaches Chi by the mail system", "The policy sleepy wakes nobody"}
	if len(got) != len(want) {
		t.Fatalf("got %q", got)
	}
	for i := range want {
		if !strings.Contains(got[i], want[i]) {
			t.Errorf("got %q, want %q in it", got[i], want[i])
		}
	}
}
