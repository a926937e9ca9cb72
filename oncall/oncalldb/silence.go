package oncalldb

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// Mails are counted by their ids, which commit out of order: so many before the newest that was counted are read again.
const (
	watchOverlap = 1000
	watchFirst   = 10_000 // mails read when none was counted before
)

// watch is where one intake stands.
type watch struct {
	Intake string
	Since  time.Time
	Last   *time.Time
	Silent *int64
}

// WatchIntakes is the dead-man's switch of each address at which mail is expected: a silence that is longer opens one
// ticket and tells the intake's targets once; the next mail resolves it. What was seen stands in the database, so that a
// restart forgets nothing, and any number of processes may watch.
func (s *Store) WatchIntakes(ctx context.Context, now time.Time) error {
	configuration, err := s.Configuration(ctx)
	if err != nil {
		return err
	}
	watched := configuration.Watched()
	if len(watched) == 0 {
		return nil
	}
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		var mark int64
		if err := tx.QueryRow(ctx, `SELECT mail FROM intake_watch_mark FOR UPDATE`).Scan(&mark); err != nil {
			return err
		}
		if err := countMails(ctx, tx, watched, mark, now); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT intake, since, last_mail_at AS last, silent_ticket AS silent FROM intake_watch`)
		if err != nil {
			return err
		}
		watches, err := pgx.CollectRows(rows, pgx.RowToStructByName[watch])
		if err != nil {
			return err
		}
		for _, intake := range watched {
			for _, w := range watches {
				if w.Intake == intake.ID {
					if err := s.judge(ctx, tx, configuration, intake, w, now); err != nil {
						return fmt.Errorf("intake %s: %w", intake.ID, err)
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("watch intakes: %w", err)
	}
	return nil
}

// countMails writes down when mail came last at each address, and from when it is expected at a new one.
func countMails(ctx context.Context, tx pgx.Tx, watched []oncall.Intake, mark int64, now time.Time) error {
	ids, addresses := make([]string, len(watched)), make([]string, len(watched))
	for i, intake := range watched {
		ids[i], addresses[i] = intake.ID, strings.ToLower(intake.To)
	}
	batch := &pgx.Batch{}
	batch.Queue(`
		INSERT INTO intake_watch (intake, since) SELECT intake, $2 FROM unnest($1::text[]) AS i (intake)
		ON CONFLICT (intake) DO NOTHING`, ids, now)
	batch.Queue(`
		DELETE FROM intake_watch WHERE intake <> ALL($1) AND silent_ticket IS NULL`, ids)
	batch.Queue(`
		WITH fresh AS (
			SELECT envelope_to, received_at FROM mails
			WHERE NOT imported AND id > CASE WHEN $3 = 0 THEN (SELECT coalesce(max(id), 0) FROM mails) - $4 ELSE $3 - $5 END
		), seen AS (
			SELECT i.intake, max(fresh.received_at) AS at
			FROM unnest($1::text[], $2::text[]) AS i (intake, address)
			JOIN fresh ON i.address IN (SELECT lower(one) FROM unnest(fresh.envelope_to) AS one)
			GROUP BY i.intake
		)
		UPDATE intake_watch w SET last_mail_at = seen.at FROM seen
		WHERE w.intake = seen.intake AND (w.last_mail_at IS NULL OR w.last_mail_at < seen.at)`,
		ids, addresses, mark, watchFirst, watchOverlap)
	batch.Queue(`UPDATE intake_watch_mark SET mail = greatest(mail, (SELECT coalesce(max(id), 0) FROM mails))`)
	return tx.SendBatch(ctx, batch).Close()
}

// judge opens or resolves the ticket of one intake.
func (s *Store) judge(ctx context.Context, tx pgx.Tx, configuration oncall.Configuration, intake oncall.Intake, w watch, now time.Time) error {
	from, last := w.Since, time.Time{}
	if w.Last != nil {
		last = *w.Last
		if last.After(from) {
			from = last
		}
	}
	silent := !now.Before(intake.SilentSince(from))
	switch {
	case silent && w.Silent == nil:
		return s.tellSilence(ctx, tx, configuration, intake, last, now)
	case !silent && w.Silent != nil:
		changes, err := s.ResolveTicket(ctx, tx, *w.Silent, now, "mail comes again")
		if err != nil {
			return err
		}
		if len(changes) > 0 {
			if err := s.Changed(ctx, tx, changes); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, `UPDATE intake_watch SET silent_ticket = NULL WHERE intake = $1`, intake.ID)
		return err
	}
	return nil
}

func (s *Store) tellSilence(ctx context.Context, tx pgx.Tx, configuration oncall.Configuration, intake oncall.Intake, last, now time.Time) error {
	ticket := intake.SilenceTicket(last, now)
	if err := s.OpenTicket(ctx, tx, &ticket, map[string]any{"intake": intake.ID, "to": intake.To}); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE intake_watch SET silent_ticket = $2 WHERE intake = $1`, intake.ID, ticket.Number); err != nil {
		return err
	}
	decision, routing := configuration.Silence(intake, &ticket, now)
	if err := s.SetRoutings(ctx, tx, []tickets.Routing{routing}); err != nil {
		return err
	}
	if err := s.writeDecisions(ctx, tx, []oncall.Decision{decision}, now); err != nil {
		return err
	}
	more := map[string]any{"intake": intake.ID, "to": intake.To, "last_mail_at": nil}
	if !last.IsZero() {
		more["last_mail_at"] = last.UTC()
	}
	for _, event := range []string{oncall.EventTicketCreated, oncall.EventIntakeSilent} {
		notices, err := configuration.Notices(event, ticket, now, more)
		if err != nil {
			return err
		}
		if err := s.insertPages(ctx, tx, notices, now); err != nil {
			return err
		}
	}
	return nil
}
