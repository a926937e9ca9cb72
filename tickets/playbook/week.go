package playbook

import (
	"slices"
	"time"

	"afterhours/tickets"
)

// Span is a stretch in which a playbook has one mode, half open, in UTC.
type Span struct {
	Start, End time.Time
	Mode       Mode
}

// Spans are the modes of a playbook from one moment to another, neighbours of one mode joined.
func (p Playbook) Spans(from, to time.Time) []Span {
	from, to = from.UTC(), to.UTC()
	bounds := []time.Time{from, to}
	for _, window := range p.Approval {
		last := tickets.DayOf(to, window.Zone).AddDate(0, 0, 1)
		for day := tickets.DayOf(from, window.Zone).AddDate(0, 0, -2); !day.After(last); day = day.AddDate(0, 0, 1) {
			if open, shut, ok := window.Window.On(day, window.Zone); ok {
				bounds = append(bounds, open.UTC(), shut.UTC())
			}
		}
	}
	bounds = slices.DeleteFunc(bounds, func(at time.Time) bool { return at.Before(from) || at.After(to) })
	slices.SortFunc(bounds, time.Time.Compare)
	bounds = slices.CompactFunc(bounds, time.Time.Equal)
	var spans []Span
	for i := 0; i+1 < len(bounds); i++ {
		mode := p.ModeAt(bounds[i])
		if n := len(spans); n > 0 && spans[n-1].Mode == mode {
			spans[n-1].End = bounds[i+1]
			continue
		}
		spans = append(spans, Span{bounds[i], bounds[i+1], mode})
	}
	return spans
}
