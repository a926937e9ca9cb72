package oncall

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"afterhours/tickets"
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
	return tickets.ResolveWall(l.wall, zone)
}

// LocalAt is an instant, to the second, as a person would write it in a zone: by the clock there, and with an offset where
// that clock shows the same twice.
func LocalAt(at time.Time, timezone string) LocalTime {
	at, zone := at.UTC().Truncate(time.Second), location(timezone)
	if wall := (LocalTime{wall: tickets.WallDigits(at, zone)}); wall.In(zone).Equal(at) {
		return wall
	}
	return LocalTime{wall: at, absolute: true}
}

// digits are the wall-clock digits in the given zone.
func (l LocalTime) digits(zone *time.Location) time.Time {
	if l.absolute {
		return tickets.WallDigits(l.wall, zone)
	}
	return l.wall
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
