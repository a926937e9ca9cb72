package oncall

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"afterhours/tickets"
)

const good = `
people:
  - {id: ana, name: Ana Ruiz, email: ana@example.com, timezone: Europe/Madrid, role: responder, detail: minimal,
     contacts: [{id: mail, channel: email, to: ana@example.com}, {id: hook, channel: webhook, to: "https://hooks.example.com/ana", secret: "whsec_abc"}],
     notify: [{after: 0s, contact: mail}, {after: 5m, contact: hook}]}
  - {id: ben, name: Ben}
schedules:
  - id: primary
    timezone: Europe/Madrid
    layers:
      - {name: base, people: [ana, ben], rotation: {every: 1w, start: "2026-01-05T09:00"}}
      - {name: nights, people: [ben], rotation: {every: 1d, start: "2026-01-05T18:00"}, hours: [{days: [mon, fri], from: "18:00", to: "08:00"}]}
    overrides: [{person: ben, start: "2026-12-24T09:00", end: "2026-12-26T09:00+01:00"}]
policies:
  - {id: security, repeat: 3, steps: [{notify: ["schedule:primary", "webhook:soc"], wait: 5m}, {notify: ["person:ben"], wait: 1d}], ack_expires: 2h, ack_link: confirm, bundle: {after: 5, within: 5m}}
routes:
  - {match: {severity: [high, medium], to: "defender@example.com", verified: true}, policy: security, runbook: "https://wiki.example.com/defender"}
  - {match: {severity: low}, action: record}
  - {match: {}}
webhooks:
  - {id: soc, url: "https://soc.example.com/in", secret: "whsec_abc", events: [ticket.created]}
mutes:
  - {match: {title: "*eDiscovery search*"}, until: "2026-12-01T09:00Z", reason: "legal hold running"}
`

// anyContact takes every address but one.
func anyContact(_, to, _ string) error {
	if to == "broken" {
		return errors.New("is not an address")
	}
	return nil
}

func load(t *testing.T, text string) (Configuration, error) {
	t.Helper()
	document, err := ParseFile("team.yaml", []byte(text))
	if err != nil {
		return Configuration{}, err
	}
	return Merge(Configuration{}, anyContact, document)
}

func TestEveryKeyIsReadAndSurvivesStorage(t *testing.T) {
	t.Parallel()
	c, err := load(t, good)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.People) != 2 || len(c.Schedules[0].Layers) != 2 || c.Policies[0].Steps[1].Wait.For(tickets.High) != 24*time.Hour || c.Mutes[0].Until.IsZero() {
		t.Errorf("configuration: got %+v", c)
	}
	stored, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var back Configuration
	if err := json.Unmarshal(stored, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c, back) {
		t.Errorf("after storage: got %+v, want %+v", back, c)
	}
}

func TestFaultsNameFileLineAndMend(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                       "team.yaml:1: the file is empty; write at least one of people",
		"- a":                    "team.yaml:1: a configuration is a mapping",
		"people: [":              "team.yaml:",
		"persons: []":            `team.yaml:1: there is no key "persons"; use people`,
		"people: []\npeople: []": "team.yaml:2: people stands here twice",
		"\nretention: {raw: 1h}": "team.yaml:2: 1h is too short; keep at least 1w",
		"people: 7":              "team.yaml:1: people must be a list",
		"people: [7]":            "team.yaml:1: people[0] must be a mapping",
		"people:\n- {id: ana}":   `team.yaml:2: person "ana" has no name; add name`,
		"people:\n- {name: Ana}": "team.yaml:2: an id is missing here",
		"people:\n- {id: Ana B}": `team.yaml:2: "Ana B" cannot be an id`,
		"people:\n- {nam: a}":    `team.yaml:2: people[0] has no key "nam"; use id, name`,
		"people:\n- {id: a, name: A}\n- {id: a, name: B}":                                                       `team.yaml:3: the id "a" stands in people twice`,
		"people:\n- {id: a, name: A, id: b}":                                                                    "team.yaml:2: ",
		"people:\n- {id: a, name: A, timezone: Mars/Olympus}":                                                   `team.yaml:2: there is no time zone "Mars/Olympus"`,
		"people:\n- {id: a, name: A, role: king}":                                                               `team.yaml:2: role "king" does not exist; use viewer, responder, admin`,
		"people:\n- {id: a, name: A, email: broken}":                                                            "team.yaml:2: email of a: is not an address",
		"people:\n- {id: a, name: A, contacts: [\n{id: p, channel: pigeon, to: x}]}":                            `team.yaml:3: channel "pigeon" is not supported by this version; use ` + strings.Join(Channels(), ", "),
		"people:\n- {id: a, name: A, contacts: [\n{id: p, channel: push, to: broken}]}":                         "team.yaml:3: contact p of a: is not an address",
		"people:\n- {id: a, name: A, notify: [\n{after: 0s, contact: p}]}":                                      `team.yaml:3: there is no contact "p"`,
		"people:\n- {id: a, name: A, notify: [\n{after: soon, contact: p}]}":                                    `team.yaml:3: people[0].notify[0].after: "soon" is not a duration`,
		"schedules:\n- id: s\n  layers:\n  - {people: [x], rotation: {every: 1w, start: now}}":                  `team.yaml:4: schedules[0].layers[0].rotation.start: "now" is not a time`,
		"schedules:\n- id: s\n  layers:\n  - {people: [x], rotation: {every: 1y, start: \"2026-01-01T00:00\"}}": `team.yaml:4: schedules[0].layers[0].rotation.every: "1y" is not a length of a turn`,
		"schedules:\n- id: s\n  layers:\n  - {people: [x], rotation: {every: 1w, start: \"2026-01-01T00:00\"}}": `team.yaml:4: there is no person "x"`,
		"schedules:\n- id: s\n  layers:\n  - {people: []}":                                                      "team.yaml:4: layer 1 of schedule s has no people",
		"schedules:\n- id: s\n  layers:\n  - {hours: [{days: [monday]}]}":                                       `team.yaml:4: schedules[0].layers[0].hours[0].days[0]: "monday" is not a day`,
		"schedules:\n- id: s\n  layers:\n  - {hours: [{from: 8}]}":                                              `team.yaml:4: schedules[0].layers[0].hours[0].from: "8" is not a time of day`,
		"policies:\n- {id: p}":                                                 `team.yaml:2: policy "p" has no steps`,
		"policies:\n- {id: p, repeat: many, steps: []}":                        `team.yaml:2: policies[0].repeat: "many" is not a whole number`,
		"policies:\n- id: p\n  steps:\n  - {notify: [primary], wait: 5m}":      `team.yaml:4: policies[0].steps[0].notify[0]: "primary" is not a target; write schedule:ID, person:ID or webhook:ID`,
		"policies:\n- id: p\n  steps:\n  - {notify: [\"person:x\"], wait: 5m}": `team.yaml:4: there is no person "x", nor any other`,
		"policies:\n- id: p\n  steps:\n  - {notify: [\"person:x\"]}":           "team.yaml:4: step 1 of policy p needs a wait",
		"routes:\n- {match: {severity: awful}, action: record}":                `team.yaml:2: "awful" is no severity`,
		"routes:\n- {match: {}, policy: p}":                                    `team.yaml:2: there is no policy "p"`,
		"routes:\n- {match: {}}":                                               "team.yaml:2: this route pages, but there is no policy",
		"routes:\n- {match: {color: red}, action: record}":                     `team.yaml:2: routes[0].match has no key "color"`,
		"mutes:\n- {match: {}, until: tomorrow, reason: x}":                    `team.yaml:2: "tomorrow" is not a moment`,
		"mutes:\n- {match: {}, until: \"2026-12-01T09:00Z\"}":                  "team.yaml:2: a mute needs a reason",
		"webhooks:\n- {id: w, url: broken}":                                    "team.yaml:2: webhook w: is not an address",
	} {
		_, err := load(t, text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
}

func TestAbsentSectionsAreLeftAloneAndTheirReferencesStillHold(t *testing.T) {
	t.Parallel()
	inForce, err := load(t, good)
	if err != nil {
		t.Fatal(err)
	}
	routes, err := ParseFile("routes.yaml", []byte("routes:\n- {match: {}, policy: security}"))
	if err != nil {
		t.Fatal(err)
	}
	merged, err := Merge(inForce, anyContact, routes)
	if err != nil || len(merged.Routes) != 1 || len(merged.People) != 2 {
		t.Errorf("merged: got %+v, %v", merged, err)
	}
	people, err := ParseFile("people.yaml", []byte("people:\n- {id: chi, name: Chi}"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Merge(inForce, anyContact, people); err == nil || !strings.Contains(err.Error(), `schedules[0].layers[0].people[0] (in force): there is no person "ana"; known are chi`) {
		t.Errorf("a person that a schedule needs was taken away: got %v", err)
	}
	if _, err := Merge(inForce, anyContact, routes, routes); err == nil || !strings.Contains(err.Error(), "put both into one file") {
		t.Errorf("one section in two files: got %v", err)
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	c, err := load(t, good)
	if err != nil {
		t.Fatal(err)
	}
	yes := true
	facts := func(change func(*Facts)) Facts {
		f := Facts{Ticket: &tickets.Ticket{Severity: tickets.High, Title: "Ransomware", Verified: &yes}, To: []string{"Defender@example.com"}}
		change(&f)
		return f
	}
	at := instant(t, "2026-06-01T00:00:00Z")
	for name, want := range map[string]struct {
		facts Facts
		index int
	}{
		"all keys hold":        {facts(func(*Facts) {}), 0},
		"another recipient":    {facts(func(f *Facts) { f.To = []string{"x@example.com"} }), 2},
		"not verified":         {facts(func(f *Facts) { f.Ticket.Verified = nil }), 2},
		"low":                  {facts(func(f *Facts) { f.Ticket.Severity = tickets.Low }), 1},
		"nothing that matches": {facts(func(f *Facts) { f.Ticket.Severity = tickets.SeverityUnknown }), 2},
	} {
		if _, index, _ := c.Route(want.facts, at); index != want.index {
			t.Errorf("%s: got route %d, want %d", name, index, want.index)
		}
	}
	c.Routes = nil
	if route, _, matched := c.Route(facts(func(*Facts) {}), at); matched || route.Policy != "security" {
		t.Errorf("without routes: got %+v, want the first policy", route)
	}
	muted := facts(func(f *Facts) { f.Ticket.Title = "An EDISCOVERY search/export" })
	if _, ok := c.Muted(muted, at); !ok {
		t.Error("the glob with a slash after it: got no mute")
	}
	if _, ok := c.Muted(muted, instant(t, "2026-12-01T09:00:00Z")); ok {
		t.Error("at its end: got a mute")
	}
}

func TestWhatIsExportedReadsBackTheSame(t *testing.T) {
	t.Parallel()
	c, err := load(t, good)
	if err != nil {
		t.Fatal(err)
	}
	first, err := c.Export()
	if err != nil {
		t.Fatal(err)
	}
	again, err := load(t, string(first))
	if err != nil {
		t.Fatalf("%v in\n%s", err, first)
	}
	if !reflect.DeepEqual(c, again) {
		t.Errorf("read back: got %+v, want %+v", again, c)
	}
	second, err := again.Export()
	if err != nil || string(second) != string(first) {
		t.Errorf("second export: got\n%s\nwant\n%s", second, first)
	}
	if empty, err := (Configuration{}).Export(); err != nil || len(empty) != 0 {
		t.Errorf("an empty configuration: got %q, %v", empty, err)
	}
}
