package web

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"afterhours/tickets"
	"afterhours/web/auth"
)

func TestTheFilterReachesTheStoreAndStaysInTheAddress(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "ana", auth.Viewer)
	var asked tickets.Filter
	d.tickets.list = func(filter tickets.Filter) (tickets.List, error) {
		if filter.Limit == 0 {
			asked = filter
		}
		return tickets.List{Tickets: d.sample.tickets[:1], Next: 1042}, nil
	}
	document := page(t, d.ask(t, http.MethodGet, "/tickets?tab=all&severity=high&severity=low&product=xdr&assignee=ben&since=2026-11-01&until=2026-11-02", "", "Cookie", cookie))
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	since, until := time.Date(2026, 11, 1, 0, 0, 0, 0, madrid), time.Date(2026, 11, 3, 0, 0, 0, 0, madrid)
	if fmt.Sprint(asked.Severities, asked.Products, asked.Assignee) != "[high low] [xdr]ben" || !asked.Since.Equal(since) || !asked.Until.Equal(until) {
		t.Errorf("filter: got %+v", asked)
	}
	next, _ := document.Find("a[rel=next]").Attr("href")
	for _, part := range []string{"severity=high&severity=low", "product=xdr", "assignee=ben", "since=2026-11-01", "until=2026-11-02", "before=1042"} {
		if !strings.Contains(next, part) {
			t.Errorf("next page: got %q without %s", next, part)
		}
	}
	if got := document.Find(".filter[open] input[name=severity][checked]").Length(); got != 2 {
		t.Errorf("ticked severities: got %d, want 2", got)
	}
	for _, wrong := range []string{"severity=bad", "product=toaster", "since=yesterday", "until=2026-13-01", "before=0"} {
		wantStatus(t, d.ask(t, http.MethodGet, "/tickets?"+wrong, "", "Cookie", cookie), http.StatusBadRequest)
	}
}

func TestAFilterIsKeptUnderANameAndForgotten(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ana, ben := d.signIn(t, "ana", auth.Viewer), d.signIn(t, "ben", auth.Viewer)
	back := "/tickets?tab=all&severity=high"
	wantStatus(t, d.ask(t, http.MethodPost, "/tickets/filters", form("name", "<b>All High</b>", "back", back), "Cookie", ana), http.StatusSeeOther)
	saved := func(cookie string) (texts, href string) {
		link := page(t, d.ask(t, http.MethodGet, back, "", "Cookie", cookie)).Find(".tabs .saved")
		href, _ = link.Attr("href")
		return text(link), href
	}
	if got, href := saved(ana); got != "<b>All High</b>" || href != "/tickets?severity=high&tab=all" {
		t.Errorf("kept: got %q at %q", got, href)
	}
	if got, _ := saved(ben); got != "" {
		t.Errorf("somebody else sees %q", got)
	}
	wantStatus(t, d.ask(t, http.MethodPost, "/tickets/filters/remove", form("name", "<b>All High</b>", "back", back), "Cookie", ana), http.StatusSeeOther)
	if got, _ := saved(ana); got != "" {
		t.Errorf("forgotten: got %q", got)
	}
	wantStatus(t, d.ask(t, http.MethodPost, "/tickets/filters", form("name", " ", "back", back), "Cookie", ana), http.StatusBadRequest)
}

func TestTickedTicketsAreAcknowledgedAndResolvedTogether(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "ana", auth.Responder)
	var done []string
	d.tickets.acknowledge = func(number int64, actor string) (tickets.Ticket, error) {
		if number == 1041 {
			return tickets.Ticket{}, &tickets.ConflictError{Reason: "it is taken"}
		}
		done = append(done, fmt.Sprint("acknowledge ", number, " ", actor))
		return tickets.Ticket{}, nil
	}
	d.tickets.resolve = func(number int64, actor, classification string) (tickets.Ticket, error) {
		done = append(done, fmt.Sprint("resolve ", number, " ", actor, " ", classification))
		return tickets.Ticket{}, nil
	}
	press := func(action string, values url.Values) string {
		response := d.ask(t, http.MethodPost, action, values.Encode(), "Cookie", cookie)
		wantStatus(t, response, http.StatusSeeOther)
		to := response.Header.Get("Location")
		if !strings.HasPrefix(to, "/tickets?") {
			t.Fatalf("%s leads to %q", action, to)
		}
		return text(page(t, d.ask(t, http.MethodGet, to, "", "Cookie", cookie)).Find(".notice"))
	}
	back := []string{"/tickets?tab=open"}
	if got := press("/tickets/acknowledge", url.Values{"number": {"1042", "1041", "1040"}, "back": back}); got != "2 tickets acknowledged; 1 other was not in a state for it." {
		t.Errorf("notice: got %q", got)
	}
	if got := press("/tickets/resolve", url.Values{"number": {"1042"}, "classification": {"FalsePositive"}, "back": back}); got != "1 ticket resolved." {
		t.Errorf("notice: got %q", got)
	}
	if got := press("/tickets/acknowledge", url.Values{"back": {"https://evil.example/?tab=mine"}}); !strings.HasPrefix(got, "No ticket was ticked.") {
		t.Errorf("notice: got %q", got)
	}
	if got, want := strings.Join(done, ", "), "acknowledge 1042 ana, acknowledge 1040 ana, resolve 1042 ana FalsePositive"; got != want {
		t.Errorf("done: got %q, want %q", got, want)
	}
	for _, values := range []url.Values{{"number": {"x"}}, {"number": {"1"}, "classification": {"Maybe"}}} {
		wantStatus(t, d.ask(t, http.MethodPost, "/tickets/resolve", values.Encode(), "Cookie", cookie), http.StatusBadRequest)
	}
}

func TestAStormIsOneLineThatOpens(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var storm []tickets.Ticket
	for i := range 6 {
		storm = append(storm, tickets.Ticket{Number: int64(2000 - i), State: tickets.Resolved, Severity: tickets.High, Title: "Ransomware", CreatedAt: d.now, ResolvedAt: &d.now})
	}
	storm[3].Title = "Another"
	d.tickets.list = func(tickets.Filter) (tickets.List, error) { return tickets.List{Tickets: storm}, nil }
	document := page(t, d.ask(t, http.MethodGet, "/tickets?tab=resolved", "", "Cookie", d.signIn(t, "ana", auth.Viewer)))
	if got := document.Find(".tickets > .ticket").Length(); got != 2 {
		t.Errorf("lines: got %d, want 2", got)
	}
	wantText(t, document, ".like summary", "and 4 more that say the same")
	if got := document.Find(".like .ticket").Length(); got != 4 {
		t.Errorf("inside: got %d, want 4", got)
	}
}

func TestTheListIsDownloadedWithoutFormulas(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "ana", auth.Viewer)
	var hostile []tickets.Ticket
	for i, title := range []string{`=cmd|' /C calc'!A0`, "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", `a "quoted", line` + "\nbreak", "plain"} {
		hostile = append(hostile, tickets.Ticket{Number: int64(100 - i), State: tickets.Open, Title: title, CreatedAt: d.now})
	}
	d.tickets.list = func(filter tickets.Filter) (tickets.List, error) {
		if filter.Before == 0 {
			return tickets.List{Tickets: hostile[:5], Next: 96}, nil
		}
		return tickets.List{Tickets: hostile[5:]}, nil
	}
	response := d.ask(t, http.MethodGet, "/tickets/export/csv?tab=open", "", "Cookie", cookie)
	if got := response.Header.Get("Content-Disposition"); got != `attachment; filename="tickets-2026-11-24.csv"` {
		t.Errorf("name: got %q", got)
	}
	lines, err := csv.NewReader(response.Body).ReadAll()
	if err != nil || len(lines) != len(hostile)+1 {
		t.Fatalf("got %d lines, %v", len(lines), err)
	}
	for _, line := range lines {
		for _, cell := range line {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				t.Errorf("the cell %q is a formula", cell)
			}
		}
	}
	t.Logf("%d hostile titles in a download: no cell is a formula", len(hostile))
	raw, _ := io.ReadAll(d.ask(t, http.MethodGet, "/tickets/export/json?tab=open", "", "Cookie", cookie).Body)
	var exported struct{ Tickets []tickets.Ticket }
	if err := json.Unmarshal(raw, &exported); err != nil || len(exported.Tickets) != len(hostile) || exported.Tickets[0].Title != hostile[0].Title {
		t.Errorf("JSON: got %d tickets, %v", len(exported.Tickets), err)
	}
	wantStatus(t, d.ask(t, http.MethodGet, "/tickets/export/xml", "", "Cookie", cookie), http.StatusNotFound)
}

func TestALivePageIsToldOfEveryChangeOnce(t *testing.T) {
	t.Parallel()
	l := newLive(nil, nil)
	news, ok := l.join("s1")
	if !ok {
		t.Fatal("no place")
	}
	l.tell(5, true)
	l.tell(6, true)
	if got := <-news; got != 6 {
		t.Errorf("got %d, want the newest, 6", got)
	}
	l.tell(7, false)
	select {
	case got := <-news:
		t.Errorf("a database that is away is news: %d", got)
	default:
	}
	l.leave(news)
	if l.tell(8, true) {
		t.Error("there is somebody to tell after the last left")
	}
	l.close()
	if _, ok := l.join("s1"); ok {
		t.Error("a stream began after the end")
	}
}
