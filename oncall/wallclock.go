package oncall

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// LocalTime is a moment as a person writes it: with an offset an instant, without one a wall-clock time in the zone of
// its schedule.
type LocalTime struct {
	wall     time.Time // the digits, in UTC
	absolute bool      // wall is the instant itself
}

const wallLayout = "2006-01-02T15:04"

// UnmarshalText reads 2026-01-05T09:00, with whole seconds and with an offset if need be.
func (l *LocalTime) UnmarshalText(text []byte) error {
	for _, layout := range []string{wallLayout, "2006-01-02T15:04:05"} {
		if wall, err := time.Parse(layout, string(text)); err == nil && wall.Nanosecond() == 0 {
			*l = LocalTime{wall: wall}
			return nil
		}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if instant, err := time.Parse(layout, string(text)); err == nil && instant.Nanosecond() == 0 {
			*l = LocalTime{wall: instant.UTC(), absolute: true}
			return nil
		}
	}
	return fmt.Errorf("%q is not a time; write one like 2026-01-05T09:00", text)
}

// MarshalText writes what UnmarshalText reads back.
func (l LocalTime) MarshalText() ([]byte, error) {
	layout := wallLayout
	if l.wall.Second() != 0 {
		layout += ":05"
	}
	if l.absolute {
		layout += "Z07:00"
	}
	return []byte(l.wall.Format(layout)), nil
}

// In is the instant in the given zone.
func (l LocalTime) In(zone *time.Location) time.Time {
	if l.absolute {
		return l.wall
	}
	return resolve(l.wall, zone)
}

// digits are the wall-clock digits in the given zone.
func (l LocalTime) digits(zone *time.Location) time.Time {
	if l.absolute {
		return digitsOf(l.wall, zone)
	}
	return l.wall
}

// digitsOf are the wall-clock digits that an instant shows in a zone, as a time in UTC.
func digitsOf(at time.Time, zone *time.Location) time.Time {
	local := at.In(zone)
	_, offset := local.Zone()
	return at.UTC().Add(time.Duration(offset) * time.Second)
}

// resolve is the instant of wall-clock digits in a zone: of a repeated time the first, of a skipped one the first
// instant after the gap. time.Date promises neither.
func resolve(digits time.Time, zone *time.Location) time.Time {
	guess := time.Date(digits.Year(), digits.Month(), digits.Day(), digits.Hour(), digits.Minute(), digits.Second(), 0, zone)
	transitions := transitionsAround(guess)
	var first time.Time
	for _, near := range append([]time.Time{guess}, transitions...) {
		for _, side := range []time.Time{near.Add(-time.Nanosecond), near} {
			_, offset := side.In(zone).Zone()
			instant := digits.Add(-time.Duration(offset) * time.Second)
			if digitsOf(instant, zone).Equal(digits) && (first.IsZero() || instant.Before(first)) {
				first = instant
			}
		}
	}
	if !first.IsZero() {
		return first
	}
	for _, transition := range transitions {
		if digitsOf(transition.Add(-time.Nanosecond), zone).Before(digits) && digitsOf(transition, zone).After(digits) {
			return transition.UTC()
		}
	}
	return guess.UTC()
}

// transitionsAround are the changes of offset before and after a moment, if they are near enough to matter.
func transitionsAround(at time.Time) []time.Time {
	const near = 27 * time.Hour // offsets differ by a day at most
	var found []time.Time
	begin, end := at.ZoneBounds()
	if !begin.IsZero() && at.Sub(begin) < near {
		found = append(found, begin)
	}
	if !end.IsZero() && end.Sub(at) < near {
		found = append(found, end)
	}
	return found
}

// Period is the length of a turn: hours of elapsed time, or days, weeks and months of the calendar.
type Period struct {
	Count int
	Unit  string // h, d, w or mo
}

var period = regexp.MustCompile(`^([1-9]\d{0,3})(h|d|w|mo)$`)

// UnmarshalText reads 12h, 1d, 2w or 1mo.
func (p *Period) UnmarshalText(text []byte) error {
	match := period.FindStringSubmatch(string(text))
	if match == nil {
		return fmt.Errorf("%q is not a length of a turn; write one like 12h, 1d, 1w or 1mo", text)
	}
	count, err := strconv.Atoi(match[1])
	if err != nil {
		return err
	}
	*p = Period{count, match[2]}
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (p Period) MarshalText() ([]byte, error) { return []byte(strconv.Itoa(p.Count) + p.Unit), nil }

// Clock is a wall-clock time of day in minutes after midnight.
type Clock int

// UnmarshalText reads 08:00; 24:00 is the midnight at the day's end.
func (c *Clock) UnmarshalText(text []byte) error {
	if at, err := time.Parse("15:04", string(text)); err == nil && len(text) == 5 {
		*c = Clock(at.Hour()*60 + at.Minute())
		return nil
	}
	if string(text) == "24:00" {
		*c = 24 * 60
		return nil
	}
	return fmt.Errorf("%q is not a time of day; write one like 08:00", text)
}

// MarshalText writes what UnmarshalText reads.
func (c Clock) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%02d:%02d", int(c)/60, int(c)%60), nil
}

// Weekday is mon, tue, wed, thu, fri, sat or sun.
type Weekday time.Weekday

var weekdays = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// UnmarshalText reads a day's three letters.
func (w *Weekday) UnmarshalText(text []byte) error {
	for day, name := range weekdays {
		if name == string(text) {
			*w = Weekday(day)
			return nil
		}
	}
	return fmt.Errorf("%q is not a day; write mon, tue, wed, thu, fri, sat or sun", text)
}

// MarshalText writes the day's three letters.
func (w Weekday) MarshalText() ([]byte, error) { return []byte(weekdays[w]), nil }
