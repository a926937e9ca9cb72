package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/migrations/pgtest"
)

func TestABackupIsRestoredWholeIntoAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	ana, ben := newHook(t), newHook(t)
	app := serveTest(t, nil)
	app.configure(t, team(ana, ben, "5m"))
	mail := alertMail("High", "Kept", "pc", "da1111111111111111_1", "kept@example")
	mustSend(t, app.smtpAddr, mail)
	app.settled(t)
	file := filepath.Join(t.TempDir(), "kept.dump")
	at := func(url string) []string {
		return []string{"AFTERHOURS_DATABASE_URL=" + url, "AFTERHOURS_SECRET_KEY=" + testSecret, "AFTERHOURS_ALLOW_PRIVATE_WEBHOOKS=true"}
	}
	if code, stdout, stderr := command(t, at(app.settings.DatabaseURL), "backup", file); code != exitDone || !strings.HasPrefix(stdout, "wrote "+file) {
		t.Fatalf("backup: got %d %q %q", code, stdout, stderr)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: got %v, %v, want it for its owner alone", info, err)
	}

	if code, _, stderr := command(t, at(app.settings.DatabaseURL), "restore", file); code != exitFailed || !strings.Contains(stderr, "restore into an empty one") {
		t.Errorf("into a database with tables: got %d %q, want it refused", code, stderr)
	}
	empty := pgtest.Empty(t)
	broken := filepath.Join(t.TempDir(), "broken.dump")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(broken, content[:len(content)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := command(t, at(empty), "restore", broken); code != exitFailed || !strings.Contains(stderr, "pg_restore") {
		t.Errorf("half a backup: got %d %q, want an error of pg_restore", code, stderr)
	}
	if code, stdout, stderr := command(t, at(empty), "restore", file); code != exitDone || !strings.Contains(stdout, "restored 1 ticket and 1 mail; 0 migrations applied") {
		t.Fatalf("restore: got %d %q %q", code, stdout, stderr)
	}

	_, before, _ := command(t, at(app.settings.DatabaseURL), "export")
	_, after, _ := command(t, at(empty), "export")
	if before != after || before == "" {
		t.Errorf("the configuration differs:\n%s\nand\n%s", before, after)
	}
	restored := serveTest(t, func(s *settings) { s.DatabaseURL = empty })
	raw, err := restored.rooms.tickets.Raw(t.Context(), 1)
	if err != nil || !bytes.Equal(raw, mail) {
		t.Errorf("the raw mail: got %d octets, %v, want the %d that came", len(raw), err, len(mail))
	}
	mustSend(t, restored.smtpAddr, alertMail("High", "Afterwards", "pc", "da1111111111111111_2", "afterwards@example"))
	eventually(t, "a page from the restored database", func() bool { return titlesTold(ana) == 2 })
}

func TestAPasswordIsNoArgumentOfAProgram(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	dumping, err := postgresTool(t.Context(), pool, "pg_dump")
	if err != nil {
		t.Fatal(err)
	}
	if password := pool.Config().ConnConfig.Password; password == "" || strings.Contains(strings.Join(dumping.Args, " "), password) {
		t.Errorf("the arguments %q hold the password", dumping.Args)
	}
	config := pool.Config().ConnConfig
	other, err := pgxpool.New(t.Context(), fmt.Sprintf("host=%s port=%d user=%s password=%s dbname=%s", config.Host, config.Port, config.User, config.Password, config.Database))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	if _, err := postgresTool(t.Context(), other, "pg_dump"); err == nil || !strings.Contains(err.Error(), "as a URL") || strings.Contains(err.Error(), config.Password) {
		t.Errorf("an address of names and values: got %v, want to be asked for a URL", err)
	}
}

func TestBackupsAreMadeDailyAndTheOldestGo(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	app := &application{
		settings: settings{DataDir: t.TempDir(), BackupKeep: 3}, log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		db: database{pool: pgtest.New(t), server: &embedded{}}, now: func() time.Time { return now },
	}
	if found := checkBackups(app.settings, now); found.level != "warning" {
		t.Errorf("before the first: got %+v, want a warning", found)
	}
	other := filepath.Join(backupFolder(app.settings), "mine.dump")
	for range 60 { // five days
		if err := app.backUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(other, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		now = now.Add(2 * time.Hour)
	}
	names, _, err := backupsIn(backupFolder(app.settings))
	want := "[afterhours-20260303-030000.dump afterhours-20260304-030000.dump afterhours-20260305-030000.dump]"
	if err != nil || fmt.Sprint(names) != want {
		t.Errorf("got %v, %v, want %s", names, err, want)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("a file that is not ours: %v, want it left", err)
	}
	if found := checkBackups(app.settings, now); found.level != "ok" {
		t.Errorf("afterwards: got %+v, want ok", found)
	}
	if found := checkBackups(app.settings, now.Add(3*backupEvery)); found.level != "failed" {
		t.Errorf("without one for three days: got %+v, want it failed", found)
	}
}
