package tickets

import (
	"slices"
	"time"
)

// Holidays are named days, by their midnights in UTC. The nil Holidays have none.
type Holidays map[time.Time]string

// Within says whether any of windows is open at a moment; without windows it always is.
func (h Holidays) Within(windows []Window, at time.Time, zone *time.Location) bool {
	if len(windows) == 0 {
		return true
	}
	today := DayOf(at, zone)
	for _, window := range windows {
		for back := range 3 { // a window can begin on the day before, which a change of offset can move once more
			if open, shut, ok := h.Span(window, today.AddDate(0, 0, 1-back), zone); ok && !at.Before(open) && at.Before(shut) {
				return true
			}
		}
	}
	return false
}

// Span is the span of a window that begins on a day; ok is false where none does. A holiday is one by the day on which the
// window begins.
func (h Holidays) Span(window Window, day time.Time, zone *time.Location) (open, shut time.Time, ok bool) {
	_, holiday := h[day]
	named := len(window.Days) == 0 || slices.Contains(window.Days, Weekday(day.Weekday())) || holiday && slices.Contains(window.Days, Holiday)
	if !named || holiday && window.Except == ExceptHoliday {
		return open, shut, false
	}
	open = ResolveWall(day.Add(time.Duration(window.From)*time.Minute), zone)
	end := day
	if window.To <= window.From {
		end = day.AddDate(0, 0, 1)
	}
	return open, ResolveWall(end.Add(time.Duration(window.To)*time.Minute), zone), true
}

// NamesHoliday says whether it depends on holidays when any of windows is open.
func NamesHoliday(windows []Window) bool {
	return slices.ContainsFunc(windows, func(w Window) bool { return w.Except != "" || slices.Contains(w.Days, Holiday) })
}
