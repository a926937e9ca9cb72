package oncall

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

const editable = `
people:
  - {id: ana, name: Ana}
  - {id: ben, name: Ben}
policies:
  - {id: security, repeat: 0, steps: [{notify: ["person:ana"], wait: 5m}]}
routes:
  - {match: {severity: high}, policy: security}
  - {match: {}, action: record}
`

func configured(t *testing.T, yaml string) Configuration {
	t.Helper()
	document, err := ParseFile("team.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	configuration, err := Merge(Configuration{}, anyContact, document)
	if err != nil {
		t.Fatal(err)
	}
	return configuration
}

func TestPutReplacesAndAddsOneEntry(t *testing.T) {
	t.Parallel()
	before := configured(t, editable)
	put := func(at int, yaml string) (Configuration, error) {
		document, err := ParseFile("form", []byte(yaml))
		if err != nil {
			t.Fatal(err)
		}
		return before.Put("people", at, document, anyContact)
	}
	changed, err := put(1, "people:\n  - {id: ben, name: Benjamin}")
	if err != nil || changed.People[1].Name != "Benjamin" || before.People[1].Name != "Ben" || len(changed.People) != 2 {
		t.Errorf("replaced: got %+v, %v", changed.People, err)
	}
	if added, err := put(2, "people:\n  - {id: chi, name: Chi}"); err != nil || len(added.People) != 3 {
		t.Errorf("added: got %+v, %v", added.People, err)
	}
	_, err = put(2, "people:\n  - id: ana\n    name: Again\n    timezone: Nowhere")
	var faults ConfigErrors
	if !errors.As(err, &faults) || len(faults) != 2 || faults[0].Line != 2 || faults[1].Line != 4 {
		t.Errorf("faults: got %v, want lines 2 and 4", err)
	}
	if before.Mark("people", 1) == changed.Mark("people", 1) || before.Mark("people", 0) != changed.Mark("people", 0) {
		t.Error("marks: want another for the changed entry alone")
	}
}

func TestWithoutNamesWhoStillNeedsTheEntry(t *testing.T) {
	t.Parallel()
	before := configured(t, editable)
	if _, err := before.Without("people", 0, anyContact); err == nil || !strings.Contains(err.Error(), "policies[0].steps[0].notify[0]") {
		t.Errorf("of one who is needed: got %v", err)
	}
	after, err := before.Without("people", 1, anyContact)
	if err != nil || len(after.People) != 1 || len(before.People) != 2 {
		t.Errorf("got %+v, %v", after.People, err)
	}
}

func TestMovedKeepsToTheList(t *testing.T) {
	t.Parallel()
	before := configured(t, editable)
	if after := before.Moved("routes", 0, true); after.Routes[0].Action != ActionRecord || before.Routes[0].Action == ActionRecord {
		t.Errorf("down: got %+v", after.Routes)
	}
	for _, after := range []Configuration{before.Moved("routes", 0, false), before.Moved("routes", 1, true)} {
		if !slices.EqualFunc(after.Routes, before.Routes, func(a, b Route) bool { return a.Action == b.Action }) {
			t.Errorf("beyond the ends: got %+v", after.Routes)
		}
	}
}
