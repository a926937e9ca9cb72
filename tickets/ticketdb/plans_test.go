package ticketdb

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/migrations/pgtest"
	"afterhours/tickets"
)

// fillTickets writes resolved tickets of the past, one a minute, and a few that are not; a word in a hundred is rare.
func fillTickets(t testing.TB, pool *pgxpool.Pool, count int) {
	t.Helper()
	for _, statement := range []string{`
		INSERT INTO tickets (state, severity, kind, product, title, devices, source, message_count, created_at, updated_at, resolved_at,
			acknowledged_at, assignee, search)
		SELECT CASE WHEN n % 2000 = 0 THEN 'open' WHEN n % 2000 = 1 THEN 'acknowledged' ELSE 'resolved' END,
			(ARRAY['high', 'medium', 'low', 'informational'])[1 + n % 4], 'alert', 'endpoint', 'Ransomware ' || n, ARRAY['ws-' || n % 5000],
			'email', 1, timestamptz '2024-01-01Z' + n * interval '1 minute', timestamptz '2024-01-01Z' + n * interval '1 minute',
			CASE WHEN n % 2000 > 1 THEN timestamptz '2024-01-01Z' + n * interval '2 minutes' END, timestamptz '2024-01-01Z', 'ana',
			array_to_tsvector(ARRAY['ransomware', 'ws', n::text, 'ws' || n % 5000])
		FROM generate_series(1, $1) AS n`, `ANALYZE tickets`} {
		args := []any{count}
		if !strings.Contains(statement, "$1") {
			args = nil
		}
		if _, err := pool.Exec(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
}

// TestListsNeverScanAllTickets asks Postgres how it would answer the lists of the desk and of the API.
func TestListsNeverScanAllTickets(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	fillTickets(t, pool, 40_000)
	store := New(pool, time.Now, nil)
	for name, filter := range map[string]tickets.Filter{
		"the newest":      {},
		"a further page":  {Before: 20_000},
		"open":            {States: []tickets.State{tickets.Open}},
		"mine":            {States: []tickets.State{tickets.Open, tickets.Acknowledged}, Assignee: "ana"},
		"a common word":   {Query: "ransomware"},
		"common words":    {Query: "ransomware ws"},
		"a rare word":     {Query: "ws4711"},
		"many beginnings": {Query: "ws47"},
		"title and digit": {Query: "ransomware ws 47"},
		"a ticket":        {Query: "#20123"},
		"words and state": {Query: "ransomware ws17", States: []tickets.State{tickets.Open}},
		"a day":           {Since: time.Date(2024, 1, 5, 0, 0, 0, 0, time.UTC), Until: time.Date(2024, 1, 6, 0, 0, 0, 0, time.UTC)},
	} {
		search, err := store.searchFor(t.Context(), filter, tickets.DefaultLimit+1)
		if err != nil {
			t.Fatal(err)
		}
		where, args := conditions(filter, search)
		args["limit"] = tickets.DefaultLimit + 1
		if search != nil && search.span > 0 && store.words.known.of(search.indexed[0]) < 0.5 { // else the newest have been found before
			search.ages = []int64{3, 4}
			aged, args := conditions(filter, search)
			args["limit"] = tickets.DefaultLimit + 1
			wantIndex(t, pool, name+" among the newest", listQuery(aged, search), args)
		}
		if search != nil && search.newest > 0 { // read first, in the order of their numbers
			search = &searching{others: slices.Concat(search.indexed, search.others)}
			where, args = conditions(filter, search)
			where += ` AND t.number >= @from`
			args["limit"], args["from"] = tickets.DefaultLimit+1, 40_000-glanced
		}
		wantIndex(t, pool, name, listQuery(where, search), args)
	}
}

// wantIndex asks Postgres for its plan of a query for the given values, in which it reads no large table from end to end.
func wantIndex(t *testing.T, pool *pgxpool.Pool, name, query string, args ...any) {
	t.Helper()
	rows, err := pool.Query(t.Context(), `EXPLAIN `+query, append([]any{pgx.QueryExecModeCacheDescribe}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	plan := strings.Join(lines, "\n")
	for _, table := range []string{"tickets", "ticket_events", "mails"} {
		if strings.Contains(plan, "Seq Scan on "+table) {
			t.Errorf("%s reads all %s:\n%s", name, table, plan)
		}
	}
}

// TestATicketsPageNeverScansAllTickets does the same for what a ticket's page and the figures of a day read.
func TestATicketsPageNeverScansAllTickets(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	fillTickets(t, pool, 40_000)
	for _, statement := range []string{
		`INSERT INTO ticket_events (ticket, at, type, actor) SELECT number, created_at, type, 'system' FROM tickets, unnest(ARRAY['created', 'acknowledged']) AS type`,
		`INSERT INTO mails (received_at, envelope_from, envelope_to, digest, size, state, ticket) SELECT created_at, 'a@b.example', '{}', sha256(number::text::bytea), 1, 'read', number FROM tickets`,
		`ANALYZE ticket_events`, `ANALYZE mails`,
	} {
		if _, err := pool.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	wantIndex(t, pool, "the ticket", `SELECT `+ticketColumns+` FROM tickets t WHERE t.number = $1`, 20_000)
	wantIndex(t, pool, "its timeline", timelineQuery, 20_000)
	wantIndex(t, pool, "its mails", mailsQuery, 20_000)
	wantIndex(t, pool, "related tickets", relatedQuery, (&wordShares{}).ofNames([]string{"ws-17"}), []string{"ws-17"}, []string{}, 20_000, time.Date(2024, 1, 5, 0, 0, 0, 0, time.UTC), 10)
	day := time.Date(2024, 1, 5, 0, 0, 0, 0, time.UTC)
	wantIndex(t, pool, "the figures of its day", countTickets, day, day.AddDate(0, 0, 1), tickets.SpansADoubling, tickets.LastSpan, titlesADay)
	wantIndex(t, pool, "the mails of its day", countMails, day, day.AddDate(0, 0, 1), tickets.LateReading)
}

func TestASearchLooksUpItsRarestWords(t *testing.T) {
	t.Parallel()
	common := &wordShares{tickets: 1_000_000, words: []string{"mail", "microsoft", "ransomware", "ransoms", "ws"}, shares: []float64{1, 1, 0.2, 0.1, 0.9}}
	for query, want := range map[string]searching{
		"mail 4711 microsoft": {indexed: []string{"4711"}, others: []string{"mail", "microsoft"}, newest: glanced, most: 250, span: 19},
		"4711 user9 ws":       {indexed: []string{"4711", "user9"}, others: []string{"ws"}, newest: glanced, most: 250, span: 858},
		"ransom":              {indexed: []string{"ransom"}, newest: glanced, most: walked, span: fewestAges},
		"mail ransomware":     {indexed: []string{"ransomware"}, others: []string{"mail"}, newest: glanced, most: walked, span: fewestAges},
		"ransomware 123":      {indexed: []string{"123"}, others: []string{"ransomware"}, most: 2222, span: fewestAges},
		"da7919 2":            {indexed: []string{"da7919"}, others: []string{"2"}, newest: glanced, most: 250, span: 29},
		"":                    {},
	} {
		if got := common.plan(tickets.SplitWords(query), 51); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v, want %+v", query, got, want)
		}
	}
	if got := common.of("ransom"); got < 0.299 || got > 0.301 {
		t.Errorf("share of a beginning: got %v, want that of both words", got)
	}
}

// TestASearchFindsTheSameByEveryWay compares what is found one after the other, by the index, and by comparing all.
func TestASearchFindsTheSameByEveryWay(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	fillTickets(t, pool, 5_000)
	store := New(pool, time.Now, nil)
	for _, query := range []string{"ransomware", "ransomware ws", "ws17", "ransomware ws1 49", "nosuchword", "ransomware nosuchword", "…"} {
		for _, before := range []int64{0, 3_000} {
			filter := tickets.Filter{Query: query, Before: before}
			list, err := store.List(t.Context(), filter)
			if err != nil {
				t.Fatalf("%q: %v", query, err)
			}
			words := tickets.SplitWords(query)
			var want []int64
			err = pool.QueryRow(t.Context(), `
				SELECT coalesce(array_agg(number ORDER BY number DESC), '{}') FROM (
					SELECT number FROM tickets WHERE ($2 = 0 OR number < $2) AND (search @@ $1::tsquery) IS TRUE ORDER BY number DESC LIMIT 50) AS found`,
				beginnings(words), before).Scan(&want)
			if err != nil {
				t.Fatal(err)
			}
			got := []int64{}
			for _, ticket := range list.Tickets {
				got = append(got, ticket.Number)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%q before %d: got %v, want %v", query, before, got, want)
			}
		}
	}
}

// TestASearchGoesOnToOlderTickets looks at one age after the other, whatever the plan would be.
func TestASearchGoesOnToOlderTickets(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	const count = 6 << ageBits
	fillTickets(t, pool, count)
	store := New(pool, time.Now, nil)
	for _, before := range []int64{0, 3<<ageBits + 5, 9} {
		for _, first := range []searching{{indexed: []string{"ws17"}}, {indexed: []string{"ws17"}, others: []string{"ransomware"}, newest: 500}, {indexed: []string{"nosuchword"}, newest: 10}} {
			whole, err := store.search(t.Context(), tickets.Filter{Before: before}, searching{indexed: first.indexed, others: first.others}, 100)
			if err != nil {
				t.Fatal(err)
			}
			first.span = 1
			aged, err := store.search(t.Context(), tickets.Filter{Before: before}, first, 100)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(aged, whole) {
				t.Errorf("%+v before %d: got %d tickets by ages, want the %d that are there", first, before, len(aged), len(whole))
			}
			if before == 0 && first.indexed[0] == "ws17" && len(whole) < 50 {
				t.Errorf("%+v: got %d tickets, want many", first, len(whole))
			}
		}
	}
}

// TestABatchOfReadingsReadsNoOtherMails counts what is read where many were counted before and many wait.
func TestABatchOfReadingsReadsNoOtherMails(t *testing.T) {
	t.Parallel()
	store := New(pgtest.New(t), time.Now, nil)
	fillTickets(t, store.pool, 1)
	for _, statement := range []string{`
		INSERT INTO mails (received_at, read_at, envelope_from, envelope_to, digest, size, state, ticket, alert)
		SELECT timestamptz '2024-01-01Z', timestamptz '2024-01-01Z', '', '{}', sha256('x'), 1, 'read', (SELECT max(number) FROM tickets), '{"kind": "alert"}'
		FROM generate_series(1, 40000)`, `UPDATE reading_tally SET last_mail = (SELECT min(id) + 20000 FROM mails)`, `ANALYZE mails`} {
		if _, err := store.pool.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if read := rowsRead(t, store, "mails", tally, tallyMails, time.Now()); read < tallyMails || read > tallyMails+10 {
		t.Errorf("%d mails read for a batch of %d", read, tallyMails)
	}
}

// rowsRead is how many rows of a table a statement reads.
func rowsRead(t *testing.T, store *Store, table, statement string, args ...any) (read int) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), store.pool, func(tx pgx.Tx) error {
		soFar := func() (read int, err error) { // by this session, as far as it has not told of it
			err = tx.QueryRow(t.Context(), `SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = $1`, table).Scan(&read)
			return read, err
		}
		before, err := soFar()
		if err != nil {
			return err
		}
		if _, err := tx.Exec(t.Context(), statement, args...); err != nil {
			return err
		}
		after, err := soFar()
		read = after - before
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return read
}
