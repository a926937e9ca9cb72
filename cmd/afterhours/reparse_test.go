package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/migrations/pgtest"
)

func TestReparseShowsTheDifferencesThenMakesThem(t *testing.T) {
	t.Parallel()
	database := pgtest.URL(t)
	path := filepath.Join(t.TempDir(), "one.eml")
	if err := os.WriteFile(path, alertMail("High", "Ransomware", "pc1", "da1111111111111111_1", "one@example"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := command(t, commandVars(database), "import", path); code != exitDone {
		t.Fatal(stderr)
	}
	pool, err := pgxpool.New(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	// As a poorer parser would have left it.
	if _, err := pool.Exec(t.Context(), `UPDATE mails SET alert = alert || '{"kind": "unrecognised", "severity": "unknown", "devices": []}'`); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), `UPDATE tickets SET kind = 'unrecognised', severity = 'unknown', devices = '{}'`); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--unrecognised", "--dry-run"}, "1 tickets would change"},
		{[]string{"--unrecognised"}, "1 mails read again, 1 of them differently; 1 tickets changed"},
		{[]string{"--all"}, "1 mails read again, 0 of them differently; 0 tickets changed"},
		{[]string{"--ticket", "1001"}, "1 mails read again, 0 of them differently"},
	} {
		code, stdout, stderr := command(t, commandVars(database), append([]string{"reparse"}, c.args...)...)
		if code != exitDone || !strings.Contains(stdout, c.want) {
			t.Errorf("%v: got %d %q %q, want %q", c.args, code, stdout, stderr, c.want)
		}
		if strings.Contains(c.want, "1 tickets") && (!strings.Contains(stdout, `#1001 Ransomware`) || !strings.Contains(stdout, `severity: "unknown" -> "high"`) || !strings.Contains(stdout, `devices: (nothing) -> "pc1"`)) {
			t.Errorf("%v: the differences are not shown: %q", c.args, stdout)
		}
	}
	for _, args := range [][]string{nil, {"--all", "--unrecognised"}, {"--ticket", "x"}} {
		if code, _, stderr := command(t, commandVars(database), append([]string{"reparse"}, args...)...); code != exitUsage || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: got %d %q, want one line of usage", args, code, stderr)
		}
	}
	if code, _, stderr := command(t, commandVars(database), "reparse", "--ticket", "7"); code != exitFailed || !strings.Contains(stderr, "there is no ticket 7") {
		t.Errorf("an unknown ticket: got %d %q", code, stderr)
	}
}
