package ticketdb

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/migrations/pgtest"
	"afterhours/tickets"
)

func TestRelatedTicketsShareADeviceOrAUser(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	now := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	for i, made := range []struct {
		devices, users []string
		age            time.Duration
	}{
		{[]string{"ws-1.contoso.com"}, []string{"pat@contoso.com"}, 0},
		{[]string{"ws-1.contoso.com", "srv"}, nil, time.Hour},
		{[]string{"ws-2.contoso.com"}, []string{"pat@contoso.com"}, 2 * time.Hour},
		{[]string{"ws.contoso.com", "1"}, nil, time.Hour}, // the same words, other names
		{[]string{"ws-1.contoso.com"}, nil, 60 * 24 * time.Hour},
	} {
		ticket := tickets.Ticket{Number: int64(i + 1), Devices: made.devices, Users: made.users}
		if _, err := pool.Exec(t.Context(), `
			INSERT INTO tickets (number, state, severity, kind, product, title, devices, users, source, message_count, created_at, updated_at, search)
			OVERRIDING SYSTEM VALUE
			VALUES ($1, 'open', 'high', 'alert', 'endpoint', 'T', coalesce($2::text[], '{}'), coalesce($3::text[], '{}'), 'email', 1, $4, $4, array_to_tsvector($5))`,
			ticket.Number, made.devices, made.users, now.Add(-made.age), tickets.Words(ticket)); err != nil {
			t.Fatal(err)
		}
	}
	store := New(pool, func() time.Time { return now }, nil)
	ticket, err := store.Get(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	related, err := store.Related(t.Context(), ticket, now.Add(-30*24*time.Hour), 5)
	if err != nil {
		t.Fatal(err)
	}
	var numbers []int64
	for _, other := range related {
		numbers = append(numbers, other.Number)
	}
	if fmt.Sprint(numbers) != "[3 2]" {
		t.Errorf("got %v, want those of the same device or user within the month, newest first", numbers)
	}
	if none, err := store.Related(t.Context(), tickets.Ticket{Number: 9, Devices: []string{"--"}}, now, 5); err != nil || len(none) != 0 {
		t.Errorf("a ticket that names nothing: got %v, %v", none, err)
	}
}

func TestRelatedTicketsAreFoundWithoutReadingAll(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	fillTickets(t, pool, 40_000)
	rows, err := pool.Query(t.Context(), `EXPLAIN `+relatedQuery, (&wordShares{}).ofNames([]string{"ws4711"}), []string{"ws-4711"}, []string{}, 1, time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), 5)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if plan := strings.Join(lines, "\n"); !strings.Contains(plan, "tickets_by_words") {
		t.Errorf("the plan:\n%s", plan)
	}
}
