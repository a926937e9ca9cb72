package tickets

import (
	"fmt"
	"time"
)

// Window opens on each of Days (every day without them) at From and closes at To, on the next day where To is not later
// than From.
type Window struct {
	Days []Weekday `json:"days,omitempty" yaml:"days"`
	From Clock     `json:"from" yaml:"from" required:"true"`
	To   Clock     `json:"to" yaml:"to" required:"true"`
	// Except is ExceptHoliday for a window that does not begin on a holiday; empty otherwise.
	Except string `json:"except,omitempty" yaml:"except"`
}

// WithinAny says whether any of windows is open at a moment; without windows it always is. There are no holidays in it.
func WithinAny(windows []Window, at time.Time, zone *time.Location) bool {
	return Holidays(nil).Within(windows, at, zone)
}

// DayOf is the calendar day of an instant in a zone, as midnight in UTC.
func DayOf(at time.Time, zone *time.Location) time.Time {
	return WallDigits(at, zone).Truncate(24 * time.Hour)
}

// On is the span of a window that begins on a day; ok is false on other days. There are no holidays in it.
func (w Window) On(day time.Time, zone *time.Location) (open, shut time.Time, ok bool) {
	return Holidays(nil).Span(w, day, zone)
}

// WallDigits are the wall-clock digits that an instant shows in a zone, as a time in UTC.
func WallDigits(at time.Time, zone *time.Location) time.Time {
	local := at.In(zone)
	_, offset := local.Zone()
	return at.UTC().Add(time.Duration(offset) * time.Second)
}

// ResolveWall is the instant of wall-clock digits in a zone: of a repeated time the first, of a skipped one the first
// instant after the gap. time.Date promises neither.
func ResolveWall(digits time.Time, zone *time.Location) time.Time {
	guess := time.Date(digits.Year(), digits.Month(), digits.Day(), digits.Hour(), digits.Minute(), digits.Second(), 0, zone)
	transitions := transitionsAround(guess)
	var first time.Time
	for _, near := range append([]time.Time{guess}, transitions...) {
		for _, side := range []time.Time{near.Add(-time.Nanosecond), near} {
			_, offset := side.In(zone).Zone()
			instant := digits.Add(-time.Duration(offset) * time.Second)
			if WallDigits(instant, zone).Equal(digits) && (first.IsZero() || instant.Before(first)) {
				first = instant
			}
		}
	}
	if !first.IsZero() {
		return first
	}
	for _, transition := range transitions {
		if WallDigits(transition.Add(-time.Nanosecond), zone).Before(digits) && WallDigits(transition, zone).After(digits) {
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

// Weekday is mon, tue, wed, thu, fri, sat or sun; or holiday, a day that a calendar of holidays names.
type Weekday time.Weekday

// Holiday is the day that is named by a calendar, whatever day of the week it is.
const Holiday Weekday = 7

// ExceptHoliday is the Except of a window that does not begin on holidays.
const ExceptHoliday = "holiday"

var weekdays = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat", "holiday"}

// UnmarshalText reads a day's three letters, or holiday.
func (w *Weekday) UnmarshalText(text []byte) error {
	for day, name := range weekdays {
		if name == string(text) {
			*w = Weekday(day)
			return nil
		}
	}
	return fmt.Errorf("%q is not a day; write mon, tue, wed, thu, fri, sat, sun or holiday", text)
}

// MarshalText writes what UnmarshalText reads.
func (w Weekday) MarshalText() ([]byte, error) { return []byte(weekdays[w]), nil }
