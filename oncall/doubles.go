package oncall

import (
	"slices"
	"strconv"
	"time"
)

// DoubleBooking is a stretch in which one person is on call twice at once, half open, in UTC: in a schedule and in another
// one, or in two layers of one schedule.
type DoubleBooking struct {
	Person     string
	Start, End time.Time
	Schedule   string    // the id of the other schedule; empty where it is two layers
	Layers     [2]string // the names of the two layers; empty where it is two schedules
}

// DoubleBookings are the stretches from one moment to another in which somebody on call in a schedule is on call in
// another one as well, or is the turn of two of its layers. They are in order of their beginnings.
func (c Configuration) DoubleBookings(schedule Schedule, from, to time.Time) []DoubleBooking {
	var found []DoubleBooking
	final, _ := schedule.Shifts(from, to)
	for _, other := range c.Schedules {
		if other.ID == schedule.ID {
			continue
		}
		shifts, _ := other.Shifts(from, to)
		for _, both := range together(final, shifts) {
			found = append(found, DoubleBooking{Person: both.Person, Start: both.Start, End: both.End, Schedule: other.ID})
		}
	}
	zone, holidays := schedule.zone(), schedule.Calendar()
	for i, lower := range schedule.Layers {
		for k, upper := range schedule.Layers[i+1:] {
			for _, both := range together(lower.shifts(from, to, zone, holidays), upper.shifts(from, to, zone, holidays)) {
				found = append(found, DoubleBooking{
					Person: both.Person, Start: both.Start, End: both.End,
					Layers: [2]string{lower.title(i), upper.title(i + 1 + k)},
				})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b DoubleBooking) int { return a.Start.Compare(b.Start) })
	return found
}

// title is a layer's name, or its place in the schedule.
func (l Layer) title(at int) string {
	if l.Name != "" {
		return l.Name
	}
	return "layer " + strconv.Itoa(at+1)
}

// together are the stretches in which two lines name the same person, joined. Within each line shifts are in order and
// do not overlap.
func together(a, b []Shift) []Shift {
	var both []Shift
	for i, k := 0, 0; i < len(a) && k < len(b); {
		start, end := later(a[i].Start, b[k].Start), earlier(a[i].End, b[k].End)
		if a[i].Person == b[k].Person && start.Before(end) {
			both = appendShift(both, Shift{Person: a[i].Person, Start: start.UTC(), End: end.UTC()})
		}
		if a[i].End.Before(b[k].End) {
			i++
		} else {
			k++
		}
	}
	return both
}
