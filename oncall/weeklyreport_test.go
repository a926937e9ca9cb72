package oncall

import (
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"afterhours/tickets"
)

func TestAWeeklyReportIsDueOnMondayMorningByItsPersonsClock(t *testing.T) {
	t.Parallel()
	c, err := load(t, `
people:
  - {id: ana, name: Ana, email: ana@example.com, timezone: Europe/Madrid, weekly_report: true}
  - {id: ben, name: Ben, timezone: America/New_York, contacts: [{id: push, channel: push, to: "https://ntfy.example/t"}, {id: mail, channel: email, to: b@example.com}], weekly_report: true}
  - {id: chi, name: Chi, email: chi@example.com}
`)
	if err != nil {
		t.Fatal(err)
	}
	due := func(at string) string {
		t.Helper()
		moment, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		var causes []string
		for _, report := range c.ReportsDue(moment) {
			causes = append(causes, report.Cause())
		}
		return strings.Join(causes, " ")
	}
	for at, want := range map[string]string{
		"2026-03-30T05:59:59Z": "", // the clocks of Madrid went forward the day before
		"2026-03-30T06:00:00Z": "ana/2026-03-23",
		"2026-03-30T12:00:00Z": "ana/2026-03-23 ben/2026-03-23",
		"2026-04-01T05:59:59Z": "ana/2026-03-23 ben/2026-03-23",
		"2026-04-01T06:00:00Z": "ben/2026-03-23",
		"2026-04-03T12:00:00Z": "",
		"2026-04-06T06:00:00Z": "ana/2026-03-30",
	} {
		if got := due(at); got != want {
			t.Errorf("%s: got %q, want %q", at, got, want)
		}
	}
}

func TestAWeeklyReportSaysTheSameAsTextAndAsHTML(t *testing.T) {
	t.Parallel()
	monday := time.Date(2026, 3, 23, 0, 0, 0, 0, time.UTC)
	figures := WeekFigures{
		Monday: monday,
		Tickets: tickets.Insights{
			Volumes: []tickets.Volume{{Day: monday, Severity: tickets.High, Product: tickets.ProductEndpoint, Tickets: 3}, {Day: monday, Severity: tickets.Low, Product: tickets.ProductXDR, Tickets: 2}},
			Times:   []tickets.Taken{{What: tickets.TakenAcknowledged, Severity: tickets.High, Spread: tickets.Spread{28: 3}}},
			Titles:  []tickets.TitleCount{{Title: "<script>alert(1)</script>\r\nBcc: x", Tickets: 4, Dismissed: 1}},
			Mails:   []tickets.MailDay{{Day: monday, Mails: 41, Unrecognised: 2}},
		},
		TicketsOld: tickets.Insights{Volumes: []tickets.Volume{{Severity: tickets.High, Tickets: 7}}},
		Pages:      PageInsights{Told: 8, Acted: 6, Hours: []PageHour{{Hour: 3, Told: 5}, {Hour: 14, Told: 3}}},
		Open:       2,
	}
	person := Person{ID: "ana", Name: "Ana", Email: "ana@example.com", WeeklyReport: true}
	page := WeeklyReport{person, monday}.Page(figures, monday.AddDate(0, 0, 7))
	page.ID = 7
	links := Links{Key: []byte("a key of thirty-two octets or more"), BaseURL: "https://desk.example/", Domain: "desk.example"}
	message, err := Compose(Dispatch{Page: page, Person: person}, links)
	if err != nil {
		t.Fatal(err)
	}
	if message.Subject != "The week of 23 March 2026 at the desk" || message.Link != "https://desk.example/insights?from=2026-03-23&to=2026-03-29" || message.ReplyTo != "" {
		t.Errorf("got %q, %q, %q", message.Subject, message.Link, message.ReplyTo)
	}
	document, err := goquery.NewDocumentFromReader(strings.NewReader(message.HTML))
	if err != nil {
		t.Fatal(err)
	}
	if got := document.Find("script").Length(); got != 0 {
		t.Error("a title is markup")
	}
	html := strings.Join(strings.Fields(document.Find("body").Text()), " ")
	text := strings.Join(strings.Fields(message.Text), " ")
	for _, cells := range []string{"High 3 7", "All 5 7", "Defender for Endpoint 3", "until acknowledged 3 2.3 min 2.5 min", "People were told 8 0", "from 22:00 to 07:00 5 0", "that led to an action 75 % —", "alert(1)</script> Bcc: x 4 25 %", "Accepted 41 0", "not recognised 2 0", "Open 2"} {
		if !strings.Contains(text, cells) {
			t.Errorf("text: no %q in\n%s", cells, message.Text)
		}
		if !strings.Contains(strings.ReplaceAll(html, " ", ""), strings.ReplaceAll(cells, " ", "")) {
			t.Errorf("HTML: no %q in %s", cells, html)
		}
	}
	person.Detail = DetailMinimal
	if message, err = Compose(Dispatch{Page: page, Person: person}, links); err != nil || strings.Contains(message.Text+message.HTML+string(message.Data), "Bcc") {
		t.Errorf("minimal: got %v, %s", err, message.Text)
	}
}
