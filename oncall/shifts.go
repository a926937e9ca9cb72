package oncall

import (
	"slices"
	"time"

	"afterhours/tickets"
)

// Shift is a stretch on call, half open, in UTC.
type Shift struct {
	Person string    `json:"person"`
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
	Source string    `json:"source"` // SourceLayer, SourceTemporary or SourceOverride
	Layer  string    `json:"-"`
}

// Gap is a stretch in which nobody is on call, half open, in UTC.
type Gap struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// Shifts returns who is on call from one moment to another, and the gaps between, cut at both ends. Neighbouring
// stretches of one person from one source are one shift.
func (s Schedule) Shifts(from, to time.Time) (shifts []Shift, gaps []Gap) {
	from, to = from.UTC(), to.UTC()
	zone := s.zone()
	lines := make([][]Shift, 0, len(s.Layers)+len(s.Overrides)) // the later wins
	holidays := s.Calendar()
	for _, layer := range s.Layers {
		lines = append(lines, layer.shifts(from, to, zone, holidays))
	}
	for _, temporary := range s.Temporary {
		lines = append(lines, temporary.lines(zone)...)
	}
	for _, o := range s.Overrides {
		lines = append(lines, []Shift{{Person: o.Person, Start: o.Start.In(zone), End: o.End.In(zone), Source: SourceOverride}})
	}
	bounds := []time.Time{from, to}
	for _, line := range lines {
		for _, shift := range line {
			bounds = append(bounds, shift.Start, shift.End)
		}
	}
	slices.SortFunc(bounds, time.Time.Compare)
	bounds = slices.CompactFunc(bounds, time.Time.Equal)
	next := make([]int, len(lines)) // the first shift of each line that has not ended
	for i := 0; i+1 < len(bounds); i++ {
		begin, end := bounds[i], bounds[i+1]
		if begin.Before(from) || !begin.Before(to) {
			continue
		}
		shift, ok := speaker(lines, next, begin)
		if !ok || shift.Person == "" { // a temporary schedule has nobody
			gaps = appendGap(gaps, Gap{begin, end})
			continue
		}
		shift.Start, shift.End = begin, end
		shifts = appendShift(shifts, shift)
	}
	return shifts, gaps
}

// speaker is the shift of the last line that has one at a moment.
func speaker(lines [][]Shift, next []int, at time.Time) (shift Shift, ok bool) {
	for i, line := range lines {
		for next[i] < len(line) && !line[next[i]].End.After(at) {
			next[i]++
		}
		if next[i] < len(line) && !line[next[i]].Start.After(at) {
			shift, ok = line[next[i]], true
		}
	}
	return shift, ok
}

func appendShift(shifts []Shift, shift Shift) []Shift {
	if n := len(shifts); n > 0 && shifts[n-1].Person == shift.Person && shifts[n-1].Source == shift.Source && shifts[n-1].End.Equal(shift.Start) {
		shifts[n-1].End = shift.End
		return shifts
	}
	return append(shifts, shift)
}

func appendGap(gaps []Gap, gap Gap) []Gap {
	if n := len(gaps); n > 0 && gaps[n-1].End.Equal(gap.Start) {
		gaps[n-1].End = gap.End
		return gaps
	}
	return append(gaps, gap)
}

// shifts are a layer's own stretches, in order, without regard to other layers.
func (l Layer) shifts(from, to time.Time, zone *time.Location, holidays tickets.Holidays) []Shift {
	start := l.Rotation.Start.In(zone)
	if start.After(from) {
		from = start
	}
	if len(l.People) == 0 || !from.Before(to) {
		return nil
	}
	open := []Gap{{from, to}}
	if len(l.Hours) > 0 {
		open = openings(l.Hours, from, to, zone, holidays)
	}
	var shifts []Shift
	n := l.Rotation.turn(from, zone)
	begin, end := l.Rotation.begin(n, zone), l.Rotation.begin(n+1, zone)
	for _, span := range open {
		for !end.After(span.Start) {
			n++
			begin, end = end, l.Rotation.begin(n+1, zone)
		}
		for begin.Before(span.End) {
			shift := Shift{
				Person: l.People[n%len(l.People)], Start: later(begin, span.Start), End: earlier(end, span.End),
				Source: SourceLayer, Layer: l.Name,
			}
			if shift.Start.Before(shift.End) {
				shifts = append(shifts, shift)
			}
			if !end.Before(span.End) {
				break
			}
			n++
			begin, end = end, l.Rotation.begin(n+1, zone)
		}
	}
	return shifts
}

// openings are the stretches in which any window is open, in order and joined.
func openings(windows []Window, from, to time.Time, zone *time.Location, holidays tickets.Holidays) []Gap {
	var open []Gap
	for day := tickets.DayOf(from, zone).AddDate(0, 0, -2); !day.After(tickets.DayOf(to, zone).AddDate(0, 0, 1)); day = day.AddDate(0, 0, 1) {
		for _, window := range windows {
			begin, end, ok := holidays.Span(window, day, zone)
			begin, end = later(begin, from), earlier(end, to)
			if ok && begin.Before(end) {
				open = append(open, Gap{begin, end})
			}
		}
	}
	slices.SortFunc(open, func(a, b Gap) int { return a.Start.Compare(b.Start) })
	var joined []Gap
	for _, span := range open {
		if n := len(joined); n > 0 && !span.Start.After(joined[n-1].End) {
			joined[n-1].End = later(joined[n-1].End, span.End)
			continue
		}
		joined = append(joined, span)
	}
	return joined
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
