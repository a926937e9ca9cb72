package main

import (
	"context"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/migrations"
	"afterhours/migrations/pgserver"
)

var (
	killGateway  = flag.Int("kill-gateway", 4, "how often the gateway is killed under load")
	killPostgres = flag.Int("kill-postgres", 2, "how often Postgres is killed under load")
	killSessions = flag.Int("kill-sessions", 20, "sessions that send meanwhile")
	killOutage   = flag.Int("kill-outage", 0, "every so many deaths of Postgres last longer than a reply is held; 0: none")
	killSeed     = flag.Uint64("kill-seed", 1, "of the moments")
)

const (
	killWindow  = 1500 * time.Millisecond // of load before each kill, at most
	shortOutage = time.Second             // at most
)

// ownPostgres is a durable server of the test's own, which is killed and started again on its cluster.
type ownPostgres struct {
	t   *testing.T
	dir string
	*pgserver.Server
}

// startPostgres brings its schema up to date, too.
func startPostgres(t *testing.T) *ownPostgres {
	t.Helper()
	p := startEmptyPostgres(t)
	pool, err := pgxpool.New(t.Context(), p.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := migrations.Up(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	return p
}

func startEmptyPostgres(t *testing.T) *ownPostgres {
	t.Helper()
	folder := t.TempDir()
	if err := os.Chmod(filepath.Dir(folder), 0o711); err != nil { // the database may run as another user
		t.Fatal(err)
	}
	p := &ownPostgres{t: t, dir: filepath.Join(folder, "postgres")}
	p.start()
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Errorf("stop Postgres: %v", err)
		}
	})
	return p
}

func (p *ownPostgres) start() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*patience)
	defer cancel()
	server, err := pgserver.Start(ctx, pgserver.Options{Dir: p.dir})
	if err != nil {
		p.t.Fatalf("start Postgres: %v", err)
	}
	p.Server = server
}

func (p *ownPostgres) kill() {
	p.t.Helper()
	if err := syscall.Kill(p.Pid(), syscall.SIGKILL); err != nil {
		p.t.Fatalf("kill Postgres: %v", err)
	}
	<-p.Done()
}

// TestAMailThatGotItsAnswerIsNeverLostNorDoubled kills the gateway and Postgres with SIGKILL at random moments under load.
// Senders repeat what was not answered; afterwards what they were promised is held against what is stored, and against
// what the person on call was told.
func TestAMailThatGotItsAnswerIsNeverLostNorDoubled(t *testing.T) {
	longTest(t)
	t.Parallel()
	random := rand.New(rand.NewPCG(*killSeed, 0))
	postgres := startPostgres(t)
	ana, ben := newHook(t), newHook(t)
	configureDatabase(t, postgres.URL(), team(ana, ben, "24h"))
	dir := t.TempDir()
	variables := gatewayVariables(postgres.URL(), dir)
	gateway := serveChild(t, variables...)
	var h history
	h.at(gateway.smtp)
	h.begin(*killSessions)
	kills := append(strings.Split(strings.Repeat("gateway ", *killGateway), " ")[:*killGateway], strings.Split(strings.Repeat("postgres ", *killPostgres), " ")[:*killPostgres]...)
	random.Shuffle(len(kills), func(i, j int) { kills[i], kills[j] = kills[j], kills[i] })
	began, deaths := time.Now(), 0
	for _, victim := range kills {
		h.open.Store(true)
		time.Sleep(time.Duration(random.Int64N(int64(killWindow)))) // the moment
		if victim == "gateway" {
			gateway.kill()
			h.open.Store(false)
			gateway = serveChild(t, variables...)
			h.at(gateway.smtp)
			continue
		}
		postgres.kill()
		away := time.Duration(random.Int64N(int64(shortOutage)))
		if deaths++; *killOutage > 0 && deaths%*killOutage == 0 {
			away += holdWithin + time.Second
		}
		time.Sleep(away) // the outage
		h.open.Store(false)
		postgres.start()
	}
	h.open.Store(true)
	sent := h.next.Load()
	eventually(t, "mail is taken after the last kill", func() bool { return h.next.Load() > sent+int64(*killSessions) })
	h.end()
	took := time.Since(began)
	pool, err := pgxpool.New(t.Context(), postgres.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	drained(t, dir)
	all := &gatewayAlone{pool: pool}
	all.settled(t, 10*patience)
	h.check(t, pool)
	h.checkPages(t, ana, 3*patience)
	t.Logf("%d kills of the gateway and %d of Postgres in %s", *killGateway, *killPostgres, took.Round(time.Second))
	if took, err := gateway.terminate(); err != nil {
		t.Errorf("stop: %v", err)
	} else {
		within(t, "the last gateway stops", took, 30*time.Second)
	}
}

// gatewayVariables are the settings of a gateway on a data directory, whose mail is vouched for and that pages test hooks.
func gatewayVariables(database, dir string) []string {
	return []string{
		"AFTERHOURS_DATA_DIR=" + dir, "AFTERHOURS_DATABASE_URL=" + database, "AFTERHOURS_SECRET_KEY=" + testSecret,
		"AFTERHOURS_ALLOW_PRIVATE_WEBHOOKS=true", "AFTERHOURS_PUBLIC_URL=https://afterhours.test.example", "AFTERHOURS_LOG_LEVEL=error",
		"AFTERHOURS_TRUSTED_RELAYS=127.0.0.0/8", "AFTERHOURS_AUTHSERV_ID=mx.test.example",
	}
}

// drained waits until the spools of data directories have handed over their mail: a 250 may have come from there.
func drained(t *testing.T, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		for deadline := time.Now().Add(10 * patience); ; time.Sleep(20 * time.Millisecond) { // the pace of polling
			waiting, err := filepath.Glob(filepath.Join(dir, "spool", "*.mail"))
			if err != nil {
				t.Fatal(err)
			}
			if len(waiting) == 0 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d mails wait in the spool after %s", len(waiting), 10*patience)
			}
		}
	}
}
