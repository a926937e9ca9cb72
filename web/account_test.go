package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/web/auth"
)

func TestTimesAreShownAsTheViewerWants(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "ana", auth.Responder)
	d.mails[0].ReceivedAt = d.now.Add(-30 * time.Hour)
	wantText(t, page(t, d.ask(t, http.MethodGet, "/tickets", "", "Cookie", cookie)), "footer", "Times are in Europe/Madrid")
	for _, c := range []struct{ zone, order, clock, title, day string }{
		{"", "day", "24", "Tue 24 Nov 2026, 03:12:00 CET", "Tue 24 Nov 09:00"},
		{"America/New_York", "month", "12", "Mon Nov 23 2026, 9:12:00 PM EST", "Tue Nov 24 9:00 AM"},
		{"Asia/Kolkata", "iso", "24", "Tue 2026-11-24, 07:42:00 IST", "Tue 2026-11-24 09:00"},
	} {
		response := d.ask(t, http.MethodPost, "/account", form("timezone", c.zone, "date_order", c.order, "clock", c.clock), "Cookie", cookie)
		if response.StatusCode != http.StatusSeeOther || response.Header.Get("Location") != "/account?done=viewing" {
			t.Fatalf("%+v: got %s", c, response.Status)
		}
		age := page(t, d.ask(t, http.MethodGet, "/tickets/1042", "", "Cookie", cookie)).Find(".subject time").First()
		if exact, _ := age.Attr("datetime"); exact != "2026-11-24T02:12:00Z" {
			t.Errorf("%+v: got the moment %q", c, exact)
		}
		if title, _ := age.Attr("title"); title != c.title {
			t.Errorf("got %q, want %q", title, c.title)
		}
		// A schedule keeps its own zone, and is written as the viewer wants.
		wantText(t, page(t, d.ask(t, http.MethodGet, "/oncall", "", "Cookie", cookie)), ".schedule table", c.day)
		night := page(t, d.ask(t, http.MethodGet, "/ack/"+goodToken, "")).Find(".top time")
		if title, _ := night.Attr("title"); title != c.title {
			t.Errorf("the night page: got %q, want %q", title, c.title)
		}
		account := page(t, d.ask(t, http.MethodGet, "/account", "", "Cookie", cookie))
		if chosen, _ := account.Find("#date_order option[selected]").Attr("value"); chosen != c.order {
			t.Errorf("the form shows %q, want %q", chosen, c.order)
		}
		if zone, _ := account.Find("#timezone").Attr("value"); zone != c.zone {
			t.Errorf("the form shows %q, want %q", zone, c.zone)
		}
		account.Find("time").Each(func(_ int, at *goquery.Selection) {
			if words := at.Text(); !strings.Contains(words, strings.TrimSuffix(c.title[strings.LastIndex(c.title, " "):], " ")) {
				t.Errorf("the example: got %q, want the zone of %q", words, c.title)
			}
		})
	}
}

func TestAWrongTimeZoneIsRefusedWithTheMend(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "ghost", auth.Viewer)
	response := d.ask(t, http.MethodPost, "/account", form("timezone", "Mars/Olympus", "date_order", "iso", "clock", "12"), "Cookie", cookie)
	if response.StatusCode != http.StatusBadRequest {
		t.Errorf("got %s, want 400", response.Status)
	}
	document := page(t, response)
	wantText(t, document, ".complaint", "use a name like Europe/Madrid")
	if typed, _ := document.Find("#timezone").Attr("value"); typed != "Mars/Olympus" {
		t.Errorf("what was typed: got %q", typed)
	}
	wantText(t, document, "footer", "Times are in UTC")
}

// TestOneAccountsTimesAreNobodyElses holds the setting to whoever made it.
func TestOneAccountsTimesAreNobodyElses(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ana, ben := d.signIn(t, "ana", auth.Admin), d.signIn(t, "ben", auth.Viewer)
	wantStatus(t, d.ask(t, http.MethodPost, "/account", form("timezone", "Asia/Tokyo", "date_order", "iso", "clock", "24"), "Cookie", ana), http.StatusSeeOther)
	wantText(t, page(t, d.ask(t, http.MethodGet, "/tickets", "", "Cookie", ben)), "footer", "Times are in Europe/London")
	wantText(t, page(t, d.ask(t, http.MethodGet, "/tickets", "", "Cookie", ana)), "footer", "Times are in Asia/Tokyo")
}

func TestOtherTimesThatPagesSpeakOfFollowTheViewer(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "adm", auth.Admin)
	wantStatus(t, d.ask(t, http.MethodPost, "/account", form("timezone", "America/New_York", "date_order", "month", "clock", "12"), "Cookie", cookie), http.StatusSeeOther)
	d.configuration.Mutes = []oncall.Mute{{Match: oncall.Match{Title: oncall.Values{"noise"}}, Until: d.now.Add(48 * time.Hour), Reason: "noise"}}
	wantText(t, page(t, d.ask(t, http.MethodGet, "/settings/mutes", "", "Cookie", cookie)), ".entries", "until Wed Nov 25 2026 9:15 PM EST")
	d.sample.events = []tickets.Event{{At: d.now, Type: tickets.EventSnoozed, Actor: "ben", Data: map[string]any{"until": "2026-11-25T01:15:00Z"}}}
	wantText(t, page(t, d.ask(t, http.MethodGet, "/tickets/1042", "", "Cookie", cookie)), ".timeline", "snoozed until Tue Nov 24 8:15 PM")
}
