package oncalldb

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// queueTold asks who was told of tickets that somebody has now, each by the contact that reached them last; a call only where
// nothing else did. Summaries name many tickets and ask for no answer: who got one is told nothing, nor is who heard of it before.
// As with a claim, the tickets' pages are found before anything else is asked of them, or every notice that anybody ever got
// would be read.
func queueTold(batch *pgx.Batch, changes []tickets.Change, told *[]oncall.Told) {
	var numbers []int64
	for _, change := range changes {
		if change.Actor != tickets.ActorSystem {
			numbers = append(numbers, change.Ticket.Number)
		}
	}
	if len(numbers) == 0 {
		return
	}
	batch.Queue(`
		WITH found AS MATERIALIZED (SELECT * FROM pages WHERE ticket = ANY($1))
		SELECT DISTINCT ON (ticket, person) ticket, person, contact, channel, generation
		FROM found p JOIN escalations e USING (ticket, generation)
		WHERE type = 'page' AND person IS NOT NULL AND NOT bundled AND p.state IN ('sent', 'delivered')
			AND NOT EXISTS (
				SELECT FROM found n WHERE n.ticket = p.ticket AND n.type = 'page.taken' AND n.person = p.person AND n.generation = p.generation)
		ORDER BY ticket, person, channel = 'voice', id DESC`, numbers).Query(func(rows pgx.Rows) (err error) {
		*told, err = pgx.CollectRows(rows, pgx.RowToStructByName[oncall.Told])
		return err
	})
}

// tellTaken tells those who were told of tickets that somebody has them now.
func (s *Store) tellTaken(ctx context.Context, tx pgx.Tx, configuration oncall.Configuration, changes []tickets.Change, told []oncall.Told, now time.Time) error {
	byTicket := map[int64]tickets.Change{}
	for _, change := range changes {
		byTicket[change.Ticket.Number] = change
	}
	if present := s.Now(); present.Sub(now) > oncall.ClaimLease { // it happened while the database was away, and is told now
		now = present
	}
	var notices []oncall.Page
	for _, one := range told {
		if notice, ok := configuration.TakenNotice(one, byTicket[one.Ticket]); ok {
			notice.DueAt, notice.CreatedAt = now, now
			notices = append(notices, notice)
		}
	}
	return s.insertTaken(ctx, tx, notices, now)
}

// tellLate tells who has a ticket to whoever was told of it only when somebody had it already.
func (s *Store) tellLate(ctx context.Context, tx pgx.Tx, configuration oncall.Configuration, page oncall.Page, outcome oncall.Outcome, now time.Time) error {
	if page.Person == "" || outcome.State != oncall.PageSent && outcome.State != oncall.PageDelivered {
		return nil
	}
	var ticket tickets.Ticket
	batch := &pgx.Batch{}
	s.QueueTicket(batch, `SELECT $1::bigint`, page.Ticket, &ticket)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil || ticket.State != tickets.Acknowledged {
		return err
	}
	notice, ok := configuration.TakenNotice(
		oncall.Told{Ticket: page.Ticket, Person: page.Person, Contact: page.Contact, Channel: page.Channel, Generation: page.Generation},
		tickets.Change{Kind: tickets.ChangeAcknowledged, Ticket: &ticket, At: now, Actor: ticket.AcknowledgedBy})
	if !ok {
		return nil
	}
	return s.insertTaken(ctx, tx, []oncall.Page{notice}, now)
}

// insertTaken queues notices. Whoever had enough of them of late gets the further ones in one, a little later.
func (s *Store) insertTaken(ctx context.Context, tx pgx.Tx, notices []oncall.Page, now time.Time) error {
	if len(notices) == 0 {
		return nil
	}
	people := make([]string, len(notices))
	for i, notice := range notices {
		people[i] = notice.Person
	}
	rows, err := tx.Query(ctx, `
		SELECT person, count(*) FROM pages WHERE type = 'page.taken' AND person = ANY($1) AND created_at > $2 GROUP BY person`,
		people, now.Add(-oncall.TakenWithin))
	if err != nil {
		return err
	}
	recent := map[string]int{}
	var person string
	var count int
	if _, err := pgx.ForEachRow(rows, []any{&person, &count}, func() error {
		recent[person] = count
		return nil
	}); err != nil {
		return err
	}
	var single []oncall.Page
	for _, notice := range notices {
		if recent[notice.Person]++; recent[notice.Person] > oncall.TakenSingles {
			joined, err := joinTaken(ctx, tx, notice, now)
			if err != nil {
				return err
			}
			if joined {
				continue
			}
			notice.DueAt = now.Add(oncall.TakenWait)
			if err := s.insertPages(ctx, tx, []oncall.Page{notice}, now); err != nil { // the next one joins it
				return err
			}
			continue
		}
		single = append(single, notice)
	}
	return s.insertPages(ctx, tx, single, now)
}

// joinedWithin is how long a notice is looked for that waits, longer than any of them does.
const joinedWithin = time.Hour

// joinTaken adds a ticket to a notice that waits for the same contact: one that was made of late, not one among all that the
// person ever got.
func joinTaken(ctx context.Context, tx pgx.Tx, notice oncall.Page, now time.Time) (bool, error) {
	joined, err := tx.Exec(ctx, `
		UPDATE pages SET payload = jsonb_set(payload, '{also}', coalesce(payload->'also', '[]') || to_jsonb($3::bigint))
		WHERE id = (
			SELECT id FROM pages
			WHERE type = 'page.taken' AND person = $1 AND contact = $2 AND state = 'queued' AND due_at > $4 AND created_at > $5
			ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED)`, notice.Person, notice.Contact, notice.Ticket, now, now.Add(-joinedWithin))
	return err == nil && joined.RowsAffected() > 0, err
}

// tellFormerOwner tells whoever had a ticket that somebody took it over, by the contact that reached that person last for
// the ticket, or else by the first that would.
func (s *Store) tellFormerOwner(ctx context.Context, tx pgx.Tx, configuration oncall.Configuration, change tickets.Change) error {
	person, known := configuration.Person(change.Owner)
	rules := person.RulesFor(change.Ticket.Severity)
	if !known || len(rules) == 0 {
		return nil
	}
	contact, _ := person.Contact(rules[0].Contact)
	told := oncall.Told{Ticket: change.Ticket.Number, Person: person.ID, Contact: contact.ID, Channel: contact.Channel}
	rows, err := tx.Query(ctx, `
		SELECT ticket, person, contact, channel, generation FROM pages
		WHERE ticket = $1 AND person = $2 AND type = 'page' AND state IN ('sent', 'delivered')
		ORDER BY channel = 'voice', id DESC LIMIT 1`, told.Ticket, told.Person)
	if err != nil {
		return err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[oncall.Told])
	if err != nil {
		return err
	}
	if len(found) > 0 {
		told = found[0]
	}
	if notice, ok := configuration.TakenNotice(told, change); ok {
		return s.insertTaken(ctx, tx, []oncall.Page{notice}, change.At)
	}
	return nil
}
