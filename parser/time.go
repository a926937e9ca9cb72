package parser

import (
	"regexp"
	"strings"
	"time"
)

// layouts of times that say their zone, or are UTC by their form.
var zoned = []string{
	time.RFC3339, "2006-01-02T15:04:05.999999999Z07:00", "2006-01-02 15:04:05 MST", "2006-01-02 15:04 MST", "2006-01-02 15:04:05Z",
	"1/2/2006 3:04:05 PM MST", "1/2/2006 3:04 PM MST", "1/2/2006 15:04:05 MST", "1/2/2006, 3:04:05 PM MST", "1/2/2006, 3:04 PM MST",
	"January 2, 2006 15:04 MST", "January 2, 2006 15:04:05 MST", "January 2, 2006 3:04 PM MST", "January 2, 2006 3:04:05 PM MST",
	"Jan 2, 2006 3:04:05 PM MST", "Jan 2, 2006 15:04:05 MST", "Jan 2, 2006 3:04 PM MST", "2 January 2006 15:04:05 MST",
	"2 January 2006 15:04 MST", "Monday, January 2, 2006 3:04 PM MST", "Monday, January 2, 2006 3:04:05 PM MST",
	time.RFC1123, time.RFC1123Z, time.RFC850,
}

var (
	utcWords = regexp.MustCompile(`(?i)\s*\(?\b(?:UTC|GMT|Z)\b(?:\s*[+-]0{1,2}:?0{0,2})?\)?$|\s*\((?:UTC|GMT)\)$`)
	atWord   = regexp.MustCompile(`(?i)\s+at\s+`)
	meridiem = regexp.MustCompile(`(?i)\b([ap])\.\s?m\.`)
)

// detectionTime reads a time that says that it is UTC. known is true where value is a time at all: one without a zone, or
// in another, means nothing certain and stays out.
func detectionTime(value string) (at time.Time, known bool) {
	value = oneLine(value)
	value = atWord.ReplaceAllString(value, " ")
	value = meridiem.ReplaceAllString(value, "${1}M")
	value = strings.ReplaceAll(strings.ReplaceAll(value, " am ", " AM "), " pm ", " PM ")
	if at, err := time.Parse(time.RFC3339Nano, value); err == nil {
		return at.UTC().Truncate(time.Second), true
	}
	bare := utcWords.ReplaceAllString(value, "")
	if bare == value {
		return time.Time{}, strings.ContainsAny(value, "0123456789")
	}
	bare = strings.TrimSpace(bare)
	for _, layout := range zoned {
		layout = strings.TrimSpace(strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(layout, "MST"), "Z07:00"), "Z"))
		for _, candidate := range []string{bare, strings.ToUpper(bare)} {
			if at, err := time.Parse(layout, candidate); err == nil {
				return at.UTC(), true
			}
		}
	}
	return time.Time{}, strings.ContainsAny(value, "0123456789")
}
