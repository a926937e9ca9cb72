package oncall

import (
	"fmt"
	"testing"
)

func TestSomebodyOnCallTwiceAtOnceIsFound(t *testing.T) {
	t.Parallel()
	c, err := load(t, `
people: [{id: ana, name: Ana}, {id: ben, name: Ben}]
schedules:
  - id: days
    layers:
      - {name: weeks, people: [ana, ben], rotation: {every: 1w, start: "2026-01-05T00:00"}}
      - {people: [ben], rotation: {every: 1d, start: "2026-01-05T00:00"}, hours: [{days: [wed], from: "12:00", to: "18:00"}]}
  - id: nights
    layers: [{people: [ana], rotation: {every: 1d, start: "2026-01-05T00:00"}, hours: [{from: "22:00", to: "06:00"}]}]
`)
	if err != nil {
		t.Fatal(err)
	}
	days, _ := c.Schedule("days")
	got := fmt.Sprint(c.DoubleBookings(days, instant(t, "2026-01-10T12:00:00Z"), instant(t, "2026-01-16T00:00:00Z")))
	want := fmt.Sprint([]DoubleBooking{
		{Person: "ana", Start: instant(t, "2026-01-10T22:00:00Z"), End: instant(t, "2026-01-11T06:00:00Z"), Schedule: "nights"},
		{Person: "ana", Start: instant(t, "2026-01-11T22:00:00Z"), End: instant(t, "2026-01-12T00:00:00Z"), Schedule: "nights"}, // her week ends
		{Person: "ben", Start: instant(t, "2026-01-14T12:00:00Z"), End: instant(t, "2026-01-14T18:00:00Z"), Layers: [2]string{"weeks", "layer 2"}},
	})
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestNeighbouringShiftsAreNoDoubleBooking(t *testing.T) {
	t.Parallel()
	c, err := load(t, `
people: [{id: ana, name: Ana}]
schedules:
  - {id: days, layers: [{people: [ana], rotation: {every: 1d, start: "2026-01-05T00:00"}, hours: [{from: "08:00", to: "20:00"}]}]}
  - {id: nights, layers: [{people: [ana], rotation: {every: 1d, start: "2026-01-05T00:00"}, hours: [{from: "20:00", to: "08:00"}]}]}
`)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.DoubleBookings(c.Schedules[0], instant(t, "2026-01-10T12:00:00Z"), instant(t, "2026-01-16T00:00:00Z")); len(got) > 0 {
		t.Errorf("got %v, want none", got)
	}
}
