package oncall

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// The rules of a schedule a second time, without any of the code under test: a zone is a table of what its clock shows
// in every five minutes of three years, and a schedule is painted over a strip of such slots, layer by layer and turn by
// turn from its start. Everything random lies on the grid, so the strip is exact.
const slot = 5 * time.Minute

// clockTable is a zone's clock. Wall times are slots since the table's origin, as if the zone were UTC.
type clockTable struct {
	zone    *time.Location
	origin  time.Time
	shows   []int // by slot
	reached []int // by wall time: the first slot in which the clock has come to it or past it
	changes []int // slots in which the clock jumps
}

func newClockTable(t *testing.T, name string, year int) *clockTable {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	c := &clockTable{zone: zone, origin: time.Date(year-1, 1, 1, 0, 0, 0, 0, time.UTC)}
	end := time.Date(year+2, 1, 1, 0, 0, 0, 0, time.UTC)
	for at := c.origin; at.Before(end); at = at.Add(slot) {
		local := at.In(zone)
		shown := c.wall(time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), 0, 0, time.UTC))
		if n := len(c.shows); n > 0 && shown != c.shows[n-1]+1 && at.Year() == year {
			c.changes = append(c.changes, n)
		}
		c.shows = append(c.shows, shown)
		for len(c.reached) <= shown {
			c.reached = append(c.reached, len(c.shows)-1)
		}
	}
	return c
}

func (c *clockTable) wall(digits time.Time) int { return int(digits.Sub(c.origin) / slot) }
func (c *clockTable) digits(wall int) time.Time { return c.origin.Add(time.Duration(wall) * slot) }

func (c *clockTable) instant(number int) time.Time { return c.origin.Add(time.Duration(number) * slot) }

// when is the slot of a wall time: the earliest in which the clock shows it or, where it is skipped, has passed it.
func (c *clockTable) when(wall int) int { return c.reached[wall] }

// given is the slot and the wall time of a moment of the configuration.
func (c *clockTable) given(l LocalTime) (number, wall int) {
	if l.absolute {
		number = int(l.wall.Sub(c.origin) / slot)
		return number, c.shows[number]
	}
	wall = c.wall(l.wall)
	return c.when(wall), wall
}

// spot is one slot of a painted strip.
type spot struct{ person, source string }

// paint is the strip from one slot to another.
func (c *clockTable) paint(s Schedule, from, to int) []spot {
	strip := make([]spot, to-from)
	fill := func(begin, end int, mask []bool, by spot) {
		for i := max(begin, from); i < min(end, to); i++ {
			if mask == nil || mask[i-from] {
				strip[i-from] = by
			}
		}
	}
	for _, layer := range s.Layers {
		mask := c.openSlots(layer.Hours, s.Holidays, from, to)
		begin, wall := c.given(layer.Rotation.Start)
		first := begin
		for n := 0; begin < to; n++ {
			end := c.handOff(first, wall, layer.Rotation.Every, n+1)
			fill(begin, end, mask, spot{layer.People[n%len(layer.People)], SourceLayer})
			begin = end
		}
	}
	for _, temporary := range s.Temporary {
		begin, _ := c.given(temporary.Start)
		end, _ := c.given(temporary.End)
		fill(begin, end, nil, spot{})
		for _, shift := range temporary.Shifts {
			from, _ := c.given(shift.Start)
			to, _ := c.given(shift.End)
			fill(max(begin, from), min(end, to), nil, spot{shift.Person, SourceTemporary})
		}
	}
	for _, override := range s.Overrides {
		begin, _ := c.given(override.Start)
		end, _ := c.given(override.End)
		fill(begin, end, nil, spot{override.Person, SourceOverride})
	}
	return strip
}

// handOff is the slot in which turn n begins.
func (c *clockTable) handOff(first, wall int, every Period, n int) int {
	const day = int(24 * time.Hour / slot)
	switch every.Unit {
	case "h":
		return first + n*every.Count*int(time.Hour/slot)
	case "d":
		return c.whenOrLast(wall + n*every.Count*day)
	case "w":
		return c.whenOrLast(wall + n*every.Count*7*day)
	}
	start := c.digits(wall)
	month := start.Month() + time.Month(n*every.Count)
	for number := start.Day(); ; number-- {
		at := time.Date(start.Year(), month, number, start.Hour(), start.Minute(), 0, 0, time.UTC)
		if at.Day() == number { // else the month has no such day, and time.Date ran on into the next
			return c.whenOrLast(c.wall(at))
		}
	}
}

func (c *clockTable) whenOrLast(wall int) int {
	if wall >= len(c.reached) {
		return len(c.shows)
	}
	return c.when(wall)
}

func (c *clockTable) openSlots(windows []Window, holidays []Holiday, from, to int) []bool {
	if len(windows) == 0 {
		return nil
	}
	mask := make([]bool, to-from)
	first, last := c.digits(c.shows[from]), c.digits(c.shows[to])
	for day := time.Date(first.Year(), first.Month(), first.Day()-4, 0, 0, 0, 0, time.UTC); day.Before(last.AddDate(0, 0, 4)); day = day.Add(24 * time.Hour) {
		for _, window := range windows {
			named := len(window.Days) == 0
			for _, weekday := range window.Days {
				named = named || time.Weekday(weekday) == day.Weekday()
			}
			for _, holiday := range holidays {
				if holiday.Day.YearDay() != day.YearDay() || holiday.Day.Year() != day.Year() {
					continue
				}
				for _, weekday := range window.Days {
					named = named || weekday == 7
				}
				if window.Except != "" {
					named = false
					break
				}
			}
			if !named {
				continue
			}
			closes := day.Add(time.Duration(window.To) * time.Minute)
			if window.From >= window.To {
				closes = closes.Add(24 * time.Hour)
			}
			for i := max(from, c.when(c.wall(day.Add(time.Duration(window.From)*time.Minute)))); i < min(to, c.when(c.wall(closes))); i++ {
				mask[i-from] = true
			}
		}
	}
	return mask
}

// TestShiftsAreWhatTheRulesPaint compares Shifts and At with the painted strip on random schedules around every change
// of the clock, in zones that skip and repeat half an hour, two hours, midnight and a whole day.
func TestShiftsAreWhatTheRulesPaint(t *testing.T) {
	t.Parallel()
	years := map[string]int{
		"UTC": 2026, "Europe/Madrid": 2026, "Europe/London": 2026, "America/New_York": 2026, "America/St_Johns": 2026,
		"Australia/Lord_Howe": 2026, "Australia/Sydney": 2026, "Africa/Casablanca": 2026, "Pacific/Chatham": 2026,
		"America/Santiago": 2026, "America/Havana": 2026, "Asia/Beirut": 2026, "Asia/Kathmandu": 2026,
		"Antarctica/Troll": 2026, "Pacific/Apia": 2011, "America/Sao_Paulo": 2018,
	}
	schedules := 10_000 / len(years)
	if testing.Short() {
		schedules = 40
	}
	for name, year := range years {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newClockTable(t, name, year)
			random := rand.New(rand.NewPCG(uint64(year), uint64(len(name))))
			for n := range schedules {
				clock.compare(t, random, fmt.Sprintf("schedule %d", n))
			}
			t.Logf("%d schedules around %d changes of the clock: no mismatch", schedules, len(clock.changes))
		})
	}
}

func (c *clockTable) compare(t *testing.T, random *rand.Rand, which string) {
	t.Helper()
	const day = int(24 * time.Hour / slot)
	from := len(c.shows)/3 + random.IntN(len(c.shows)/3)
	if len(c.changes) > 0 {
		from = c.changes[random.IntN(len(c.changes))] - random.IntN(3*day)
	}
	to := from + 1 + random.IntN(6*day)
	s := c.random(random, from)
	// The ends need not lie on the grid.
	begin, end := c.instant(from).Add(time.Duration(random.Int64N(int64(slot)))), c.instant(to)
	text := func() string {
		definition, err := json.Marshal(s)
		return fmt.Sprintf("%s in %s from %s to %s: %s %v", which, c.zone, begin, end, definition, err)
	}
	strip := c.paint(s, from, to)
	var wantShifts []Shift
	var wantGaps []Gap
	for i := 0; i < len(strip); {
		k := i
		for k < len(strip) && strip[k] == strip[i] {
			k++
		}
		starts, ends := later(c.instant(from+i), begin), c.instant(from+k)
		if strip[i] == (spot{}) {
			wantGaps = append(wantGaps, Gap{starts, ends})
		} else {
			wantShifts = append(wantShifts, Shift{Person: strip[i].person, Source: strip[i].source, Start: starts, End: ends})
		}
		i = k
	}
	shifts, gaps := s.Shifts(begin, end)
	for i := range shifts {
		shifts[i].Layer = "" // one shift may come from two layers
	}
	if got, want := fmt.Sprint(shifts), fmt.Sprint(wantShifts); got != want {
		t.Fatalf("%s:\n got shifts %s\nwant %s", text(), got, want)
	}
	if got, want := fmt.Sprint(gaps), fmt.Sprint(wantGaps); got != want {
		t.Fatalf("%s:\n got gaps %s\nwant %s", text(), got, want)
	}
	for range 20 {
		i := random.IntN(len(strip))
		for _, at := range []time.Time{c.instant(from + i), c.instant(from + i + 1).Add(-1)} {
			person, source, ok := s.At(at)
			if got := (spot{person, source}); got != strip[i] || ok != (person != "") {
				t.Fatalf("%s at %s: got %v (%v), want %v", text(), at, got, ok, strip[i])
			}
		}
	}
}

// random is a schedule whose rotations began up to a year before and shortly after a slot.
func (c *clockTable) random(random *rand.Rand, from int) Schedule {
	const day = int(24 * time.Hour / slot)
	moment := func(before, after int) LocalTime {
		number := from - random.IntN(before*day) + random.IntN(after*day)
		if random.IntN(8) == 0 {
			return LocalTime{wall: c.instant(number), absolute: true}
		}
		if len(c.changes) > 0 && random.IntN(4) == 0 { // a wall time within or beside a gap, or a repeated one
			change := c.changes[random.IntN(len(c.changes))]
			low, high := min(c.shows[change-1], c.shows[change]), max(c.shows[change-1], c.shows[change])
			return LocalTime{wall: c.digits(low - 2 + random.IntN(high-low+5))}
		}
		return LocalTime{wall: c.digits(c.shows[number])}
	}
	clockTime := func(end int) Clock {
		if random.IntN(2) == 0 { // where clocks are changed
			return Clock(random.IntN(40) * 5)
		}
		return Clock(random.IntN(end) * 5)
	}
	s := Schedule{ID: "s", Timezone: c.zone.String()}
	for range random.IntN(4) {
		layer := Layer{}
		for range 1 + random.IntN(4) {
			layer.People = append(layer.People, string(rune('a'+random.IntN(5))))
		}
		unit := []string{"h", "d", "w", "mo"}[random.IntN(4)]
		most := map[string]int{"h": 50, "d": 9, "w": 3, "mo": 4}[unit]
		before := map[string]int{"h": 40, "d": 60, "w": 300, "mo": 360}[unit]
		layer.Rotation = Rotation{Every: Period{1 + random.IntN(most), unit}, Start: moment(before, 5)}
		for range random.IntN(3) {
			window := Window{From: clockTime(288), To: clockTime(289)}
			for range random.IntN(5) {
				window.Days = append(window.Days, Weekday(random.IntN(8)))
			}
			if random.IntN(4) == 0 {
				window.Except = "holiday"
			}
			layer.Hours = append(layer.Hours, window)
		}
		s.Layers = append(s.Layers, layer)
	}
	for n := range random.IntN(4) { // days within and beside the strip
		s.Holidays = append(s.Holidays, Holiday{Day: c.digits(c.shows[from]).Truncate(24*time.Hour).AddDate(0, 0, 2*n-1), Name: "H"})
	}
	for range random.IntN(3) {
		temporary := Temporary{Start: moment(3, 4), End: moment(2, 8)}
		for range random.IntN(4) { // also such as reach beyond the span
			temporary.Shifts = append(temporary.Shifts, Override{Person: string(rune('a' + random.IntN(5))), Start: moment(3, 4), End: moment(2, 8)})
		}
		s.Temporary = append(s.Temporary, temporary)
	}
	for range random.IntN(4) {
		start, end := moment(3, 4), moment(2, 8)
		s.Overrides = append(s.Overrides, Override{Person: string(rune('a' + random.IntN(5))), Start: start, End: end})
	}
	return s
}
