//go:build unix

package pgserver

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestFirstStartMakesAClusterThatAnswersWithItsSettings(t *testing.T) {
	t.Parallel()
	server := run(t, Options{Dir: folder(t)})
	for query, want := range map[string]string{
		"SELECT current_database()": "afterhours",
		"SELECT current_user":       "afterhours",
		"SELECT rolsuper::text FROM pg_roles WHERE rolname = 'afterhours'": "false",
		"SHOW server_encoding": "UTF8",
		"SELECT datcollate::text FROM pg_database WHERE datname = 'afterhours'": "C",
		"SHOW data_checksums":            "on",
		"SHOW synchronous_commit":        "on",
		"SHOW fsync":                     "on",
		"SHOW full_page_writes":          "on",
		"SHOW shared_buffers":            "64MB",
		"SHOW max_connections":           "100",
		"SHOW max_locks_per_transaction": "256",
		"SHOW timezone":                  "UTC",
		"SHOW jit":                       "off",
		"SHOW listen_addresses":          "",
	} {
		if got := ask(t, server.URL(), query); got != want {
			t.Errorf("%s = %q, want %q", query, got, want)
		}
	}
}

func TestBuffersAndJournalSuitTheMachine(t *testing.T) {
	t.Parallel()
	for memory, want := range map[int64][2]string{
		0:         {"shared_buffers=64MB", "max_wal_size=1024MB"},
		256 << 20: {"shared_buffers=16MB", "max_wal_size=256MB"},
		1 << 30:   {"shared_buffers=64MB", "max_wal_size=1024MB"},
		4 << 30:   {"shared_buffers=256MB", "max_wal_size=2048MB"},
		64 << 30:  {"shared_buffers=2048MB", "max_wal_size=4096MB"},
	} {
		settings := memorySettings(memory)
		for _, setting := range want {
			if !slices.Contains(settings, setting) {
				t.Errorf("%d MiB: got %v, want %s", memory>>20, settings, setting)
			}
		}
	}
}

func TestSecondStartKeepsTheDataAndIsQuick(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	first := run(t, Options{Dir: dir})
	change(t, first.URL(), "CREATE TABLE kept AS SELECT 'still here'::text AS word")
	if err := first.Stop(); err != nil {
		t.Fatalf("Stop: %v", err)
	}
	began := time.Now()
	second := run(t, Options{Dir: dir})
	t.Logf("second start took %s", time.Since(began))
	if got, want := ask(t, second.URL(), "SELECT word FROM kept"), "still here"; got != want {
		t.Errorf("word = %q, want %q", got, want)
	}
	if second.URL() != first.URL() {
		t.Error("the URL changed between two starts: a pool could not reconnect")
	}
}

func TestStopEndsTheServerAndClosesDone(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	server := run(t, Options{Dir: dir, Throwaway: true})
	select {
	case <-server.Done():
		t.Fatal("Done is closed while the server runs")
	default:
	}
	if err := server.Stop(); err != nil {
		t.Fatalf("Stop: %v", err)
	}
	select {
	case <-server.Done():
	default:
		t.Error("Done is not closed after Stop")
	}
	if alive(server.Pid()) {
		t.Errorf("process %d is still there after Stop", server.Pid())
	}
	if err := server.Stop(); err != nil {
		t.Errorf("second Stop: %v", err)
	}
	if _, ok, err := Attach(dir); ok || err != nil {
		t.Errorf("Attach after Stop = %t, %v, want false, nil", ok, err)
	}
}

func TestDoneIsClosedWhenTheServerDiesAndTheNextStartRecovers(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	server := run(t, Options{Dir: dir})
	change(t, server.URL(), "CREATE TABLE kept AS SELECT 'committed'::text AS word")
	if err := syscall.Kill(server.Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case <-server.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("Done is not closed 10 s after the server was killed")
	}
	again := run(t, Options{Dir: dir})
	if got, want := ask(t, again.URL(), "SELECT word FROM kept"), "committed"; got != want {
		t.Errorf("word = %q, want %q", got, want)
	}
}

func TestStartRefusesAFolderWhoseServerRunsAndAttachFindsIt(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	_, pid := parent(t, dir)
	if _, err := Start(within(t, 20*time.Second), Options{Dir: dir}); !errors.Is(err, ErrRunning) {
		t.Errorf("Start beside a running server: %v, want ErrRunning", err)
	}
	url, ok, err := Attach(dir)
	if err != nil || !ok {
		t.Fatalf("Attach = %t, %v, want true, nil", ok, err)
	}
	if got, want := ask(t, url, "SELECT current_database()"), "afterhours"; got != want {
		t.Errorf("database = %q, want %q", got, want)
	}
	if !alive(pid) {
		t.Error("the running server did not survive the attempts")
	}
}

func TestTwoStartsAtOnceGiveOneServer(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	ctx := within(t, time.Minute)
	var servers [2]*Server
	var errs [2]error
	var group sync.WaitGroup
	for i := range servers {
		group.Go(func() { servers[i], errs[i] = Start(ctx, Options{Dir: dir, Throwaway: true}) })
	}
	group.Wait()
	running := 0
	for i, server := range servers {
		switch {
		case server != nil:
			running++
			defer func() {
				if err := server.Stop(); err != nil {
					t.Errorf("Stop: %v", err)
				}
			}()
			ask(t, server.URL(), "SELECT current_user")
		case !errors.Is(errs[i], ErrRunning):
			t.Errorf("the loser's error = %v, want ErrRunning", errs[i])
		}
	}
	if running != 1 {
		t.Errorf("%d servers run, want 1", running)
	}
}

func TestAttachFindsNothingWhereNothingRuns(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	if _, ok, err := Attach(dir); ok || err != nil {
		t.Errorf("no folder: Attach = %t, %v, want false, nil", ok, err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := Attach(dir); ok || err != nil {
		t.Errorf("empty folder: Attach = %t, %v, want false, nil", ok, err)
	}
	// What a killed process leaves; the number is a live process's.
	if err := (layout{dir: dir}).writeRunning(filepath.Join(dir, "socket")); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := Attach(dir); ok || err != nil {
		t.Errorf("stale running.json: Attach = %t, %v, want false, nil", ok, err)
	}
}

func TestServerDiesWithAKilledParentAndTheNextStartWorks(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	process, pid := parent(t, dir)
	url, ok, err := Attach(dir)
	if err != nil || !ok {
		t.Fatalf("Attach = %t, %v, want true, nil", ok, err)
	}
	change(t, url, "CREATE TABLE kept AS SELECT 'committed'::text AS word")
	if err := process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = process.Wait()
	eventually(t, "the orphaned server is gone", 5*time.Second, func() bool { return !isServer(pid, filepath.Join(dir, "cluster")) })
	server := run(t, Options{Dir: dir})
	if got, want := ask(t, server.URL(), "SELECT word FROM kept"), "committed"; got != want {
		t.Errorf("word = %q, want %q", got, want)
	}
}

func TestStartRightAfterTheParentWasKilledWaitsForTheOrphan(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	process, _ := parent(t, dir)
	if err := process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = process.Wait()
	server := run(t, Options{Dir: dir})
	ask(t, server.URL(), "SELECT current_user")
}

func TestStartEndsAnOrphanThatNothingElseEnds(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	if err := run(t, Options{Dir: dir}).Stop(); err != nil {
		t.Fatal(err)
	}
	// A server without the tie to its parent, as on a system that knows no such tie.
	at := layout{dir: dir}
	programs, err := Find(within(t, 10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	orphan := testAccount(t).command(context.Background(), filepath.Join(programs.Bin, "postgres"), "-D", at.cluster(),
		"-c", "listen_addresses=", "-c", "unix_socket_directories="+filepath.Join(dir, "socket"))
	if err := orphan.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = orphan.Process.Signal(syscall.SIGQUIT)
		_ = orphan.Wait()
	})
	eventually(t, "the orphan runs", 10*time.Second, func() bool {
		lines, err := pidFile(at.cluster())
		return err == nil && len(lines) > 7 && strings.TrimSpace(lines[7]) == "ready"
	})
	server := run(t, Options{Dir: dir})
	ask(t, server.URL(), "SELECT current_user")
	if isServer(orphan.Process.Pid, at.cluster()) {
		t.Error("the orphan still runs")
	}
}

func TestStalePidFileDoesNotStopAStart(t *testing.T) {
	t.Parallel()
	bystander := testAccount(t).command(context.Background(), "/bin/sleep", "600")
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = bystander.Process.Kill()
		_ = bystander.Wait()
	})
	dir := folder(t)
	for name, pid := range map[string]int{
		"a number that nobody has":           4194303,
		"a number that a live process has":   bystander.Process.Pid,
		"single-user mode's negative number": -bystander.Process.Pid,
	} {
		server := run(t, Options{Dir: dir})
		if err := server.Stop(); err != nil {
			t.Fatal(err)
		}
		lines := strconv.Itoa(pid) + "\n" + filepath.Join(dir, "cluster") + "\n1700000000\n5432\n" + dir + "/socket\n\n  1234567         0\nready   \n"
		stale := filepath.Join(dir, "cluster", "postmaster.pid")
		if err := os.WriteFile(stale, []byte(lines), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Lchown(stale, int(testAccount(t).uid), int(testAccount(t).gid)); err != nil {
			t.Fatal(err)
		}
		again, err := Start(within(t, 30*time.Second), Options{Dir: dir})
		if err != nil {
			t.Fatalf("pid file with %s: %v", name, err)
		}
		if err := again.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	if !alive(bystander.Process.Pid) {
		t.Error("the process that has the number by now was ended")
	}
}

func testAccount(t *testing.T) account {
	t.Helper()
	user, err := serverAccount()
	if err != nil {
		t.Fatal(err)
	}
	return user
}

func TestInitdbThatWasCutOffDoesNotStandInTheWay(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	half := filepath.Join(dir, "cluster.unfinished-123", "base")
	if err := os.MkdirAll(half, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cluster.unfinished-123", "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := run(t, Options{Dir: dir, Throwaway: true})
	ask(t, server.URL(), "SELECT current_user")
	if _, err := os.Stat(filepath.Join(dir, "cluster.unfinished-123")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the unfinished cluster is still there: %v", err)
	}
}

func TestStartThatIsCancelledLeavesAFolderThatStarts(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	for _, limit := range []time.Duration{50 * time.Millisecond, 300 * time.Millisecond, 900 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		server, err := Start(ctx, Options{Dir: dir})
		cancel()
		if err == nil { // a quick machine
			if err := server.Stop(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "cluster.unfinished*")); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v, want nothing", left, err)
	}
	server := run(t, Options{Dir: dir})
	ask(t, server.URL(), "SELECT current_user")
}

func TestInitdbThatOutlivesItsParentDoesNotDisturbTheNextStart(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	first := exec.Command(os.Args[0], "-test.run=^$")
	first.Env = append(os.Environ(), parentOf+"="+dir)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "initdb is at work", 10*time.Second, func() bool {
		at, err := filepath.Glob(filepath.Join(dir, "cluster.unfinished*", "base"))
		return err == nil && len(at) > 0
	})
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()
	server := run(t, Options{Dir: dir})
	ask(t, server.URL(), "SELECT current_user")
}

func TestLostPasswordAndDroppedDatabaseAreMadeAgain(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	server := run(t, Options{Dir: dir})
	change(t, strings.Replace(server.URL(), "/afterhours?", "/postgres?", 1), "DROP DATABASE afterhours WITH (FORCE)")
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "password")); err != nil {
		t.Fatal(err)
	}
	again := run(t, Options{Dir: dir})
	ask(t, again.URL(), "SELECT current_user")
	if again.URL() == server.URL() {
		t.Error("the lost password is still the password")
	}
	info, err := os.Stat(filepath.Join(dir, "password"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := info.Mode().Perm(), os.FileMode(0o600); got != want {
		t.Errorf("mode of the password file = %o, want %o", got, want)
	}
}

func TestSocketIsElsewhereWhenThePathIsTooLong(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder(t), strings.Repeat("long", 20), strings.Repeat("path", 20))
	if err := os.MkdirAll(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	_ = filepath.Walk(filepath.Dir(filepath.Dir(dir)), func(path string, _ os.FileInfo, _ error) error { return os.Chmod(path, 0o711) })
	server := run(t, Options{Dir: dir, Throwaway: true})
	ask(t, server.URL(), "SELECT current_user")
	url, ok, err := Attach(dir)
	if err != nil || !ok || url != server.URL() {
		t.Errorf("Attach = %t, %v, want the URL of the running server", ok, err)
	}
	socket := ask(t, server.URL(), "SELECT current_setting('unix_socket_directories')")
	t.Cleanup(func() { _ = os.RemoveAll(socket) })
	info, err := os.Stat(socket)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := info.Mode().Perm(), os.FileMode(0o700); got != want {
		t.Errorf("mode of %s = %o, want %o", socket, got, want)
	}
}

func TestServerLogIsForwardedWithoutTheValuesOfStatements(t *testing.T) {
	t.Parallel()
	var written locked
	server := run(t, Options{Dir: folder(t), Throwaway: true, Log: slog.New(slog.NewTextHandler(&written, nil))})
	ask(t, server.URL(), "SELECT current_user")
	func() {
		ctx := within(t, 10*time.Second)
		conn, err := pgx.Connect(ctx, server.URL())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(ctx)
		if _, err := conn.Exec(ctx, "SELECT 'hunter2'::int"); err == nil {
			t.Error("a wrong statement went through")
		}
	}()
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	log := written.String()
	if want := `msg="database server" line="LOG:  database system is ready to accept connections"`; !strings.Contains(log, want) {
		t.Errorf("the log lacks %s:\n%s", want, log)
	}
	if strings.Contains(log, "hunter2") {
		t.Errorf("the log holds a statement's value:\n%s", log)
	}
}

func TestSessionsThatAStopEndsAreNoErrors(t *testing.T) {
	t.Parallel()
	var written locked
	server := run(t, Options{Dir: folder(t), Throwaway: true, Log: slog.New(slog.NewTextHandler(&written, nil))})
	ctx := within(t, 10*time.Second)
	conn, err := pgx.Connect(ctx, server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	log := written.String()
	if !strings.Contains(log, "FATAL:  terminating connection") || strings.Contains(log, "level=ERROR") {
		t.Errorf("the log of a stop with a session:\n%s", log)
	}
}

// locked is a buffer for many writers.
type locked struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}
