//go:build unix

package pgtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"afterhours/migrations"
	"afterhours/migrations/pgserver"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

func TestEachTestHasAMigratedDatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	began := time.Now()
	one, two := New(t), New(t)
	t.Logf("two databases took %s", time.Since(began))
	list, err := migrations.Status(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Error("no migrations, want some")
	}
	for _, m := range list {
		if m.AppliedAt == nil {
			t.Errorf("%s %d is pending, want it applied", m.Set, m.Version)
		}
	}
	if _, err := one.Exec(t.Context(), `CREATE TABLE mine ()`); err != nil {
		t.Fatal(err)
	}
	var seen bool
	if err := two.QueryRow(t.Context(), `SELECT to_regclass('mine') IS NOT NULL`).Scan(&seen); err != nil {
		t.Fatal(err)
	}
	if seen {
		t.Error("the second database shows a table of the first")
	}
}

func TestDatabaseIsDroppedAtTheEndOfTheTest(t *testing.T) {
	t.Parallel()
	var name string
	t.Run("inner", func(t *testing.T) {
		if err := New(t).QueryRow(t.Context(), `SELECT current_database()`).Scan(&name); err != nil {
			t.Fatal(err)
		}
		// A connection that the test forgets does not keep the database.
		if _, err := pgx.Connect(t.Context(), URL(t)); err != nil {
			t.Fatal(err)
		}
	})
	var left int
	if err := New(t).QueryRow(t.Context(), `SELECT count(*) FROM pg_database WHERE datname = $1`, name).Scan(&left); err != nil {
		t.Fatal(err)
	}
	if left != 0 {
		t.Errorf("database %s is still there", name)
	}
}

func TestOwnServerComesBackWithWhatWasCommitted(t *testing.T) {
	t.Parallel()
	server := Own(t)
	pool, err := pgxpool.New(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.Exec(t.Context(), `CREATE TABLE kept (step text)`); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		end  func()
	}{{"stop", server.Stop}, {"kill", server.Kill}} {
		if _, err := pool.Exec(t.Context(), `INSERT INTO kept VALUES ($1)`, c.name); err != nil {
			t.Fatalf("before %s: %v", c.name, err)
		}
		c.end()
		if err := pool.Ping(t.Context()); err == nil {
			t.Errorf("after %s the database still answers", c.name)
		}
		server.Start()
		var rows int
		if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM kept WHERE step = $1`, c.name).Scan(&rows); err != nil {
			t.Fatalf("after %s: %v", c.name, err)
		}
		if rows != 1 {
			t.Errorf("after %s: %d rows, want 1", c.name, rows)
		}
	}
}

func TestServerOfTheEnvironmentGetsOneTemplate(t *testing.T) {
	t.Parallel()
	// Two test binaries at once: the binary's own server stands for the environment's.
	address := URL(t)
	type result struct {
		source source
		err    error
	}
	results := make(chan result)
	for range 2 {
		go func() {
			from, err := prepare(context.Background(), address, templatePrefix+"of_a_test")
			results <- result{from, err}
		}()
	}
	for i := range 2 {
		got := <-results
		if got.err != nil {
			t.Fatal(got.err)
		}
		name := fmt.Sprintf("%scopy_%d", prefix, i)
		if err := got.source.create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := got.source.drop(context.Background(), name); err != nil {
				t.Error(err)
			}
		}()
		list, err := status(t, withDatabase(address, name))
		if err != nil || len(list) == 0 || list[len(list)-1].AppliedAt == nil {
			t.Errorf("the copy's last migration is not applied: %v, %v", list, err)
		}
	}
}

func status(t *testing.T, address string) ([]migrations.Migration, error) {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), address)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	return migrations.Status(t.Context(), pool)
}

func TestMissingPostgresFailsTheTestWithTheMend(t *testing.T) {
	t.Parallel()
	output, err := binary(t, "unreachable", variable+"=postgres://127.0.0.1:1/none?connect_timeout=2").CombinedOutput()
	if err == nil {
		t.Errorf("the test passed without a database:\n%s", output)
	}
	if !strings.Contains(string(output), "test database: "+variable) || strings.Contains(string(output), "SKIP") {
		t.Errorf("output = %s, want a failure that names %s", output, variable)
	}
}

func TestServerEndsWithItsBinaryAndTheClusterServesTheNext(t *testing.T) {
	t.Parallel()
	base := shortFolder(t)
	var clusters []string
	for _, way := range []string{"panics", "exits", "passes"} {
		output, err := binary(t, way, "TMPDIR="+base, variable+"=").CombinedOutput()
		if (err == nil) != (way == "passes") {
			t.Errorf("a binary that %s: %v", way, err)
		}
		var address, data string
		if at := strings.Index(string(output), "server "); at < 0 {
			t.Fatalf("%s: no server in its output:\n%s", way, output)
		} else if _, err := fmt.Sscanf(string(output)[at:], "server %s %s", &address, &data); err != nil {
			t.Fatal(err)
		}
		clusters = append(clusters, data)
		eventually(t, "the server is gone after its binary "+way, func() bool {
			_, ok, err := pgserver.Attach(data)
			conn, dialErr := pgx.Connect(t.Context(), address)
			if dialErr == nil {
				_ = conn.Close(t.Context())
			}
			return !ok && err == nil && dialErr != nil
		})
	}
	if clusters[1] != clusters[0] || clusters[2] != clusters[0] {
		t.Errorf("clusters = %v, want the same one each time", clusters)
	}
}

func TestBinariesAtOnceHaveServersOfTheirOwn(t *testing.T) {
	t.Parallel()
	one, two := Own(t), Own(t)
	if one.slot.dir == two.slot.dir {
		t.Error("two have the same cluster")
	}
}

func TestDamagedClusterIsMadeAnew(t *testing.T) {
	t.Parallel()
	base := shortFolder(t)
	for range 2 {
		output, err := binary(t, "passes", "TMPDIR="+base, variable+"=").CombinedOutput()
		if err != nil {
			t.Fatalf("%v:\n%s", err, output)
		}
		controls, err := filepath.Glob(filepath.Join(base, "*", "*", "cluster", "global", "pg_control"))
		if err != nil || len(controls) != 1 {
			t.Fatalf("control files = %v, %v, want one", controls, err)
		}
		if err := os.Truncate(controls[0], 0); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSweepRemovesWhatIsIdleAndNothingElse(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	long := time.Now().Add(-2 * idleLimit)
	var release func()
	for _, name := range []string{"idle", "fresh", "claimed"} {
		if err := os.Mkdir(filepath.Join(base, name), 0o700); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(base, name+".claim")
		unlock, free, err := take(path)
		if err != nil || !free {
			t.Fatalf("take %s = %t, %v", name, free, err)
		}
		if name == "claimed" {
			release = unlock
		} else {
			unlock()
		}
		if name != "fresh" {
			if err := os.Chtimes(path, long, long); err != nil {
				t.Fatal(err)
			}
		}
	}
	defer release()
	sweep(base)
	for name, want := range map[string]bool{"idle": false, "fresh": true, "claimed": true} {
		_, err := os.Stat(filepath.Join(base, name))
		if got := err == nil; got != want {
			t.Errorf("%s is kept = %t, want %t", name, got, want)
		}
	}
}

// shortFolder is a folder that the server's user can enter, with a path that leaves room for a socket's.
func shortFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "pgtest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	limit := time.After(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-limit:
			t.Fatalf("after 20 s still not: %s", what)
		case <-tick.C:
		}
	}
}

// behaviour names what this test binary does when another one runs it.
const behaviour = "AFTERHOURS_TEST_BEHAVIOUR"

func binary(t *testing.T, way string, env ...string) *exec.Cmd {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBehaviour$", "-test.v")
	command.Env = append(append(os.Environ(), behaviour+"="+way), env...)
	return command
}

// TestBehaviour is empty unless another test runs it in a process of its own.
func TestBehaviour(t *testing.T) {
	t.Parallel()
	way := os.Getenv(behaviour)
	if way == "" {
		return
	}
	pool := New(t)
	fmt.Println("server", pool.Config().ConnString(), filepath.Dir(pool.Config().ConnConfig.Host))
	switch way {
	case "panics":
		panic("as asked")
	case "exits":
		os.Exit(3)
	}
}
