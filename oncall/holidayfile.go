package oncall

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-ical"
)

// HolidayYears is for how many years holidays are taken from a calendar that repeats them.
const HolidayYears = 3

// ReadHolidays takes the all-day events of an iCalendar file (RFC 5545) as holidays, from the first day of a year on. One
// that lasts several days is each of them. Its errors name what to do.
func ReadHolidays(content []byte, year int) ([]Holiday, error) {
	calendar, err := ReadCalendar(content)
	if err != nil {
		return nil, fmt.Errorf("this is no iCalendar file: %w", err)
	}
	first := time.Date(year, time.January, 1, 0, 0, 0, 0, time.UTC)
	end := first.AddDate(HolidayYears, 0, 0)
	names := map[time.Time]string{}
	for _, event := range calendar.Events() {
		starts, days, err := allDays(event, first, end)
		if err != nil {
			return nil, err
		}
		name, _ := event.Props.Text(ical.PropSummary) // a holiday needs no name
		name = strings.Join(strings.Fields(name), " ")
		for len(name) > longestHoliday {
			name = name[:strings.LastIndexByte(" "+name[:longestHoliday], ' ')]
		}
		for _, start := range starts {
			for n := range days {
				if day := start.AddDate(0, 0, n); !day.Before(first) && day.Before(end) {
					names[day] = name
				}
			}
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("the calendar has no all-day event in %d or the %d years after it; is it one of holidays?", year, HolidayYears-1)
	}
	holidays := make([]Holiday, 0, len(names))
	for day, name := range names {
		holidays = append(holidays, Holiday{day, name})
	}
	slices.SortFunc(holidays, func(a, b Holiday) int { return a.Day.Compare(b.Day) })
	return holidays, nil
}

// longestStretch is how many days one event can make holidays.
const longestStretch = 31

// allDays are the days on which an all-day event begins, and how many it lasts; none of other events.
func allDays(event ical.Event, first, end time.Time) (starts []time.Time, days int, err error) {
	begin := event.Props.Get(ical.PropDateTimeStart)
	if begin == nil || len(begin.Value) != len("20060102") {
		return nil, 0, nil
	}
	start, err := begin.DateTime(time.UTC)
	if err != nil {
		return nil, 0, fmt.Errorf("the event on %q: %w", begin.Value, err)
	}
	until, err := event.DateTimeEnd(time.UTC)
	if err != nil || !until.After(start) {
		until = start.AddDate(0, 0, 1)
	}
	if days = int(until.Sub(start).Hours()) / 24; days > longestStretch {
		return nil, 0, fmt.Errorf("the event on %s lasts %d days; is the calendar one of holidays?", start.Format(time.DateOnly), days)
	}
	rule := event.Props.Get(ical.PropRecurrenceRule)
	if rule == nil {
		return []time.Time{start}, days, nil
	}
	if !strings.Contains(strings.ToUpper(rule.Value), "FREQ=YEARLY") {
		return nil, 0, fmt.Errorf("the event on %s recurs by %q; holidays recur by the year", start.Format(time.DateOnly), rule.Value)
	}
	if start.Year() < 1900 {
		return nil, 0, fmt.Errorf("the event on %s begins too long ago", start.Format(time.DateOnly))
	}
	set, err := event.RecurrenceSet(time.UTC)
	if err != nil {
		return nil, 0, fmt.Errorf("the event on %s: %w", start.Format(time.DateOnly), err)
	}
	return set.Between(first.AddDate(0, 0, -longestStretch), end, true), days, nil
}

// ReadCalendar reads an iCalendar file (RFC 5545). The library panics on a parameter that is cut off.
func ReadCalendar(content []byte) (calendar *ical.Calendar, err error) {
	defer func() {
		if recover() != nil {
			calendar, err = nil, errors.New("a line of it is cut off")
		}
	}()
	return ical.NewDecoder(bytes.NewReader(content)).Decode()
}
