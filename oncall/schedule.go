package oncall

import (
	"slices"
	"time"

	"afterhours/tickets"
)

// Schedule says who is on call: layers, of which the later win over the earlier; temporary schedules, which stand in the
// place of all layers for a span; and overrides, which win over both.
// Times without an offset are wall-clock times in Timezone.
type Schedule struct {
	ID        string      `json:"id" yaml:"id"`
	Name      string      `json:"name,omitempty" yaml:"name"`
	Timezone  string      `json:"timezone,omitempty" yaml:"timezone"` // IANA name; empty is UTC
	Layers    []Layer     `json:"layers,omitempty" yaml:"layers"`
	Temporary []Temporary `json:"temporary,omitempty" yaml:"temporary"`
	Overrides []Override  `json:"overrides,omitempty" yaml:"overrides"`
	Holidays  []Holiday   `json:"holidays,omitempty" yaml:"holidays"` // what the hours of layers know as holiday
}

// Layer is a rotation of people. Before its start and outside its windows it says nothing; without windows it always
// speaks.
type Layer struct {
	Name     string   `json:"name,omitempty" yaml:"name"`
	People   []string `json:"people" yaml:"people"`
	Rotation Rotation `json:"rotation" yaml:"rotation"`
	Hours    []Window `json:"hours,omitempty" yaml:"hours"`
}

// Rotation hands over every period from Start on. Days, weeks and months keep their wall-clock hand-off, hours count
// elapsed time. Whose turn it is counts through every turn, whether or not a window lets the layer speak.
type Rotation struct {
	Every Period    `json:"every" yaml:"every"`
	Start LocalTime `json:"start" yaml:"start"`
}

// Window, Clock and Weekday are the domain's: the windows of playbooks follow the same rules.
type (
	Window  = tickets.Window
	Clock   = tickets.Clock
	Weekday = tickets.Weekday
)

// Override puts one person on call for a span; later overrides win over earlier ones.
type Override struct {
	Person string    `json:"person" yaml:"person"`
	Start  LocalTime `json:"start" yaml:"start"`
	End    LocalTime `json:"end" yaml:"end"`
}

// Span is the override's start and end as instants, in the schedule's time zone.
func (o Override) Span(timezone string) (start, end time.Time) {
	zone := location(timezone)
	return o.Start.In(zone), o.End.In(zone)
}

// Where a shift comes from.
const (
	SourceLayer     = "layer"
	SourceTemporary = "temporary"
	SourceOverride  = "override"
)

func (s Schedule) zone() *time.Location { return location(s.Timezone) }

// At returns who is on call at a moment and the source that says so; ok is false in a gap.
func (s Schedule) At(at time.Time) (person, source string, ok bool) {
	zone := s.zone()
	for _, override := range slices.Backward(s.Overrides) {
		if !at.Before(override.Start.In(zone)) && at.Before(override.End.In(zone)) {
			return override.Person, SourceOverride, true
		}
	}
	for _, temporary := range slices.Backward(s.Temporary) {
		if temporary.covers(at, zone) {
			person, ok := temporary.at(at, zone)
			if !ok {
				return "", "", false
			}
			return person, SourceTemporary, true
		}
	}
	holidays := s.Calendar()
	for _, layer := range slices.Backward(s.Layers) {
		if person, ok := layer.at(at, zone, holidays); ok {
			return person, SourceLayer, true
		}
	}
	return "", "", false
}

func (l Layer) at(at time.Time, zone *time.Location, holidays tickets.Holidays) (string, bool) {
	if len(l.People) == 0 || at.Before(l.Rotation.Start.In(zone)) || !holidays.Within(l.Hours, at, zone) {
		return "", false
	}
	return l.People[l.Rotation.turn(at, zone)%len(l.People)], true
}

// begin is the instant at which turn n begins.
func (r Rotation) begin(n int, zone *time.Location) time.Time {
	if n == 0 {
		return r.Start.In(zone)
	}
	digits := r.Start.digits(zone)
	count := n * r.Every.Count
	switch r.Every.Unit {
	case "h":
		return time.Unix(r.Start.In(zone).Unix()+int64(count)*3600, 0).UTC() // a time.Duration ends after 292 years
	case "w":
		return tickets.ResolveWall(digits.AddDate(0, 0, 7*count), zone)
	case "mo":
		return tickets.ResolveWall(addMonths(digits, count), zone)
	default:
		return tickets.ResolveWall(digits.AddDate(0, 0, count), zone)
	}
}

// addMonths stays within the month that it reaches: a month after 31 January is the last day of February.
func addMonths(digits time.Time, count int) time.Time {
	first := time.Date(digits.Year(), digits.Month(), 1, digits.Hour(), digits.Minute(), digits.Second(), 0, time.UTC).AddDate(0, count, 0)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(digits.Day(), last)-1)
}

// turn counts the turn that is running at a moment not before the start.
func (r Rotation) turn(at time.Time, zone *time.Location) int {
	hours := map[string]int64{"h": 1, "d": 24, "w": 7 * 24, "mo": 31 * 24}[r.Every.Unit] // at most: the loops below do the rest
	n := max(0, int((at.Unix()-r.Start.In(zone).Unix())/(int64(r.Every.Count)*hours*3600))-1)
	for !r.begin(n+1, zone).After(at) {
		n++
	}
	for n > 0 && r.begin(n, zone).After(at) {
		n--
	}
	return n
}
