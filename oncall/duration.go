package oncall

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"time"
)

// Duration is a span of elapsed time, written like "90s", "5m", "1h30m", "7d" or "2w"; a day is 24 hours.
type Duration time.Duration

// longestDays are the whole days that fit into a time.Duration; more would wrap round to any length at all.
const longestDays = int(math.MaxInt64 / (24 * time.Hour))

var daysOrWeeks = regexp.MustCompile(`^(\d{1,6})([dw])$`)

// UnmarshalText reads a duration that is not negative.
func (d *Duration) UnmarshalText(text []byte) error {
	if match := daysOrWeeks.FindStringSubmatch(string(text)); match != nil {
		count, err := strconv.Atoi(match[1])
		if err != nil {
			return err
		}
		if match[2] == "w" {
			count *= 7
		}
		if count > longestDays {
			return fmt.Errorf("%q is too long; write at most %dd", text, longestDays)
		}
		*d = Duration(time.Duration(count) * 24 * time.Hour)
		return nil
	}
	span, err := time.ParseDuration(string(text))
	if err != nil || span < 0 {
		return fmt.Errorf("%q is not a duration; write one like 90s, 5m, 2h or 1d", text)
	}
	*d = Duration(span)
	return nil
}

// MarshalText writes the shortest form that UnmarshalText reads back.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func (d Duration) String() string {
	span := time.Duration(d)
	day := 24 * time.Hour
	switch {
	case span == 0:
		return "0s"
	case span%(7*day) == 0:
		return strconv.FormatInt(int64(span/(7*day)), 10) + "w"
	case span%day == 0:
		return strconv.FormatInt(int64(span/day), 10) + "d"
	case span%time.Hour == 0:
		return strconv.FormatInt(int64(span/time.Hour), 10) + "h"
	case span%time.Minute == 0:
		return strconv.FormatInt(int64(span/time.Minute), 10) + "m"
	}
	return span.String()
}
