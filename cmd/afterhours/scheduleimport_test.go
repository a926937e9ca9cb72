package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSchedulesOfOtherSystemsArePrintedForApply(t *testing.T) {
	t.Parallel()
	files := "internal/scheduleimport/testdata/"
	for _, file := range []string{"goalert.json", "grafana.json"} {
		code, stdout, stderr := command(t, nil, "schedule", "import", files+file)
		if code != exitDone || !strings.HasPrefix(stdout, "# apply replaces the sections") || !strings.Contains(stdout, "\nschedules:\n") {
			t.Errorf("%s: got %d, %s", file, code, stdout)
		}
		for _, warning := range strings.Split(strings.TrimSpace(stderr), "\n") {
			said, ok := strings.CutPrefix(warning, "afterhours: warning: ")
			if !ok || !strings.Contains(stdout, "# "+said+"\n") {
				t.Errorf("%s: %q is no comment of the output", file, warning)
			}
		}
	}
	calendar := filepath.Join(t.TempDir(), "holidays.ics")
	content := strings.ReplaceAll("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\nDTSTART;VALUE=DATE:20261225\nSUMMARY:Navidad\nEND:VEVENT\nEND:VCALENDAR\n", "\n", "\r\n")
	if err := os.WriteFile(calendar, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := command(t, nil, "schedule", "holidays", "--year", "2026", calendar); code != exitDone || stdout != "holidays:\n  - \"2026-12-25 Navidad\"\n" {
		t.Errorf("holidays: got %d, %q, %q", code, stdout, stderr)
	}
	if code, _, stderr := command(t, nil, "schedule", "holidays", "--year", "2030", calendar); code != exitFailed || !strings.Contains(stderr, "no all-day event in 2030") {
		t.Errorf("holidays of another year: got %d, %q", code, stderr)
	}
	other := filepath.Join(t.TempDir(), "other.txt")
	if err := os.WriteFile(other, []byte("people: []"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		said string
	}{
		{[]string{other}, exitFailed, "name it with --format"},
		{[]string{"none.ics"}, exitFailed, "no such file"},
		{[]string{"--format", "xml", other}, exitUsage, "--format must be one of"},
		{[]string{"--days", "0", other}, exitUsage, "--days: 0 is not from 1 to 730"},
		{nil, exitUsage, "expected \"<file>\""},
	} {
		code, stdout, stderr := command(t, nil, append([]string{"schedule", "import"}, c.args...)...)
		if code != c.code || !strings.Contains(stderr, c.said) || stdout != "" {
			t.Errorf("%v: got %d, %q, %q, want %d, %q", c.args, code, stdout, stderr, c.code, c.said)
		}
	}
}
