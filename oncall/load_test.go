package oncall

import (
	"testing"
	"time"
)

func TestLoadIsCountedByTheClockOfThePerson(t *testing.T) {
	t.Parallel()
	person := Person{ID: "ana", Timezone: "Europe/Madrid"}
	facts := LoadFacts{
		Paged: []time.Time{
			instant(t, "2026-11-15T22:59:00Z"), // Sunday 23:59 in Madrid: the week before
			instant(t, "2026-11-15T23:01:00Z"), // Monday 00:01
			instant(t, "2026-11-18T05:59:59Z"), // 06:59:59, a night
			instant(t, "2026-11-18T06:00:00Z"), // 07:00, a day
			instant(t, "2026-11-24T20:59:59Z"), // 21:59:59, a day
			instant(t, "2026-11-24T21:00:00Z"), // 22:00, a night
			instant(t, "2026-08-01T12:00:00Z"), // long ago
		},
		Acks: []LoadAck{
			{instant(t, "2026-11-18T06:05:00Z"), time.Minute},
			{instant(t, "2026-11-18T07:00:00Z"), 4 * time.Minute},
			{instant(t, "2026-11-24T21:00:00Z"), 9 * time.Minute},
			{instant(t, "2026-11-24T22:00:00Z"), time.Minute},
			{instant(t, "2026-11-24T22:10:00Z"), 2 * time.Minute},
		},
	}
	day := func(text string) time.Time { return instant(t, text+"T00:00:00Z") }
	want := []LoadPeriod{
		{Start: day("2026-11-09"), Pages: 1, Nights: 1},
		{Start: day("2026-11-16"), Pages: 3, Nights: 2, Acks: 2, Median: 150 * time.Second},
		{Start: day("2026-11-23"), Pages: 2, Nights: 1, Acks: 3, Median: 2 * time.Minute},
	}
	for i, got := range LoadByWeek(person, facts, instant(t, "2026-11-29T22:59:00Z"), 3) {
		if got != want[i] {
			t.Errorf("week %d: got %+v, want %+v", i, got, want[i])
		}
	}
	months := LoadByMonth(person, facts, instant(t, "2026-11-30T22:59:00Z"), 4)
	if got := months[0]; got != (LoadPeriod{Start: day("2026-08-01"), Pages: 1}) {
		t.Errorf("August: got %+v", got)
	}
	if got := months[3]; got.Start != day("2026-11-01") || got.Pages != 6 || got.Acks != 5 {
		t.Errorf("November: got %+v", got)
	}
}

func TestLoadIsAPersonsOwnUnlessItIsSwitchedOn(t *testing.T) {
	t.Parallel()
	c, err := load(t, "people: [{id: ana, name: Ana}]")
	if err != nil || !c.ShowsLoad("ana", "ana") || c.ShowsLoad("ana", "ben") {
		t.Errorf("without the key: %v", err)
	}
	if c, err = load(t, "load: {visible_to: team}"); err != nil || !c.ShowsLoad("ana", "ben") {
		t.Errorf("switched on: %v", err)
	}
	if _, err = load(t, "load:\n  visible_to: boss"); err == nil || err.Error() != `team.yaml:2: visible_to "boss" does not exist; use own, team` {
		t.Errorf("got %v", err)
	}
}
