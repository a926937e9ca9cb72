package ticketdb

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// relatedNames bounds by how many devices and users related tickets are looked for.
const relatedNames = 20

// relatedQuery finds tickets that name one of the same devices or users: their words lead there, the names decide.
const relatedQuery = `
	SELECT ` + ticketColumns + ` FROM tickets t
	WHERE t.search @@ $1::tsquery AND (t.devices && $2 OR t.users && $3) AND t.number <> $4 AND t.created_at >= $5 AND t.merged_into IS NULL
	ORDER BY t.number DESC LIMIT $6`

// Related returns the newest tickets since a moment that name a device or a user of the given one.
func (s *Store) Related(ctx context.Context, ticket tickets.Ticket, since time.Time, limit int) ([]tickets.Ticket, error) {
	devices, users := ticket.Devices[:min(len(ticket.Devices), relatedNames)], ticket.Users[:min(len(ticket.Users), relatedNames)]
	words := namesQuery(devices, users)
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

// namesQuery asks for all words of one name at least; "" where no name has any.
func namesQuery(lists ...[]string) string {
	var names []string
	for _, list := range lists {
		for _, name := range list {
			if words := tickets.SplitWords(name); len(words) > 0 {
				names = append(names, "('"+strings.Join(words, "' & '")+"')") // letters and digits alone: nothing to escape
			}
		}
	}
	return strings.Join(names, " | ")
}
