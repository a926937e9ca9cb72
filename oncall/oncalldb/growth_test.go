package oncalldb_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// history is the past of the same people: pages that failed, pages that were sent, a few that are due and whose jobs wait, and
// notices that somebody has a ticket. It is counted, as autovacuum does, which lets what was planned before be planned again.
const history = `
	INSERT INTO tickets (number, state, severity, kind, product, title, source, created_at, updated_at, resolved_at)
	OVERRIDING SYSTEM VALUE SELECT n, 'resolved', 'high', 'alert', 'endpoint', 'Ransomware', 'email', $1, $1, $1 FROM generate_series(1001, 4000) AS n;
	INSERT INTO pages (key, ticket, person, contact, channel, generation, round, step, due_at, give_up_at, created_at, lease_until, state, phoned_at, sent_at, single_at)
	SELECT n || '/' || p, n, p, 'hook', 'webhook', 1, 1, 1, $1, $1, $1, $2, state, CASE WHEN state <> 'queued' THEN $1::timestamptz END,
		CASE WHEN state = 'sent' THEN $1::timestamptz END, CASE WHEN state = 'sent' THEN $1::timestamptz END
	FROM generate_series(1001, 4000) AS n, unnest(ARRAY['ana', 'ben', 'nix']) AS p,
		LATERAL (SELECT CASE WHEN n > 3980 THEN 'queued' WHEN n % 2 = 0 THEN 'sent' ELSE 'failed' END AS state) AS s;
	INSERT INTO pages (key, type, ticket, person, contact, channel, generation, round, step, due_at, give_up_at, created_at, state, sent_at)
	SELECT n || '/taken', 'page.taken', n, 'ben', 'mail', 'email', 1, 1, 1, $1, $1, $1, 'sent', $1 FROM generate_series(1001, 4000) AS n;
	ANALYZE pages, escalations`

// grown lets something happen to a few tickets, so that its statements are planned, then gives the people a history, and returns
// how many rows of the pages it reads for each of the tickets after that.
func (r *room) grown(t *testing.T, past time.Time, happens func(ticket int64)) int {
	t.Helper()
	for ticket := range int64(8) { // a statement's plan is settled after five times
		happens(1 + ticket)
	}
	if _, err := r.pool.Exec(t.Context(), history, pgx.QueryExecModeSimpleProtocol, past, past.AddDate(1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	const many = 10
	for ticket := range int64(many) {
		happens(101 + ticket)
	}
	return r.rowsRead(t, "pages") / many
}

// TestWhatAPageTakesDoesNotGrowWithTheHistory lets the store plan what it asks while its tables are empty, as a new
// installation does, and counts what it reads of the pages once they are many.
func TestWhatAPageTakesDoesNotGrowWithTheHistory(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, `policies: [{id: security, steps: [{notify: ["person:ana"], wait: 5m}, {notify: ["person:ben"], wait: 10m}]}]`)
	past := r.now.Add(-time.Hour)
	one := func(ticket int64) {
		r.now = r.now.Add(time.Hour)
		r.enqueued = nil
		r.change(t, ticket, tickets.ChangeCreated)
		r.finish(t, r.enqueued[0], oncall.Outcome{State: oncall.PageFailed, Reason: "refused"})
		r.finish(t, r.enqueued[1], oncall.Outcome{State: oncall.PageFailed, Reason: "refused"})
		r.tick(t, time.Second)
		r.finish(t, r.enqueued[2], oncall.Outcome{State: oncall.PageSent})
		if _, err := r.pool.Exec(t.Context(), `UPDATE escalations SET state = 'stopped', due_at = NULL`); err != nil {
			t.Fatal(err)
		}
	}
	took := r.grown(t, past, one)
	t.Logf("%d rows of the pages read for a ticket with three of them", took)
	if took > 1000 {
		t.Errorf("a ticket with three pages read %d rows, where 9,000 are of the past", took)
	}
}

// TestWhatAnAnswerTakesDoesNotGrowWithTheHistory is the same for what people do with a ticket of which they were told: a policy
// is brought forward and put off, the ticket is acknowledged and taken over, opened again and resolved.
func TestWhatAnAnswerTakesDoesNotGrowWithTheHistory(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, `policies: [{id: security, steps: [{notify: ["person:ana"], wait: 5m}, {notify: ["person:ben"], wait: 10m}]}]`)
	past := r.now.Add(-time.Hour)
	one := func(ticket int64) {
		r.now = r.now.Add(time.Hour)
		r.enqueued = nil
		r.change(t, ticket, tickets.ChangeCreated)
		r.finish(t, r.enqueued[0], oncall.Outcome{State: oncall.PageSent})
		if err := r.Escalate(t.Context(), ticket, "ana"); err != nil {
			t.Fatal(err)
		}
		r.tick(t, time.Second)
		r.finish(t, r.enqueued[1], oncall.Outcome{State: oncall.PageSent})
		if err := r.Snooze(t.Context(), ticket, "ana", r.now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []tickets.ChangeKind{tickets.ChangeAcknowledged, tickets.ChangeReopened, tickets.ChangeAcknowledged, tickets.ChangeResolved} {
			r.change(t, ticket, kind)
		}
	}
	took := r.grown(t, past, one)
	t.Logf("%d rows of the pages read for a ticket with seven answers", took)
	if took > 1000 {
		t.Errorf("a ticket with seven answers read %d rows, where 9,000 are of the past", took)
	}
}

// TestALookReadsNothingThatIsNotDue looks for what is due while thousands of escalations run that are not.
func TestALookReadsNothingThatIsNotDue(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, `policies: [{id: security, steps: [{notify: ["person:ana"], wait: 5m}]}]`)
	look := func() { r.wantDue(t, "while nothing is due", oncall.Due{}) }
	for range 8 {
		look()
	}
	if _, err := r.pool.Exec(t.Context(), history, pgx.QueryExecModeSimpleProtocol, r.now, r.now.AddDate(1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`UPDATE pages SET state = 'sent' WHERE state = 'queued'`,
		`INSERT INTO escalations (ticket, policy, state, step, due_at, started_at) SELECT number, 'security', 'running', 1, timestamptz '2027-01-01Z', created_at FROM tickets`,
		`ANALYZE escalations`,
	} {
		if _, err := r.pool.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	before := r.rowsRead(t, "escalations")
	for range 20 {
		look()
	}
	if read := r.rowsRead(t, "escalations") - before; read > 20*2 {
		t.Errorf("20 looks read %d escalations, none of them due", read)
	}
}

// TestALookForSummariesReadsNoneOfThePagesThatWait asks for the summaries that are due while a storm's pages wait for the next one.
func TestALookForSummariesReadsNoneOfThePagesThatWait(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, `policies: [{id: security, steps: [{notify: ["person:ana"], wait: 5m}]}]`)
	look := func() {
		if made, err := r.SummariseBundled(t.Context(), r.now, 10); err != nil || made != 0 {
			t.Fatalf("got %d summaries and %v, want none", made, err)
		}
	}
	for range 8 {
		look()
	}
	if _, err := r.pool.Exec(t.Context(), history, pgx.QueryExecModeSimpleProtocol, r.now, r.now.AddDate(1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.pool.Exec(t.Context(), `
		UPDATE pages SET state = CASE WHEN key = '1001/ana' THEN 'sent' ELSE 'queued' END, bundled = key <> '1001/ana',
			type = CASE WHEN key = '1001/ana' THEN 'page.summary' ELSE type END, payload = '{"by_severity": {"high": 5}}',
			created_at = $1, due_at = $2
		WHERE person = 'ana'`, r.now.Add(-oncall.SummaryEvery/2), r.now.Add(-oncall.SummaryAfter)); err != nil {
		t.Fatal(err)
	}
	pages, all := r.rowsRead(t, "pages"), r.rowsRead(t, "tickets")
	for range 20 {
		look()
	}
	if pages, all := r.rowsRead(t, "pages")-pages, r.rowsRead(t, "tickets")-all; pages > 20*10 || all > 0 {
		t.Errorf("20 looks read %d pages and %d tickets, where 2,999 wait for a summary that is not due", pages, all)
	}
}

// rowsRead is how many rows of a table were read by what has run so far, by index or by scan. A session tells at its end at the
// latest.
func (r *room) rowsRead(t *testing.T, table string) (rows int) {
	t.Helper()
	r.pool.Reset()
	conn, err := pgx.ConnectConfig(t.Context(), r.pool.Config().ConnConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for others := 1; others > 0; <-pause.C {
		err := conn.QueryRow(t.Context(), `
			SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`).Scan(&others)
		if err != nil {
			t.Fatal(err)
		}
	}
	err = conn.QueryRow(t.Context(), `
		SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = $1) + (SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = $1)`, table).Scan(&rows)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
