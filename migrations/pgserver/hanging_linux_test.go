package pgserver

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// TestStartEndsASessionThatHangs stops a session, so that it cannot learn of its server's death, as one that waits for a
// lock that died with another session does not.
func TestStartEndsASessionThatHangs(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	server := run(t, Options{Dir: dir})
	conn, err := pgx.Connect(within(t, 10*time.Second), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(within(t, 10*time.Second))
	var session int
	if err := conn.QueryRow(within(t, 10*time.Second), `SELECT pg_backend_pid()`).Scan(&session); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(session, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(session, syscall.SIGCONT) }() // where it was not ended
	if err := syscall.Kill(server.Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-server.Done()
	again := run(t, Options{Dir: dir})
	if got := ask(t, again.URL(), "SELECT 1::text"); got != "1" {
		t.Errorf("got %q", got)
	}
	if isServer(session, filepath.Join(dir, "cluster")) {
		t.Error("the session still hangs")
	}
}
