package ticketdb

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// Bounds of counting readings.
const (
	tallyMails = 2000            // what is read of them fits into work_mem
	tallyAfter = 2 * time.Minute // longer than any transaction that stores or reads a mail: no smaller id comes to light later
)

// TallyReadings counts the fields of mails that were read since the last time, a batch of them, by the week in which they
// were received. more says that there are others. It can run in several processes: they wait for each other.
func (s *Store) TallyReadings(ctx context.Context) (more bool, err error) {
	now := s.now()
	count := 0
	err = s.transact(ctx, "count readings", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT FROM reading_tally FOR UPDATE`); err != nil {
			return err
		}
		return tx.QueryRow(ctx, tally, tallyMails, now.Add(-tallyAfter)).Scan(&count)
	})
	return count == tallyMails, err
}

// tally counts the next $1 mails, as far as all before them were read by $2, and returns how many.
const tally = `
	WITH batch AS MATERIALIZED ( -- the bounds by themselves: joined, all mails before the batch or behind it would be read
		SELECT id, received_at, state, read_at, alert FROM mails
		WHERE id > (SELECT last_mail FROM reading_tally)
			AND id < (SELECT coalesce(min(id), 9223372036854775807) FROM mails WHERE state = 'accepted')
		ORDER BY id LIMIT $1
	), ripe AS NOT MATERIALIZED (
		SELECT * FROM batch WHERE id < coalesce((SELECT min(id) FROM batch WHERE read_at > $2), 9223372036854775807)
	), said AS ( -- taken apart at once: each look into a large alert would unpack all of it
		SELECT date_trunc('week', received_at AT TIME ZONE 'UTC')::date AS week, a.*
		FROM ripe, LATERAL jsonb_to_record(alert) AS a (kind text, provenance text, title text, warnings jsonb, severity text,
			category text, detection_source text, organisation text, tenant_id text, incident_id text, alert_ids jsonb, devices jsonb,
			users jsonb, detected_at text, links jsonb)
		WHERE state = 'read' AND alert IS NOT NULL
	), kinds AS ( -- each mail is looked at once: as a row for each of its fields it would take twice as long
		SELECT week, kind, count(*) AS mails,
			count(*) FILTER (WHERE title <> '' AND NOT coalesce(warnings::text, '') LIKE '%"no-title:%') AS title,
			count(*) FILTER (WHERE severity <> 'unknown') AS severity,
			count(*) FILTER (WHERE category <> '') AS category,
			count(*) FILTER (WHERE detection_source <> '') AS detection_source,
			count(*) FILTER (WHERE organisation <> '') AS organisation,
			count(*) FILTER (WHERE tenant_id <> '') AS tenant_id,
			count(*) FILTER (WHERE incident_id <> '') AS incident_id,
			count(*) FILTER (WHERE jsonb_array_length(alert_ids) > 0) AS alert_ids,
			count(*) FILTER (WHERE jsonb_array_length(devices) > 0) AS devices,
			count(*) FILTER (WHERE jsonb_array_length(users) > 0) AS users,
			count(*) FILTER (WHERE detected_at <> '') AS detected_at,
			count(*) FILTER (WHERE jsonb_array_length(links) > 0) AS links
		FROM said WHERE kind <> 'unrecognised' GROUP BY week, kind
	), fields AS (
		SELECT week, kind, f.field, mails, f.found FROM kinds, LATERAL (VALUES
			('title', title), ('severity', severity), ('category', category), ('detection source', detection_source),
			('organisation', organisation), ('tenant id', tenant_id), ('incident id', incident_id), ('alert id', alert_ids),
			('device', devices), ('user', users), ('detection time', detected_at), ('link', links)
		) AS f (field, found)
		UNION ALL
		SELECT week, '` + tickets.KindOfMicrosoft + `', '` + tickets.FieldRecognised + `', count(*), count(*) FILTER (WHERE kind <> 'unrecognised')
		FROM said WHERE provenance = 'microsoft' GROUP BY week
	), counted AS (
		INSERT INTO reading_weeks (week, kind, field, mails, found) SELECT week, kind, field, mails, found FROM fields
		ON CONFLICT (week, kind, field) DO UPDATE SET mails = reading_weeks.mails + EXCLUDED.mails, found = reading_weeks.found + EXCLUDED.found
	), moved AS (
		UPDATE reading_tally SET last_mail = (SELECT max(id) FROM ripe) WHERE EXISTS (SELECT FROM ripe)
	)
	SELECT count(*) FROM ripe`

// ReadingShares returns how well mails were read in the weeks from a Monday on.
func (s *Store) ReadingShares(ctx context.Context, since time.Time) ([]tickets.Share, error) {
	rows, err := s.pool.Query(ctx, `SELECT kind, field, week, mails, found FROM reading_weeks WHERE week >= $1 ORDER BY kind, field, week`, since)
	if err != nil {
		return nil, fmt.Errorf("read how well mails are read: %w", classify(err))
	}
	shares, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (tickets.Share, error) {
		var share tickets.Share
		err := row.Scan(&share.Kind, &share.Field, &share.Week, &share.Mails, &share.Found)
		share.Week = share.Week.UTC()
		return share, err
	})
	if err != nil {
		return nil, fmt.Errorf("read how well mails are read: %w", classify(err))
	}
	return shares, nil
}

// alertsRead bounds how many alerts that both mail and API brought are compared.
const alertsRead = 500

// ReadTwice returns the newest alerts that the API told and a mail as well, a mail of each that names it alone.
func (s *Store) ReadTwice(ctx context.Context) ([]tickets.Twice, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT told.alert, mail.alert
		FROM tenant_polls poll, LATERAL (
			SELECT key, ticket, alert FROM api_alerts WHERE tenant = poll.tenant ORDER BY first_seen_at DESC LIMIT $1
		) told, LATERAL (
			SELECT m.alert FROM mails m
			WHERE m.ticket = told.ticket AND m.state = 'read' AND m.alert ->> 'kind' = 'alert' AND jsonb_array_length(m.alert -> 'alert_ids') = 1
				AND right(lower(m.alert -> 'alert_ids' ->> 0), length(told.key)) = told.key
			ORDER BY m.id LIMIT 1
		) mail LIMIT $1`, alertsRead)
	if err != nil {
		return nil, fmt.Errorf("alerts that mail and API told: %w", classify(err))
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (alert tickets.Twice, err error) {
		return alert, row.Scan(&alert.API, &alert.Mail)
	})
	if err != nil {
		return nil, fmt.Errorf("alerts that mail and API told: %w", classify(err))
	}
	return found, nil
}

// Unrecognised returns the newest mails that were not understood.
func (s *Store) Unrecognised(ctx context.Context, limit int) ([]tickets.Mail, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT `+mailColumns+` FROM mails m
		WHERE m.alert ->> 'kind' = 'unrecognised' AND m.state = 'read' ORDER BY m.id DESC LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("unrecognised mails: %w", classify(err))
	}
	mails, err := pgx.CollectRows(rows, scanMail)
	if err != nil {
		return nil, fmt.Errorf("unrecognised mails: %w", classify(err))
	}
	return mails, nil
}

// Bounds of looking for the mails of a sender.
const (
	senderMails = 20_000 // the newest ones that are looked through
	senderTries = 50
)

// RawOf returns the newest mails of a sender among the latest stored, newest first, with their bodies.
func (s *Store) RawOf(ctx context.Context, sender string) ([]tickets.Stored, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT m.id, m.ticket, m.subject, body.raw FROM (
			SELECT id, ticket, subject, received_at FROM mails
			WHERE id > (SELECT coalesce(max(id), 0) - $2 FROM mails) AND state = 'read' AND lower(alert #>> '{message,from}') = lower($1) AND size <= $4
			ORDER BY id DESC LIMIT $3
		) m JOIN mail_bodies body ON body.mail = m.id AND body.received_at = m.received_at
		ORDER BY m.id DESC`, sender, senderMails, senderTries, reparseOctets/senderTries)
	if err != nil {
		return nil, fmt.Errorf("mails of a sender: %w", classify(err))
	}
	mails, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (tickets.Stored, error) {
		var mail tickets.Stored
		err := row.Scan(&mail.ID, &mail.Ticket, &mail.Subject, &mail.Raw)
		return mail, err
	})
	if err != nil {
		return nil, fmt.Errorf("mails of a sender: %w", classify(err))
	}
	return mails, nil
}
