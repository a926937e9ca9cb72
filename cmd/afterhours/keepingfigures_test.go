package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"afterhours/tickets"
	"afterhours/tickets/ticketdb"
)

// rawOfMonth is how many raw mails the month has that is dropped.
const rawOfMonth = 40_000

// keepingFigures says what the seeded tickets take on the disk, and how long it takes to keep house: a vacuum, a month of
// raw mails, and a month of tickets with all that belongs to them.
func keepingFigures(t *testing.T, gateway *gatewayAlone, count int) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	megabytes := func(octets int64) float64 { return float64(octets) / (1 << 20) }
	fmt.Print("\n                      MiB   indexes   octets a ticket\n")
	var all int64
	for _, table := range []string{"tickets", "ticket_events", "ticket_keys", "mails", "pages", "escalations"} {
		var own, indexes int64
		if err := gateway.pool.QueryRow(ctx, `SELECT pg_table_size($1::regclass), pg_indexes_size($1::regclass)`, table).Scan(&own, &indexes); err != nil {
			t.Fatal(err)
		}
		all += own + indexes
		fmt.Printf("%-14s  %9.0f %9.0f  %9d\n", table, megabytes(own), megabytes(indexes), (own+indexes)/int64(count))
	}
	fmt.Printf("%-14s  %9.0f\n\n", "together", megabytes(all))
	took := func(what string, do func() error) {
		t.Helper()
		began := time.Now()
		if err := do(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		fmt.Printf("%-42s %s\n", what, time.Since(began).Round(time.Millisecond))
	}
	took("vacuum of all tickets and events", func() error {
		_, err := gateway.pool.Exec(ctx, `VACUUM tickets, ticket_events`)
		return err
	})
	store := ticketdb.New(gateway.pool, time.Now, nil)
	began := time.Now().UTC().AddDate(-3, 0, 0)
	if err := store.PrepareMonths(ctx, began); err != nil {
		t.Fatal(err)
	}
	if _, err := gateway.pool.Exec(ctx, `INSERT INTO mail_bodies (mail, received_at, raw)
		SELECT -n, $1, convert_to(repeat(md5(n::text), 256), 'UTF8') FROM generate_series(1, $2::int) AS n`, began, rawOfMonth); err != nil {
		t.Fatal(err)
	}
	took(fmt.Sprintf("a month of %d raw mails forgotten", rawOfMonth), func() error { return store.ForgetRaw(ctx, began.AddDate(0, 2, 0)) })
	forgotten := 0
	oldest := time.Now().AddDate(-2, 1, 0)
	took("a month of tickets forgotten", func() error {
		for more := true; more; {
			batch, again, err := store.ForgetTickets(ctx, tickets.Severities[:], oldest)
			if err != nil {
				return err
			}
			forgotten, more = forgotten+batch, again
		}
		return nil
	})
	fmt.Printf("tickets of that month: %d\n", forgotten)
}
