package oncall

import (
	"encoding/json"
	"flag"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var undoSteps = flag.Int("undo-steps", 6, "how many random changes a sequence has that is undone in reverse")

const undoTeam = `
people: [{id: ana, name: Ana, contacts: [{id: mail, channel: email, to: ana@example.com, secret: hush}]}, {id: ben, name: Ben}, {id: chi, name: Chi}]
schedules:
  - {id: primary, layers: [{people: [ana, ben], rotation: {every: 1w, start: "2026-01-05T09:00"}}], overrides: [{person: ben, start: "2026-12-24T09:00", end: "2026-12-26T09:00"}]}
policies: [{id: security, steps: [{notify: ["schedule:primary"], wait: 5m}]}, {id: quiet, steps: [{notify: ["person:ben"], wait: 5m}]}]
routes: [{match: {severity: high}, policy: security}, {match: {severity: low}, action: record}, {match: {}}]
`

// loaded is undoTeam with words replaced.
func loaded(t tester, pairs ...string) Configuration {
	t.Helper()
	document, err := ParseFile("team.yaml", []byte(strings.NewReplacer(pairs...).Replace(undoTeam)))
	if err == nil {
		var c Configuration
		if c, err = Merge(Configuration{}, anyContact, document); err == nil {
			return c
		}
	}
	t.Fatalf("%v", err)
	return Configuration{}
}

func exported(t tester, c Configuration) string {
	t.Helper()
	text, err := c.Export()
	if err != nil {
		t.Fatalf("%v", err)
	}
	return string(text)
}

// throughStorage is what is kept of a change, as it is read back.
func throughStorage(t tester, before, after Configuration) Kept {
	t.Helper()
	stored, err := json.Marshal(Keep(before, after))
	if err != nil {
		t.Fatalf("%v", err)
	}
	var kept Kept
	if err := json.Unmarshal(stored, &kept); err != nil {
		t.Fatalf("%v in %s", err, stored)
	}
	return kept
}

// TestWhatAnUndoingPutsBackAndWhatItLeaves changes the team once, then again, and undoes the first change.
func TestWhatAnUndoingPutsBackAndWhatItLeaves(t *testing.T) {
	t.Parallel()
	const added = `overrides: [{person: ana, start: "2026-12-01T09:00", end: "2026-12-02T09:00"}, `
	for name, one := range map[string]struct {
		first, second []string // words that are replaced, the second's besides the first's
		want          []string // likewise
		conflicts     []string
		shown         string // of the first conflict: before, and now
	}{
		"nothing else": {first: []string{"name: Ben", "name: Benedict"}},
		"another entry": {
			first: []string{"name: Ben", "name: Benedict"}, second: []string{"name: Chi", "name: Chiara"}, want: []string{"name: Chi", "name: Chiara"},
		},
		"another key of the entry": {
			first: []string{"{id: primary,", "{id: primary, timezone: Europe/Madrid,"}, second: []string{"overrides: [", added}, want: []string{"overrides: [", added},
		},
		"the same key": {
			first: []string{"name: Ben", "name: Benedict"}, second: []string{"name: Ben", "name: Benjamin"}, want: []string{"name: Ben", "name: Benjamin"},
			conflicts: []string{"people/ben/name"}, shown: "Ben\n|Benjamin\n",
		},
		"another override": {
			first: []string{"overrides: [", added}, second: []string{"overrides: [", added + `{person: chi, start: "2026-11-01T09:00", end: "2026-11-02T09:00"}, `},
			want: []string{"overrides: [", `overrides: [{person: chi, start: "2026-11-01T09:00", end: "2026-11-02T09:00"}, `},
		},
		"the same override": {
			first: []string{"overrides: [", added}, second: []string{"overrides: [", strings.Replace(added, "-02T", "-03T", 1)},
			want:      []string{"overrides: [", strings.Replace(added, "-02T", "-03T", 1)},
			conflicts: []string{"schedules/primary/overrides"},
		},
		"a route is put back where it stood": {
			first: []string{"{match: {severity: low}, action: record}, ", ""}, second: []string{"{match: {severity: low}, action: record}, ", "", "routes: [", "routes: [{match: {title: x}}, "},
			want: []string{"routes: [", "routes: [{match: {title: x}}, "},
		},
		"a person who was added is changed since": {
			first:  []string{"{id: chi, name: Chi}]", "{id: chi, name: Chi}, {id: dan, name: Dan}]"},
			second: []string{"{id: chi, name: Chi}]", "{id: chi, name: Chi}, {id: dan, name: Daniela}]"},
			want:   []string{"{id: chi, name: Chi}]", "{id: chi, name: Chi}, {id: dan, name: Daniela}]"}, conflicts: []string{"people/dan"},
			shown: "|id: dan\nname: Daniela\n",
		},
		"a person who was changed is gone since": {
			first: []string{"name: Chi", "name: Chiara"}, second: []string{", {id: chi, name: Chi}", ""}, want: []string{", {id: chi, name: Chi}", ""},
			conflicts: []string{"people/chi"},
		},
		"a credential alone was changed since": {
			first: []string{"secret: hush", "secret: hush2"}, second: []string{"secret: hush", "secret: hush3"}, want: []string{"secret: hush", "secret: hush3"},
			conflicts: []string{"people/ana/contacts/mail/secret"}, shown: "(changed)\n|(set)\n",
		},
		"one of another place in the order": {
			first:  []string{"{id: ben, name: Ben}, {id: chi, name: Chi}", "{id: chi, name: Chi}, {id: ben, name: Ben}"},
			second: []string{"{id: ben, name: Ben}, {id: chi, name: Chi}", "{id: chi, name: Chi}, {id: ben, name: Ben}, {id: dan, name: Dan}"},
			want:   []string{"{id: ben, name: Ben}, {id: chi, name: Chi}", "{id: ben, name: Ben}, {id: dan, name: Dan}, {id: chi, name: Chi}"},
		},
		"the order was changed since": {
			first:  []string{"{id: ben, name: Ben}, {id: chi, name: Chi}", "{id: chi, name: Chi}, {id: ben, name: Ben}"},
			second: []string{"people: [{id: ana", "people: [{id: ben, name: Ben}, {id: ana", ", {id: ben, name: Ben}, {id: chi, name: Chi}", ", {id: chi, name: Chi}"},
			want:   []string{"people: [{id: ana", "people: [{id: ben, name: Ben}, {id: ana", ", {id: ben, name: Ben}, {id: chi, name: Chi}", ", {id: chi, name: Chi}"}, conflicts: []string{"people"},
			shown: "ana\nben\nchi|ben\nana\nchi",
		},
		"it is as it was already": {first: []string{"name: Ben", "name: Benedict"}, second: []string{"x", "x"}},
		"of a mapping another key": {
			first: []string{"routes:", "retention: {raw: 30d}\nroutes:"}, second: []string{"routes:", "retention: {raw: 30d, tickets: 60d}\nroutes:"},
			want: []string{"routes:", "retention: {tickets: 60d}\nroutes:"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, after := loaded(t), loaded(t, one.first...)
			now := after
			if one.second != nil {
				now = loaded(t, one.second...)
			}
			undoing, err := throughStorage(t, before, after).Undo(now, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := exported(t, undoing.Wanted), exported(t, loaded(t, one.want...)); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if got := undoing.LeftOut(); !slices.Equal(got, append([]string{}, one.conflicts...)) {
				t.Errorf("conflicts: got %q, want %q", got, one.conflicts)
			}
			for _, conflict := range undoing.Conflicts {
				if got := conflict.Before + "|" + conflict.Now; one.shown != "" && got != one.shown {
					t.Errorf("%s is shown as %q, want %q", conflict.Path, got, one.shown)
				}
				if strings.Contains(conflict.Before+conflict.Now, "hush") || conflict.Before == conflict.Now {
					t.Errorf("%s: got before %q and now %q", conflict.Path, conflict.Before, conflict.Now)
				}
			}
			back, err := throughStorage(t, before, after).Undo(now, one.conflicts)
			if err != nil || len(back.LeftOut()) != 0 {
				t.Fatalf("put back nevertheless: %q, %v", back.LeftOut(), err)
			}
			if len(one.conflicts) > 0 && exported(t, back.Wanted) == exported(t, now) {
				t.Error("what shall be put back nevertheless is not")
			}
		})
	}
}

func TestAChangeNamesTheThingsThatItChanged(t *testing.T) {
	t.Parallel()
	kept := throughStorage(t, loaded(t), loaded(t, "name: Ben", "name: Benedict", ", {id: chi, name: Chi}", "", "{match: {}}", "{match: {title: x}}"))
	if got, want := strings.Join(kept.Things(), " "), "people/ben people/chi routes"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	order := throughStorage(t, loaded(t), loaded(t, "{id: ben, name: Ben}, {id: chi, name: Chi}", "{id: chi, name: Chi}, {id: ben, name: Ben}"))
	if got := strings.Join(order.Things(), " "); got != "people" {
		t.Errorf("another order: got %s, want people", got)
	}
	stored, err := json.Marshal(kept)
	if err != nil || strings.Contains(string(stored), `"Ana"`) {
		t.Errorf("what did not change is kept, too: %s, %v", stored, err)
	}
}

func TestAStateOfAnotherVersionIsNotReadInPart(t *testing.T) {
	t.Parallel()
	var kept Kept
	if err := json.Unmarshal([]byte(`{"routes": {"before": null, "after": []}, "novelties": {"before": null, "after": []}}`), &kept); err == nil {
		t.Error("a section that is not known was left out")
	}
}

// TestAnyChangeIsUndoneToTheOctet undoes random changes in reverse: each state before comes back as it was.
func TestAnyChangeIsUndoneToTheOctet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		states := []Configuration{{}}
		for range *undoSteps {
			states = append(states, drawConfiguration(t))
		}
		now := states[len(states)-1]
		for i := len(states) - 2; i >= 0; i-- {
			undoing, err := throughStorage(t, states[i], states[i+1]).Undo(now, nil)
			if err != nil || len(undoing.Conflicts) > 0 {
				t.Fatalf("%v, %+v", err, undoing.Conflicts)
			}
			now = undoing.Wanted
			if got, want := exported(t, now), exported(t, states[i]); got != want {
				t.Fatalf("got\n%s\nwant\n%s", got, want)
			}
		}
	})
}

// TestAnUndoingAndItsUndoingLeaveWhatOthersDid undoes one of two random changes, and undoes that: what is in force is as it was.
func TestAnUndoingAndItsUndoingLeaveWhatOthersDid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		first, second, third := drawConfiguration(t), drawConfiguration(t), drawConfiguration(t)
		undoing, err := throughStorage(t, first, second).Undo(third, nil)
		if err != nil {
			t.Fatalf("%v", err)
		}
		again, err := throughStorage(t, third, undoing.Wanted).Undo(undoing.Wanted, nil)
		if err != nil || len(again.Conflicts) > 0 {
			t.Fatalf("%v, %+v", err, again.Conflicts)
		}
		if got, want := exported(t, again.Wanted), exported(t, third); got != want {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	})
}
