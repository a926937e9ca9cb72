package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/migrations/pgtest"
)

// bouncer is a real pgbouncer before a test's database.
type bouncer struct {
	t       *testing.T
	args    []string
	address string
	process *exec.Cmd
	url     string
}

// findBouncer is the program. Where it is missing its tests are left out, but not in CI.
func findBouncer(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("pgbouncer is missing; run: deploy/install pgbouncer")
	}
	t.Skip("pgbouncer is missing; deploy/install pgbouncer installs it")
	return ""
}

// durable is a test's database whose commits wait for the disk whoever asks: the tests' server is in a hurry otherwise.
func durable(t *testing.T) string {
	t.Helper()
	database := pgtest.URL(t)
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), `ALTER DATABASE `+pgx.Identifier{conn.Config().Database}.Sanitize()+` SET synchronous_commit = on`); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return database
}

// startBouncer starts one in a mode, with more settings.
func startBouncer(t *testing.T, database, mode, more string) *bouncer {
	t.Helper()
	program := findBouncer(t)
	config, err := pgx.ParseConfig(database)
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	folder := t.TempDir()
	file := filepath.Join(folder, "pgbouncer.ini")
	text := fmt.Sprintf(`[databases]
* = host=%s port=%d user=%s password=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = any
pool_mode = %s
default_pool_size = 30
max_client_conn = 300
%s
`, config.Host, config.Port, config.User, config.Password, port, mode, more)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b := &bouncer{t: t, address: "127.0.0.1:" + port, args: []string{program, "-q", file}}
	b.url = fmt.Sprintf("postgres://%s:any@127.0.0.1:%s/%s?sslmode=disable", config.User, port, config.Database)
	if os.Getuid() == 0 { // it refuses to be root, and must reach the server's socket
		b.args = []string{program, "-q", "-u", ownerOf(t, config.Host), file}
	}
	b.start()
	t.Cleanup(b.kill)
	return b
}

// ownerOf is the user whose folder that is.
func ownerOf(t *testing.T, folder string) string {
	t.Helper()
	info, err := os.Stat(folder)
	if err != nil {
		return "nobody"
	}
	owner, err := user.LookupId(strconv.Itoa(int(info.Sys().(*syscall.Stat_t).Uid)))
	if err != nil || owner.Uid == "0" {
		return "nobody"
	}
	return owner.Username
}

func (b *bouncer) start() {
	b.t.Helper()
	b.process = exec.Command(b.args[0], b.args[1:]...)
	b.process.Stderr = childLog(b.t)
	if err := b.process.Start(); err != nil {
		b.t.Fatal(err)
	}
	eventually(b.t, "the pooler answers", func() bool {
		conn, err := net.Dial("tcp", b.address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

func (b *bouncer) kill() {
	_ = b.process.Process.Kill()
	_ = b.process.Wait()
}

// TestAGatewayWorksBehindAPooler takes mails, pages, is acknowledged and hears of another configuration, and loses nothing
// when the pooler is killed meanwhile.
func TestAGatewayWorksBehindAPooler(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"transaction", "session"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			database := durable(t)
			pooler := startBouncer(t, database, mode, "")
			app := serveTest(t, func(s *settings) {
				s.DatabaseURL, s.DirectURL = pooler.url, database
				s.spooling(t)
				trusting(s)
			})
			ana, ben := newHook(t), newHook(t)
			app.configure(t, team(ana, ben, "1h"))
			accepted := 0
			send := func() {
				raw := vouched(alertMail("High", fmt.Sprintf("Case %d", accepted), fmt.Sprintf("pc%d", accepted), fmt.Sprintf("da%d_1", accepted+1), fmt.Sprintf("m%d@example", accepted)))
				if _, err := sendMail(t, app.smtpAddr, "defender@test.example", raw); err != nil {
					t.Errorf("mail %d: %v", accepted, err)
				}
				accepted++
			}
			for range 10 {
				send()
			}
			eventually(t, "everything pages", func() bool { return len(ana.deliveries()) == accepted })
			first := ana.deliveries()[0].message.Data
			if response := request(t, http.MethodPost, first.AckURL, nil); response.StatusCode >= 400 {
				t.Fatalf("acknowledge: got %s", response.Status)
			}
			ticket, err := app.rooms.tickets.Get(t.Context(), first.Ticket.Number)
			if err != nil || ticket.AcknowledgedBy != "ana" {
				t.Errorf("got %q, %v, want ana's acknowledgement", ticket.AcknowledgedBy, err)
			}

			pooler.kill()
			var during sync.WaitGroup
			during.Go(func() {
				for range 3 {
					send()
				}
			})
			eventually(t, "it is missed", func() bool { return app.db.intake.Ping(context.WithoutCancel(t.Context())) != nil })
			pooler.start()
			during.Wait()
			for range 3 {
				send()
			}
			eventually(t, "nothing is lost, and everything pages", func() bool {
				counts, err := app.rooms.tickets.Counts(context.WithoutCancel(t.Context()))
				told := map[int64]bool{}
				for _, d := range ana.deliveries() {
					told[d.message.Data.Ticket.Number] = true
				}
				return err == nil && counts.Open+counts.Acknowledged == accepted && len(told) >= accepted
			})

			other := serveTest(t, func(s *settings) { s.DatabaseURL, s.DirectURL = pooler.url, database })
			eventually(t, "the other gateway listens", func() bool { return other.gateway.applied.Swap(false) })
			app.configure(t, team(ana, ben, "2h"))
			eventually(t, "it hears of another configuration", func() bool { return other.gateway.applied.Load() })
		})
	}
}

// TestAPoolerThatWouldBreakThingsEndsTheStart names the setting that mends it.
func TestAPoolerThatWouldBreakThingsEndsTheStart(t *testing.T) {
	t.Parallel()
	database, other, careless := durable(t), pgtest.URL(t), pgtest.URL(t)
	const ignoring = "ignore_startup_parameters = synchronous_commit,idle_in_transaction_session_timeout,max_parallel_workers_per_gather"
	strict, lax := startBouncer(t, database, "transaction", ""), startBouncer(t, database, "transaction", ignoring)
	session := startBouncer(t, database, "session", ignoring)
	hasty := startBouncer(t, careless, "session", ignoring)
	for name, test := range map[string]struct{ url, direct, want string }{
		"it refuses our settings":        {strict.url, "", "set AFTERHOURS_DATABASE_DIRECT_URL to the same database past it"},
		"it ignores them":                {lax.url, "", "by transaction: set AFTERHOURS_DATABASE_DIRECT_URL"},
		"both lead to it":                {strict.url, lax.url, "AFTERHOURS_DATABASE_DIRECT_URL leads through a pooler, too"},
		"the direct one is another":      {strict.url, other, "lead to different databases"},
		"by session there is no need":    {session.url, "", ""},
		"commits do not wait":            {hasty.url, "", "a 250 would promise too much; run: ALTER ROLE"},
		"without a pooler it is allowed": {database, database, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testSettings(test.url)
			s.DirectURL = test.direct
			app, err := start(t.Context(), s, slog.New(slog.NewTextHandler(logWriter{t}, nil)), time.Now)
			if test.want == "" {
				if err != nil {
					t.Fatalf("got %v, want a start", err)
				}
				if err := app.stop(); err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// TestTheDoctorTellsWhatAPoolerLacks names the statements for the role.
func TestTheDoctorTellsWhatAPoolerLacks(t *testing.T) {
	t.Parallel()
	database := pgtest.URL(t)
	pooler := startBouncer(t, database, "transaction", "")
	s := testSettings(pooler.url)
	s.DirectURL = database
	db, err := openDatabase(t.Context(), s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.close(); err != nil {
			t.Error(err)
		}
	}()
	found := checkPooler(t.Context(), db)
	if found.level != "warning" || !strings.Contains(found.found, "by transaction") || !strings.Contains(found.mend, "SET idle_in_transaction_session_timeout = '15s'") {
		t.Errorf("got %+v, want a warning with the statement", found)
	}
	for _, statement := range strings.Split(strings.TrimPrefix(found.mend, "run: "), "; ") {
		if _, err := db.direct.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	again, err := openDatabase(t.Context(), s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := again.close(); err != nil {
			t.Error(err)
		}
	}()
	pooler.kill() // its sessions were made before
	pooler.start()
	eventually(t, "sessions with everything", func() bool { return checkPooler(t.Context(), again).level == "ok" })
}
