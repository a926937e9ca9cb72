package oncall

import (
	"strings"
	"testing"
	"time"

	"afterhours/tickets"
)

const patched = `
people:
  - {id: ana, name: Ana, email: ana@example.com, timezone: Europe/Madrid}
  - {id: ben, name: Ben, contacts: [{id: call, channel: voice, to: "+34600000001"}, {id: text, channel: sms, to: "+34600000001"}]}
policies: [{id: p, steps: [{notify: ["person:ben"], wait: 5m}]}]
routes: [{match: {title: "Noise*"}, action: record}, {match: {}, policy: p}]
maintenance:
  - {id: patching, match: {device: "srv-*"}, start: "2026-12-01T22:00", end: "2026-12-02T02:00", timezone: Europe/Madrid, reason: Patches}
`

func TestWhatComesInDuringMaintenanceIsHeldBack(t *testing.T) {
	t.Parallel()
	on, over := "2026-12-01T22:30:00Z", "2026-12-02T01:00:00Z"
	for name, c := range map[string]struct {
		afterwards string
		severity   tickets.Severity
		device, at string
		targets    []string
		held       bool
		recorded   bool
	}{
		"a High ticket waits for the end":      {"", tickets.High, "srv-1", on, nil, true, false},
		"what could not be read waits as well": {"", tickets.SeverityUnknown, "srv-1", on, nil, true, false},
		"a Medium one is recorded":             {"", tickets.Medium, "srv-1", on, nil, false, true},
		"unless all page afterwards":           {"all", tickets.Medium, "srv-1", on, nil, true, false},
		"with none a High one is recorded":     {"none", tickets.High, "srv-1", on, nil, false, true},
		"another device pages":                 {"", tickets.High, "ws-1", on, nil, false, false},
		"after the end it pages":               {"", tickets.High, "srv-1", over, nil, false, false},
		"whom somebody names is told":          {"", tickets.High, "srv-1", on, []string{"person:ana"}, false, false},
	} {
		configuration, err := load(t, strings.Replace(patched, "reason: Patches", "reason: Patches, afterwards: "+named(c.afterwards, "high"), 1))
		if err != nil {
			t.Fatal(err)
		}
		ticket := &tickets.Ticket{Number: 7, Severity: c.severity, Devices: []string{c.device}}
		decision, _ := configuration.Start(tickets.Change{Kind: tickets.ChangeCreated, Ticket: ticket, At: instant(t, c.at), Targets: c.targets}, 1)
		if held := decision.Maintenance == "patching" && decision.Due.Equal(instant(t, over)); held != c.held {
			t.Errorf("%s: got %+v", name, decision)
		}
		if recorded := decision.Due.IsZero() && decision.Exhausted == ""; recorded != c.recorded {
			t.Errorf("%s: recorded %v, want %v", name, recorded, c.recorded)
		}
		if pages := len(decision.Pages) > 0; pages == (c.held || c.recorded) {
			t.Errorf("%s: got %d pages", name, len(decision.Pages))
		}
		if c.held {
			next := configuration.Next(decision.Position, decision.Due, decision.Due)
			if len(next.Pages) == 0 || next.Position.Step != 1 || next.Position.Round != 1 {
				t.Errorf("%s: at the end got %+v", name, next)
			}
		}
	}
}

func named(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

func TestASimulationSaysWhatMaintenanceHoldsBack(t *testing.T) {
	t.Parallel()
	c, err := load(t, patched)
	if err != nil {
		t.Fatal(err)
	}
	simulation := c.Simulate(Facts{Ticket: &tickets.Ticket{Severity: tickets.High, Devices: []string{"srv-1"}}}, instant(t, "2026-12-01T22:00:00Z"))
	if len(simulation.Skipped) != 1 || !strings.Contains(simulation.Skipped[0], "maintenance patching") {
		t.Errorf("got %v", simulation.Skipped)
	}
	if len(simulation.Pages) != 2 || simulation.Pages[0].After != 3*time.Hour {
		t.Errorf("got %+v, want both contacts after 3 h", simulation.Pages)
	}
}

func TestOneIsRemindedOfTheEndOfAMaintenance(t *testing.T) {
	t.Parallel()
	c, err := load(t, patched)
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]int{"2026-12-02T00:29:59Z": 0, "2026-12-02T00:30:00Z": 1, "2026-12-02T00:59:00Z": 1, "2026-12-02T01:00:00Z": 0} {
		if got := c.Reminders(instant(t, at)); len(got) != want || want == 1 && (got[0].Person != "ben" || got[0].Channel != "sms" || !got[0].IsNotice()) {
			t.Errorf("%s: got %+v, want %d", at, got, want)
		}
	}
	c.Maintenance[0].Notify = []Target{{TargetPerson, "ana"}}
	got := c.Reminders(instant(t, "2026-12-02T00:45:00Z"))
	if len(got) != 1 || got[0].Person != "ana" || !strings.Contains(string(got[0].Payload), "ends at 02:00 CET") {
		t.Errorf("got %+v", got)
	}
	c.Maintenance[0].End = localTime(t, "2026-12-01T22:20")
	if got := c.Maintenance[0].RemindAt(); !got.Equal(instant(t, "2026-12-01T21:10:00Z")) {
		t.Errorf("a short one: got %s, want half of it before", got)
	}
}

func TestWhatIsWrongWithAMaintenanceIsSaidWithTheMend(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{id: m, match: {}, start: "2026-12-01T22:00", reason: x}`:                                                  "has no end; add it",
		`{id: m, start: "2026-12-01T22:00", end: "2026-12-02T02:00", reason: x}`:                                    "has no match; add it",
		`{id: m, match: {}, start: "2026-12-01T22:00", end: "2026-12-02T02:00"}`:                                    "needs a reason",
		`{id: m, match: {}, start: "2026-12-01T22:00", end: "2026-12-01T22:00", reason: x}`:                         "choose a later end",
		`{id: m, match: {}, start: "2026-12-01T22:00", end: "2026-12-08T22:01", reason: x}`:                         "longer than 7 days",
		`{id: m, match: {}, start: "2026-12-01T22:00", end: "2026-12-02T22:00", reason: x, afterwards: some}`:       "use high, all, none",
		`{id: m, match: {}, start: "2026-12-01T22:00", end: "2026-12-02T22:00", reason: x, notify: ["person:eve"]}`: `no person "eve"`,
		`{id: m, match: {}, start: "2026-12-01T22:00", end: "2026-12-02T22:00", reason: x, timezone: Mars}`:         "no time zone",
		`{match: {}, start: "2026-12-01T22:00", end: "2026-12-02T22:00", reason: x}`:                                "an id is missing",
	} {
		_, err := load(t, "people: [{id: ana, name: Ana}]\nmaintenance:\n  - "+text+"\n")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), ":3: ") {
			t.Errorf("%s: got %v, want %q at line 3", text, err, want)
		}
	}
}
