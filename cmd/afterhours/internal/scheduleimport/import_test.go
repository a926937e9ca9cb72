package scheduleimport

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"afterhours/oncall"
)

var update = flag.Bool("update", false, "write what is read as what is wanted")

// at is the moment of every import here.
var at = time.Date(2026, 10, 15, 12, 0, 0, 0, time.UTC)

func TestFilesOfOtherSystemsBecomeOurs(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"team.ics", "goalert.json", "grafana.json"} {
		content, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		result, err := Import("", content, Options{Now: at, Days: 30, Name: "Imported"})
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		yaml, err := result.Configuration.Export()
		if err != nil {
			t.Fatal(err)
		}
		document, err := oncall.ParseFile(file, yaml)
		if err == nil {
			_, err = oncall.Merge(oncall.Configuration{}, func(_, _, _ string) error { return nil }, document)
		}
		if err != nil {
			t.Errorf("%s: cannot be applied: %v", file, err)
		}
		got := "# " + strings.Join(result.Warnings, "\n# ") + "\n" + string(yaml)
		if *update {
			if err := os.WriteFile("testdata/"+file+".yaml", []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile("testdata/" + file + ".yaml")
		if err != nil || got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s%v", file, got, want, err)
		}
	}
}

// schedule is the only schedule of a file.
func schedule(t *testing.T, content string) oncall.Schedule {
	t.Helper()
	result, err := Import("", []byte(content), Options{Now: at, Days: 30, Name: "Imported"})
	if err != nil || len(result.Configuration.Schedules) != 1 {
		t.Fatal(result, err)
	}
	return result.Configuration.Schedules[0]
}

func TestWhoIsOnCallAfterAnImportIsWhoWasBefore(t *testing.T) {
	t.Parallel()
	for file, moments := range map[string]map[string]string{
		"goalert.json": {
			"2026-10-17T12:00:00Z": "ben-okafor", // a Saturday; active, and hands over on the 26th
			"2026-10-26T08:00:01Z": "chi-nguyen", // Monday in office hours
			"2026-10-26T20:00:00Z": "ana-ruiz",
			"2026-11-09T07:59:59Z": "ana-ruiz",
			"2026-11-09T18:00:00Z": "ben-okafor",
			"2026-10-20T12:00:00Z": "ana-ruiz", // an override
			"2026-12-25T12:00:00Z": "",         // nobody in the temporary schedule
		},
		"team.ics": {
			"2026-10-24T10:00:00Z": "ben-okafor", "2026-10-25T22:59:59Z": "ben-okafor", // the day has 25 hours
			"2026-10-26T17:30:00Z": "", "2026-10-26T19:30:00Z": "ana-ruiz", "2026-11-02T17:30:00Z": "jose-nunez", "2026-10-19T17:30:00Z": "",
		},
	} {
		content, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		s := schedule(t, string(content))
		for text, want := range moments {
			moment, err := time.Parse(time.RFC3339, text)
			if err != nil {
				t.Fatal(err)
			}
			if got, _, _ := s.At(moment); got != want {
				t.Errorf("%s at %s: got %q, want %q", file, text, got, want)
			}
		}
	}
}

func TestFinalShiftsOfGrafanaBecomeAList(t *testing.T) {
	t.Parallel()
	s := schedule(t, `{"count": 2, "results": [
		{"user_pk": "U2", "user_email": "bob@example.com", "user_username": "bob", "shift_start": "2026-10-17T09:00:00Z", "shift_end": "2026-10-17T17:00:00Z"},
		{"user_pk": "U1", "user_email": "alice@example.com", "user_username": "alice", "shift_start": "2026-10-16T09:00:00Z", "shift_end": "2026-10-16T17:00:00Z"}]}`)
	if person, source, _ := s.At(time.Date(2026, 10, 17, 10, 0, 0, 0, time.UTC)); person != "bob" || source != oncall.SourceTemporary {
		t.Errorf("got %q by %q", person, source)
	}
}

func TestWhatIsNoExportIsRefused(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"":                               "name it with --format",
		"people: []":                     "name it with --format",
		`{"other": 1}`:                   "name it with --format",
		`{"data": {"schedules": []}}`:    "no schedule stands in the file",
		`{"data": {"schedules": 7}}`:     "no answer of GoAlert's",
		`{"results": [7]}`:               "no answer of Grafana OnCall's",
		"BEGIN:VCALENDAR\r\nVERSION:2.0": "no iCalendar file",
		"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20261101T000000Z\r\nDTEND:20261101T000001Z\r\nRRULE:FREQ=SECONDLY\r\nSUMMARY:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n": "no shift from now on",
	} {
		if _, err := Import("", []byte(content), Options{Now: at, Days: 30}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", content, err, want)
		}
	}
}

func FuzzAnImportCanBeAppliedOrIsRefused(f *testing.F) {
	for _, file := range []string{"team.ics", "goalert.json", "grafana.json"} {
		content, err := os.ReadFile("testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		result, err := Import("", content, Options{Now: at, Days: 30, Name: "Imported"})
		if err != nil {
			return
		}
		yaml, err := result.Configuration.Export()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := oncall.ParseFile("export.yaml", yaml); err != nil {
			t.Fatalf("%v in\n%s", err, yaml)
		}
	})
}
