package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/migrations/pgtest"
	"afterhours/oncall"
)

// childMoment names the variable by which a test starts this binary as an application that dies at a moment.
const childMoment = "AFTERHOURS_TEST_DIE_AT"

// The moments at which a child kills itself with SIGKILL.
const (
	never       = "never"
	beforeClaim = "before the page is claimed"
	afterClaim  = "after the claim"
	afterSend   = "after the provider's 2xx"
	beforeStore = "before the receipt is stored"
)

func TestMain(m *testing.M) {
	if moment := os.Getenv(childMoment); moment != "" {
		os.Exit(child(moment))
	}
	if os.Getenv(childImport) != "" {
		os.Exit(commandChild())
	}
	os.Exit(m.Run())
}

// child serves until it is killed. It prints its SMTP address.
func child(moment string) int {
	s := testSettings(os.Getenv("AFTERHOURS_TEST_CHILD_DATABASE"))
	s.PublicURL = "https://afterhours.test.example" // the same for every process
	app, err := start(context.Background(), s, newLog(settings{}, os.Stderr), time.Now)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	app.rooms.deliverer.Store = mortal{app.rooms.oncall, moment}
	fmt.Println(app.smtpAddr)
	select {}
}

// mortal is a page store that takes the process with it.
type mortal struct {
	oncall.PageStore
	moment string
}

func (m mortal) die(at string) {
	if m.moment == at {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

func (m mortal) ClaimPage(ctx context.Context, page int64) (oncall.Dispatch, bool, error) {
	m.die(beforeClaim)
	dispatch, ok, err := m.PageStore.ClaimPage(ctx, page)
	m.die(afterClaim)
	return dispatch, ok, err
}

func (m mortal) FinishAttempt(ctx context.Context, dispatch oncall.Dispatch, outcome oncall.Outcome) error {
	m.die(afterSend)
	if m.moment == beforeStore {
		// The receipt is under way when the process dies: half of its transaction is lost.
		go func() { _ = m.PageStore.FinishAttempt(ctx, dispatch, outcome) }()
		m.die(beforeStore)
	}
	return m.PageStore.FinishAttempt(ctx, dispatch, outcome)
}

// startChild runs this test binary as an application on a database and returns its SMTP address.
func startChild(t *testing.T, database, moment string) (smtpAddr string, process *exec.Cmd) {
	t.Helper()
	process = exec.Command(os.Args[0])
	process.Env = append(os.Environ(), childMoment+"="+moment, "AFTERHOURS_TEST_CHILD_DATABASE="+database)
	process.Stderr = logWriter{t}
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = process.Process.Kill() // it may be dead already
		_ = process.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("child: %v", err)
	}
	return strings.TrimSpace(line), process
}

// TestAPageSurvivesTheDeathOfItsSender kills the process with SIGKILL at each moment of a page's way; another process
// takes over. No page is lost, and a double has the same id.
func TestAPageSurvivesTheDeathOfItsSender(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a takeover takes longer than -short allows")
	}
	for moment, most := range map[string]int{beforeClaim: 1, afterClaim: 1, afterSend: 2, beforeStore: 2} {
		t.Run(moment, func(t *testing.T) {
			t.Parallel()
			ana, ben := newHook(t), newHook(t)
			database := pgtest.URL(t)
			configureDatabase(t, database, team(ana, ben, "1h"))
			address, dying := startChild(t, database, moment)
			mustSend(t, address, alertMail("High", "Ransomware", "pc1", "da1111111111111111_1", "one@example"))
			if err := dying.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
				t.Fatalf("the child ended with %v, want killed", err)
			}
			startChild(t, database, never)
			pool, err := pgxpool.New(t.Context(), database)
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			deadline := time.Now().Add(oncall.ClaimLease + patience)
			for state := ""; state != string(oncall.PageDelivered); {
				if time.Now().After(deadline) {
					t.Fatalf("the page is %s %s after the takeover", state, oncall.ClaimLease+patience)
				}
				if err := pool.QueryRow(t.Context(), `SELECT state FROM pages`).Scan(&state); err != nil {
					t.Fatal(err)
				}
				time.Sleep(100 * time.Millisecond) // the pace of polling
			}
			got := ana.deliveries()
			if len(got) < 1 || len(got) > most {
				t.Errorf("sends: got %d, want 1 to %d", len(got), most)
			}
			for _, delivery := range got {
				if delivery.id != got[0].id || string(delivery.body) != string(got[0].body) {
					t.Errorf("a double differs: %s %s", delivery.id, delivery.body)
				}
			}
			t.Logf("%s: %d sends", moment, len(got))
		})
	}
}

// configureDatabase applies YAML with nothing running.
func configureDatabase(t *testing.T, address, yaml string) {
	t.Helper()
	s := testSettings(address)
	document, err := oncall.ParseFile("test.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	env := environment{stdout: os.Stderr, stderr: os.Stderr, now: time.Now}
	if err := withRooms(t.Context(), s, env, func(r *rooms, _ database) error {
		_, err := r.apply(t.Context(), document)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
