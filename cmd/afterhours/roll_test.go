package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

var (
	rollFrom = flag.String("roll-from", "", "the program of an older version, which this one replaces under load")
	rollFor  = flag.Duration("roll-for", 10*time.Second, "how long each stage of that takes")
)

// TestAGatewayIsReplacedByANewerOneUnderLoad writes tickets by an older version on its own schema, starts this version
// beside it, which brings the schema up to date, lets both work, starts the older one once more on the newer schema, and
// ends it: of every mail with a 250 none is lost, none has two effects, and each pages.
func TestAGatewayIsReplacedByANewerOneUnderLoad(t *testing.T) {
	if *rollFrom == "" {
		t.Skip("only where an older program is given: make roll FROM=v0.1.0")
	}
	postgres := startEmptyPostgres(t)
	pool, err := pgxpool.New(t.Context(), postgres.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	schema := func() (version int) {
		t.Helper()
		if err := pool.QueryRow(t.Context(), `SELECT max(version_id) FROM goose_db_version WHERE is_applied`).Scan(&version); err != nil {
			t.Fatal(err)
		}
		return version
	}
	olderDir, newerDir := t.TempDir(), t.TempDir()
	older := serveProgram(t, *rollFrom, gatewayVariables(postgres.URL(), olderDir)...)
	before := schema()
	ana, ben := newHook(t), newHook(t)
	applyBy(t, *rollFrom, team(ana, ben, "24h"), gatewayVariables(postgres.URL(), olderDir)...)
	var h history
	h.at(older.smtp)
	h.open.Store(true)
	h.pace = 200 * time.Millisecond
	h.begin(12)
	stage := func(what string) {
		sent := h.next.Load()
		time.Sleep(*rollFor) // of load
		t.Logf("%s: %d mails, schema %d", what, h.next.Load()-sent, schema())
	}
	stage("the older version alone")
	newer := serveChild(t, gatewayVariables(postgres.URL(), newerDir)...)
	h.at(older.smtp, newer.smtp)
	stage("both")
	older.kill()
	older = serveProgram(t, *rollFrom, gatewayVariables(postgres.URL(), olderDir)...)
	h.at(older.smtp, newer.smtp)
	stage("both, the older one started on the newer schema")
	h.at(newer.smtp)
	if took, err := older.terminate(); err != nil {
		t.Errorf("stop the older version: %v", err)
	} else {
		within(t, "the older version stops", took, 30*time.Second)
	}
	stage("this version alone")
	h.end()
	drained(t, olderDir, newerDir)
	(&gatewayAlone{pool: pool}).settled(t, 10*patience)
	h.check(t, pool)
	h.checkPages(t, ana, 3*patience)
	if after := schema(); after < before {
		t.Errorf("schema: %d, was %d", after, before)
	}
	if _, err := newer.terminate(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// applyBy applies YAML by a program.
func applyBy(t *testing.T, program, yaml string, variables ...string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "team.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	apply := exec.Command(program, "apply", file)
	apply.Env = append(os.Environ(), variables...)
	if out, err := apply.CombinedOutput(); err != nil {
		t.Fatalf("apply: %v: %s", err, out)
	}
}
