package oncall

import (
	"errors"
	"strings"
	"testing"
)

const topKeys = "people, schedules, policies, routes, webhooks, mutes, maintenance, intake, tenants, playbooks, readings, retention, load"

// faulty are bad files with everything that is said of them.
var faulty = []struct{ name, file, want string }{
	{"nothing at all", "", "team.yaml:1: the file is empty; write at least one of " + topKeys},
	{"words alone", "# nothing yet\n", "team.yaml:1: the file is empty; write at least one of " + topKeys},
	{"a list", "- a", "team.yaml:1: a configuration is a mapping; begin with one of " + topKeys},
	{"a tab", "people:\n\t- a", "team.yaml:2: found character that cannot start any token; mend the YAML"},
	{"an unknown key", "persons: []", `team.yaml:1: there is no key "persons"; use ` + topKeys},
	{"a repeated key", "people: []\nmutes: []\npeople: []", "team.yaml:3: people stands here twice; put both together"},
	{"a second document", "people: []\n---\nmutes: []", "team.yaml:2: a second document begins here; put everything into one"},
	{
		"a retention that empties the database", "\nretention:\n  raw: 180d\n  tickets: 1d\n", `
team.yaml:4: 1d is too short; keep at least 1w, or leave it out to keep for ever`,
	},
	{
		"a severity that is not kept for long enough", "\nretention:\n  unresolved: 1w\n  severities:\n    low: {tickets: 0s, unresolved: 90d}\n    high:\n      tickets: 2d\n    critical: {tickets: 90d}\n", `
team.yaml:8: retention.severities has no key "critical"; use high, medium, low, informational, unknown`,
	},
	{
		"an age for each severity", "\nretention:\n  unresolved: 1w\n  severities:\n    low: {tickets: 0s, unresolved: 90d}\n    high:\n      tickets: 2d\n", `
team.yaml:3: 1w is too short; keep at least 30d, or leave it out to keep for ever
team.yaml:7: 2d is too short; keep at least 1w, or leave it out to keep for ever`,
	},
	{"an alias", "people: &all []\nmutes: *all", "team.yaml:2: anchors and aliases are not supported; write the value out"},
	{"a number for a list", "people: 7", "team.yaml:1: people must be a list; write it like [a, b], or each entry after a dash"},
	{"a number for a person", "people: [7]", "team.yaml:1: people[0] must be a mapping like {key: value}"},
	{"a person without a name", "people:\n  - id: ana", `team.yaml:2: person "ana" has no name; add name`},
	{"an inner key twice", "people:\n  - {id: a, name: A,\n     id: b}", `team.yaml:3: people[0] has the key "id" twice; keep one`},
	{
		"an unknown inner key", "people:\n  - id: a\n    name: A\n    color: red",
		`team.yaml:4: people[0] has no key "color"; use id, name, email, timezone, role, detail, contacts, notify, quiet, shift_notice, weekly_report`,
	},
	{"an id twice", "people:\n  - {id: a, name: A}\n  - name: B\n    id: a", `team.yaml:4: the id "a" stands in people twice; rename one`},
	{
		"words outside a closed list", "people:\n  - id: ana\n    name: Ana\n    timezone: Mars/Olympus\n    role: king\n    detail: some", `
team.yaml:4: there is no time zone "Mars/Olympus"; use a name like Europe/Madrid
team.yaml:5: role "king" does not exist; use viewer, responder, admin
team.yaml:6: detail "some" does not exist; use full, minimal`,
	},
	{
		"contacts", `
people:
  - id: ana
    name: Ana
    contacts:
      - {id: phone, channel: pigeon, to: "+34600000001"}
      - {id: mail, channel: email, to: broken}
      - {id: mail, channel: email, to: x}
    notify:
      - {after: 5m, contact: hook}`, `
team.yaml:6: channel "pigeon" is not supported by this version; use ` + strings.Join(Channels(), ", ") + `
team.yaml:7: contact mail of ana: is not an address
team.yaml:8: ana has two contacts "mail"; rename one
team.yaml:10: there is no contact "hook"; known are phone, mail, mail of ana`,
	},
	{
		"a delay in words", "people:\n  - id: ana\n    name: Ana\n    notify:\n      - {after: 5 minutes, contact: mail}",
		`team.yaml:5: people[0].notify[0].after: "5 minutes" is not a duration; write one like 90s, 5m, 2h or 1d`,
	},
	{
		"nobody who is known", "schedules:\n  - id: s\n    timezone: Europe/Madird\n    layers:\n      - people: [x]\n        rotation: {every: 1w, start: \"2026-01-05T09:00\"}", `
team.yaml:3: there is no time zone "Europe/Madird"; use a name like Europe/Madrid
team.yaml:5: there is no person "x", nor any other; add it`,
	},
	{
		"a layer's times", `
schedules:
  - id: s
    layers:
      - people: []
        rotation:
          every: 0d
          start: "2026-13-05T09:00"
        hours:
          - {days: [monday], from: "18:00"}
          - {from: "8", to: "25:00"}`, `
team.yaml:7: schedules[0].layers[0].rotation.every: "0d" is not a length of a turn; write one like 12h, 1d, 1w or 1mo
team.yaml:8: schedules[0].layers[0].rotation.start: "2026-13-05T09:00" is not a time; write one like 2026-01-05T09:00
team.yaml:10: schedules[0].layers[0].hours[0].days[0]: "monday" is not a day; write mon, tue, wed, thu, fri, sat, sun or holiday
team.yaml:10: schedules[0].layers[0].hours[0] has no to; add it
team.yaml:11: schedules[0].layers[0].hours[1].from: "8" is not a time of day; write one like 08:00
team.yaml:11: schedules[0].layers[0].hours[1].to: "25:00" is not a time of day; write one like 08:00`,
	},
	{
		"a part of a second", "schedules:\n  - id: s\n    overrides:\n      - {person: a, start: \"2026-01-02T09:00:00.5\", end: \"2026-01-03T09:00\"}",
		`team.yaml:4: schedules[0].overrides[0].start: "2026-01-02T09:00:00.5" is not a time; write one like 2026-01-05T09:00`,
	},
	{
		"an override that ends first", `
people:
  - {id: a, name: A}
schedules:
  - id: s
    layers:
      - people: [a]
    overrides:
      - person: a
        start: "2026-01-02T09:00"
        end: "2026-01-01T09:00"`, `
team.yaml:7: layer 1 of schedule s needs rotation: {every: 1w, start: "2026-01-05T09:00"}
team.yaml:11: override 1 of schedule s ends before it starts; swap start and end`,
	},
	{
		"notices of shifts that cannot be", `
people:
  - id: a
    name: A
    email: a@example.com
    shift_notice: 8d
  - id: b
    name: B
    contacts: [{id: phone, channel: sms, to: "+1"}]
    shift_notice: 1h`, `
team.yaml:6: shift_notice of a must be from 5m to 7d; leave it out for no notices
team.yaml:10: shift_notice of b needs a contact that does not ring; add one of email or push`,
	},
	{
		"a weekly report to nowhere", `
people:
  - id: a
    name: A
    contacts: [{id: phone, channel: sms, to: "+1"}]
    weekly_report: true`,
		"team.yaml:6: weekly_report of a needs a contact by email; add one, or leave weekly_report out",
	},
	{
		"a weekly report that is neither on nor off", "people:\n  - {id: b, name: B, email: b@example.com, weekly_report: often}",
		"team.yaml:2: people[0].weekly_report: write true or false",
	},
	{
		"a policy that cannot be read", `
policies:
  - id: p
    repeat: often
    ack_expires: 99999w
    steps:
      - {notify: [a], wait: 5m}
      - {notify: ["person:a"], wait: -5m}`, `
team.yaml:4: policies[0].repeat: "often" is not a whole number; write one like 3
team.yaml:5: policies[0].ack_expires: "99999w" is too long; write at most 106751d
team.yaml:7: policies[0].steps[0].notify[0]: "a" is not a target; write schedule:ID, person:ID or webhook:ID
team.yaml:8: policies[0].steps[1].wait: "-5m" is not a duration; write one like 90s, 5m, 2h or 1d`,
	},
	{
		"a policy that cannot be", `
people:
  - {id: a, name: A}
policies:
  - id: p
    repeat: -1
    ack_link: never
    bundle: {after: 5}
    steps:
      - wait: 5m
        notify: ["person:b", "schedule:s"]
      - {notify: [], wait: 0s}
  - id: q
    bundle: {after: -1, within: 5m}`, `
team.yaml:6: repeat must be from 0 to 100
team.yaml:7: ack_link "never" does not exist; use confirm, login
team.yaml:8: the bundle of policy p needs within, like 5m
team.yaml:11: there is no person "b"; known are a
team.yaml:11: there is no schedule "s", nor any other; add it
team.yaml:12: step 2 of policy p notifies nobody; name a target
team.yaml:12: step 2 of policy p needs a wait from 1s to 7d
team.yaml:13: policy "q" has no steps; add one
team.yaml:14: after of the bundle of policy q cannot be less than 0; write 0 to never bundle`,
	},
	{
		"a match that nothing can satisfy", `
routes:
  - {match: {severity: []}, action: record}
  - {match: {category: }, action: record}
  - {match: {verified: maybe}}`, `
team.yaml:3: routes[0].match.severity is an empty list, which nothing matches; name a value, or remove the key
team.yaml:4: routes[1].match.category needs a single value; write one, or remove the key
team.yaml:5: routes[2].match.verified: write true or false`,
	},
	{
		"values that no ticket has", `
routes:
  - match:
      severity: urgent
      kind: alarm
      product: [endpoint, word]
      title: ""
    action: ignore
    policy: p`, `
team.yaml:4: "urgent" is no severity; use high, medium, low, informational or unknown
team.yaml:5: "alarm" is no kind; use alert, incident, vulnerability, threat_analytics, response_action, digest, test, unrecognised, manual
team.yaml:6: "word" is no product; use endpoint, xdr, office365, cloud, identity, cloud_apps, entra, purview, sentinel, unknown
team.yaml:7: an empty pattern matches nothing; write * to match all, or leave title out
team.yaml:8: action "ignore" does not exist; use page, record
team.yaml:9: there is no policy "p", nor any other; add it`,
	},
	{
		"a webhook", "webhooks:\n  - {id: Soc,\n     url: broken}", `
team.yaml:2: "Soc" cannot be an id; use up to 64 small letters, digits, dots, dashes and underscores
team.yaml:3: webhook Soc: is not an address`,
	},
	{
		"a mute that would silence all", "mutes:\n  - {until: \"2026-12-01T09:00Z\", reason: x}\n  - {match: {title: []}, until: \"2026-12-01T09:00Z\", reason: x}", `
team.yaml:2: mutes[0] has no match; add it
team.yaml:3: mutes[1].match.title is an empty list, which nothing matches; name a value, or remove the key`,
	},
	{"a mute's end without an offset", "mutes:\n  - match: {}\n    reason: x\n    until: \"2026-12-01T09:00\"", `team.yaml:4: "2026-12-01T09:00" is not a moment; write one with an offset, like 2026-12-01T09:00Z`},
	{"an endless mute", "mutes:\n  - {match: {}, reason: x}", "team.yaml:2: a mute needs an end; add until"},
}

func TestEverythingThatIsWrongIsToldLineByLine(t *testing.T) {
	t.Parallel()
	for _, c := range faulty {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, c.file)
			if err == nil {
				t.Fatalf("got no error, want\n%s", c.want)
			}
			if want := strings.TrimPrefix(c.want, "\n"); err.Error() != want {
				t.Errorf("got\n%s\nwant\n%s", err, want)
			}
		})
	}
}

func TestAFaultKnowsItsPlace(t *testing.T) {
	t.Parallel()
	_, err := load(t, "people:\n  - id: ana")
	var faults ConfigErrors
	if want := (ConfigError{"team.yaml", 2, `person "ana" has no name; add name`}); !errors.As(err, &faults) || len(faults) != 1 || faults[0] != want {
		t.Errorf("got %#v, want %#v", err, want)
	}
}

// FuzzParseFile holds every input to one promise: it is refused with a place and a line for each fault, or it survives
// its own export.
func FuzzParseFile(f *testing.F) {
	f.Add(good)
	for _, c := range faulty {
		f.Add(c.file)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := load(t, text)
		if err != nil {
			var faults ConfigErrors
			if !errors.As(err, &faults) {
				t.Fatalf("%q: got %#v, want ConfigErrors", text, err)
			}
			for _, fault := range faults {
				if fault.File != "team.yaml" || fault.Line < 1 || fault.Message == "" || strings.ContainsAny(fault.Error(), "\r\n") {
					t.Errorf("%q: got the fault %#v, want a file, a line and one line of words", text, fault)
				}
			}
			return
		}
		survives(t, c)
	})
}
