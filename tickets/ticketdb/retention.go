package ticketdb

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// forgetAtOnce bounds the bodies that one call deletes where no partition can be dropped.
const forgetAtOnce = 5000

// ForgetRaw drops the raw bodies of the months that ended before a moment, and those of the default partition from before
// it. What the mails said stays on their tickets. A month in which a mail is still unread is left alone; bodies of
// tickets under hold are kept.
func (s *Store) ForgetRaw(ctx context.Context, before time.Time) error {
	rows, err := s.pool.Query(ctx, `
		SELECT child.relname FROM pg_inherits
		JOIN pg_class child ON child.oid = inhrelid
		WHERE inhparent = 'mail_bodies'::regclass AND child.relname ~ '^mail_bodies_\d{4}_\d{2}$'
		ORDER BY child.relname`)
	if err != nil {
		return fmt.Errorf("list months: %w", classify(err))
	}
	months, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("list months: %w", classify(err))
	}
	for _, name := range months {
		begin, err := time.Parse("2006_01", strings.TrimPrefix(name, "mail_bodies_"))
		if err != nil || begin.AddDate(0, 1, 0).After(before) {
			continue
		}
		if err := s.dropMonth(ctx, name, begin); err != nil {
			return err
		}
	}
	_, err = s.pool.Exec(ctx, `
		DELETE FROM mail_bodies_default WHERE ctid = ANY (ARRAY(
			SELECT b.ctid FROM mail_bodies_default b JOIN mails m ON m.id = b.mail
			WHERE b.received_at < $1 AND m.state <> 'accepted'
				AND NOT EXISTS (SELECT FROM tickets t WHERE t.number = m.ticket AND t.hold IS NOT NULL)
			LIMIT $2))`, before, forgetAtOnce)
	if err != nil {
		return fmt.Errorf("forget raw mails: %w", classify(err))
	}
	return nil
}

func (s *Store) dropMonth(ctx context.Context, name string, begin time.Time) error {
	return s.transact(ctx, "drop "+name, func(tx pgx.Tx) error {
		var unread bool
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM mails WHERE state = 'accepted' AND received_at >= $1 AND received_at < $2)`,
			begin, begin.AddDate(0, 1, 0)).Scan(&unread)
		if err != nil || unread {
			return err
		}
		month := pgx.Identifier{name}.Sanitize()
		_, err = tx.Exec(ctx, `
			CREATE TEMPORARY TABLE held_bodies ON COMMIT DROP AS
			SELECT b.* FROM `+month+` b JOIN mails m ON m.id = b.mail JOIN tickets t ON t.number = m.ticket AND t.hold IS NOT NULL;
			DROP TABLE `+month+`;
			INSERT INTO mail_bodies SELECT * FROM held_bodies; -- where its month is gone, it is the default partition's
			DROP TABLE held_bodies`)
		return err
	})
}
