package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"afterhours/migrations/pgtest"
	"afterhours/oncall/notify"
)

// serveMoved is the application on a clock that the test moves, wherever the database's stands.
func serveMoved(t *testing.T, moved *clock, change func(*settings)) *application {
	t.Helper()
	s := testSettings(pgtest.URL(t))
	change(&s)
	app := &application{
		log: slog.New(slog.NewTextHandler(logWriter{t}, nil)), now: moved.Now, failed: make(chan error, 4), counters: newCounters(),
		outside: notify.NewHTTPClient(notify.Guard{AllowPrivate: true}),
	}
	t.Cleanup(func() {
		if err := app.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	var err error
	if app.settings, err = s.complete(); err != nil {
		t.Fatal(err)
	}
	keep := func(context.Context) error { // openDatabase went over to the database's clock
		app.now = moved.Now
		return nil
	}
	err = app.begin(t.Context(), app.listenHTTP, app.openDatabase, keep, app.wireRooms, app.openGateway, app.showPages, app.startGateway, app.comeUp, app.startSMTP, app.goOn)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	return app
}

func (c *clock) jumpTo(at time.Time) { c.anchor.Store(&anchor{at, c.elapsed()}) }

// reportTables are the rows of a report by the headings of its tables and their first cells.
type reportTables map[string]map[string][]string

// alternatives are the parts of a mail by their types.
func alternatives(t *testing.T, contentType string, body io.Reader) map[string]string {
	t.Helper()
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("got a mail of the type %q, %v, want its text and its HTML beside each other", contentType, err)
	}
	parts := map[string]string{}
	for reader := multipart.NewReader(body, parameters["boundary"]); ; {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		var content io.Reader = part
		if strings.EqualFold(part.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
			content = quotedprintable.NewReader(part)
		}
		text, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		parts[kind] = string(text)
	}
}

func tablesOf(t *testing.T, html string) reportTables {
	t.Helper()
	document, err := goquery.NewDocumentFromReader(strings.NewReader(html))
	if err != nil {
		t.Fatal(err)
	}
	tables := reportTables{}
	document.Find("h2").Each(func(_ int, heading *goquery.Selection) {
		rows := map[string][]string{}
		heading.NextFiltered("table").Find("tr").Each(func(_ int, row *goquery.Selection) {
			if cells := row.Find("td").Map(func(_ int, cell *goquery.Selection) string { return cell.Text() }); len(cells) > 0 {
				rows[cells[0]] = cells[1:]
			}
		})
		tables[heading.Text()] = rows
	})
	return tables
}

// insightsOf is what the insights page says of some days to whoever has a cookie.
func insightsOf(t *testing.T, app *application, cookie, days string) *goquery.Document {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, app.baseURL+"/insights?"+days, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Cookie", cookie)
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	document, err := goquery.NewDocumentFromReader(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("insights: %s, %v", response.Status, err)
	}
	return document
}

// signedInAs is the cookie of an administrator's session on a clock that was moved.
func signedInAs(t *testing.T, app *application, id string) string {
	t.Helper()
	if err := app.auth.EnsureAccount(t.Context(), id, "Ana Ruiz", id+"@example.com", "admin"); err != nil {
		t.Fatal(err)
	}
	token, err := app.auth.CreateLoginLink(t.Context(), &id, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, app.baseURL+"/login/"+token, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if len(response.Cookies()) != 1 {
		t.Fatalf("sign in: got %s", response.Status)
	}
	return response.Cookies()[0].Name + "=" + response.Cookies()[0].Value
}

// TestTheWeeklyReportGoesOutAtItsMomentOverSMTP lets a gateway live through a Monday morning: before eight by its person's
// clock nothing goes out, then one mail, whose text and HTML say the same as the insights of the week.
func TestTheWeeklyReportGoesOutAtItsMomentOverSMTP(t *testing.T) {
	t.Parallel()
	host := newSmarthost(t)
	moment := time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC) // eight in Madrid, on a Monday
	moved := newClock(moment.Add(-time.Hour))
	app := serveMoved(t, moved, func(s *settings) { s.SmarthostURL = "smtp://" + host.addr })
	app.configure(t, `
people: [{id: ana, name: Ana Ruiz, email: ana@example.com, timezone: Europe/Madrid, weekly_report: true}, {id: ben, name: Ben, email: ben@example.com}]
policies: [{id: security, steps: [{notify: ["person:ana"], wait: 5m}]}]
`)
	seedTickets(t, app.db.pool, 4000, time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC))
	if err := app.tendInsights(t.Context(), new(time.Time)); err != nil {
		t.Fatal(err)
	}
	tell := func() {
		t.Helper()
		if err := app.tellWeeks(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	queued := func() (count int) {
		t.Helper()
		if err := app.db.pool.QueryRow(t.Context(), `SELECT count(*) FROM pages WHERE type = 'report.weekly'`).Scan(&count); err != nil {
			t.Fatal(err)
		}
		return count
	}
	if tell(); queued() != 0 {
		t.Fatal("a report is there before its moment")
	}
	moved.jumpTo(moment)
	tell()
	eventually(t, "the report is sent", func() bool { return len(host.sent("ana@example.com", "The week of 23 February 2026")) > 0 })
	tell()
	if got := queued(); got != 1 {
		t.Errorf("got %d reports, want one", got)
	}
	host.mutex.Lock()
	mail := host.mails[slices.Index(host.to, "ana@example.com")]
	if len(host.mails) != 1 {
		t.Errorf("got %d mails, to %q", len(host.mails), host.to)
	}
	host.mutex.Unlock()
	body, err := io.ReadAll(mail.Body)
	if err != nil {
		t.Fatal(err)
	}
	parts := alternatives(t, mail.Header.Get("Content-Type"), bytes.NewReader(body))
	tables := tablesOf(t, parts["text/html"])
	var lines []string
	for line := range strings.Lines(parts["text/plain"]) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	for heading, rows := range tables {
		for name, cells := range rows {
			if want := strings.Join(strings.Fields(name+" "+strings.Join(cells, " ")), " "); !slices.Contains(lines, want) {
				t.Errorf("%s: the plain text has no line %q:\n%s", heading, want, parts["text/plain"])
			}
		}
	}
	const days = "from=2026-02-23&to=2026-03-01"
	if link := app.baseURL + "/insights?" + days; !strings.Contains(parts["text/plain"], link) || !strings.Contains(parts["text/html"], strings.ReplaceAll(link, "&", "&amp;")) {
		t.Errorf("no link to %s", link)
	}
	compareWithInsights(t, tables, insightsOf(t, app, signedInAs(t, app, "ana"), days))
}

// compareWithInsights holds each figure of a report against the page.
func compareWithInsights(t *testing.T, tables reportTables, page *goquery.Document) {
	t.Helper()
	compared := 0
	same := func(what, told, shown string) {
		t.Helper()
		compared++
		if told != shown || told == "" || told == "0" {
			t.Errorf("%s: the report says %q, the insights %q", what, told, shown)
		}
	}
	cell := func(heading, row string, at int) string {
		if cells := tables[heading][row]; at < len(cells) {
			return cells[at]
		}
		return ""
	}
	volume := page.Find("section[aria-labelledby=volume] table")
	columns := map[string]int{}
	volume.Find("tbody tr").Each(func(_ int, row *goquery.Selection) {
		row.Find("td").Each(func(at int, of *goquery.Selection) {
			count, err := strconv.Atoi(of.Text())
			if err != nil {
				t.Fatal(err)
			}
			columns[volume.Find("thead th").Eq(at+1).Text()] += count
		})
	})
	for name, count := range columns {
		if count > 0 {
			same("tickets, "+name, cell("Tickets", name, 0), strconv.Itoa(count))
		}
	}
	page.Find("section[aria-labelledby=products] tbody tr").Each(func(_ int, row *goquery.Selection) {
		name := row.Find("th").Text()
		same("product "+name, cell("Products", name, 0), row.Find("td").First().Text())
	})
	page.Find("section[aria-labelledby=times] tbody tr").Each(func(_ int, row *goquery.Selection) {
		if name, ok := strings.CutPrefix(row.Find("th").Text(), "All "); ok {
			for at := range 3 {
				same("until "+name, cell("How long it took", "until "+name, at), row.Find("td").Eq(at).Text())
			}
		}
	})
	pages := page.Find("section[aria-labelledby=pages] p strong")
	same("people were told", cell("Pages", "People were told", 0), pages.First().Text())
	same("led to an action", cell("Pages", "that led to an action", 0), pages.Eq(1).Text())
	page.Find("section[aria-labelledby=titles] ol > li").EachWithBreak(func(at int, row *goquery.Selection) bool {
		name := row.Find("a").Text()
		count, _, _ := strings.Cut(row.Find(".detail").Text(), " ")
		same("title "+name, cell("Noisiest titles", name, 0), count)
		return at < 9
	})
	page.Find("section[aria-labelledby=mails] table.shares tbody tr").EachWithBreak(func(_ int, row *goquery.Selection) bool {
		same("mails", cell("Mails", "Accepted", 0), row.Find("td").First().Text())
		return false
	})
	if compared < 20 {
		t.Errorf("compared %d figures, want all of them", compared)
	}
	t.Logf("%d figures are the same", compared)
}
