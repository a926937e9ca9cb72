package parser

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// longestTime is how long a value is at most that can be a time, in octets.
const longestTime = 120

var (
	clockTime = regexp.MustCompile(`(?:^|[\st(,])([01]?\d|2[0-3])(?::|\s?h\s?|\.)([0-5]\d)(?::([0-5]\d|60)(?:[.,]\d{1,9})?)?\s?([ap]m\b)?\s*(?:\(?\s*(?:utc|gmt|z)?\s?([+-−])(\d{1,2})(?::?(\d{2}))?\)?)?`)
	utcWord   = regexp.MustCompile(`(?:\b|\d)(?:utc|gmt|z|coordinated universal time)(?:\b|$)`)
	halfDay   = regexp.MustCompile(`\b([ap])\.?\s?m\.?(?:\s|$|\b)`)

	yearFirst = regexp.MustCompile(`\b(\d{4})\s?[-/.年년]\s?(\d{1,2})\s?[-/.月월]\s?(\d{1,2})(?:\b|t|日|일)`)
	yearLast  = regexp.MustCompile(`\b(\d{1,2})([/.-])\s?(\d{1,2})[/.-]\s?(\d{4})\b`)
	dayFirst  = regexp.MustCompile(`\b(\d{1,2})(?:st|nd|rd|th|er|º|\.)?[\s-]+(?:de |d')?([\p{L}]{3,12})\.?,?[\s-]+(?:de |del )?(\d{4})\b`)
	nameFirst = regexp.MustCompile(`([\p{L}]{3,12})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})\b`)
)

// detectionTime reads a time that says its zone. known is true where value is a time at all: one without a zone means
// nothing certain and stays out. Between slashes the month comes first, as Microsoft writes it, unless it cannot be one.
func detectionTime(value string) (at time.Time, known bool) {
	if len(value) > longestTime || !strings.ContainsAny(value, "0123456789") {
		return time.Time{}, false
	}
	value = oneLine(value)
	if at, usual := usualTime(value); usual {
		return at, true
	}
	return anyTime(strings.ToLower(value))
}

// usualTime reads a time in the form that Microsoft's English mails have it in, with a tenth of the work. What it leaves is for
// anyTime to judge, which reads these in the same way.
func usualTime(value string) (at time.Time, usual bool) {
	at, err := time.Parse("1/2/2006 3:04:05 PM UTC", value)
	if err != nil || at.Nanosecond() != 0 || at.Year() <= 1970 || strings.Contains(value, " 0:") || strings.Contains(value, " 00:") {
		return time.Time{}, false
	}
	return at, true
}

// anyTime reads a time in lower case.
func anyTime(value string) (at time.Time, known bool) {
	value = halfDay.ReplaceAllString(value, "${1}m ")
	year, month, day, ok := dateIn(value)
	if !ok {
		return time.Time{}, true
	}
	clock := clockTime.FindStringSubmatch(withoutDate(value))
	if clock == nil {
		return time.Time{}, true
	}
	zone := time.UTC
	switch {
	case clock[6] != "":
		if zone, ok = offset(clock[5], clock[6], clock[7]); !ok {
			return time.Time{}, true
		}
	case !utcWord.MatchString(value):
		return time.Time{}, true
	}
	hour, _ := strconv.Atoi(clock[1])
	minute, _ := strconv.Atoi(clock[2])
	second, _ := strconv.Atoi(clock[3])
	switch {
	case clock[4] != "" && (hour == 0 || hour > 12):
		return time.Time{}, true
	case clock[4] == "pm" && hour < 12:
		hour += 12
	case clock[4] == "am" && hour == 12:
		hour = 0
	}
	return time.Date(year, month, day, hour, minute, second, 0, zone).UTC(), true
}

// withoutDate blanks the dates out whose digits could be taken for a clock's.
func withoutDate(value string) string {
	for _, pattern := range []*regexp.Regexp{yearFirst, yearLast} {
		value = pattern.ReplaceAllString(value, " ")
	}
	return value
}

// offset is a zone by its distance from UTC.
func offset(sign, hours, minutes string) (*time.Location, bool) {
	h, _ := strconv.Atoi(hours)
	m, _ := strconv.Atoi(minutes)
	if h > 14 || m > 59 {
		return nil, false
	}
	seconds := h*3600 + m*60
	if sign != "+" {
		seconds = -seconds
	}
	return time.FixedZone("", seconds), true
}

// dateIn is the date in a value in lower case.
func dateIn(value string) (year int, month time.Month, day int, ok bool) {
	if match := yearFirst.FindStringSubmatch(value); match != nil {
		return date(match[1], match[2], match[3])
	}
	if match := yearLast.FindStringSubmatch(value); match != nil {
		first, _ := strconv.Atoi(match[1])
		second, _ := strconv.Atoi(match[3])
		switch {
		case match[2] == "." || first > 12: // between dots the day comes first
			return date(match[4], match[3], match[1])
		case match[2] == "-" && second <= 12 && first != second:
			return 0, 0, 0, false // either order is in use
		}
		return date(match[4], match[1], match[3])
	}
	for _, form := range []struct {
		pattern          *regexp.Regexp
		year, month, day int
	}{{dayFirst, 3, 2, 1}, {nameFirst, 3, 1, 2}} {
		for _, match := range form.pattern.FindAllStringSubmatch(value, 4) {
			if number := monthNamed(match[form.month]); number > 0 {
				return date(match[form.year], strconv.Itoa(number), match[form.day])
			}
		}
	}
	return 0, 0, 0, false
}

func date(year, month, day string) (int, time.Month, int, bool) {
	y, _ := strconv.Atoi(year)
	m, _ := strconv.Atoi(month)
	d, _ := strconv.Atoi(day)
	at := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	return y, time.Month(m), d, y > 1970 && m >= 1 && m <= 12 && at.Day() == d
}

// monthNamed is a month by its name in any of the languages, or by the first three letters of it or more; 0 where it is
// none, or where languages differ about it.
func monthNamed(name string) int {
	known := words().months
	if number := known[name]; number > 0 {
		return number
	}
	found := 0
	for month, number := range known {
		if strings.HasPrefix(month, name) {
			if found != 0 && found != number {
				return 0
			}
			found = number
		}
	}
	return found
}
