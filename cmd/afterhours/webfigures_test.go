package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/oncall/oncalldb"
	"afterhours/tickets/ticketdb"
	"afterhours/web/auth"
)

var (
	webTable    = flag.Bool("web-table", false, "print the table of make bench-web")
	webTickets  = flag.Int("web-tickets", 1_000_000, "tickets, each with a mail, five events and a page, behind the table")
	webRequests = flag.Int("web-requests", 500, "requests of each row of the table")
	webRate     = flag.Int("web-rate", 50, "requests a second")
)

// deskQuestions are what people ask of the desk all day; n is another number with each request.
func deskQuestions(tickets int) []struct {
	name string
	goal time.Duration
	path func(n int) string
} {
	const quick, slow = 50 * time.Millisecond, 300 * time.Millisecond
	number := func(n int) int { return 1001 + (n*7919)%tickets }
	find := func(words string) string { return "/tickets?" + url.Values{"tab": {"all"}, "q": {words}}.Encode() }
	return []struct {
		name string
		goal time.Duration
		path func(n int) string
	}{
		{"list, open", quick, func(int) string { return "/tickets" }},
		{"list, all", quick, func(int) string { return "/tickets?tab=all" }},
		{"list, a page far down", quick, func(n int) string { return fmt.Sprintf("/tickets?tab=resolved&before=%d", number(n)) }},
		{"list, high of one product", quick, func(int) string { return "/tickets?tab=resolved&severity=high&product=endpoint" }},
		{"list, some days", quick, func(n int) string {
			day := time.Now().AddDate(0, 0, -n%700-3)
			return "/tickets?tab=all&since=" + day.Format(time.DateOnly) + "&until=" + day.AddDate(0, 0, 2).Format(time.DateOnly)
		}},
		{"search, a common word", quick, func(int) string { return find("ransomware") }},
		{"search, words of a title", quick, func(int) string { return find("suspicious powershell") }},
		{"search, title and device", quick, func(n int) string { return find(fmt.Sprintf("ransomware ws-%d", n%5000)) }},
		{"search, a device", quick, func(n int) string { return find(fmt.Sprintf("ws-%d", n%5000)) }},
		{"search, a user", quick, func(n int) string { return find(fmt.Sprintf("user%d@contoso.example", n%2000)) }},
		{"search, an alert's id", quick, func(n int) string { k := number(n) - 1000; return find(fmt.Sprintf("da%d_%d", k, k%7)) }},
		{"search, a Message-ID", quick, func(n int) string { return find(fmt.Sprintf("mail-%d@microsoft.example", number(n)-1000)) }},
		{"search, a number", quick, func(n int) string { return find(fmt.Sprintf("#%d", number(n))) }},
		{"search, nothing found", quick, func(n int) string { return find(fmt.Sprintf("nosuchword%d", n)) }},
		{"ticket", quick, func(n int) string { return fmt.Sprintf("/tickets/%d", number(n)) }},
		{"insights, 30 days", slow, func(int) string { return "/insights" }},
		{"insights, 90 days", slow, func(int) string { return "/insights?days=90" }},
		{"insights, a year", slow, func(int) string { return "/insights?days=366" }},
	}
}

// deskTeam are those of the seeded tickets.
const deskTeam = `
people: [{id: ana, name: Ana Ruiz, email: ana@example.com, timezone: Europe/Madrid}, {id: ben, name: Ben Okafor, email: ben@example.com}]
schedules: [{id: primary, layers: [{people: [ana, ben], rotation: {every: 1w, start: "2026-01-05T09:00"}}]}]
policies: [{id: security, steps: [{notify: ["schedule:primary"], wait: 5m}]}]
`

// signedIn is the cookie of an administrator's session at an address.
func signedIn(t testing.TB, pool *pgxpool.Pool, base string) string {
	t.Helper()
	accounts := auth.New(pool, auth.Options{Now: time.Now})
	if err := accounts.EnsureAccount(t.Context(), "ana", "Ana Ruiz", "ana@example.com", "admin"); err != nil {
		t.Fatal(err)
	}
	account := "ana"
	token, err := accounts.CreateLoginLink(t.Context(), &account, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/login/"+token, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if len(response.Cookies()) == 0 {
		t.Fatalf("sign in: got %s", response.Status)
	}
	return response.Cookies()[0].Name + "=" + response.Cookies()[0].Value
}

// countInsights counts the figures of all days.
func countInsights(t testing.TB, pool *pgxpool.Pool) {
	t.Helper()
	mails, pages := ticketdb.New(pool, time.Now, nil), oncalldb.New(oncalldb.Options{Pool: pool})
	for _, tend := range []func() (bool, error){
		func() (bool, error) { return mails.NoteDays(t.Context()) },
		func() (bool, error) { return mails.CountDays(t.Context()) },
		func() (bool, error) { return pages.TendInsights(t.Context(), time.Now()) },
	} {
		for more := true; more; {
			var err error
			if more, err = tend(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestWebTable measures how fast the desk answers behind very many tickets, at a rate that does not wait for answers.
func TestWebTable(t *testing.T) {
	if !*webTable {
		t.Skip("only where the table is asked for: make bench-web")
	}
	gateway := startGateway(t)
	began := time.Now()
	if gateway.count(t, `SELECT count(*) FROM (SELECT FROM tickets LIMIT 1) AS one`) == 0 { // else -intake-database names one of before
		configureDatabase(t, gateway.database, deskTeam)
		seedTickets(t, gateway.pool, *webTickets, time.Now())
	}
	seeded := time.Since(began)
	began = time.Now()
	countInsights(t, gateway.pool)
	fmt.Printf("\n%d tickets with %d events, written in %s; the figures of all days counted in %s\n", *webTickets, 5**webTickets,
		seeded.Round(time.Second), time.Since(began).Round(time.Millisecond))
	base := gateway.web
	cookie := signedIn(t, gateway.pool, base)
	t.Logf("%s %s", base, cookie)
	fmt.Printf("%d requests a row, %d a second\n\n", *webRequests, *webRate)
	fmt.Println("                                p50 ms       p95       p99       max  goal")
	for _, question := range deskQuestions(*webTickets) {
		row := askAtRate(t, *webRequests, *webRate, func(n int) (*http.Response, error) {
			request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, base+question.path(n), http.NoBody)
			if err != nil {
				return nil, err
			}
			request.Header.Set("Cookie", cookie)
			return http.DefaultTransport.RoundTrip(request)
		})
		verdict := ""
		if row.percentile(99) > question.goal {
			verdict = " missed"
		}
		fmt.Printf("%-28s  %8.1f  %8.1f  %8.1f  %8.1f  %s%s\n", question.name, milliseconds(row.percentile(50)), milliseconds(row.percentile(95)),
			milliseconds(row.percentile(99)), milliseconds(row.percentile(100)), question.goal, verdict)
	}
	keepingFigures(t, gateway, *webTickets)
	if _, err := gateway.terminate(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// askAtRate sends requests at a rate, whether the former are answered or not, and measures each to the end of its answer.
func askAtRate(t testing.TB, requests, rate int, ask func(n int) (*http.Response, error)) load {
	t.Helper()
	var mutex sync.Mutex
	var group sync.WaitGroup
	var row load
	pace := time.NewTicker(time.Second / time.Duration(rate))
	defer pace.Stop()
	for n := range requests {
		<-pace.C
		group.Go(func() {
			began := time.Now()
			response, err := ask(n)
			if err != nil {
				t.Error(err)
				return
			}
			body, err := io.ReadAll(response.Body)
			took := time.Since(began)
			_ = response.Body.Close()
			if err != nil || response.StatusCode != http.StatusOK {
				t.Errorf("%s: %s, %v: %.200s", response.Request.URL, response.Status, err, body)
			}
			mutex.Lock()
			defer mutex.Unlock()
			row.replies = append(row.replies, took)
		})
	}
	group.Wait()
	slices.Sort(row.replies)
	return row
}
