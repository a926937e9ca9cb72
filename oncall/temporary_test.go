package oncall

import (
	"strings"
	"testing"
)

func TestATemporaryScheduleStandsInThePlaceOfLayers(t *testing.T) {
	t.Parallel()
	c, err := load(t, `
people: [{id: ana, name: Ana}, {id: ben, name: Ben}, {id: chi, name: Chi}]
schedules:
  - id: s
    timezone: Europe/Madrid
    layers: [{people: [ana], rotation: {every: 1d, start: "2026-01-05T09:00"}}]
    temporary:
      - start: "2026-12-24T09:00"
        end: "2026-12-27T09:00"
        shifts:
          - {person: ben, start: "2026-12-24T09:00", end: "2026-12-26T09:00"}
          - {person: chi, start: "2026-12-25T09:00", end: "2026-12-25T21:00"}
    overrides: [{person: ana, start: "2026-12-26T10:00", end: "2026-12-26T11:00"}]
`)
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string][2]string{
		"2026-12-24T07:59:59Z": {"ana", SourceLayer},
		"2026-12-24T08:00:00Z": {"ben", SourceTemporary},
		"2026-12-25T12:00:00Z": {"chi", SourceTemporary}, // the later shift wins
		"2026-12-26T08:30:00Z": {},                       // nobody, although a layer has somebody
		"2026-12-26T09:30:00Z": {"ana", SourceOverride},
		"2026-12-27T08:00:00Z": {"ana", SourceLayer},
	} {
		if person, source, _ := c.Schedules[0].At(instant(t, at)); person != want[0] || source != want[1] {
			t.Errorf("%s: got %q by %q, want %v", at, person, source, want)
		}
	}
	_, gaps := c.Schedules[0].Shifts(instant(t, "2026-12-20T00:00:00Z"), instant(t, "2026-12-30T00:00:00Z"))
	if len(gaps) != 2 || !gaps[0].Start.Equal(instant(t, "2026-12-26T08:00:00Z")) || !gaps[1].End.Equal(instant(t, "2026-12-27T08:00:00Z")) {
		t.Errorf("got the gaps %v", gaps)
	}
}

func TestWhatIsWrongWithATemporaryScheduleIsSaidWithTheMend(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{start: "2026-12-24T09:00"}`:                          "needs start and end",
		`{start: "2026-12-24T09:00", end: "2026-12-24T09:00"}`: "choose a later end",
		`{start: "2026-12-24T09:00", end: "2026-12-25T09:00", shifts: [{person: eve, start: "2026-12-24T09:00", end: "2026-12-25T09:00"}]}`: `there is no person "eve"`,
		`{start: "2026-12-24T09:00", end: "2026-12-25T09:00", shifts: [{person: ana, start: "2026-12-24T09:00", end: "2026-12-25T09:01"}]}`: "move the shift",
		`{start: "2026-12-24T09:00", end: "2026-12-25T09:00", shifts: [{person: ana, start: "2026-12-24T10:00", end: "2026-12-24T09:00"}]}`: "choose a later end",
		`{start: "2026-12-24T09:00", end: "2026-12-25T09:00", shifts: [{person: ana, start: "2026-12-24T10:00"}]}`:                          "needs start and end",
	} {
		_, err := load(t, `
people: [{id: ana, name: Ana}]
schedules:
  - id: s
    temporary:
      - `+text+`
`)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), ":6: ") {
			t.Errorf("%s: got %v, want %q at line 6", text, err, want)
		}
	}
}
