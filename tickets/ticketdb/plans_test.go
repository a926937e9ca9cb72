package ticketdb

import (
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
	for name, filter := range map[string]tickets.Filter{
		"the newest":      {},
		"a further page":  {Before: 20_000},
		"open":            {States: []tickets.State{tickets.Open}},
		"mine":            {States: []tickets.State{tickets.Open, tickets.Acknowledged}, Assignee: "ana"},
		"a rare word":     {Query: "ws4711"},
		"a ticket":        {Query: "#20123"},
		"words and state": {Query: "ransomware ws17", States: []tickets.State{tickets.Open}},
		"a day":           {Since: time.Date(2024, 1, 5, 0, 0, 0, 0, time.UTC), Until: time.Date(2024, 1, 6, 0, 0, 0, 0, time.UTC)},
	} {
		where, args := conditions(filter)
		args["limit"] = tickets.DefaultLimit + 1
		rows, err := pool.Query(t.Context(), `EXPLAIN SELECT `+ticketColumns+` FROM tickets t `+where+` ORDER BY t.number DESC LIMIT @limit`, args)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		if plan := strings.Join(lines, "\n"); strings.Contains(plan, "Seq Scan on tickets") {
			t.Errorf("%s:\n%s", name, plan)
		}
	}
}
