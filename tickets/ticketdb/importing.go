package ticketdb

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// Imported says of which digests a mail was imported before.
func (s *Store) Imported(ctx context.Context, digests [][]byte) (map[[sha256.Size]byte]bool, error) {
	known, err := imported(ctx, s.pool, digests)
	if err != nil {
		return nil, fmt.Errorf("look up imported mails: %w", classify(err))
	}
	return known, nil
}

func imported(ctx context.Context, db querier, digests [][]byte) (map[[sha256.Size]byte]bool, error) {
	known := map[[sha256.Size]byte]bool{}
	rows, err := db.Query(ctx, `SELECT digest FROM mails WHERE imported AND digest = ANY($1)`, digests)
	if err != nil {
		return nil, err
	}
	var digest []byte
	_, err = pgx.ForEachRow(rows, []any{&digest}, func() error {
		known[[sha256.Size]byte(digest)] = true
		return nil
	})
	return known, err
}

// RepeatsOf says which readings repeat a mail that was read, whenever that was.
func (s *Store) RepeatsOf(ctx context.Context, readings []tickets.Reading) ([]bool, error) {
	fingerprints := make([][]byte, len(readings))
	for i, reading := range readings {
		fingerprints[i] = reading.Fingerprint
	}
	rows, err := s.pool.Query(ctx, `SELECT fingerprint FROM mails WHERE fingerprint = ANY($1) AND state <> 'accepted'`, fingerprints)
	if err != nil {
		return nil, fmt.Errorf("look up repeats: %w", classify(err))
	}
	known := map[string]bool{}
	var fingerprint []byte
	if _, err := pgx.ForEachRow(rows, []any{&fingerprint}, func() error {
		known[string(fingerprint)] = true
		return nil
	}); err != nil {
		return nil, fmt.Errorf("look up repeats: %w", classify(err))
	}
	repeated := make([]bool, len(readings))
	for i := range readings {
		repeated[i] = known[string(fingerprints[i])]
	}
	return repeated, nil
}

// WriteImport stores mails of files with what was read in them, all in one transaction: until its commit nobody sees
// them, and after it they are read. It says which of them repeat a stored mail or one before them; of those nothing is
// written. A batch is either of the backlog or treated as live as a whole.
func (s *Store) WriteImport(ctx context.Context, mails []tickets.Filed, readings []tickets.Reading) (repeated []bool, err error) {
	now := s.now()
	err = s.transact(ctx, "write import", func(tx pgx.Tx) error {
		resolvedAfter := now.Add(-tickets.ReopenWithin)
		if readings[0].Backlog != "" {
			resolvedAfter = time.Time{} // what is old belongs to old tickets, too
		}
		known, err := load(ctx, tx, readings, resolvedAfter, time.Time{})
		if err != nil {
			return err
		}
		var fresh []tickets.Reading
		if repeated, fresh, err = insertImported(ctx, tx, known, mails, readings); err != nil || len(fresh) == 0 {
			return err
		}
		plan := tickets.Correlate(known, fresh, now)
		if err := number(ctx, tx, plan.Created); err != nil {
			return err
		}
		if err := writePlan(ctx, tx, plan, now); err != nil {
			return err
		}
		if len(plan.Changes) == 0 {
			return nil
		}
		return s.hook(ctx, tx, plan.Changes)
	})
	if err != nil {
		return nil, err
	}
	return repeated, nil
}

// insertImported stores the mails that are not there yet and returns their readings. The keys are locked, so that what
// another import of the same files has stored is seen.
func insertImported(ctx context.Context, tx pgx.Tx, known tickets.Known, mails []tickets.Filed, readings []tickets.Reading) (repeated []bool, fresh []tickets.Reading, err error) {
	const insert = `
		WITH incoming AS (
			SELECT nextval((SELECT pg_get_serial_sequence('mails', 'id')::regclass)) AS id, m.*
			FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::bytea[], $5::bytea[])
			WITH ORDINALITY AS m (received_at, envelope_from, envelope_to, digest, raw, place)
		), headers AS (
			INSERT INTO mails (id, received_at, envelope_from, envelope_to, digest, size, imported)
			OVERRIDING SYSTEM VALUE
			SELECT id, received_at, envelope_from, envelope_to::text[], digest, length(raw), true FROM incoming
		), bodies AS (
			INSERT INTO mail_bodies (mail, received_at, raw) SELECT id, received_at, raw FROM incoming
		)
		SELECT id FROM incoming ORDER BY place`
	digests := make([][]byte, len(mails))
	for i, mail := range mails {
		digest := sha256.Sum256(mail.Raw)
		digests[i] = digest[:]
	}
	before, err := imported(ctx, tx, digests)
	if err != nil {
		return nil, nil, err
	}
	var received []time.Time
	var from, to []string
	var kept, bodies [][]byte
	repeated = make([]bool, len(mails))
	batch := map[string]bool{}
	for i, reading := range readings {
		fingerprint := fmt.Sprintf("%x", reading.Fingerprint)
		if _, stored := known.Repeats[fingerprint]; stored || batch[fingerprint] || before[[sha256.Size]byte(digests[i])] {
			repeated[i] = true
			continue
		}
		batch[fingerprint] = true
		fresh = append(fresh, reading)
		received, from = append(received, reading.Mail.ReceivedAt), append(from, storable(reading.Mail.Envelope.From))
		to, kept, bodies = append(to, arrayLiteral(reading.Mail.Envelope.To)), append(kept, digests[i]), append(bodies, mails[i].Raw)
	}
	if len(fresh) == 0 {
		return repeated, nil, nil
	}
	rows, err := tx.Query(ctx, insert, received, from, to, kept, bodies)
	if err != nil {
		return nil, nil, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	for i, id := range ids {
		fresh[i].Mail.ID = id
	}
	return repeated, fresh, err
}
