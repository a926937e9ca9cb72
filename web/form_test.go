package web

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"afterhours/oncall"
)

// TestAFormIsTheConfigurationsFormat writes every entry of a full configuration into a form and reads it back.
func TestAFormIsTheConfigurationsFormat(t *testing.T) {
	t.Parallel()
	document, err := oncall.ParseFile("team.yaml", []byte(`
people:
  - {id: ana, name: "Ana: \"Ruiz\" #1", email: ana@example.com, timezone: Europe/Madrid, role: admin, detail: minimal, shift_notice: 1h30m, weekly_report: true,
     contacts: [{id: mail, channel: email, to: ana@example.com}, {id: hook, channel: webhook, to: "https://a.example/x", secret: hush}],
     notify: [{after: 0s, contact: mail}, {after: 5m, contact: hook}]}
schedules:
  - id: primary
    timezone: Europe/Madrid
    layers: [{name: base, people: [ana, ana], rotation: {every: 1w, start: "2026-01-05T09:00"}, hours: [{days: [mon, tue], from: "18:00", to: "08:00"}]}]
    overrides: [{person: ana, start: "2026-12-24T09:00", end: "2026-12-26T09:00"}]
policies:
  - {id: security, repeat: 3, steps: [{notify: ["schedule:primary", "person:ana"], wait: 5m}], ack_expires: 2h, ack_link: login, bundle: {after: 5, within: 5m}}
routes:
  - {match: {severity: [high, medium], title: ["*a, b*", "c"], verified: false, hours: [{from: "08:00", to: "18:00"}]}, policy: security, runbook: "https://wiki.example.com/x"}
  - {match: {}, action: record}
webhooks:
  - {id: soc, url: "https://soc.example.com/in", secret: whsec_x, events: [ticket.created]}
mutes:
  - {match: {title: "*eDiscovery*"}, until: "2026-12-01T09:00Z", reason: "legal hold"}
`))
	if err != nil {
		t.Fatal(err)
	}
	anything := func(_, _, _ string) error { return nil }
	before, err := oncall.Merge(oncall.Configuration{}, anything, document)
	if err != nil {
		t.Fatal(err)
	}
	for _, section := range oncall.Sections() {
		for at := range before.Len(section) {
			entry, err := before.Entry(section, at)
			if err != nil {
				t.Fatal(err)
			}
			shown, err := formOf(entry)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := shown.document(section, "match")
			if section != "routes" && section != "mutes" {
				text, _ = shown.document(section)
			}
			read, err := oncall.ParseFile("form", text)
			if err != nil {
				t.Fatalf("%s[%d]: %v\n%s", section, at, err, text)
			}
			after, err := before.Put(section, at, read, anything)
			if err != nil {
				t.Fatalf("%s[%d]: %v\n%s", section, at, err, text)
			}
			if before.Mark(section, at) != after.Mark(section, at) {
				again, _ := after.Entry(section, at)
				t.Errorf("%s[%d]:\n got %s\nwant %s", section, at, again, entry)
			}
		}
	}
}

func TestAFormsFaultsStandBesideTheirFields(t *testing.T) {
	t.Parallel()
	posted := entryForm{Values: url.Values{
		"id": {"ana"}, "name": {" Ana "}, "timezone": {"Nowhere"}, "_mark": {"x"}, "bad[name": {"y"}, "contacts[999].id": {"z"},
		"contacts[0].id": {""}, "contacts[3].id": {"mail"}, "contacts[3].channel": {"email"}, "contacts[3].to": {"nobody"},
		"notify[0].after": {"soon"}, "notify[0].contact": {"mail"},
	}}
	text, lines := posted.document("people")
	_, err := oncall.ParseFile("form", text)
	var faults oncall.ConfigErrors
	if !errors.As(err, &faults) || len(faults) != 1 || lines[faults[0].Line] != "notify[0].after" {
		t.Fatalf("reading: got %v on %v\n%s", err, lines, text)
	}
	posted.Set("notify[0].after", "5m")
	text, lines = posted.document("people")
	document, err := oncall.ParseFile("form", text)
	if err != nil {
		t.Fatal(err)
	}
	_, err = oncall.Configuration{}.Put("people", 0, document, func(_, to, _ string) error { return errors.New(to + " is no address") })
	if !errors.As(err, &faults) {
		t.Fatalf("got %v", err)
	}
	var names []string
	for _, fault := range faults {
		names = append(names, lines[fault.Line])
	}
	slices.Sort(names)
	if got := strings.Join(names, " "); got != "contacts[3].to timezone" {
		t.Errorf("fields: got %q", got)
	}
	if got := posted.rows("contacts"); got != 4 {
		t.Errorf("rows: got %d, want 4", got)
	}
}

func FuzzForm(f *testing.F) {
	f.Add("contacts[0].to", "x\ny")
	f.Add("steps[1].notify[]", "person:ana\nperson:ben")
	f.Add("match.title[]", "\x00\u2028")
	f.Fuzz(func(t *testing.T, name, value string) {
		text, _ := entryForm{Values: url.Values{name: {value}, "id": {"ana"}}}.document("people")
		if !json.Valid(text) {
			t.Errorf("%q: %q is not JSON:\n%s", name, value, text)
		}
	})
}
