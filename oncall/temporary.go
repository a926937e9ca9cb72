package oncall

import (
	"fmt"
	"slices"
	"time"
)

// Temporary is a schedule for a span: within it no layer speaks, and who is on call is what its shifts say. Where they say
// nothing there is a gap. Of temporary schedules, and of shifts, that overlap, the later in the list wins.
type Temporary struct {
	Start  LocalTime  `json:"start" yaml:"start"`
	End    LocalTime  `json:"end" yaml:"end"`
	Shifts []Override `json:"shifts,omitempty" yaml:"shifts"` // within the span
}

// Span is the temporary schedule's start and end as instants, in the schedule's time zone.
func (t Temporary) Span(timezone string) (start, end time.Time) {
	zone := location(timezone)
	return t.Start.In(zone), t.End.In(zone)
}

func (t Temporary) covers(at time.Time, zone *time.Location) bool {
	return !at.Before(t.Start.In(zone)) && at.Before(t.End.In(zone))
}

// at is who is on call at a moment that the span covers.
func (t Temporary) at(at time.Time, zone *time.Location) (person string, ok bool) {
	for _, shift := range slices.Backward(t.Shifts) {
		if !at.Before(shift.Start.In(zone)) && at.Before(shift.End.In(zone)) {
			return shift.Person, true
		}
	}
	return "", false
}

// lines are the temporary schedule as lines of shifts, of which the later win: first the span itself, in which nobody is
// on call, then each shift, cut at the span's ends.
func (t Temporary) lines(zone *time.Location) [][]Shift {
	start, end := t.Start.In(zone), t.End.In(zone)
	if !start.Before(end) {
		return nil
	}
	lines := [][]Shift{{{Start: start, End: end, Source: SourceTemporary}}}
	for _, shift := range t.Shifts {
		from, to := later(shift.Start.In(zone), start), earlier(shift.End.In(zone), end)
		if from.Before(to) {
			lines = append(lines, []Shift{{Person: shift.Person, Start: from, End: to, Source: SourceTemporary}})
		}
	}
	return lines
}

func (v *validator) temporary(path string, schedule Schedule) {
	zone := schedule.zone()
	for i, temporary := range schedule.Temporary {
		at := fmt.Sprintf("%s.temporary[%d]", path, i)
		if temporary.Start.wall.IsZero() || temporary.End.wall.IsZero() {
			v.add(at, "temporary schedule %d of schedule %s needs start and end", i+1, schedule.ID)
			continue
		}
		start, end := temporary.Start.In(zone), temporary.End.In(zone)
		if !start.Before(end) {
			v.add(at+".end", "temporary schedule %d of schedule %s ends before it has begun; choose a later end", i+1, schedule.ID)
			continue
		}
		for k, shift := range temporary.Shifts {
			at := fmt.Sprintf("%s.shifts[%d]", at, k)
			v.reference(at+".person", "person", shift.Person, v.known.people)
			from, to := shift.Start.In(zone), shift.End.In(zone)
			switch {
			case shift.Start.wall.IsZero() || shift.End.wall.IsZero():
				v.add(at, "shift %d of temporary schedule %d of schedule %s needs start and end", k+1, i+1, schedule.ID)
			case !from.Before(to):
				v.add(at+".end", "shift %d of temporary schedule %d of schedule %s ends before it has begun; choose a later end", k+1, i+1, schedule.ID)
			case from.Before(start) || to.After(end):
				v.add(at, "shift %d of temporary schedule %d of schedule %s is not within it; move the shift, or make the temporary schedule longer", k+1, i+1, schedule.ID)
			}
		}
	}
}
