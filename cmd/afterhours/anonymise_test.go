package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAnonymiseWritesBesideTheFileAndOverwritesNothing(t *testing.T) {
	t.Parallel()
	folder, other := t.TempDir(), t.TempDir()
	path := filepath.Join(folder, "one.eml")
	if err := os.WriteFile(path, alertMail("High", "Ransomware", "srv-sql-07", "da637123456789012345_1", "one@contoso.com"), 0o600); err != nil {
		t.Fatal(err)
	}
	target := path + ".anonymised.eml"
	if code, stdout, stderr := command(t, nil, "anonymise", path); code != exitDone || strings.TrimSpace(stdout) != target {
		t.Fatalf("got %d %q %q", code, stdout, stderr)
	}
	first, err := os.ReadFile(target)
	if err != nil || strings.Contains(string(first), "srv-sql-07") || strings.Contains(string(first), "contoso") {
		t.Errorf("got %v %s", err, first)
	}
	code, _, stderr := command(t, nil, "anonymise", path)
	if code != exitFailed || !strings.Contains(stderr, "is there already; remove it, or write elsewhere with --output") {
		t.Errorf("a second run: got %d %q", code, stderr)
	}
	if again, err := os.ReadFile(target); err != nil || string(again) != string(first) {
		t.Errorf("the file was overwritten: %v", err)
	}
	if code, stdout, stderr := command(t, nil, "anonymise", "--output", other, path); code != exitDone || strings.TrimSpace(stdout) != filepath.Join(other, "one.eml.anonymised.eml") {
		t.Errorf("another folder: got %d %q %q", code, stdout, stderr)
	}
	if code, _, stderr := command(t, nil, "anonymise"); code != exitUsage || strings.Count(stderr, "\n") != 1 {
		t.Errorf("no file: got %d %q", code, stderr)
	}
}
