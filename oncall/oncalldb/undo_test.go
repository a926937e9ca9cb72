package oncalldb_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/oncall/oncalldb"
	"afterhours/tickets"
)

var undoChanges = flag.Int("undo-changes", 12, "how many random changes are undone in reverse")

func (r *room) exported(t *testing.T) string {
	t.Helper()
	configuration, err := r.Export(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := configuration.Export()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// newest is the newest entry of the audit log.
func (r *room) newest(t *testing.T) oncall.Change {
	t.Helper()
	changes, err := r.AuditLog(t.Context(), 1, 0)
	if err != nil || len(changes) != 1 {
		t.Fatalf("got %+v, %v", changes, err)
	}
	return changes[0]
}

// undo undoes an entry and puts nothing back that was changed since.
func (r *room) undo(t *testing.T, entry int64) (int64, error) {
	t.Helper()
	return r.Undo(t.Context(), "adm", entry, func(current oncall.Configuration, kept oncall.Kept) (oncall.Undoing, error) {
		return kept.Undo(current, nil)
	})
}

// everySection is a change of each section, and of what can be changed in one.
var everySection = map[string]string{
	"people":      `people: [{id: ana, name: Ana, contacts: [{id: hook, channel: webhook, to: "https://a.example/y", secret: other}]}, {id: nix, name: Nicola}, {id: ben, name: Ben}, {id: new, name: New}]`,
	"schedules":   `schedules: [{id: empty, timezone: Europe/Madrid, layers: [{people: [ben, ana], rotation: {every: 1d, start: "2026-01-01T09:00"}}], overrides: [{person: ben, start: "2026-03-02T09:00", end: "2026-03-03T09:00"}], holidays: ["2026-12-25 Christmas"]}]`,
	"policies":    `policies: [{id: other, steps: [{notify: ["person:ben"], wait: 1m}]}, {id: security, steps: [{notify: ["person:ben"], wait: 5m}], last_resort: ["person:ana"]}]`,
	"routes":      `routes: [{match: {severity: high}, policy: security, runbook: "https://wiki.example"}, {match: {}, action: record}]`,
	"webhooks":    `webhooks: [{id: soc, url: "https://soc.example/in", secret: hush, events: [ticket.created]}]`,
	"mutes":       `mutes: [{match: {title: "*search*"}, until: "2026-12-01T09:00Z", reason: known}]`,
	"maintenance": `maintenance: [{id: patching, match: {device: "srv-*"}, start: "2026-03-02T09:00", end: "2026-03-03T09:00", reason: patches}]`,
	"intake":      `intake: [{id: main, to: defender@example.com, expect_every: 1d, notify: ["person:ana"]}]`,
	"tenants":     `tenants: [{id: contoso, tenant_id: 0a1b2c3d-1111-4222-8333-444455556666, client_id: 0a1b2c3d-1111-4222-8333-444455556667, client_secret: hush}]`,
	"playbooks":   "tenants: [{id: contoso, tenant_id: 0a1b2c3d-1111-4222-8333-444455556666, client_id: 0a1b2c3d-1111-4222-8333-444455556667, client_secret: hush}]\nplaybooks: [{id: isolate, action: isolate_device, match: {severity: high}}]",
	"readings":    `readings: [{id: siem, from: siem@example.com, fields: [{field: title, after: "Rule:"}]}]`,
	"retention":   `retention: {raw: 30d, tickets: 60d}`,
	"load":        `load: {visible_to: team}`,
}

// documentKeys are the parts of a configuration by their names in a document.
func documentKeys() []string {
	var keys []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[oncall.Configuration]()) {
		if field.IsExported() {
			keys = append(keys, strings.ToLower(field.Name))
		}
	}
	return keys
}

func TestEachKindOfChangeIsUndoneToTheOctetAndSoIsItsUndoing(t *testing.T) {
	t.Parallel()
	for _, section := range documentKeys() {
		if everySection[section] == "" {
			t.Errorf("no change of %s is undone here", section)
		}
	}
	for section, yaml := range everySection {
		t.Run(section, func(t *testing.T) {
			t.Parallel()
			r := open(t)
			before := r.exported(t)
			r.apply(t, yaml)
			after, change := r.exported(t), r.newest(t)
			if before == after || change.State != oncall.StateKept {
				t.Fatalf("nothing changed, or it is not kept: %+v", change)
			}
			undone, err := r.undo(t, change.ID)
			if err != nil {
				t.Fatal(err)
			}
			if got := r.exported(t); got != before {
				t.Errorf("undone: got\n%s\nwant\n%s", got, before)
			}
			if got := r.newest(t); got.ID != undone || got.Actor != "adm" || got.Undoes != change.ID || got.Action != fmt.Sprintf("undid entry %d: configuration applied", change.ID) || got.Difference == "" {
				t.Errorf("the undoing's entry: got %+v", got)
			}
			if _, err := r.undo(t, change.ID); !errors.As(err, new(*tickets.ConflictError)) {
				t.Errorf("undone twice: got %v, want a ConflictError", err)
			}
			again, err := r.undo(t, undone)
			if err != nil {
				t.Fatal(err)
			}
			if got := r.exported(t); got != after {
				t.Errorf("the undoing undone: got\n%s\nwant\n%s", got, after)
			}
			changes, err := r.AuditLog(t.Context(), 4, 0)
			if err != nil || len(changes) != 4 {
				t.Fatalf("got %+v, %v", changes, err)
			}
			for i, want := range []int64{0, again, 0, 0} { // the first change is in force again
				if changes[i].UndoneBy != want {
					t.Errorf("entry %d: got undone by %d, want %d", changes[i].ID, changes[i].UndoneBy, want)
				}
			}
		})
	}
}

// TestRandomChangesUndoneInReverseGiveTheFirstExport takes random sections through random states.
func TestRandomChangesUndoneInReverseGiveTheFirstExport(t *testing.T) {
	t.Parallel()
	r := open(t)
	seed := rand.Uint64() //nolint:gosec // each run is another one, and says which
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // nothing is secret here
	sections := documentKeys()
	exports := []string{r.exported(t)}
	var entries []int64
	for len(entries) < *undoChanges {
		section := sections[random.IntN(len(sections))]
		yaml := everySection[section]
		if random.IntN(2) == 0 { // back to what the team has, or to nothing
			yaml = section + ": {}\n"
			if slices.Contains(oncall.Sections(), section) {
				yaml = section + ": []\n"
			}
			if at := strings.Index(team, "\n"+section+":"); at >= 0 {
				yaml = team[at+1:]
				if end := strings.Index(yaml, "\n\n"); end >= 0 {
					yaml = yaml[:end]
				}
			}
		}
		document, err := oncall.ParseFile("x.yaml", []byte(yaml))
		if err != nil {
			t.Fatal(err)
		}
		err = r.Apply(t.Context(), "adm", "random", func(current oncall.Configuration) (oncall.Configuration, error) {
			return oncall.Merge(current, func(_, _, _ string) error { return nil }, document)
		})
		if err != nil {
			continue // something else needs what would go
		}
		if now := r.exported(t); now != exports[len(exports)-1] {
			exports, entries = append(exports, now), append(entries, r.newest(t).ID)
		}
	}
	for i, entry := range slices.Backward(entries) {
		if _, err := r.undo(t, entry); err != nil {
			t.Fatal(err)
		}
		if got := r.exported(t); got != exports[i] {
			t.Fatalf("change %d undone: got\n%s\nwant\n%s", i, got, exports[i])
		}
	}
}

func TestOfTwoWhoUndoTheSameAtOnceOneIsRefused(t *testing.T) {
	t.Parallel()
	r := open(t)
	before := r.exported(t)
	r.apply(t, everySection["routes"])
	entry := r.newest(t).ID
	errs := make([]error, 2)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() { _, errs[i] = r.undo(t, entry) })
	}
	group.Wait()
	refused := errors.As(errs[0], new(*tickets.ConflictError)) != errors.As(errs[1], new(*tickets.ConflictError))
	if !refused || errs[0] != nil && errs[1] != nil {
		t.Errorf("got %v and %v, want one ConflictError", errs[0], errs[1])
	}
	if got := r.exported(t); got != before {
		t.Errorf("got\n%s\nwant\n%s", got, before)
	}
}

func TestAnUndoingInPartSaysWhatItLeft(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, strings.NewReplacer("name: Ben", "name: Benedict", "name: Nix", "name: Nicola").Replace(team))
	entry := r.newest(t).ID
	r.apply(t, strings.NewReplacer("name: Ben", "name: Benjamin", "name: Nix", "name: Nicola").Replace(team))
	later, err := r.ChangedSince(t.Context(), entry, 10)
	if err != nil || len(later) != 1 || !slices.Equal(later[0].Things, []string{"people/ben"}) {
		t.Errorf("changed since: got %+v, %v", later, err)
	}
	if _, err := r.undo(t, entry); err != nil {
		t.Fatal(err)
	}
	if got := r.exported(t); !strings.Contains(got, "name: Benjamin") || !strings.Contains(got, "name: Nix") {
		t.Errorf("got\n%s", got)
	}
	change, err := r.Change(t.Context(), entry)
	if err != nil || !change.UndoneInPart() || !slices.Equal(change.LeftOut, []string{"people/ben/name"}) {
		t.Errorf("got %+v, %v", change, err)
	}
	if _, err := r.undo(t, entry); !errors.As(err, new(*tickets.ConflictError)) { // nothing more of it can be
		t.Errorf("again: got %v", err)
	}
}

// keptState is how an entry's state stands in the database.
func (r *room) keptState(t *testing.T, entry int64) (state, forgotten string) {
	t.Helper()
	err := r.pool.QueryRow(t.Context(), `SELECT coalesce(state::text, ''), forgotten FROM configuration_changes WHERE entry = $1`, entry).Scan(&state, &forgotten)
	if err != nil {
		t.Fatal(err)
	}
	return state, forgotten
}

func TestWhatIsKeptOfAChangeIsSealedAndGoesWithItsAgeItsSizeAndItsPerson(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, everySection["tenants"])
	tenant := r.newest(t).ID
	if state, _ := r.keptState(t, tenant); !strings.Contains(state, `"sealed:hush"`) || strings.Contains(state, `"hush"`) {
		t.Errorf("kept: got %s", state)
	}
	r.apply(t, strings.Replace(team, "name: Nix", "name: Nicola Moreau", 1))
	person := r.newest(t).ID
	r.apply(t, `mutes: [{match: {title: x}, until: "2026-12-01T09:00Z", reason: "Nicola Moreau knows"}]`)
	mention := r.newest(t).ID
	r.apply(t, `mutes: [{match: {title: x}, until: "2026-12-01T09:00Z", reason: "`+strings.Repeat("long ", oncall.MostUndoState/5)+`"}]`)
	if _, forgotten := r.keptState(t, r.newest(t).ID); forgotten != string(oncall.StateSize) {
		t.Errorf("a large one: got %q", forgotten)
	}
	err := pgx.BeginFunc(t.Context(), r.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `SET LOCAL afterhours.exception = 'erasure'`); err != nil {
			return err
		}
		_, err := r.EraseIn(t.Context(), tx, tickets.Erasure{Person: "nix", Words: []string{"Nicola Moreau"}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range []int64{person, mention} {
		if state, forgotten := r.keptState(t, entry); state != "" || forgotten != string(oncall.StateErased) {
			t.Errorf("entry %d after the erasure: got %q, %q", entry, state, forgotten)
		}
		if _, err := r.undo(t, entry); !errors.Is(err, oncall.ErrNotKept) {
			t.Errorf("undone after the erasure: got %v", err)
		}
	}
	if err := r.ForgetChanges(t.Context(), r.now.Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, forgotten := r.keptState(t, tenant); forgotten != "" {
		t.Errorf("a young one: got %q", forgotten)
	}
	if err := r.ForgetChanges(t.Context(), r.now.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if state, forgotten := r.keptState(t, tenant); state != "" || forgotten != string(oncall.StateAge) {
		t.Errorf("an old one: got %q, %q", state, forgotten)
	}
}

// otherSealer seals with another key and opens both.
type otherSealer struct{}

func (otherSealer) Seal(plain string) (string, error) { return "anew:" + plain, nil }

func (otherSealer) Open(sealed string) (string, error) {
	if plain, ok := strings.CutPrefix(sealed, "anew:"); ok {
		return plain, nil
	}
	return plainSealer{}.Open(sealed)
}

func TestARotationSealsWhatIsKeptOfChangesOrForgetsIt(t *testing.T) {
	t.Parallel()
	r := open(t)
	first := r.newest(t).ID
	before := r.exported(t)
	r.apply(t, everySection["tenants"])
	tenant := r.newest(t).ID
	r.apply(t, everySection["webhooks"])
	lost := r.newest(t).ID
	if _, err := r.pool.Exec(t.Context(), `UPDATE configuration_changes SET state = replace(state::text, 'sealed:', 'lost:')::jsonb WHERE entry = $1`, lost); err != nil {
		t.Fatal(err)
	}
	options := r.Options
	options.Sealer = otherSealer{}
	r.Store = oncalldb.New(options)
	changed, err := r.Reseal(t.Context())
	if err != nil || changed != 5 { // a person, a webhook, a tenant, and two changes
		t.Errorf("got %d, %v, want 5", changed, err)
	}
	if newest := r.newest(t); newest.Action != "credentials sealed with a new key" {
		t.Errorf("the audit log does not say so: %+v", newest)
	}
	for _, entry := range []int64{first, tenant} {
		if state, _ := r.keptState(t, entry); !strings.Contains(state, "anew:hush") || strings.Contains(state, `"sealed:`) {
			t.Errorf("entry %d: got %s", entry, state)
		}
	}
	if state, forgotten := r.keptState(t, lost); state != "" || forgotten != string(oncall.StateKey) {
		t.Errorf("whose key is lost: got %q, %q", state, forgotten)
	}
	r.apply(t, "webhooks: []")
	if _, err := r.undo(t, tenant); err != nil {
		t.Fatal(err)
	}
	if got := r.exported(t); got != strings.ReplaceAll(before, "sealed:", "anew:") {
		t.Errorf("undone after the rotation: got\n%s", got)
	}
}

func TestAnEntryOfBeforeSaysThatItsStateIsNotKept(t *testing.T) {
	t.Parallel()
	r := open(t)
	_, err := r.pool.Exec(t.Context(), `INSERT INTO audit_log (at, actor, action, difference) VALUES ($1, 'ana', 'configuration applied', '+x')`, r.now)
	if err != nil {
		t.Fatal(err)
	}
	change := r.newest(t)
	if change.State != oncall.StateNone || change.UndoneBy != 0 {
		t.Errorf("got %+v", change)
	}
	if _, err := r.undo(t, change.ID); !errors.Is(err, oncall.ErrNotKept) {
		t.Errorf("undone: got %v", err)
	}
	if _, err := r.undo(t, change.ID+1); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("one that is not there: got %v", err)
	}
}
