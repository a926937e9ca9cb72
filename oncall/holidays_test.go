package oncall

import (
	"strings"
	"testing"
	"time"

	"afterhours/tickets"
)

const holidays = `
people: [{id: ana, name: Ana}, {id: ben, name: Ben, email: ben@example.com}]
schedules:
  - id: s
    timezone: Europe/Madrid
    layers:
      - {people: [ana], rotation: {every: 1w, start: "2026-01-05T00:00"}, hours: [{days: [mon, tue, wed, thu, fri], from: "09:00", to: "18:00", except: holiday}]}
      - {people: [ben], rotation: {every: 1w, start: "2026-01-05T00:00"}, hours: [{days: [sat, holiday], from: "10:00", to: "02:00"}]}
    holidays: [2026-12-25 Navidad, "2026-12-26"]
policies:
  - {id: p, timezone: Europe/Madrid, holidays: s, steps: [{notify: ["person:ben"], wait: 5m, hours: [{days: [thu, fri], from: "09:00", to: "18:00", except: holiday}]}]}
`

func TestAHolidayIsADayOfItsOwn(t *testing.T) {
	t.Parallel()
	c, err := load(t, holidays)
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]string{
		"2026-12-24T12:00:00Z": "ana",
		"2026-12-25T08:30:00Z": "",    // a Friday, and a holiday
		"2026-12-25T12:00:00Z": "ben", // by the window of holidays
		"2026-12-26T00:30:00Z": "ben", // which belongs to the day on which it began
		"2026-12-26T01:00:00Z": "",
		"2026-12-26T12:00:00Z": "ben", // a Saturday as well
		"2026-12-28T12:00:00Z": "ana",
		"2027-01-01T12:00:00Z": "ana", // nobody named it
	} {
		if got, _, _ := c.Schedules[0].At(instant(t, at)); got != want {
			t.Errorf("%s: got %q, want %q", at, got, want)
		}
	}
}

func TestAPolicysHoursKnowTheHolidaysOfASchedule(t *testing.T) {
	t.Parallel()
	c, err := load(t, holidays)
	if err != nil {
		t.Fatal(err)
	}
	start := func(at string) Decision {
		decision, _ := c.Start(tickets.Change{Kind: tickets.ChangeCreated, Ticket: &tickets.Ticket{Severity: tickets.High}, At: instant(t, at)}, 1)
		return decision
	}
	if got := start("2026-12-24T12:00:00Z"); len(got.Pages) != 1 {
		t.Errorf("on a Thursday: got %+v", got)
	}
	got := start("2026-12-25T12:00:00Z")
	if len(got.Pages) != 0 || !got.Due.Equal(instant(t, "2026-12-31T08:00:00Z")) {
		t.Errorf("on a holiday: got %d pages, due %s, want it to wait for Thursday", len(got.Pages), got.Due)
	}
}

func TestWhatIsWrongWithHolidaysIsSaidWithTheMend(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"schedules:\n- {id: s, holidays: [Christmas]}":                                                                                                                   `"Christmas" is not a holiday; write one like 2026-12-25 Christmas Day`,
		"schedules:\n- {id: s, holidays: [2026-12-25 A, 2026-12-25 B]}":                                                                                                  "2026-12-25 stands here twice; keep one",
		"schedules:\n- {id: s, holidays: [0026-12-25 A]}":                                                                                                                "is in no year that makes sense",
		"people:\n- {id: a, name: A, quiet: [{days: [holiday], from: \"00:00\", to: \"24:00\"}]}":                                                                        "holidays are known to layers and to steps of policies",
		"mutes:\n- {match: {hours: [{from: \"00:00\", to: \"01:00\", except: holiday}]}, reason: x, until: \"2026-12-01T09:00Z\"}":                                       "holidays are known to layers and to steps of policies",
		"policies:\n- {id: p, steps: [{notify: [\"person:a\"], wait: 1m, hours: [{days: [holiday], from: \"00:00\", to: \"24:00\"}]}]}":                                  "add holidays: SCHEDULE to policy p",
		"policies:\n- {id: p, holidays: x, steps: [{notify: [\"person:a\"], wait: 1m}]}":                                                                                 `there is no schedule "x"`,
		"schedules:\n- {id: s, layers: [{people: [a], rotation: {every: 1d, start: \"2026-01-05T00:00\"}, hours: [{from: \"00:00\", to: \"01:00\", except: sundays}]}]}": "write except: holiday",
		"schedules:\n- {id: s, layers: [{people: [a], rotation: {every: 1d, start: \"2026-01-05T00:00\"}, hours: [{from: \"00:00\", to: \"01:00\", except: holiday}]}]}": "add holidays to schedule s",
	} {
		if _, err := load(t, text); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "team.yaml:2: ") {
			t.Errorf("%s: got %v, want %q at line 2", text, err, want)
		}
	}
}

func TestManyHolidaysAreExportedOneALine(t *testing.T) {
	t.Parallel()
	c := Configuration{Schedules: []Schedule{{ID: "s"}}}
	for day := range 20 {
		c.Schedules[0].Holidays = append(c.Schedules[0].Holidays, Holiday{time.Date(2026, 1, 1+day, 0, 0, 0, 0, time.UTC), "Fiesta"})
	}
	text, err := c.Export()
	if err != nil || !strings.Contains(string(text), "\n      - 2026-01-20 Fiesta\n") {
		t.Errorf("got %s, %v", text, err)
	}
	survives(t, c)
}
