package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/migrations/pgserver"
)

var (
	intakeTable       = flag.Bool("intake-table", false, "print the table of make bench-intake")
	intakeMails       = flag.Int("intake-mails", 10_000, "mails of each row of the table")
	intakeConnections = flag.String("intake-connections", "1,20,50,100,500", "connections of each row")
	intakeMany        = flag.Int("intake-many", 0, "send so many mails over 50 connections and watch memory and replies; 1000000 is the full form")
	intakeDatabase    = flag.String("intake-database", "", "an empty database's URL, instead of the embedded Postgres")
	intakeWithin      = flag.String("intake-within", "", "a command that starts the gateway and its Postgres within bounds, as: systemd-run --scope -q -p MemoryMax=256M -p AllowedCPUs=0")
	intakeProfile     = flag.String("intake-profile", "", "write a profile of the gateway's processor time to this file")
)

const (
	intakeSize = 8 << 10 // octets of one mail
	pgbenchFor = 6       // seconds
)

// gatewayAlone is `afterhours serve` as a process of its own on an embedded Postgres, durable as in production, with a
// team whose person on call has a webhook.
type gatewayAlone struct {
	*served
	pool     *pgxpool.Pool
	database string
	cluster  string // its folder
}

func startGateway(t testing.TB, variables ...string) *gatewayAlone {
	t.Helper()
	folder := t.TempDir()
	if err := os.Chmod(filepath.Dir(folder), 0o711); err != nil { // the database may run as another user
		t.Fatal(err)
	}
	data := filepath.Join(folder, "data")
	variables = append(variables, "AFTERHOURS_DATA_DIR="+data, "AFTERHOURS_SECRET_KEY="+testSecret, "AFTERHOURS_ALLOW_PRIVATE_WEBHOOKS=true",
		"AFTERHOURS_TRUSTED_RELAYS=127.0.0.0/8", "AFTERHOURS_AUTHSERV_ID=mx.test.example", "AFTERHOURS_LOG_LEVEL=warn")
	if *intakeDatabase != "" {
		variables = append(variables, "AFTERHOURS_DATABASE_URL="+*intakeDatabase)
	}
	g := &gatewayAlone{served: serveProgram(t, *intakeWithin+" "+os.Args[0], variables...), cluster: filepath.Join(data, "postgres", "cluster"), database: *intakeDatabase}
	var err error
	if g.database == "" {
		var ok bool
		if g.database, ok, err = pgserver.Attach(filepath.Join(data, "postgres")); err != nil || !ok {
			t.Fatalf("the child's database: %v, %v", ok, err)
		}
	}
	if g.pool, err = pgxpool.New(t.Context(), g.database); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.pool.Close)
	return g
}

func (g *gatewayAlone) count(t testing.TB, query string) (count int) {
	t.Helper()
	if err := g.pool.QueryRow(t.Context(), query).Scan(&count); err != nil {
		t.Fatal(err)
	}
	return count
}

// TestIntakeTable measures how fast mail comes in, until each is a ticket with its page queued, beside what the same
// database takes of single rows in the same minutes.
func TestIntakeTable(t *testing.T) {
	if !*intakeTable {
		t.Skip("only where the table is asked for: make bench-intake")
	}
	ana := newHook(t)
	var variables []string
	if *intakeProfile != "" {
		variables = append(variables, childProfile+"="+*intakeProfile)
	}
	gateway := startGateway(t, variables...)
	configureDatabase(t, gateway.database, strings.Replace(team(ana, ana, "1h"), "bundle: {after: 0}", "bundle: {after: 5, within: 5m}", 1))
	bench, alone := pgbench(t, gateway, 50), pgbench(t, gateway, 1)
	fmt.Printf("\n%d mails a row, 8 KiB each, severity High, a page queued for each\n\n", *intakeMails)
	fmt.Println("connections  accepted/s  ticketed/s  DATA p50 ms       p95       p99  memory MiB  of pgbench  µs a mail: gateway  database  loader")
	for i, field := range strings.Split(*intakeConnections, ",") {
		connections, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil {
			t.Fatalf("-intake-connections: %v", err)
		}
		mails := *intakeMails
		if connections == 1 {
			mails = min(mails, 2000)
		}
		row := gateway.row(t, uint64(i+1), connections, mails)
		fmt.Printf("%11d  %10.0f  %10.0f  %11.1f  %8.1f  %8.1f  %10.0f  %10s  %18.0f  %8.0f  %6.0f\n", connections, row.rate(), row.ticketed,
			milliseconds(row.percentile(50)), milliseconds(row.percentile(95)), milliseconds(row.percentile(99)), gateway.memory("VmHWM"), share(row.ticketed, bench),
			row.each(row.gateway), row.each(row.database), row.each(row.loader))
	}
	if bench > 0 {
		fmt.Printf("\npgbench, single rows of 8 KiB, the same database: %.0f/s of 50 clients, %.1f ms a row of one client\n", bench, 1000/alone)
	}
	if postfix := startPostfix(t); postfix != "" {
		queued := sendThrough(t, postfix, 50, inTurn(sampleMails(t, 99, "high", min(*intakeMails, 2000), intakeSize)))
		fmt.Printf("Postfix, 50 connections, the same mails into its queue: %.0f/s, DATA p50 %.1f, p95 %.1f, p99 %.1f ms\n", queued.rate(),
			milliseconds(queued.percentile(50)), milliseconds(queued.percentile(95)), milliseconds(queued.percentile(99)))
	}
	if _, err := gateway.terminate(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// TestManyMailsNeitherFillMemoryNorSlowDown sends in tenths: after the first, memory grows by less than 1 MiB for each
// 100,000 mails, and the last tenth's p99 is at most 1.2 times the first's.
func TestManyMailsNeitherFillMemoryNorSlowDown(t *testing.T) {
	if *intakeMany == 0 {
		t.Skip("only where a number is given: -intake-many 1000000")
	}
	ana := newHook(t)
	gateway := startGateway(t)
	configureDatabase(t, gateway.database, strings.Replace(team(ana, ana, "24h"), "bundle: {after: 0}", "bundle: {after: 5, within: 5m}", 1))
	fmt.Println("   mails  accepted/s  DATA p50 ms       p95       p99  memory MiB      most  µs a mail: gateway  database  octets a mail: journal  stored")
	var first, last time.Duration
	var before, after float64
	for tenth := range 10 {
		gatewayTime, databaseTime := processorTime(gateway.process.Process.Pid), familyTime(postmaster(gateway.cluster))
		journal, stored := gateway.octets(t)
		sent := sendThrough(t, gateway.smtp, 50, madeInTurn(t, uint64(1000*tenth+1), *intakeMany/10))
		gateway.settled(t, 10*patience)
		last, after = sent.percentile(99), gateway.memory("VmRSS")
		if tenth == 0 {
			first, before = last, after
		}
		row := intakeRow{load: sent, gateway: processorTime(gateway.process.Process.Pid) - gatewayTime, database: familyTime(postmaster(gateway.cluster)) - databaseTime}
		journalNow, storedNow := gateway.octets(t)
		fmt.Printf("%8d  %10.0f  %11.1f  %8.1f  %8.1f  %10.1f  %8.1f  %18.0f  %8.0f  %22d  %6d\n", (tenth+1)*(*intakeMany/10), sent.rate(), milliseconds(sent.percentile(50)),
			milliseconds(sent.percentile(95)), milliseconds(last), after, gateway.memory("VmHWM"), row.each(row.gateway), row.each(row.database),
			(journalNow-journal)/(*intakeMany/10), (storedNow-stored)/(*intakeMany/10))
	}
	growth := (after - before) / (0.9 * float64(*intakeMany) / 100_000)
	fmt.Printf("memory grew by %.2f MiB for each 100,000 after the first tenth; the last tenth's p99 is %.2f times the first's\n", growth, float64(last)/float64(first))
	if pages := gateway.count(t, `SELECT count(*) FROM pages WHERE type = 'page'`); pages != *intakeMany/10*10 {
		t.Errorf("%d pages of %d mails", pages, *intakeMany)
	}
	if *punctual && (growth > 1 || float64(last) > 1.2*float64(first)) {
		t.Errorf("growth: got %.2f MiB and %.2f times the p99, want at most 1 and 1.2", growth, float64(last)/float64(first))
	}
}

// octets is what the database wrote into its journal so far, and what it stores.
func (g *gatewayAlone) octets(t testing.TB) (journal, stored int) {
	return g.count(t, `SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint`), g.count(t, `SELECT pg_database_size(current_database())`)
}

func share(rate, of float64) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", rate/of)
}

type intakeRow struct {
	load
	ticketed                  float64       // mails a second
	gateway, database, loader time.Duration // of processor time
}

// each is what one mail took, in microseconds.
func (r intakeRow) each(total time.Duration) float64 {
	return float64(total.Microseconds()) / float64(len(r.replies))
}

// row sends mails and waits until each of them is a ticket with its page.
func (g *gatewayAlone) row(t *testing.T, seed uint64, connections, mails int) intakeRow {
	t.Helper()
	before := g.count(t, `SELECT count(*) FROM pages WHERE type = 'page'`)
	next := inTurn(sampleMails(t, seed, "high", mails, intakeSize))
	gateway, database, loader := processorTime(g.process.Process.Pid), familyTime(postmaster(g.cluster)), processorTime(os.Getpid())
	began := time.Now()
	row := intakeRow{load: sendThrough(t, g.smtp, connections, next)}
	g.settled(t, 10*patience)
	row.ticketed = float64(mails) / time.Since(began).Seconds()
	row.gateway, row.database = processorTime(g.process.Process.Pid)-gateway, familyTime(postmaster(g.cluster))-database
	row.loader = processorTime(os.Getpid()) - loader
	if pages := g.count(t, `SELECT count(*) FROM pages WHERE type = 'page'`) - before; pages != mails {
		t.Errorf("%d connections: %d pages of %d mails", connections, pages, mails)
	}
	return row
}

// settled waits until every accepted mail is read, and asks seldom: that is not to cost what is measured.
func (g *gatewayAlone) settled(t testing.TB, most time.Duration) {
	t.Helper()
	for deadline := time.Now().Add(most); g.count(t, `SELECT count(*) FROM (SELECT FROM mails WHERE state = 'accepted' LIMIT 1) AS waiting`) != 0; {
		if time.Now().After(deadline) {
			t.Fatalf("mails wait to be read after %s", most)
		}
		time.Sleep(20 * time.Millisecond) // the pace of polling
	}
}

var pgbenchRate = regexp.MustCompile(`tps = ([0-9.]+)`)

// pgbench measures how many single rows of a mail's size the database commits for so many clients, each a statement as pgbench sends
// it by itself; 0 where it is not installed.
func pgbench(t *testing.T, g *gatewayAlone, clients int) float64 {
	t.Helper()
	program, err := exec.LookPath("pgbench")
	if err != nil {
		return 0
	}
	conn, err := pgx.Connect(t.Context(), g.database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `CREATE TABLE bench_rows (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, raw bytea NOT NULL);
		ALTER TABLE bench_rows ALTER COLUMN raw SET STORAGE EXTERNAL`); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "insert.sql")
	if err := os.WriteFile(script, []byte(fmt.Sprintf("INSERT INTO bench_rows (raw) VALUES (convert_to(repeat('x', %d), 'UTF8'));\n", intakeSize)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), program, "-n", "-c", strconv.Itoa(clients), "-j", strconv.Itoa(min(clients, 2)), "-T", strconv.Itoa(pgbenchFor), "-f", script, g.database).CombinedOutput()
	found := pgbenchRate.FindSubmatch(out)
	if err != nil || found == nil {
		t.Fatalf("pgbench: %v: %s", err, out)
	}
	if _, err := conn.Exec(t.Context(), `DROP TABLE bench_rows`); err != nil {
		t.Fatal(err)
	}
	rate, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return rate
}
