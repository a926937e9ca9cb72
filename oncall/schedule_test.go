package oncall

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

func localTime(t testing.TB, text string) LocalTime {
	t.Helper()
	var l LocalTime
	if err := l.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return l
}

func every(t testing.TB, text string) Period {
	t.Helper()
	var p Period
	if err := p.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return p
}

func instant(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestWallClockTimesResolveAcrossChangesOfOffset(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, wall, want string }{
		{"Europe/Madrid", "2026-03-29T02:30", "2026-03-29T01:00:00Z"},       // skipped: the first instant after
		{"Europe/Madrid", "2026-03-29T03:00", "2026-03-29T01:00:00Z"},       // the first that exists
		{"Europe/Madrid", "2026-10-25T02:30", "2026-10-25T00:30:00Z"},       // repeated: the first of the two
		{"America/New_York", "2026-03-08T02:15", "2026-03-08T07:00:00Z"},    // west of Greenwich
		{"America/New_York", "2026-11-01T01:30", "2026-11-01T05:30:00Z"},    //
		{"Australia/Lord_Howe", "2026-10-04T02:10", "2026-10-03T15:30:00Z"}, // half an hour is skipped
		{"Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45:00Z"}, // and repeated
		{"Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00:00Z"},        // a whole day is skipped
		{"Africa/Casablanca", "2026-02-15T02:30", "2026-02-15T01:30:00Z"},   // the clock goes back for Ramadan
		{"America/Sao_Paulo", "2018-11-04T00:00", "2018-11-04T03:00:00Z"},   // midnight does not exist
		{"UTC", "2026-01-01T00:00", "2026-01-01T00:00:00Z"},                 //
		{"Asia/Kathmandu", "2026-01-01T00:00", "2025-12-31T18:15:00Z"},      // no change at all
		{"Europe/Madrid", "2026-01-01T00:00+05:00", "2025-12-31T19:00:00Z"}, // an offset of its own
		{"Europe/Madrid", "2026-07-01T09:00:30", "2026-07-01T07:00:30Z"},    // with seconds
		{"America/Anchorage", "2026-03-08T01:59", "2026-03-08T10:59:00Z"},   // the minute before a gap
		{"Antarctica/Troll", "2026-03-29T02:00", "2026-03-29T01:00:00Z"},    // two hours are skipped
		{"Europe/London", "2026-10-25T01:00", "2026-10-25T00:00:00Z"},       // the repeated hour's beginning
		{"Europe/London", "2026-03-29T01:59", "2026-03-29T01:00:00Z"},       // the gap's last minute
		{"America/Santiago", "2026-09-06T00:30", "2026-09-06T04:00:00Z"},    // midnight is skipped
		{"Asia/Tehran", "2022-03-22T00:10", "2022-03-21T20:30:00Z"},         // half hours from Greenwich
		{"Australia/Sydney", "2026-10-04T02:59:59", "2026-10-03T16:00:00Z"}, //
		{"Australia/Sydney", "2026-04-05T02:00", "2026-04-04T15:00:00Z"},    //
		{"Pacific/Auckland", "2026-09-27T02:00", "2026-09-26T14:00:00Z"},    //
		{"Pacific/Chatham", "2026-09-27T02:45", "2026-09-26T14:00:00Z"},     //
		{"America/St_Johns", "2026-03-08T02:00", "2026-03-08T05:30:00Z"},    //
		{"Africa/Casablanca", "2026-03-22T02:30", "2026-03-22T02:00:00Z"},   // forward again
		{"America/Havana", "2026-03-08T00:00", "2026-03-08T05:00:00Z"},      //
		{"Asia/Beirut", "2026-03-29T00:00", "2026-03-28T22:00:00Z"},         //
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := localTime(t, c.wall).In(zone); !got.Equal(instant(t, c.want)) {
			t.Errorf("%s in %s: got %s, want %s", c.wall, c.zone, got.Format(time.RFC3339), c.want)
		}
	}
}

func TestHandOffs(t *testing.T) {
	t.Parallel()
	madrid := func(every, start string, people ...string) Schedule {
		return Schedule{Timezone: "Europe/Madrid", Layers: []Layer{{People: people, Rotation: Rotation{Every: mustPeriod(every), Start: mustLocal(start)}}}}
	}
	for name, c := range map[string]struct {
		schedule Schedule
		at, want string
	}{
		"before the start nobody speaks":         {madrid("1w", "2026-01-05T09:00", "ana", "ben"), "2026-01-05T07:59:59Z", ""},
		"the start is the first turn":            {madrid("1w", "2026-01-05T09:00", "ana", "ben"), "2026-01-05T08:00:00Z", "ana"},
		"a span ends with the next":              {madrid("1w", "2026-01-05T09:00", "ana", "ben"), "2026-01-12T08:00:00Z", "ben"},
		"days keep their hour in summer":         {madrid("1d", "2026-03-28T09:00", "ana", "ben"), "2026-03-29T07:00:00Z", "ben"},
		"and not an instant before":              {madrid("1d", "2026-03-28T09:00", "ana", "ben"), "2026-03-29T06:59:59Z", "ana"},
		"hours count elapsed time":               {madrid("12h", "2026-03-28T20:00", "ana", "ben"), "2026-03-29T07:00:00Z", "ben"},
		"elapsed time does not follow the clock": {madrid("12h", "2026-03-28T20:00", "ana", "ben"), "2026-03-29T06:59:59Z", "ana"},
		"months are clamped":                     {madrid("1mo", "2026-01-31T09:00", "ana", "ben", "chi"), "2026-02-28T08:00:00Z", "ben"},
		"and come back to their day":             {madrid("1mo", "2026-01-31T09:00", "ana", "ben", "chi"), "2026-03-31T06:59:59Z", "ben"},
		"on their day":                           {madrid("1mo", "2026-01-31T09:00", "ana", "ben", "chi"), "2026-03-31T07:00:00Z", "chi"},
		"two weeks":                              {madrid("2w", "2026-01-05T09:00", "ana", "ben"), "2026-01-19T08:00:00Z", "ben"},
	} {
		if got, _, _ := c.schedule.At(instant(t, c.at)); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func mustPeriod(text string) (p Period) {
	if err := p.UnmarshalText([]byte(text)); err != nil {
		panic(err)
	}
	return p
}

func mustLocal(text string) (l LocalTime) {
	if err := l.UnmarshalText([]byte(text)); err != nil {
		panic(err)
	}
	return l
}

func TestWindowsLayersAndOverrides(t *testing.T) {
	t.Parallel()
	weekly := Rotation{Every: every(t, "1w"), Start: localTime(t, "2026-01-05T09:00")}
	s := Schedule{
		Timezone: "Europe/Madrid",
		Layers: []Layer{
			{People: []string{"base"}, Rotation: weekly},
			{People: []string{"night"}, Rotation: weekly, Hours: []Window{{Days: []Weekday{Weekday(time.Friday)}, From: 18 * 60, To: 8 * 60}}},
		},
		Overrides: []Override{
			{Person: "first", Start: localTime(t, "2026-12-24T09:00"), End: localTime(t, "2026-12-26T09:00")},
			{Person: "second", Start: localTime(t, "2026-12-25T09:00"), End: localTime(t, "2026-12-25T21:00")},
		},
	}
	for at, want := range map[string]string{
		"2026-06-05T15:59:59Z": "base",   // Friday, before the window
		"2026-06-05T16:00:00Z": "night",  // 18:00 in Madrid
		"2026-06-06T05:59:59Z": "night",  // Saturday morning still belongs to Friday
		"2026-06-06T06:00:00Z": "base",   // 08:00 belongs to the next
		"2026-06-06T20:00:00Z": "base",   // Saturday's evening is not named
		"2026-12-24T08:00:00Z": "first",  // an override wins over layers
		"2026-12-25T08:00:00Z": "second", // the later override wins
		"2026-12-25T20:00:00Z": "first",  //
		"2026-12-26T08:00:00Z": "base",   //
	} {
		if got, _, _ := s.At(instant(t, at)); got != want {
			t.Errorf("%s: got %q, want %q", at, got, want)
		}
	}
}

// TestShiftsAgreeWithEveryMoment compares Shifts with At on random schedules around changes of the clock: At asks one
// moment, Shifts sweeps the boundaries, and they share only the resolution of wall-clock times, which has a test of its
// own.
func TestShiftsAgreeWithEveryMoment(t *testing.T) {
	t.Parallel()
	schedules := 1500
	if testing.Short() {
		schedules = 200
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range schedules {
		s, from, to := randomSchedule(random)
		shifts, gaps := s.Shifts(from, to)
		for range 40 {
			at := from.Add(time.Duration(random.Int64N(int64(to.Sub(from)))))
			check(t, s, shifts, gaps, at)
		}
		end := from
		for _, shift := range shifts { // the boundaries themselves, and the instants before them
			check(t, s, shifts, gaps, shift.Start)
			check(t, s, shifts, gaps, shift.End.Add(-time.Nanosecond))
			if shift.Start.Before(end) || !shift.Start.Before(shift.End) {
				t.Fatalf("%+v: shift %+v overlaps or is empty", s, shift)
			}
			end = shift.End
		}
	}
}

func check(t *testing.T, s Schedule, shifts []Shift, gaps []Gap, at time.Time) {
	t.Helper()
	person, source := "", ""
	for _, shift := range shifts {
		if !at.Before(shift.Start) && at.Before(shift.End) {
			person, source = shift.Person, shift.Source
		}
	}
	inGap := false
	for _, gap := range gaps {
		inGap = inGap || !at.Before(gap.Start) && at.Before(gap.End)
	}
	want, wantSource, ok := s.At(at)
	if person != want || source != wantSource || inGap == ok {
		t.Fatalf("%+v at %s: shifts say %q by %q (gap %v), At says %q by %q", s, at, person, source, inGap, want, wantSource)
	}
}

func randomSchedule(random *rand.Rand) (s Schedule, from, to time.Time) {
	zones := []string{
		"UTC", "Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu",
		"America/Sao_Paulo", "Pacific/Apia", "Europe/London", "America/St_Johns", "Pacific/Chatham", "Asia/Tehran",
	}
	s.Timezone = zones[random.IntN(len(zones))]
	seasons := []time.Time{time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 10, 0, 0, 0, 0, time.UTC)}
	from = seasons[random.IntN(len(seasons))].Add(time.Duration(random.IntN(40*24)) * time.Hour)
	to = from.Add(time.Duration(1+random.IntN(20*24)) * time.Hour)
	wall := func() LocalTime {
		at := from.Add(time.Duration(random.IntN(60*24*60)-40*24*60) * time.Minute).Truncate(15 * time.Minute)
		return mustLocal(at.Format(wallLayout))
	}
	units := []string{"h", "d", "w", "mo"}
	for range 1 + random.IntN(4) {
		layer := Layer{Rotation: Rotation{Every: Period{1 + random.IntN(14), units[random.IntN(4)]}, Start: wall()}}
		for n := range 1 + random.IntN(4) {
			layer.People = append(layer.People, fmt.Sprint("p", n, random.IntN(3)))
		}
		for range random.IntN(3) {
			window := Window{From: Clock(random.IntN(96) * 15), To: Clock(random.IntN(96) * 15)}
			for range random.IntN(4) {
				window.Days = append(window.Days, Weekday(random.IntN(7)))
			}
			layer.Hours = append(layer.Hours, window)
		}
		s.Layers = append(s.Layers, layer)
	}
	for range random.IntN(3) {
		temporary := Temporary{Start: wall(), End: wall()}
		for range random.IntN(3) {
			temporary.Shifts = append(temporary.Shifts, Override{Person: "t", Start: wall(), End: wall()})
		}
		s.Temporary = append(s.Temporary, temporary)
	}
	for range random.IntN(3) {
		start := wall()
		s.Overrides = append(s.Overrides, Override{Person: "o", Start: start, End: mustLocal(start.wall.Add(time.Duration(random.IntN(96)) * 30 * time.Minute).Format(wallLayout))})
	}
	return s, from, to
}

func BenchmarkAYearOfTenLayers(b *testing.B) {
	var s Schedule
	s.Timezone = "Europe/Madrid"
	for range 10 {
		s.Layers = append(s.Layers, Layer{
			People: []string{"a", "b", "c"}, Rotation: Rotation{Every: every(b, "1d"), Start: localTime(b, "2026-01-01T09:00")},
			Hours: []Window{{From: 18 * 60, To: 8 * 60}},
		})
	}
	from := instant(b, "2026-01-01T00:00:00Z")
	for b.Loop() {
		s.Shifts(from, from.AddDate(1, 0, 0))
	}
}
