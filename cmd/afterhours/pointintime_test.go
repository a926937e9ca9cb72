package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"afterhours/migrations/pgserver"
)

// archivedPostgres is a server as docs/postgres.md has it archive: its commands and settings are read from there.
type archivedPostgres struct {
	t           *testing.T
	folder, bin string
	port        string
}

// as runs commands of the server's user, /mnt being the test's folder.
func (p *archivedPostgres) as(script string) string {
	p.t.Helper()
	words := []string{"sh", "-eu", "-c", strings.ReplaceAll(script, "/mnt/", p.folder+"/")}
	if os.Geteuid() == 0 {
		words = append([]string{"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"}, words...)
	}
	command := exec.Command(words[0], words[1:]...)
	command.Dir = "/"
	command.Env = []string{"PATH=" + p.bin + ":" + os.Getenv("PATH"), "LC_ALL=C", "PGHOST=" + p.folder, "PGPORT=" + p.port, "PGUSER=postgres"}
	out, err := command.CombinedOutput()
	if err != nil {
		p.t.Fatalf("%s: %v: %s", script, err, out)
	}
	return strings.TrimSpace(string(out))
}

// query asks a database of the server.
func (p *archivedPostgres) query(database, sql string) string {
	return p.as(`psql -AtXc "` + sql + `" ` + database)
}

// begin starts the server on a data directory; stop ends it.
func (p *archivedPostgres) begin(data string) {
	p.t.Helper()
	p.as("pg_ctl -D " + data + " -l /mnt/log -w -o '-p " + p.port + " -k /mnt/ -h 127.0.0.1' start")
	p.t.Cleanup(func() { p.as("! pg_ctl -D " + data + " status >/dev/null || pg_ctl -D " + data + " -m immediate stop") })
}

func (p *archivedPostgres) stop(data string) { p.as("pg_ctl -D " + data + " -m fast -w stop") }

var (
	recoverySetting = regexp.MustCompile("`((?:restore_command|recovery_target_time|recovery_target_action) = '[^`]+')`")
	archiveCommand  = regexp.MustCompile("(?m)^archive_command = '(.+)'$")
)

// TestADatabaseGoesBackToTheMomentBeforeAnAccident does what docs/postgres.md says: archive, copy, lose, go back, start.
func TestADatabaseGoesBackToTheMomentBeforeAnAccident(t *testing.T) {
	longTest(t)
	t.Parallel()
	programs, err := pgserver.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := &archivedPostgres{t: t, folder: t.TempDir(), bin: programs.Bin, port: freePort(t)}
	if err := os.Chmod(filepath.Dir(p.folder), 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(p.folder, 0o777); err != nil { // the database may run as another user
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/postgres.md")
	if err != nil {
		t.Fatal(err)
	}
	var archiving, copying string
	for _, b := range blocksOf(t, "../../docs/postgres.md") {
		if strings.Contains(b.text, "archive_command") {
			archiving = b.text
		}
		if strings.Contains(b.text, "pg_basebackup") {
			copying = b.text
		}
	}
	p.as("mkdir /mnt/archive /mnt/base && initdb -D /mnt/data -A trust -U postgres >/mnt/initdb && cat >>/mnt/data/postgresql.conf <<'END'\n" + archiving + "END\n")
	p.begin("/mnt/data")
	p.query("postgres", "CREATE ROLE afterhours LOGIN")
	p.query("postgres", "CREATE DATABASE afterhours OWNER afterhours ENCODING 'UTF8' TEMPLATE template0")
	ana, ben := newHook(t), newHook(t)
	address := "postgres://afterhours@127.0.0.1:" + p.port + "/afterhours?sslmode=disable"
	configureDatabase(t, address, team(ana, ben, "24h"))
	variables := slices.DeleteFunc(gatewayVariables(address, t.TempDir()), func(variable string) bool { return strings.HasPrefix(variable, "AFTERHOURS_PUBLIC_URL=") })
	send := func(gateway *served, title, id string) {
		t.Helper()
		before := len(ana.deliveries())
		mustSend(t, gateway.smtp, vouched(alertMail("High", title, "pc", id, id+"@example")))
		eventually(t, title+" pages", func() bool { return len(ana.deliveries()) > before })
	}
	gateway := serveChild(t, variables...)
	send(gateway, "Before the copy", "da1111111111111111_1")
	p.as(copying)
	send(gateway, "Before the accident", "da1111111111111111_2")
	recorded := func() bool {
		return p.query("afterhours", "SELECT count(*) FROM pages WHERE state = 'queued'") == "0"
	}
	eventually(t, "the pages are recorded", recorded)
	moment := p.query("postgres", "SELECT clock_timestamp()")
	send(gateway, "After the moment", "da1111111111111111_3")
	eventually(t, "the pages are recorded", recorded)
	p.query("afterhours", "TRUNCATE tickets CASCADE") // the accident
	gateway.kill()
	p.stop("/mnt/data")

	settings := ""
	for _, found := range recoverySetting.FindAllStringSubmatch(string(page), -1) {
		settings += strings.ReplaceAll(found[1], "2026-03-01 14:31:00+00", moment) + "\n"
	}
	p.as("install -d -m 700 /mnt/back && tar -xzf /mnt/base/*/base.tar.gz -C /mnt/back && touch /mnt/back/recovery.signal && cat >>/mnt/back/postgresql.auto.conf <<'END'\n" + settings + "END\n")
	p.begin("/mnt/back")
	eventually(t, "the recovery ends", func() bool { return p.query("postgres", "SELECT pg_is_in_recovery()") == "f" })
	told := len(ana.deliveries())
	gateway = serveChild(t, variables...)
	time.Sleep(3 * time.Second) // ticks, in which what is paged again would be
	if got := p.query("afterhours", "SELECT string_agg(title, ', ' ORDER BY number) FROM tickets"); got != "Before the copy, Before the accident" {
		t.Errorf("tickets: got %q, want the two from before the moment", got)
	}
	if got := len(ana.deliveries()); got != told {
		t.Errorf("%d pages were sent again", got-told)
	}
	if ready := request(t, http.MethodGet, gateway.web+"/readyz", nil); ready.StatusCode != http.StatusOK {
		t.Errorf("readyz: got %s", ready.Status)
	}
	_, said, _ := command(t, append(variables, "AFTERHOURS_SMTP_ADDR="+gateway.smtp, "AFTERHOURS_HTTP_ADDR="+strings.TrimPrefix(gateway.web, "http://")), "doctor")
	for _, want := range []string{"ok       database       reachable, schema up to date", "ok       spool ", "ok       on call "} {
		if !strings.Contains(said, want) {
			t.Errorf("the doctor's report lacks %q:\n%s", want, said)
		}
	}
	send(gateway, "After the moment", "da1111111111111111_3") // its sender or a mailbox has it still
	p.as(strings.ReplaceAll(copying, "$(date +%F)", "again")) // of the new timeline
	if got := p.query("postgres", "SELECT failed_count FROM pg_stat_archiver"); got != "0" {
		t.Errorf("%s files could not be archived", got)
	}
	archive := strings.ReplaceAll(archiveCommand.FindStringSubmatch(archiving)[1], "%f", "000000010000000000000001")
	p.as(strings.ReplaceAll(archive, "%p", "/mnt/archive/000000010000000000000001")) // as after a crash between the copy and its record
	p.as("if echo another >/mnt/other && " + strings.ReplaceAll(archive, "%p", "/mnt/other") + "; then exit 1; fi")
}
