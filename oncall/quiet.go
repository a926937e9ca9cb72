package oncall

import (
	"slices"
	"strings"
	"time"

	"afterhours/tickets"
)

// quietAhead is how far the end of quiet hours is looked for: every window comes round within a week.
const quietAhead = 8 * 24 * time.Hour

// QuietUntil is the end of the person's quiet hours that a page of a severity falls into at a moment; ok is false where
// it goes out at once. High alerts know no quiet hours.
func (p Person) QuietUntil(severity tickets.Severity, at time.Time) (end time.Time, ok bool) {
	if severity == tickets.High || len(p.Quiet) == 0 {
		return at, false
	}
	return openUntil(p.Quiet, at, location(p.Timezone))
}

// openUntil is the end of the stretch of open windows that a moment lies in.
func openUntil(windows []Window, at time.Time, zone *time.Location) (end time.Time, ok bool) {
	spans := openings(windows, at, at.Add(quietAhead), zone, nil)
	if len(spans) == 0 || spans[0].Start.After(at) {
		return at, false
	}
	return spans[0].End, true
}

// holidayAhead is how far the next opening of windows is looked for that depend on holidays.
const holidayAhead = 400 * 24 * time.Hour

// opensAt is the next moment at which any window is open; ok is false where none opens.
func opensAt(windows []Window, at time.Time, zone *time.Location, holidays tickets.Holidays) (opening time.Time, ok bool) {
	ahead := quietAhead
	if tickets.NamesHoliday(windows) {
		ahead = holidayAhead
	}
	spans := openings(windows, at, at.Add(ahead), zone, holidays)
	if len(spans) == 0 {
		return at, false
	}
	return spans[0].Start, true
}

// neverEnds says whether windows leave no moment of the week out.
func neverEnds(windows []Window) bool {
	monday := time.Date(2026, time.January, 5, 0, 0, 0, 0, time.UTC)
	spans := openings(windows, monday, monday.Add(7*24*time.Hour), time.UTC, nil)
	return len(spans) == 1 && spans[0].End.Sub(spans[0].Start) >= 7*24*time.Hour
}

// counts says whether a rule holds for a severity; one that names none holds for all.
func (r Rule) counts(severity tickets.Severity) bool {
	return len(r.Severity) == 0 || slices.ContainsFunc(r.Severity, func(named string) bool {
		return strings.EqualFold(named, string(severity))
	})
}

// RulesFor are the effective rules that hold for a severity.
func (p Person) RulesFor(severity tickets.Severity) []Rule {
	var rules []Rule
	for _, rule := range p.EffectiveRules() {
		if rule.counts(severity) {
			rules = append(rules, rule)
		}
	}
	return rules
}
