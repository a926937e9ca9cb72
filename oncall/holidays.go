package oncall

import (
	"fmt"
	"strings"
	"time"

	"afterhours/tickets"
)

// Holiday is one named day of a schedule, written "2026-12-25 Christmas Day".
type Holiday struct {
	Day  time.Time // midnight in UTC
	Name string
}

// longestHoliday is what the name of a holiday may have; mostHolidays bounds those of a schedule.
const (
	longestHoliday = 100
	mostHolidays   = 500
)

// UnmarshalText reads a day and, behind it, its name.
func (h *Holiday) UnmarshalText(text []byte) error {
	date, name, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return fmt.Errorf("%q is not a holiday; write one like 2026-12-25 Christmas Day", text)
	}
	h.Day, h.Name = day, strings.TrimSpace(name)
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (h Holiday) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

func (h Holiday) String() string {
	return strings.TrimSpace(h.Day.Format(time.DateOnly) + " " + h.Name)
}

// Calendar is the schedule's holidays by their days.
func (s Schedule) Calendar() tickets.Holidays {
	if len(s.Holidays) == 0 {
		return nil
	}
	days := make(tickets.Holidays, len(s.Holidays))
	for _, holiday := range s.Holidays {
		days[holiday.Day] = holiday.Name
	}
	return days
}

// holidaysOf are the holidays that the hours of a policy's steps know.
func (c Configuration) holidaysOf(policy Policy) tickets.Holidays {
	schedule, _ := c.Schedule(policy.Holidays)
	return schedule.Calendar()
}

func (v *validator) holidays(path string, schedule Schedule) {
	seen := map[time.Time]bool{}
	for i, holiday := range schedule.Holidays {
		at := fmt.Sprintf("%s.holidays[%d]", path, i)
		switch {
		case holiday.Day.Year() < 2000 || holiday.Day.Year() > 2200:
			v.add(at, "%s is in no year that makes sense; write one like 2026-12-25", holiday)
		case seen[holiday.Day]:
			v.add(at, "%s stands here twice; keep one", holiday.Day.Format(time.DateOnly))
		case len(holiday.Name) > longestHoliday:
			v.add(at, "the name of %s is longer than %d letters; shorten it", holiday.Day.Format(time.DateOnly), longestHoliday)
		}
		seen[holiday.Day] = true
	}
	if len(schedule.Holidays) > mostHolidays {
		v.add(path+".holidays", "schedule %s has %d holidays; keep at most %d, past years are not needed", schedule.ID, len(schedule.Holidays), mostHolidays)
	}
}

// window refuses what a window cannot mean: holidays where no calendar of them is named.
func (v *validator) windows(path string, windows []Window, known bool, mend string) {
	for i, window := range windows {
		at := fmt.Sprintf("%s[%d]", path, i)
		if window.Except != "" && window.Except != tickets.ExceptHoliday {
			v.add(at+".except", "a window can except holiday alone; write except: holiday, or name its days")
			continue
		}
		if !known && tickets.NamesHoliday([]Window{window}) {
			v.add(at, "this window names holidays, and there are none here; %s", mend)
		}
	}
}
