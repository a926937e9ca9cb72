package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// seedTickets writes tickets of the two years before a moment as mails leave them, all in SQL: a mail each, five events, a
// page, its keys; one in five hundred is not resolved, one in a thousand went into another.
func seedTickets(t testing.TB, pool *pgxpool.Pool, count int, now time.Time) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pool.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	const at = `$2::timestamptz - (($1::int - n) * interval '2 years' / $1::int)`
	const title = `(ARRAY['Ransomware behavior detected', 'Suspicious PowerShell command line', 'Unwanted software was blocked',
		'Impossible travel activity', 'Malware was detected in an email', 'Credential dumping tool', 'Anomalous token', 'Password spray'])[1 + (n / 3) % 8]`
	for _, statement := range []string{
		`SET synchronous_commit = off`,
		`INSERT INTO tickets (number, state, severity, kind, product, title, devices, users, incident_id, alert_ids, source, message_count,
			created_at, updated_at, acknowledged_at, acknowledged_by, resolved_at, assignee, policy, classification, merged_into, search)
		OVERRIDING SYSTEM VALUE
		SELECT 1000 + n, CASE WHEN n % 1000 = 998 THEN 'open' WHEN n % 1000 = 999 THEN 'acknowledged' ELSE 'resolved' END,
			(ARRAY['high', 'medium', 'low', 'informational'])[1 + n % 4], CASE WHEN n % 50 = 0 THEN 'unrecognised' ELSE 'alert' END,
			(ARRAY['endpoint', 'xdr', 'office365', 'cloud', 'identity'])[1 + n % 5], ` + title + `,
			ARRAY['ws-' || n % 5000], ARRAY['user' || n % 2000 || '@contoso.example'], (n / 3)::text, ARRAY['da' || n || '_' || n % 7],
			'email', 1, ` + at + `, ` + at + `, ` + at + ` + (n % 90 + 1) * interval '1 minute', CASE n % 2 WHEN 0 THEN 'ana' ELSE 'ben' END,
			CASE WHEN n % 1000 < 998 THEN ` + at + ` + (n % 4000 + 91) * interval '1 minute' END, CASE n % 2 WHEN 0 THEN 'ana' ELSE 'ben' END,
			'security', (ARRAY['', 'TruePositive', 'FalsePositive'])[1 + n % 3], CASE WHEN n % 1000 = 7 THEN 1000 + n - 1 END,
			array_to_tsvector(ARRAY(SELECT DISTINCT word FROM regexp_split_to_table(lower(concat_ws(' ', 1000 + n, ` + title + `,
				'ws-' || n % 5000, 'user' || n % 2000 || '@contoso.example', n / 3, 'da' || n || '_' || n % 7, '<mail-' || n || '@microsoft.example>')), '[^[:alnum:]]+') AS word WHERE word <> ''))
		FROM generate_series(1, $1::int) AS n`,
		`INSERT INTO mails (id, received_at, envelope_from, envelope_to, verified, digest, size, state, read_at, ticket, message_id, subject, alert)
		OVERRIDING SYSTEM VALUE
		SELECT n, ` + at + `, 'defender-noreply@microsoft.com', ARRAY['defender@example.com'], true, sha256(n::text::bytea), 4000, 'read',
			` + at + ` + interval '20 milliseconds', 1000 + n, 'mail-' || n || '@microsoft.example', 'An alert',
			jsonb_build_object('kind', CASE WHEN n % 50 = 0 THEN 'unrecognised' ELSE 'alert' END, 'provenance', 'microsoft', 'title', ` + title + `,
				'text', repeat('What a mail says about an alert, in a few words. ', 8), 'alert_ids', jsonb_build_array('da' || n || '_' || n % 7))
		FROM generate_series(1, $1::int) AS n`,
		`INSERT INTO ticket_events (id, ticket, at, type, actor, data)
		OVERRIDING SYSTEM VALUE
		SELECT (n - 1) * 5 + k, 1000 + n, ` + at + ` + k * interval '1 minute',
			(ARRAY['created', 'escalated', 'page_sent', 'acknowledged', 'resolved'])[k], CASE WHEN k < 4 THEN 'system' WHEN n % 2 = 0 THEN 'ana' ELSE 'ben' END,
			jsonb_build_object('mail_id', n)
		FROM generate_series(1, $1::int) AS n, generate_series(1, 5) AS k`,
		`INSERT INTO ticket_keys (key, ticket, active) SELECT 'alert:da' || n || '_' || n % 7, 1000 + n, n % 1000 >= 998 FROM generate_series(1, $1::int) AS n`,
		`INSERT INTO pages (id, key, ticket, person, contact, channel, generation, round, step, state, due_at, give_up_at, created_at, sent_at, single_at)
		OVERRIDING SYSTEM VALUE
		SELECT n, 'seed/' || n, 1000 + n, CASE n % 2 WHEN 0 THEN 'ana' ELSE 'ben' END, 'mail', 'email', 1, 1, 1, 'sent', ` + at + `, ` + at + `, ` + at + `, ` + at + ` + interval '1 second', ` + at + ` + interval '1 second'
		FROM generate_series(1, $1::int) AS n`,
		`INSERT INTO escalations (ticket, policy, state, round, step, started_at)
		SELECT 1000 + n, 'security', 'stopped', 1, 1, ` + at + ` FROM generate_series(1, $1::int) AS n`,
		`SELECT setval(pg_get_serial_sequence('tickets', 'number'), 1000 + $1::int), setval(pg_get_serial_sequence('mails', 'id'), $1::int),
			setval(pg_get_serial_sequence('ticket_events', 'id'), 5 * $1::int), setval(pg_get_serial_sequence('pages', 'id'), $1::int), $2::timestamptz`,
		`INSERT INTO insight_due SELECT DISTINCT (created_at AT TIME ZONE 'UTC')::date FROM tickets ON CONFLICT DO NOTHING`,
		`UPDATE insight_mark SET last_event = (SELECT max(id) FROM ticket_events)`,
		`UPDATE reading_tally SET last_mail = (SELECT max(id) FROM mails)`,
		`UPDATE intake_watch_mark SET mail = (SELECT max(id) FROM mails)`,
		`RESET synchronous_commit`,
	} {
		args := []any{count, now}
		switch {
		case !strings.Contains(statement, "$1"):
			args = nil
		case !strings.Contains(statement, "$2"):
			args = args[:1]
		}
		if _, err := conn.Exec(ctx, statement, args...); err != nil {
			t.Fatalf("%.60s: %v", statement, err)
		}
	}
	for _, table := range []string{"tickets", "mails", "ticket_events", "ticket_keys", "pages", "escalations"} {
		if _, err := conn.Exec(ctx, `VACUUM (ANALYZE) `+table); err != nil {
			t.Fatal(err)
		}
	}
}
