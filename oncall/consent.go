package oncall

import "time"

// NeedsConsent says whose consent it needs to change a schedule, where an actor does it who may act for themselves alone:
// whoever would be taken off call between two moments, or put on call. What runs now may be taken over for
// LongestTakeover. ok is false where it needs nobody's.
func NeedsConsent(before, after Schedule, actor string, now, from, to time.Time) (turn Turn, ok bool) {
	from = later(from, now)
	if !from.Before(to) {
		return turn, false
	}
	was, is := before.Turns(from, to), after.Turns(from, to)
	runs := from.Equal(now) && to.Sub(now) <= LongestTakeover
	for i, k := 0, 0; i < len(was) && k < len(is); {
		start, end := later(was[i].Start, is[k].Start), earlier(was[i].End, is[k].End)
		taken, given := was[i].Person, is[k].Person
		if taken != given {
			if given != "" && given != actor {
				return Turn{given, start, end}, true
			}
			if taken != "" && taken != actor && (!runs || i > 0) {
				return Turn{taken, start, end}, true
			}
		}
		if was[i].End.Equal(end) {
			i++
		}
		if is[k].End.Equal(end) {
			k++
		}
	}
	return turn, false
}
