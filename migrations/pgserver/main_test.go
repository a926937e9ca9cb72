//go:build unix

package pgserver

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// parentOf names the folder for which this test program plays the parent process of a server, until it is killed.
const parentOf = "AFTERHOURS_TEST_PARENT_OF"

func TestMain(m *testing.M) {
	if dir := os.Getenv(parentOf); dir != "" {
		server, err := Start(context.Background(), Options{Dir: dir})
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println("ready", server.Pid())
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0) // the test is gone
	}
	os.Exit(m.Run())
}

// parent starts another process that starts a server on dir, and returns both.
func parent(t *testing.T, dir string) (process *exec.Cmd, server int) {
	t.Helper()
	process = exec.Command(os.Args[0], "-test.run=^$")
	process.Env = append(os.Environ(), parentOf+"="+dir)
	if _, err := process.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	output, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = process.Process.Kill()
		_ = process.Wait()
	})
	if _, err := fmt.Fscanf(output, "ready %d\n", &server); err != nil {
		t.Fatalf("parent process did not start a server: %v", err)
	}
	return process, server
}

// folder is a short-named folder that the server's user can enter, which root's t.TempDir is not.
func folder(t *testing.T) string {
	t.Helper()
	base, err := os.MkdirTemp("/tmp", "pgserver")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	if err := os.Chmod(base, 0o711); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(base, "postgres")
}

func within(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

// run starts a server and stops it at the test's end.
func run(t *testing.T, opts Options) *Server {
	t.Helper()
	if opts.Log == nil {
		opts.Log = slog.New(slog.NewTextHandler(testLog{t}, nil))
	}
	server, err := Start(within(t, time.Minute), opts)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Errorf("Stop: %v", err)
		}
	})
	return server
}

type testLog struct{ t *testing.T }

func (l testLog) Write(line []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(line)))
	return len(line), nil
}

// ask runs one query that yields one text.
func ask(t *testing.T, url, query string) string {
	t.Helper()
	ctx := within(t, 20*time.Second)
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer conn.Close(ctx)
	var answer string
	if err := conn.QueryRow(ctx, query).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}

// change runs a statement.
func change(t *testing.T, url, statement string) {
	t.Helper()
	ctx := within(t, 20*time.Second)
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, limit time.Duration, condition func() bool) {
	t.Helper()
	ok, err := until(context.Background(), limit, condition)
	if err != nil || !ok {
		t.Fatalf("after %s still not: %s", limit, what)
	}
}
