package scheduleimport

import (
	"time"

	"afterhours/oncall"
)

const day = 24 * time.Hour

// spans are the windows of a span that begins at a time of day on each of some weekdays. None with ok means at all hours;
// without ok the span cannot be written as windows.
func spans(days []time.Weekday, from time.Duration, length time.Duration) (windows []oncall.Window, ok bool) {
	if length <= 0 || length > 7*day || from%time.Minute != 0 || length%time.Minute != 0 {
		return nil, false
	}
	full := map[time.Weekday]bool{} // days from which the span holds until the same time on the next
	var begins []time.Weekday       // of what remains after whole days
	rest := length % day
	for _, begin := range days {
		for n := range int(length / day) {
			full[(begin+time.Weekday(n))%7] = true
		}
		if last := (begin + time.Weekday(length/day)) % 7; rest > 0 {
			begins = append(begins, last)
		}
	}
	if len(full) == 7 {
		return nil, true
	}
	at := oncall.Clock(from / time.Minute)
	if len(full) > 0 {
		window := oncall.Window{From: at, To: at}
		for weekday := range 7 {
			if full[time.Weekday((weekday+1)%7)] {
				window.Days = append(window.Days, oncall.Weekday((weekday+1)%7))
			}
		}
		windows = append(windows, window)
	}
	if len(begins) > 0 {
		window := oncall.Window{From: at, To: oncall.Clock((from + rest) % day / time.Minute)}
		if len(begins) < 7 {
			for _, weekday := range begins {
				window.Days = append(window.Days, oncall.Weekday(weekday))
			}
		}
		windows = append(windows, window)
	}
	return windows, true
}

// allDays are the days of a week, from Monday on.
var allDays = [...]time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday, time.Sunday}

// rotated is a list that begins with another of its entries.
func rotated[T any](list []T, by int) []T {
	if len(list) == 0 {
		return list
	}
	by = ((by % len(list)) + len(list)) % len(list)
	return append(append([]T{}, list[by:]...), list[:by]...)
}
