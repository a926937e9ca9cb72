// Package afterhours_test holds the house to its plan: which package may import which.
package afterhours_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "afterhours"

// rooms says what each package may import of ours, as ARCHITECTURE.md draws it; "*" is everything. Tests may also use
// the packages of testRooms.
var rooms = map[string][]string{
	"cmd/afterhours":                         {"*"},
	"cmd/afterhours/internal/fakedefender":   {},
	"cmd/afterhours/internal/samplemail":     {},
	"smtpd":                                  {},
	"tickets":                                {},
	"parser":                                 {"tickets"},
	"tickets/playbook":                       {"tickets"},
	"tickets/defender":                       {"tickets"},
	"tickets/ticketdb":                       {"tickets"},
	"tickets/spool":                          {"tickets"},
	"oncall":                                 {"tickets", "oncall/notify"},
	"oncall/oncalldb":                        {"oncall", "tickets"},
	"oncall/notify":                          {},
	"oncall/notify/notifytest":               {"oncall/notify"},
	"oncall/notify/email":                    {"oncall/notify"},
	"oncall/notify/push":                     {"oncall/notify"},
	"oncall/notify/slack":                    {"oncall/notify"},
	"oncall/notify/sms":                      {"oncall/notify"},
	"oncall/notify/teams":                    {"oncall/notify"},
	"oncall/notify/voice":                    {"oncall/notify"},
	"oncall/notify/webhook":                  {"oncall/notify"},
	"web":                                    {"tickets", "tickets/playbook", "oncall", "web/api", "web/auth"},
	"web/api":                                {"tickets", "tickets/playbook", "oncall", "web/auth"},
	"web/auth":                               {"tickets"},
	"migrations":                             {},
	"migrations/pgserver":                    {},
	"migrations/pgtest":                      {"migrations", "migrations/pgserver"},
	"cmd/afterhours/internal/scheduleimport": {"oncall"},
	"cmd/afterhours/internal/anonymise":      {"parser", "tickets"},
	"cmd/afterhours/internal/mailfiles":      {},
	"deploy/dist":                            {},
}

var testRooms = []string{"cmd/afterhours/internal/samplemail", "migrations/pgtest", "oncall/notify/notifytest"}

// standardOnly may not even import a library.
var standardOnly = []string{"tickets"}

func TestRoomsImportOnlyWhatThePlanAllows(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && file != "." || entry.Name() == "testdata") {
			return filepath.SkipDir
		}
		if _, err := os.Stat(filepath.Join(file, "go.mod")); entry.IsDir() && file != "." && err == nil {
			return filepath.SkipDir // a module of its own is no room of this one
		}
		if entry.IsDir() || !strings.HasSuffix(file, ".go") || path.Dir(filepath.ToSlash(file)) == "." {
			return nil
		}
		room := path.Dir(filepath.ToSlash(file))
		allowed, known := rooms[room]
		if !known {
			t.Errorf("%s: the package %s is not in the plan", file, room)
			return nil
		}
		seen[room] = true
		source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range source.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			check(t, file, room, imported, allowed)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for room := range rooms {
		if !seen[room] {
			t.Errorf("the plan has a package %s that does not exist", room)
		}
	}
}

func check(t *testing.T, file, room, imported string, allowed []string) {
	t.Helper()
	isTest := strings.HasSuffix(file, "_test.go")
	ours, isOurs := strings.CutPrefix(imported, module+"/")
	if !isOurs {
		library := strings.Contains(strings.SplitN(imported, "/", 2)[0], ".")
		if library && !isTest && slices.Contains(standardOnly, room) {
			t.Errorf("%s: %s imports the library %s; it may use the standard library alone", file, room, imported)
		}
		return
	}
	if slices.Contains(allowed, "*") || slices.Contains(allowed, ours) {
		return
	}
	if isTest && (ours == room || slices.Contains(testRooms, ours)) {
		return
	}
	t.Errorf("%s: %s imports %s, which the plan does not allow", file, room, ours)
}
