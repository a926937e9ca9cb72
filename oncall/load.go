package oncall

import (
	"slices"
	"time"

	"afterhours/tickets"
)

// Load is how the team's load is shown. It is about people: each sees their own.
type Load struct {
	VisibleTo string `json:"visible_to,omitempty" yaml:"visible_to"` // empty is LoadOwn
}

// To whom a person's load is shown.
const (
	LoadOwn  = "own"  // to that person alone, administrators not excepted
	LoadTeam = "team" // to everybody who can sign in
)

// ShowsLoad says whether the load of one person is shown to whoever has an id.
func (c Configuration) ShowsLoad(of, to string) bool { return of == to || c.Load.VisibleTo == LoadTeam }

func (v *validator) load(l Load) {
	v.oneOf("load.visible_to", "visible_to", l.VisibleTo, LoadOwn, LoadTeam)
}

// LoadFacts are the moments at which a person was told of a ticket, by however many contacts at once, and how long the
// person's acknowledgements took from the first of them.
type LoadFacts struct {
	Paged []time.Time
	Acks  []LoadAck
}

// LoadAck is one acknowledgement and how long after the person's first page it came.
type LoadAck struct {
	At   time.Time
	Took time.Duration
}

// The hours that count as night, by the clock of the person.
const (
	nightFrom = 22
	nightTo   = 7
)

// LoadPeriod is a person's load in one week or month.
type LoadPeriod struct {
	Start  time.Time // the first day, as midnight in UTC
	Pages  int
	Nights int // of them between 22:00 and 07:00
	Acks   int
	Median time.Duration // from page to acknowledgement; zero without any
}

// LoadByWeek is a person's load in the weeks up to the present one, newest last.
func LoadByWeek(person Person, facts LoadFacts, now time.Time, weeks int) []LoadPeriod {
	zone := location(person.Timezone)
	monday := weekOf(tickets.DayOf(now, zone))
	starts := make([]time.Time, weeks)
	for i := range starts {
		starts[i] = monday.AddDate(0, 0, -7*(weeks-1-i))
	}
	return loadIn(facts, starts, monday.AddDate(0, 0, 7), zone)
}

// LoadByMonth is LoadByWeek by months.
func LoadByMonth(person Person, facts LoadFacts, now time.Time, months int) []LoadPeriod {
	zone := location(person.Timezone)
	today := tickets.DayOf(now, zone)
	first := today.AddDate(0, 0, 1-today.Day())
	starts := make([]time.Time, months)
	for i := range starts {
		starts[i] = first.AddDate(0, -(months - 1 - i), 0)
	}
	return loadIn(facts, starts, first.AddDate(0, 1, 0), zone)
}

func weekOf(day time.Time) time.Time { return day.AddDate(0, 0, -(int(day.Weekday())+6)%7) }

// loadIn counts by periods that begin at midnight of the given days; the last ends with end.
func loadIn(facts LoadFacts, starts []time.Time, end time.Time, zone *time.Location) []LoadPeriod {
	periods := make([]LoadPeriod, len(starts))
	took := make([][]time.Duration, len(starts))
	for i, start := range starts {
		periods[i].Start = start
	}
	in := func(digits time.Time) int { // the period of wall-clock digits; -1 outside
		if !digits.Before(end) {
			return -1
		}
		at, found := slices.BinarySearchFunc(starts, digits, time.Time.Compare)
		if found {
			return at
		}
		return at - 1
	}
	for _, at := range facts.Paged {
		digits := tickets.WallDigits(at, zone)
		if i := in(digits); i >= 0 {
			periods[i].Pages++
			if digits.Hour() >= nightFrom || digits.Hour() < nightTo {
				periods[i].Nights++
			}
		}
	}
	for _, ack := range facts.Acks {
		if i := in(tickets.WallDigits(ack.At, zone)); i >= 0 {
			took[i] = append(took[i], ack.Took)
		}
	}
	for i := range periods {
		periods[i].Acks, periods[i].Median = len(took[i]), median(took[i])
	}
	return periods
}

// median is the middle one, or the mean of the two in the middle; zero of none.
func median(of []time.Duration) time.Duration {
	if len(of) == 0 {
		return 0
	}
	slices.Sort(of)
	middle := len(of) / 2
	if len(of)%2 == 1 {
		return of[middle]
	}
	return (of[middle-1] + of[middle]) / 2
}
