package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/migrations/pgtest"
)

// childImport names the variable by which a test starts this binary as a command line.
const childImport = "AFTERHOURS_TEST_COMMAND"

// backlogFile is an mbox of old alerts, one ticket each.
func backlogFile(t *testing.T, count int) string {
	t.Helper()
	var content bytes.Buffer
	for i := range count {
		mail := alertMail("Low", fmt.Sprintf("Old alert %d", i), fmt.Sprintf("pc%d", i), fmt.Sprintf("da%015d_%d", i, i+1), fmt.Sprintf("old-%d@example", i))
		mail = bytes.ReplaceAll(mail, []byte("Sun, 01 Mar 2026 03:00:05"), []byte("Mon, 02 Jun 2025 08:00:00"))
		fmt.Fprintf(&content, "From defender Mon Jun  2 08:00:00 2025\n%s\n", bytes.ReplaceAll(mail, []byte("\r\n"), []byte("\n")))
	}
	path := filepath.Join(t.TempDir(), "backlog.mbox")
	if err := os.WriteFile(path, content.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func commandVars(database string) []string {
	return []string{"AFTERHOURS_DATABASE_URL=" + database, "AFTERHOURS_SECRET_KEY=" + testSecret}
}

func TestImportTellsWhatBecameOfEverything(t *testing.T) {
	t.Parallel()
	database := pgtest.URL(t)
	folder := t.TempDir()
	for name, content := range map[string]string{
		"one.eml":       string(alertMail("High", "Ransomware", "pc1", "da1111111111111111_1", "one@example")),
		"two.eml":       "From: news@example.com\r\nSubject: Your invoice\r\nMessage-ID: <2@example>\r\nDate: Mon, 02 Jun 2025 08:00:00 +0000\r\n\r\nPay.\r\n",
		"three.eml":     "From: news@example.com\r\nSubject: Your invoice\r\nMessage-ID: <3@example>\r\nDate: Mon, 02 Jun 2025 09:00:00 +0000\r\n\r\nPay again.\r\n",
		"empty.eml":     "",
		"sub/notes.txt": "no mail\n",
	} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, stdout, stderr := command(t, commandVars(database), "import", "--dry-run", folder)
	if code != exitDone || !strings.Contains(stdout, "3 would be imported, 0 repeated, 2 not recognised, 1 unreadable") {
		t.Errorf("dry run: got %d %q %q", code, stdout, stderr)
	}
	code, stdout, _ = command(t, commandVars(database), "import", folder)
	if code != exitDone || !strings.Contains(stdout, "3 imported, 0 repeated, 2 not recognised, 1 unreadable") ||
		!strings.Contains(stdout, "2  Your invoice") || !strings.Contains(stdout, "empty.eml: it is empty") {
		t.Errorf("import: got %d %q", code, stdout)
	}
	code, stdout, _ = command(t, commandVars(database), "import", folder)
	if code != exitDone || !strings.Contains(stdout, "0 imported, 3 repeated, 0 not recognised, 1 unreadable") {
		t.Errorf("a second run: got %d %q", code, stdout)
	}
	code, _, stderr = command(t, commandVars(database), "import", filepath.Join(folder, "nowhere"))
	if code != exitFailed || !strings.Contains(stderr, "name a mail, an mbox, a Maildir or a folder") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("a path that is not there: got %d %q", code, stderr)
	}
	if code, _, stderr = command(t, commandVars(database), "import"); code != exitUsage || strings.Count(stderr, "\n") != 1 {
		t.Errorf("no path: got %d %q", code, stderr)
	}
}

// TestAnImportThatWasKilledGoesOnWhereItWas kills imports with SIGKILL at growing depths and finishes with one that lives.
func TestAnImportThatWasKilledGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	const mails = 1500
	database, backlog := pgtest.URL(t), backlogFile(t, mails)
	pool, err := pgxpool.New(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	count := func(query string) (n int) {
		_ = pool.QueryRow(context.WithoutCancel(t.Context()), query).Scan(&n) // before the schema is there, nothing is
		return n
	}
	for _, depth := range []int{1, 500, 1000} {
		dying := exec.Command(os.Args[0], "import", backlog)
		dying.Env = append(append(os.Environ(), childImport+"=1"), commandVars(database)...)
		dying.Stderr = logWriter{t}
		if err := dying.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, fmt.Sprintf("%d mails imported", depth), func() bool { return count(`SELECT count(*) FROM mails`) >= depth })
		_ = dying.Process.Signal(syscall.SIGKILL) // it may have finished; the counts below tell
		_ = dying.Wait()
		at := count(`SELECT count(*) FROM mails`)
		if found := count(`SELECT count(*) FROM tickets`); found != at {
			t.Errorf("after a kill: %d mails and %d tickets, want as many", at, found)
		}
		t.Logf("killed at %d of %d", at, mails)
	}
	before := count(`SELECT count(*) FROM mails`)
	code, stdout, stderr := command(t, commandVars(database), "import", backlog)
	if want := fmt.Sprintf("%d imported, %d repeated, 0 not recognised, 0 unreadable", mails-before, before); code != exitDone || !strings.Contains(stdout, want) {
		t.Errorf("the last run: got %d %q %q, want %q", code, stdout, stderr, want)
	}
	for what, query := range map[string]string{
		"mails": `SELECT count(*) FROM mails WHERE state = 'read'`, "tickets": `SELECT count(*) FROM tickets WHERE state = 'resolved' AND source = 'import'`,
		"bodies": `SELECT count(*) FROM mail_bodies`, "ids": `SELECT count(DISTINCT message_id) FROM mails`,
	} {
		if got := count(query); got != mails {
			t.Errorf("%s: got %d, want %d", what, got, mails)
		}
	}
	if pages := count(`SELECT count(*) FROM pages`); pages != 0 {
		t.Errorf("the backlog made %d pages, want none", pages)
	}
}

// TestLiveMailPagesWhileABacklogIsImported sends live alerts during an import; the backlog pages nobody.
func TestLiveMailPagesWhileABacklogIsImported(t *testing.T) {
	t.Parallel()
	ana, ben := newHook(t), newHook(t)
	app := serveTest(t, trusting)
	app.configure(t, team(ana, ben, "1h"))
	backlog := backlogFile(t, 2000)
	imported := make(chan string, 1)
	go func() {
		var out bytes.Buffer
		run(context.WithoutCancel(t.Context()), []string{"import", backlog}, environment{
			vars: commandVars(app.settings.DatabaseURL), stdin: strings.NewReader(""), stdout: &out, stderr: &out, now: time.Now,
		})
		imported <- out.String()
	}()
	summary := ""
	for sent := 1; summary == ""; sent++ {
		mustSend(t, app.smtpAddr, vouched(alertMail("High", "Live", fmt.Sprintf("live%d", sent), fmt.Sprintf("da9%014d_1", sent), fmt.Sprintf("live-%d@example", sent))))
		eventually(t, "the live mail pages", func() bool { return len(ana.deliveries()) == sent })
		select {
		case summary = <-imported:
		default:
		}
	}
	if !strings.Contains(summary, "2000 imported, 0 repeated") {
		t.Errorf("import: got %q", summary)
	}
	for _, delivery := range ana.deliveries() {
		if title := delivery.message.Data.Ticket.Title; title != "Live" {
			t.Errorf("a page of the backlog: %q", title)
		}
	}
	if len(ben.deliveries()) != 0 {
		t.Error("the second step was paged")
	}
}
