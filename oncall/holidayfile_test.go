package oncall

import (
	"fmt"
	"strings"
	"testing"
)

// calendarOf is an iCalendar file of events.
func calendarOf(events ...string) []byte {
	text := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n"
	for i, event := range events {
		text += fmt.Sprintf("BEGIN:VEVENT\nUID:%d\nDTSTAMP:20260101T000000Z\n%s\nEND:VEVENT\n", i, event)
	}
	return []byte(strings.ReplaceAll(text+"END:VCALENDAR\n", "\n", "\r\n"))
}

func TestHolidaysAreTheAllDayEventsOfACalendar(t *testing.T) {
	t.Parallel()
	got, err := ReadHolidays(calendarOf(
		"DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261226\nSUMMARY:Navidad",
		"DTSTART;VALUE=DATE:20270326\nDTEND;VALUE=DATE:20270328\nSUMMARY:Semana  Santa",
		"DTSTART;VALUE=DATE:20000106\nRRULE:FREQ=YEARLY\nSUMMARY:Reyes",
		"DTSTART:20261224T180000Z\nDTEND:20261224T200000Z\nSUMMARY:A dinner",
		"DTSTART;VALUE=DATE:20251225\nSUMMARY:Last year",
	), 2026)
	if err != nil {
		t.Fatal(err)
	}
	want := "[2026-01-06 Reyes 2026-12-25 Navidad 2027-01-06 Reyes 2027-03-26 Semana Santa 2027-03-27 Semana Santa 2028-01-06 Reyes]"
	if fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestACalendarThatIsNoneOfHolidaysIsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"people: []": "no iCalendar file",
		string(calendarOf("DTSTART:20261224T180000Z\nSUMMARY:A dinner")):                               "is it one of holidays?",
		string(calendarOf("DTSTART;VALUE=DATE:20260101\nDTEND;VALUE=DATE:20270101\nSUMMARY:All year")): "lasts 365 days",
		string(calendarOf("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY\nSUMMARY:Each day")):          "holidays recur by the year",
		"BEGIN:VCALENDAR\n0;0=": "a line of it is cut off",
	} {
		if _, err := ReadHolidays([]byte(text), 2026); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
