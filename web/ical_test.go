package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/emersion/go-ical"

	"afterhours/web/auth"
)

// feedOf makes a feed at the desk and returns its path.
func (d *desk) feedOf(t *testing.T, cookie, of string) string {
	t.Helper()
	response := d.ask(t, http.MethodPost, "/oncall/feeds", form("of", of), "Cookie", cookie)
	wantStatus(t, response, http.StatusOK)
	path, ok := strings.CutPrefix(text(page(t, response).Find(".notice pre")), "http://desk.example")
	if !ok || !strings.HasPrefix(path, "/ical/") || !strings.HasSuffix(path, ".ics") {
		t.Fatalf("address: got %q", path)
	}
	return path
}

func (d *desk) events(t *testing.T, path string) []ical.Event {
	t.Helper()
	response := d.ask(t, http.MethodGet, path, "")
	wantStatus(t, response, http.StatusOK)
	if got := response.Header.Get("Content-Type"); got != "text/calendar; charset=utf-8" {
		t.Errorf("type: got %q", got)
	}
	calendar, err := ical.NewDecoder(response.Body).Decode()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return calendar.Events()
}

func TestACalendarFollowsShiftsByASecretAddress(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "ben", auth.Viewer)
	own, nights := d.feedOf(t, cookie, "person:ben"), d.feedOf(t, cookie, "schedule:nights")
	seen := map[string]bool{}
	for _, event := range d.events(t, own) {
		summary, _ := event.Props.Text(ical.PropSummary)
		if !strings.HasPrefix(summary, "On call: Ben Okafor (") {
			t.Errorf("a shift of ben's: got %q", summary)
		}
		uid, _ := event.Props.Text(ical.PropUID)
		if seen[uid] || !strings.HasSuffix(uid, "@desk.example") {
			t.Errorf("UID: got %q, want one of its own", uid)
		}
		seen[uid] = true
	}
	if len(seen) < 200 { // every third day in one schedule, every night in the other
		t.Errorf("shifts: got %d", len(seen))
	}
	summaries := map[string]int{}
	for _, event := range d.events(t, nights) {
		summary, _ := event.Props.Text(ical.PropSummary)
		summaries[summary]++
	}
	if summaries["On call: Chi Nguyen (Nights)"] != 1 || summaries["Nobody on call (Nights)"] < 100 {
		t.Errorf("the schedule: got %v", summaries)
	}
	wantStatus(t, d.ask(t, http.MethodHead, own, ""), http.StatusOK)
	wantStatus(t, d.ask(t, http.MethodGet, strings.TrimSuffix(own, ".ics"), ""), http.StatusNotFound)
	wantStatus(t, d.ask(t, http.MethodGet, "/ical/forged.ics", ""), http.StatusNotFound)

	list := page(t, d.ask(t, http.MethodGet, "/oncall/feeds", "", "Cookie", cookie))
	wantText(t, list, ".entries li:first-child", "Ben Okafor")
	wantText(t, list, ".entries li:first-child", "read just now")
	end, _ := list.Find(".entries li:first-child form").Attr("action")
	d.ask(t, http.MethodPost, end, "", "Cookie", d.signIn(t, "ana", auth.Admin))
	wantStatus(t, d.ask(t, http.MethodGet, own, ""), http.StatusOK) // nobody ends somebody else's
	wantStatus(t, d.ask(t, http.MethodPost, end, "", "Cookie", cookie), http.StatusSeeOther)
	wantStatus(t, d.ask(t, http.MethodGet, own, ""), http.StatusNotFound)
	wantStatus(t, d.ask(t, http.MethodPost, "/oncall/feeds", form("of", "person:ana"), "Cookie", cookie), http.StatusBadRequest)
}
