package web

import (
	"encoding/csv"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/web/auth"
)

// sampleInsights are figures of three days; one title is hostile.
func (d *desk) sampleInsights() {
	monday := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
	d.tickets.insights = tickets.Insights{
		Volumes: []tickets.Volume{
			{Day: monday, Severity: tickets.High, Product: tickets.ProductEndpoint, Tickets: 3},
			{Day: monday, Severity: tickets.Low, Product: tickets.ProductXDR, Tickets: 1, Unrecognised: 1},
			{Day: monday.AddDate(0, 0, 1), Severity: tickets.Low, Product: tickets.ProductEndpoint, Tickets: 2},
		},
		Times: []tickets.Taken{
			{What: tickets.TakenAcknowledged, Severity: tickets.High, Spread: tickets.Spread{28: 2, 36: 1}}, // 128 s and more, 512 s and more
			{What: tickets.TakenResolved, Severity: tickets.Low, Spread: tickets.Spread{60: 1}},
		},
		Titles: []tickets.TitleCount{{Title: `=cmd|' /C calc'!A0`, Tickets: 4, Mails: 9, Dismissed: 3}, {Title: "<b>Bold</b>", Tickets: 1, Mails: 1}},
		Mails:  []tickets.MailDay{{Day: monday, Mails: 10, Unrecognised: 1, Unverified: 2, Spooled: 3}},
	}
	d.oncall.pageInsights = oncall.PageInsights{Told: 8, Acted: 6, Hours: []oncall.PageHour{{Weekday: time.Sunday, Hour: 3, Told: 5}, {Weekday: time.Monday, Hour: 14, Told: 3}}}
}

func TestInsightsStandAsPlotsWithATableBehindEach(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sampleInsights()
	response := d.ask(t, http.MethodGet, "/insights?from=2026-11-16&to=2026-11-18", "", "Cookie", d.signIn(t, "ana", auth.Viewer))
	wantStatus(t, response, http.StatusOK)
	document := page(t, response)
	if plots, tables := document.Find("section svg[role=img]").Length(), document.Find("section table").Length(); plots != 4 || tables != 6 {
		t.Errorf("got %d plots and %d tables, want 4 and 6", plots, tables)
	}
	wantText(t, document, "section[aria-labelledby=volume] tbody tr:nth-child(3)", "Mon 16 Nov 2026001034")
	wantText(t, document, "section[aria-labelledby=products] tbody tr:nth-child(1)", "Defender for Endpoint583 %")
	wantText(t, document, "section[aria-labelledby=times] tbody tr:nth-child(2)", "High acknowledged32.4 min9.6 min")
	wantText(t, document, "section[aria-labelledby=pages]", "8 times; 75 % of them led to an action")
	wantText(t, document, "section[aria-labelledby=pages] tbody tr:nth-child(4)", "03:000000005")
	wantText(t, document, "section[aria-labelledby=pages] .legend", "in Europe/Madrid")
	wantText(t, document, "section[aria-labelledby=mails] .shares", "not recognised110 %")
	wantText(t, document, ".titles li:nth-child(1) .detail", "4 tickets from 9 mails; 75 % dismissed")
	if got := document.Find(".titles b").Length() + document.Find(".titles form").Length(); got != 0 {
		t.Errorf("a title is markup, or a viewer may mute: %d", got)
	}
	if got := document.Find(".heat rect.heat5").Length(); got != 1 {
		t.Errorf("got %d darkest hours, want 1", got)
	}
}

func TestTheRangeOfInsightsIsOneThatCanBeCounted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "ana", auth.Viewer)
	empty := page(t, d.ask(t, http.MethodGet, "/insights", "", "Cookie", cookie))
	wantText(t, empty, ".help", "2026-10-26 to 2026-11-24")
	wantText(t, empty, ".empty", "No ticket, mail or page in these days.")
	for _, wrong := range []string{"days=0", "days=367", "days=x", "from=2026-11-02&to=2026-11-01", "from=yesterday", "to=2026-11-01", "from=2024-01-01&to=2026-01-01"} {
		wantStatus(t, d.ask(t, http.MethodGet, "/insights?"+wrong, "", "Cookie", cookie), http.StatusBadRequest)
	}
	d.sampleInsights()
	year := page(t, d.ask(t, http.MethodGet, "/insights?days=366", "", "Cookie", cookie))
	wantText(t, year, "#volume", "Tickets by week and severity")
	if got := year.Find("section[aria-labelledby=volume] tbody tr").Length(); got != 53 {
		t.Errorf("got %d weeks, want 53", got)
	}
}

func TestInsightsAreDownloadedWithoutFormulas(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sampleInsights()
	cookie := d.signIn(t, "ana", auth.Viewer)
	for _, table := range insightTables {
		response := d.ask(t, http.MethodGet, "/insights/export/"+table.Name+"?days=7", "", "Cookie", cookie)
		wantStatus(t, response, http.StatusOK)
		if got, want := response.Header.Get("Content-Disposition"), `attachment; filename="`+table.Name+`-2026-11-18-2026-11-24.csv"`; got != want {
			t.Errorf("name: got %q, want %q", got, want)
		}
		lines, err := csv.NewReader(response.Body).ReadAll()
		if err != nil || len(lines) < 2 {
			t.Errorf("%s: got %d lines, %v", table.Name, len(lines), err)
		}
		for _, line := range lines {
			for _, cell := range line {
				if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
					t.Errorf("%s: the cell %q is a formula", table.Name, cell)
				}
			}
		}
	}
	wantStatus(t, d.ask(t, http.MethodGet, "/insights/export/all", "", "Cookie", cookie), http.StatusNotFound)
}

func TestANoisyTitleIsMutedUntilTheEndOfADay(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sampleInsights()
	d.keep()
	cookie := d.signIn(t, "ana", auth.Responder)
	if got := page(t, d.ask(t, http.MethodGet, "/insights", "", "Cookie", cookie)).Find(".titles form").Length(); got != 2 {
		t.Errorf("got %d forms, want one a title", got)
	}
	wrongs := [][]string{
		{"title", "x", "reason", "noise", "until", "2026-11-23"},
		{"title", "x", "reason", "noise", "until", "2026-12-26"},
		{"title", "x", "reason", "noise", "until", ""},
		{"title", "x", "reason", " ", "until", "2026-11-30"},
		{"title", "*", "reason", "noise", "until", "2026-11-30"},
	}
	for _, wrong := range wrongs {
		wantStatus(t, d.ask(t, http.MethodPost, "/insights/mute", form(wrong...), "Cookie", cookie), http.StatusBadRequest)
	}
	if got := len(d.sample.configuration.Mutes); got != 0 {
		t.Fatalf("got %d mutes of refused forms", got)
	}
	response := d.ask(t, http.MethodPost, "/insights/mute", form("title", "<b>Bold</b>", "reason", "noise", "until", "2026-11-30", "back", "days=7"), "Cookie", cookie)
	wantStatus(t, response, http.StatusSeeOther)
	if got := response.Header.Get("Location"); got != "/insights?days=7&muted=1" {
		t.Errorf("back: got %q", got)
	}
	mutes := d.sample.configuration.Mutes
	if len(mutes) != 1 || mutes[0].Match.Title[0] != "<b>Bold</b>" || !mutes[0].Until.Equal(time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC)) {
		t.Errorf("got %+v, want a mute until midnight in Madrid", mutes)
	}
	wantText(t, page(t, d.ask(t, http.MethodGet, "/insights?days=7&muted=1", "", "Cookie", cookie)), ".notice", "Muted.")
}

// TestFiguresAreReadOnceForEachCount asks for a range many times at once, again, for another one, and after a new count.
func TestFiguresAreReadOnceForEachCount(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sampleInsights()
	counted := d.now.Add(-30 * time.Second)
	d.tickets.insightsCount, d.tickets.insightsCounted = "7", &counted
	var readings atomic.Int32
	begun, goOn := make(chan struct{}, 10), make(chan struct{})
	d.tickets.insightsRead = func() {
		readings.Add(1)
		begun <- struct{}{}
		<-goOn
	}
	cookie := d.signIn(t, "ana", auth.Viewer)
	var group sync.WaitGroup
	for range 5 {
		group.Go(func() {
			wantText(t, page(t, d.ask(t, http.MethodGet, "/insights?days=90", "", "Cookie", cookie)), "main", "Counted at Tue 24 Nov 2026, 03:14:30 CET")
		})
	}
	<-begun
	close(goOn)
	group.Wait()
	ask := func(path string, want int32) {
		t.Helper()
		wantStatus(t, d.ask(t, http.MethodGet, path, "", "Cookie", cookie), http.StatusOK)
		if got := readings.Load(); got != want {
			t.Errorf("after %s: read %d times, want %d", path, got, want)
		}
	}
	ask("/insights?days=90", 1)
	ask("/insights/export/titles?days=90", 1)
	ask("/insights?days=30", 2)
	d.tickets.insightsCount = "8"
	ask("/insights?days=90", 3)
	d.now = d.now.Add(insightsKept)
	ask("/insights?days=90", 4)
}
