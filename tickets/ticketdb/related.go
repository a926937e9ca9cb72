package ticketdb

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// relatedNames bounds by how many devices and users related tickets are looked for.
const relatedNames = 20

// relatedQuery finds tickets that name one of the same devices or users: their words lead there, among the youngest eight ages
// (ageBits), and the names decide.
const relatedQuery = `
	SELECT ` + ticketColumns + ` FROM tickets t
	WHERE t.search @@ $1::tsquery AND (t.devices && $2 OR t.users && $3) AND t.number <> $4 AND t.created_at >= $5 AND t.merged_into IS NULL
		AND ARRAY[t.number >> 13] && (
			SELECT array_agg(age) FROM (SELECT max(number) >> 13 AS youngest FROM tickets) AS n, generate_series(youngest - 7, youngest) AS age)
	ORDER BY t.number DESC LIMIT $6`

// Related returns the newest tickets since a moment that name a device or a user of the given one.
func (s *Store) Related(ctx context.Context, ticket tickets.Ticket, since time.Time, limit int) ([]tickets.Ticket, error) {
	devices, users := ticket.Devices[:min(len(ticket.Devices), relatedNames)], ticket.Users[:min(len(ticket.Users), relatedNames)]
	known, err := s.shares(ctx)
	if err != nil {
		return nil, fmt.Errorf("tickets related to %d: %w", ticket.Number, err)
	}
	words := known.ofNames(devices, users)
	if words == "" {
		return nil, nil
	}
	rows, err := s.pool.Query(ctx, relatedQuery, pgx.QueryExecModeCacheDescribe, words, devices, users, ticket.Number, since, limit)
	if err != nil {
		return nil, fmt.Errorf("tickets related to %d: %w", ticket.Number, classify(err))
	}
	found, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[ticketRow])
	if err != nil {
		return nil, fmt.Errorf("tickets related to %d: %w", ticket.Number, classify(err))
	}
	related := make([]tickets.Ticket, 0, len(found))
	for _, row := range found {
		related = append(related, row.ticket())
	}
	return related, nil
}

// ofNames asks for the words of one name at least, without those that are in very many tickets, as a domain is; "" where no name
// has any.
func (s *wordShares) ofNames(lists ...[]string) string {
	var names []string
	for _, name := range slices.Concat(lists...) {
		words := tickets.SplitWords(name)
		if rare := slices.DeleteFunc(slices.Clone(words), func(word string) bool { return s.of(word) > commonWord }); len(rare) > 0 {
			words = rare
		}
		if len(words) > 0 {
			names = append(names, "('"+strings.Join(words, "' & '")+"')") // letters and digits alone: nothing to escape
		}
	}
	return strings.Join(names, " | ")
}
