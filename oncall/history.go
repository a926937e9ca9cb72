package oncall

import (
	"slices"
	"time"
)

// Where a record comes from, beside the sources of shifts.
const (
	SourceGap     = "gap"     // nobody was on call
	SourceRemoved = "removed" // there was no such schedule any more
)

// recordTick is the least step between two records of one schedule, as the database counts time.
const recordTick = time.Microsecond

// WatchedWithin is how soon after its moment a change must be seen to count as watched. What is found later is
// reconstructed from the schedule that was in force.
const WatchedWithin = time.Minute

// Record says who was on call in a schedule from a moment on, until the schedule's next record.
type Record struct {
	Schedule      string
	At            time.Time
	Person        string // empty where nobody was
	Source        string // of a shift, or SourceGap or SourceRemoved
	Reconstructed bool
}

func (r Record) same(other Record) bool { return r.Person == other.Person && r.Source == other.Source }

// Version is a schedule as it was in force from a moment on; nil where it was removed then.
type Version struct {
	From     time.Time
	Schedule *Schedule
}

// Records are the changes of one schedule after a moment and through another. The first version is the one in force at
// after, or begins later where the schedule is new; last is the newest record there is, if any.
func Records(id string, last *Record, versions []Version, after, through time.Time) []Record {
	var found []Record
	beyond := through.Add(recordTick)
	for i, version := range versions {
		begin, end := version.From, beyond
		if begin.Before(after.Add(recordTick)) {
			begin = after.Add(recordTick)
		}
		if i+1 < len(versions) {
			end = earlier(end, later(versions[i+1].From, after.Add(recordTick)))
		}
		for _, record := range version.records(id, begin, end) {
			if last != nil && last.same(record) || last == nil && record.Source == SourceRemoved {
				continue
			}
			record.Reconstructed = through.Sub(record.At) > WatchedWithin
			found = append(found, record)
			last = &record
		}
	}
	return found
}

// records are what one version says between two moments, in order.
func (v Version) records(id string, from, to time.Time) []Record {
	if !from.Before(to) {
		return nil
	}
	if v.Schedule == nil {
		return []Record{{Schedule: id, At: from, Source: SourceRemoved}}
	}
	var records []Record
	shifts, gaps := v.Schedule.Shifts(from, to)
	for _, shift := range shifts {
		records = append(records, Record{Schedule: id, At: shift.Start, Person: shift.Person, Source: shift.Source})
	}
	for _, gap := range gaps {
		records = append(records, Record{Schedule: id, At: gap.Start, Source: SourceGap})
	}
	slices.SortFunc(records, func(a, b Record) int { return a.At.Compare(b.At) })
	return records
}

// changeAhead is how far NextChange looks.
const changeAhead = 24 * time.Hour

// NextChange is the first moment after another at which anybody's turn begins or ends in any schedule; where nothing does
// for a day, the end of that day.
func (c Configuration) NextChange(after time.Time) time.Time {
	next := after.Add(changeAhead)
	for _, schedule := range c.Schedules {
		shifts, gaps := schedule.Shifts(after, next)
		for _, shift := range shifts {
			next = earlier(next, shift.End)
		}
		for _, gap := range gaps {
			next = earlier(next, gap.End)
		}
	}
	return next
}

// PastShift is a stretch on call as it was recorded, half open, in UTC.
type PastShift struct {
	Person        string    `json:"person"`
	Start         time.Time `json:"start"`
	End           time.Time `json:"end"`
	Source        string    `json:"source"`
	Reconstructed bool      `json:"reconstructed"` // its beginning was not watched
}

// PastGap is a stretch in which nobody was on call, half open, in UTC.
type PastGap struct {
	Start         time.Time `json:"start"`
	End           time.Time `json:"end"`
	Reconstructed bool      `json:"reconstructed"`
}

// History is what was recorded of one schedule in a span.
type History struct {
	Shifts []PastShift
	Gaps   []PastGap
	// From is the schedule's first record of all; before it nothing is known. Until is how far the history is written.
	From, Until time.Time
}

// Recorded cuts the records of one schedule, in order, into shifts and gaps between two moments. The last record before
// from belongs to them.
func Recorded(records []Record, from, to time.Time) (shifts []PastShift, gaps []PastGap) {
	for i, record := range records {
		start, end := later(record.At, from).UTC(), to.UTC()
		if i+1 < len(records) {
			end = earlier(end, records[i+1].At).UTC()
		}
		switch {
		case !start.Before(end) || record.Source == SourceRemoved:
		case record.Source == SourceGap:
			gaps = append(gaps, PastGap{start, end, record.Reconstructed})
		default:
			shifts = append(shifts, PastShift{record.Person, start, end, record.Source, record.Reconstructed})
		}
	}
	return shifts, gaps
}
