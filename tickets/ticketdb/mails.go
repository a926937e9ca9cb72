package ticketdb

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

const mailColumns = `m.id, m.received_at, m.envelope_from, m.envelope_to, m.remote, m.helo, m.tls, m.verified, m.authentication, m.size,
	m.state, coalesce(m.ticket, 0) AS ticket, m.read_at, m.message_id, m.subject, m.alert`

func scanMail(row pgx.CollectableRow) (tickets.Mail, error) {
	var mail tickets.Mail
	var remote *netip.Addr
	err := row.Scan(&mail.ID, &mail.ReceivedAt, &mail.Envelope.From, &mail.Envelope.To, &remote, &mail.Envelope.Helo,
		&mail.Envelope.TLS, &mail.Envelope.Verified, &mail.Envelope.Authentication, &mail.Size, &mail.State, &mail.Ticket, &mail.ReadAt,
		&mail.MessageID, &mail.Subject, &mail.Alert)
	if remote != nil {
		mail.Envelope.Remote = *remote
	}
	mail.ReceivedAt, mail.ReadAt = mail.ReceivedAt.UTC(), utc(mail.ReadAt)
	mail.Envelope.ReceivedAt = mail.ReceivedAt
	return mail, err
}

const mailsQuery = `
	SELECT ` + mailColumns + ` FROM mails m
	WHERE m.state = 'read' AND m.ticket IN (SELECT number FROM tickets WHERE number = $1 OR merged_into = $1)
	ORDER BY m.id`

// Mails returns the distinct mails behind a ticket, those of tickets that were joined to it included, oldest first.
func (s *Store) Mails(ctx context.Context, number int64) ([]tickets.Mail, error) {
	rows, err := s.pool.Query(ctx, mailsQuery, number)
	if err != nil {
		return nil, fmt.Errorf("mails of ticket %d: %w", number, classify(err))
	}
	mails, err := pgx.CollectRows(rows, scanMail)
	if err != nil {
		return nil, fmt.Errorf("mails of ticket %d: %w", number, classify(err))
	}
	return mails, nil
}

// Mail returns one mail or tickets.ErrNotFound.
func (s *Store) Mail(ctx context.Context, id int64) (tickets.Mail, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+mailColumns+` FROM mails m WHERE m.id = $1`, id)
	if err != nil {
		return tickets.Mail{}, fmt.Errorf("mail %d: %w", id, classify(err))
	}
	mail, err := pgx.CollectExactlyOneRow(rows, scanMail)
	if errors.Is(err, pgx.ErrNoRows) {
		return tickets.Mail{}, fmt.Errorf("mail %d: %w", id, tickets.ErrNotFound)
	}
	if err != nil {
		return tickets.Mail{}, fmt.Errorf("mail %d: %w", id, classify(err))
	}
	return mail, nil
}

// Raw returns the bytes of a mail as they were received, or tickets.ErrNotFound.
func (s *Store) Raw(ctx context.Context, id int64) ([]byte, error) {
	var raw []byte
	err := s.pool.QueryRow(ctx, `
		SELECT body.raw FROM mails m JOIN mail_bodies body ON body.mail = m.id AND body.received_at = m.received_at
		WHERE m.id = $1`, id).Scan(&raw)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("mail %d: %w", id, tickets.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("raw mail %d: %w", id, classify(err))
	}
	return raw, nil
}

// PrepareMonths makes the partitions for raw bodies of now's month and the next. It may run at any time and anywhere.
func (s *Store) PrepareMonths(ctx context.Context, now time.Time) error {
	first := time.Date(now.UTC().Year(), now.UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
	for ahead := range 2 {
		begin := first.AddDate(0, ahead, 0)
		name := "mail_bodies_" + begin.Format("2006_01")
		// A body that already lies in the default partition keeps its month there: the partition is refused, and the
		// default goes on taking that month.
		_, err := s.pool.Exec(ctx, fmt.Sprintf(
			`DO $$ BEGIN
				CREATE TABLE IF NOT EXISTS %s PARTITION OF mail_bodies FOR VALUES FROM ('%s') TO ('%s')
					WITH (autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_scale_factor = 1);
			EXCEPTION WHEN check_violation OR invalid_object_definition OR duplicate_table OR unique_violation THEN NULL;
			END $$`, pgx.Identifier{name}.Sanitize(), begin.Format(time.RFC3339), begin.AddDate(0, 1, 0).Format(time.RFC3339)))
		if err != nil {
			return fmt.Errorf("prepare %s: %w", name, classify(err))
		}
	}
	return nil
}
