package oncalldb

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
)

// Loads returns by person when that person was told of tickets since a moment, and how long acknowledgements took; of one
// person alone, or, for "", of everybody. The pages of one step are one telling, and so is a summary.
func (s *Store) Loads(ctx context.Context, person string, since time.Time) (map[string]oncall.LoadFacts, error) {
	found := map[string]oncall.LoadFacts{}
	rows, err := s.Pool.Query(ctx, `
		SELECT person, min(sent_at) FROM pages
		WHERE person IS NOT NULL AND sent_at >= $1 AND ($2 = '' OR person = $2) AND NOT bundled AND type IN ('page', 'page.summary')
		GROUP BY person, ticket, generation, round, step, CASE WHEN type = 'page.summary' THEN id END`, since, person)
	if err != nil {
		return nil, fmt.Errorf("read loads: %w", err)
	}
	var who string
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&who, &at}, func() error {
		facts := found[who]
		facts.Paged = append(facts.Paged, at.UTC())
		found[who] = facts
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read loads: %w", err)
	}
	rows, err = s.Pool.Query(ctx, `
		SELECT e.actor, e.at, first.sent FROM ticket_events e CROSS JOIN LATERAL (
			SELECT min(p.sent_at) AS sent FROM pages p
			WHERE p.ticket = e.ticket AND p.person = e.actor AND p.type = 'page' AND p.sent_at <= e.at AND p.generation = (
				SELECT max(q.generation) FROM pages q
				WHERE q.ticket = e.ticket AND q.person = e.actor AND q.type = 'page' AND q.sent_at <= e.at)
		) AS first
		WHERE e.type = 'acknowledged' AND e.at >= $1 AND ($2 = '' OR e.actor = $2) AND first.sent IS NOT NULL`, since, person)
	if err != nil {
		return nil, fmt.Errorf("read acknowledgements: %w", err)
	}
	var sent time.Time
	_, err = pgx.ForEachRow(rows, []any{&who, &at, &sent}, func() error {
		facts := found[who]
		facts.Acks = append(facts.Acks, oncall.LoadAck{At: at.UTC(), Took: at.Sub(sent)})
		found[who] = facts
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read acknowledgements: %w", err)
	}
	return found, nil
}
