package web

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"afterhours/oncall"
	"afterhours/web/auth"
)

func TestHolidaysOfAFileAreNamedInTheCalendar(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.keep()
	cookie := d.signIn(t, "adm", auth.Admin)
	d.sample.configuration.Schedules[1].Holidays = []oncall.Holiday{{Day: d.now.AddDate(-1, 0, 0).Truncate(24 * 3600e9), Name: "Last year"}, {Day: d.now.Truncate(24 * 3600e9), Name: "A slip"}}
	send := func(content string) *http.Response {
		var body bytes.Buffer
		parts := multipart.NewWriter(&body)
		if err := parts.WriteField("calendar", "date=2026-12-24"); err != nil {
			t.Fatal(err)
		}
		file, err := parts.CreateFormFile("file", "holidays.ics")
		if err == nil {
			_, err = file.Write([]byte(content))
		}
		if err == nil {
			err = parts.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		return d.ask(t, http.MethodPost, "/schedules/nights/holidays", body.String(), "Cookie", cookie, "Content-Type", parts.FormDataContentType())
	}
	taken := send("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:20261225\r\nSUMMARY:Christmas <b>Day</b>\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	wantStatus(t, taken, http.StatusSeeOther)
	if got := fmt.Sprint(d.sample.configuration.Schedules[1].Holidays); got != "[2025-11-24 Last year 2026-12-25 Christmas <b>Day</b>]" {
		t.Errorf("got %s", got)
	}
	week := d.calendar(t, cookie, taken.Header.Get("Location"))
	wantText(t, week, ".holidays", "Holidays: Fri 25 Dec Christmas <b>Day</b>.")
	wantText(t, week, ".strip text.holiday", "Fri 25")
	for content, want := range map[string]string{"no calendar": "This is no iCalendar file", strings.Repeat("x", 2*maxRequest): "Choose an iCalendar file of at most 200 KiB"} {
		refused := send(content)
		wantStatus(t, refused, http.StatusBadRequest)
		wantText(t, page(t, refused), ".complaint", want)
	}
}
