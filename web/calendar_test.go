package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"afterhours/oncall"
	"afterhours/web/auth"
)

// calendar is the page of an address.
func (d *desk) calendar(t *testing.T, cookie, address string) *goquery.Document {
	t.Helper()
	response := d.ask(t, http.MethodGet, address, "", "Cookie", cookie)
	wantStatus(t, response, http.StatusOK)
	return page(t, response)
}

func TestACalendarShowsItsLinesGapsAndDoubleBookings(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "ana", auth.Responder)
	week := d.calendar(t, cookie, "/schedules/nights?date=2026-11-25")
	wantText(t, week, "h1", "Nights, 23 to 29 November 2026")
	wantText(t, week, ".help", "Europe/London, the schedule's time zone")
	wantText(t, week, ".gaps", "Nobody is on call:Mon 23 Nov 08:00 to Mon 23 Nov 18:00 (10 h)")
	wantText(t, week, ".double", "Ben Okafor is on call here and in primary at once")
	if got := week.Find(".strip .day").Length(); got != 7 {
		t.Errorf("got %d days, want 7", got)
	}
	wantText(t, week, ".strip .today", "Tue 24")
	var lines []string
	week.Find(".strip text.line").Each(func(_ int, s *goquery.Selection) { lines = append(lines, text(s)) })
	if got := strings.Join(lines, ", "); got != "who is on call, overrides, nights" {
		t.Errorf("got the lines %s", got)
	}
	if week.Find(".strip .nowline").Length() != 1 || week.Find(".strip .nobody").Length() == 0 {
		t.Error("now or the gaps are not drawn")
	}
	wantText(t, week, "table", "Chi Nguyen override")

	later := d.calendar(t, cookie, week.Find("a[rel=next]").AttrOr("href", ""))
	wantText(t, later, "h1", "30 November to 6 December 2026")
	if later.Find(".strip .nowline").Length() != 0 {
		t.Error("now is drawn into another week")
	}
	month := d.calendar(t, cookie, "/schedules/nights?view=month&date=2026-11-25")
	wantText(t, month, "h1", "Nights, November 2026")
	if got := month.Find(".strip").Length(); got != 6 { // 26 October to 6 December
		t.Errorf("got %d weeks, want 6", got)
	}
	wantText(t, month, "p.detail", "Lines from the top: who is on call, overrides, nights")
	own := d.calendar(t, cookie, week.Find(".help a").AttrOr("href", ""))
	wantText(t, own, ".help", "Europe/Madrid, your own time zone")
	wantText(t, own, ".gaps", "Mon 23 Nov 09:00 to Mon 23 Nov 19:00")
}

func TestATemporaryScheduleHasALineOfItsOwnWithItsGaps(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	week := d.calendar(t, d.signIn(t, "ana", auth.Responder), "/schedules/nights?date=2027-12-24")
	wantText(t, week, "table", "Chi Nguyen temporaryFri 24 Dec 18:00")
	wantText(t, week, ".gaps", "Sat 25 Dec 18:00 to Sun 26 Dec 18:00 (1 d)")
	line := week.Find(".strip text.line").FilterFunction(func(_ int, s *goquery.Selection) bool { return text(s) == "temporary schedule" })
	shifts := line.NextUntil("text.line")
	if got := text(shifts.Find("title")); got != "Chi Nguyen, Fri 24 Dec 18:00 to Sat 25 Dec 18:00Nobody, Sat 25 Dec 18:00 to Sun 26 Dec 18:00" {
		t.Errorf("got the line %q", got)
	}
}

func TestADayOfTheChangeOfClocksIsAsLongAsItIs(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "ana", auth.Responder)
	for date, want := range map[string][2]string{
		"2026-10-25": {"14.793%", "Clocks go back on Sun 25 October from 03:00 to 02:00."},  // 25 of 169 hours
		"2026-03-29": {"13.772%", "Clocks go forward on Sun 29 March from 02:00 to 03:00."}, // 23 of 167
		"2026-11-29": {"14.286%", ""},
	} {
		week := d.calendar(t, cookie, "/schedules/primary?date="+date)
		if got := week.Find(".strip > svg:has(.day)").Last().AttrOr("width", ""); got != want[0] {
			t.Errorf("%s: the Sunday is %s wide, want %s", date, got, want[0])
		}
		if got := text(week.Find(".help strong")); got != want[1] {
			t.Errorf("%s: got %q, want %q", date, got, want[1])
		}
		if got := week.Find(".changeline").Length(); got != min(1, len(want[1])) {
			t.Errorf("%s: got %d changes of clocks drawn", date, got)
		}
	}
}

func TestACalendarRefusesWhatIsNoPeriod(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "ana", auth.Viewer)
	for query, want := range map[string]int{"date=soon": 400, "date=0001-01-01": 400, "view=year": 400, "zone=mars": 400, "date=2199-12-31&view=month": 200} {
		wantStatus(t, d.ask(t, http.MethodGet, "/schedules/primary?"+query, "", "Cookie", cookie), want)
	}
	wantStatus(t, d.ask(t, http.MethodGet, "/schedules/none", "", "Cookie", cookie), http.StatusNotFound)
}

func TestAnOverrideIsMadeAndRemovedOnTheCalendar(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "adm", auth.Admin)
	d.oncall.apply = func(_, _ string, change func(oncall.Configuration) (oncall.Configuration, error)) error {
		changed, err := change(d.sample.configuration)
		if err == nil {
			d.sample.configuration = changed
			d.oncall.configuration = func() (oncall.Configuration, error) { return changed, nil }
		}
		return err
	}
	week := d.calendar(t, cookie, "/schedules/nights?date=2026-11-25")
	take, _, _ := strings.Cut(week.Find("tr:has(.swatch) a[href$='#override']").Last().AttrOr("href", ""), "#")
	filled := d.calendar(t, cookie, take)
	if got := filled.Find("#start").AttrOr("value", ""); got != "2026-11-29T18:00" {
		t.Errorf("the row fills in %q", got)
	}
	where := week.Find(".overriding input[name=calendar]").AttrOr("value", "")
	override := func(start, end string) *http.Response {
		return d.ask(t, http.MethodPost, "/oncall/nights/overrides", form("calendar", where, "person", "ana", "start", start, "end", end), "Cookie", cookie)
	}
	made := override("2026-11-26T20:00", "2026-11-27T02:00")
	wantStatus(t, made, http.StatusSeeOther)
	week = d.calendar(t, cookie, made.Header.Get("Location"))
	wantText(t, week, ".overrides li:nth-child(1)", "Chi Nguyen, Thu 26 Nov 18:00 to Fri 27 Nov 08:00 overlaps with that of Ana Ruiz, which wins")
	wantText(t, week, ".overrides li:nth-child(2)", "Ana Ruiz, Thu 26 Nov 20:00 to Fri 27 Nov 02:00 overlaps with that of Chi Nguyen, and wins")

	wrong := override("2026-11-28T20:00", "2026-11-27T02:00")
	wantStatus(t, wrong, http.StatusBadRequest)
	refused := page(t, wrong)
	wantText(t, refused, "h1", "23 to 29 November")
	wantText(t, refused, ".complaint[role=alert]", "swap start and end")
	if got := refused.Find("#start").AttrOr("value", ""); got != "2026-11-28T20:00" {
		t.Errorf("what was typed is lost: %q", got)
	}
	key := week.Find(".overrides li:nth-child(2) input[name=override]").AttrOr("value", "")
	wantStatus(t, d.ask(t, http.MethodPost, "/oncall/nights/overrides/remove", form("calendar", where, "override", key), "Cookie", cookie), http.StatusSeeOther)
	if got := d.calendar(t, cookie, "/schedules/nights?date=2026-11-25").Find(".overrides li").Length(); got != 1 {
		t.Errorf("got %d overrides, want the removed one gone", got)
	}
}
