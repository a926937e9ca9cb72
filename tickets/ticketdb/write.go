package ticketdb

import (
	"context"
	"hash/fnv"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// repeatsWithin is how long an exact repeat of a mail is recognised: longer than any mail server goes on trying.
const repeatsWithin = 7 * 24 * time.Hour

// keyLocks is the first half of the advisory locks on correlation keys, keyLockSpace how many there are.
const (
	keyLocks     = 0x61687264
	keyLockSpace = 1 << 30
)

// WriteReadings correlates readings with what is stored and writes tickets, keys, timeline, mails and, through the
// hook, escalations and first pages in one transaction.
func (s *Store) WriteReadings(ctx context.Context, readings []tickets.Reading) error {
	return s.keyed(ctx, "write readings", func(tx pgx.Tx) error { return s.writeReadings(ctx, tx, readings) })
}

func (s *Store) writeReadings(ctx context.Context, tx pgx.Tx, readings []tickets.Reading) error {
	now := s.now()
	known, err := load(ctx, tx, readings, now.Add(-tickets.ReopenWithin), now.Add(-repeatsWithin))
	if err != nil {
		return err
	}
	plan := tickets.Correlate(known, readings, now)
	if err := number(ctx, tx, plan.Created); err != nil {
		return err
	}
	if s.route != nil && len(plan.Changes) > 0 {
		if err := s.route(ctx, tx, plan.Changes); err != nil {
			return err
		}
	}
	if err := writePlan(ctx, tx, plan, now); err != nil {
		return err
	}
	if s.read != nil {
		if err := s.read(ctx, tx, plan.Outcomes, now); err != nil {
			return err
		}
	}
	if len(plan.Changes) == 0 {
		return nil
	}
	return s.hook(ctx, tx, plan.Changes)
}

// load locks the keys of a batch, in sorted order so that two batches cannot hold each other up for ever, and fetches
// what is stored under them: tickets that are unresolved or were resolved after the one moment, repeats of mails that were
// received after the other.
func load(ctx context.Context, tx pgx.Tx, readings []tickets.Reading, resolvedAfter, receivedAfter time.Time) (tickets.Known, error) {
	var keys []string
	var fingerprints [][]byte
	for _, reading := range readings {
		keys = append(keys, reading.Keys...)
		if reading.Report == nil {
			fingerprints = append(fingerprints, reading.Fingerprint)
		}
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	known := tickets.Known{Tickets: map[int64]*tickets.Ticket{}, Owners: map[string]int64{}, Repeats: map[string]int64{}}

	batch := &pgx.Batch{}
	batch.Queue(`
		SELECT count(pg_advisory_xact_lock($1, lock)) FROM (SELECT lock FROM unnest($2::int[]) AS lock ORDER BY lock) ordered`,
		keyLocks, lockNumbers(keys))
	batch.Queue(`
		SELECT DISTINCT ON (k.key) k.key, k.ticket
		FROM ( -- each half has an index of its own
			SELECT key, ticket, active FROM ticket_keys WHERE key = ANY($1) AND active
			UNION ALL SELECT key, ticket, active FROM ticket_keys WHERE key = ANY($1) AND NOT active
		) AS k CROSS JOIN LATERAL (SELECT resolved_at, merged_into FROM tickets WHERE number = k.ticket LIMIT 1) t
		WHERE k.active OR t.resolved_at > $2 AND t.merged_into IS NULL
		ORDER BY k.key, k.active DESC, t.resolved_at DESC, k.ticket DESC`,
		keys, resolvedAfter).Query(func(rows pgx.Rows) error {
		return collectPairs(rows, known.Owners, known.Tickets)
	})
	batch.Queue(`
		SELECT encode(fingerprint, 'hex'), ticket FROM mails
		WHERE fingerprint = ANY($1) AND received_at > $2 AND state <> 'accepted'`,
		fingerprints, receivedAfter).Query(func(rows pgx.Rows) error {
		return collectPairs(rows, known.Repeats, known.Tickets)
	})
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return known, err
	}
	if err := loadReported(ctx, tx, readings, &known); err != nil {
		return known, err
	}
	if len(known.Tickets) == 0 {
		return known, nil
	}

	numbers := make([]int64, 0, len(known.Tickets))
	for number := range known.Tickets {
		numbers = append(numbers, number)
	}
	rows, err := tx.Query(ctx, `SELECT `+ticketColumns+` FROM tickets t WHERE number = ANY($1) ORDER BY number FOR NO KEY UPDATE`, numbers)
	if err != nil {
		return known, err
	}
	stored, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[ticketRow])
	if err != nil {
		return known, err
	}
	for _, row := range stored {
		ticket := row.ticket()
		known.Tickets[ticket.Number] = &ticket
	}
	return known, loadSettled(ctx, tx, numbers, &known)
}

func collectPairs(rows pgx.Rows, into map[string]int64, numbers map[int64]*tickets.Ticket) error {
	var text string
	var number int64
	_, err := pgx.ForEachRow(rows, []any{&text, &number}, func() error {
		into[text] = number
		numbers[number] = nil
		return nil
	})
	return err
}

// lockNumbers are the locks of keys. Two keys that share a number only make two batches wait for each other; the space is
// so large that this hardly happens, for batches of hundreds of keys would else do little beside each other.
func lockNumbers(keys []string) []int32 {
	numbers := make([]int32, len(keys))
	for i, key := range keys {
		sum := fnv.New32a()
		sum.Write([]byte(key))
		numbers[i] = int32(sum.Sum32() % keyLockSpace)
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// number gives new tickets their numbers before anything refers to them. The sequence is looked up once, in a subquery: for each
// row that would take ten times as long as the number itself.
func number(ctx context.Context, tx pgx.Tx, created []*tickets.Ticket) error {
	if len(created) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, `
		SELECT nextval((SELECT pg_get_serial_sequence('tickets', 'number')::regclass)) FROM generate_series(1, $1)`, len(created))
	if err != nil {
		return err
	}
	numbers, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	for i, ticket := range created {
		ticket.Number = numbers[i]
	}
	return nil
}
