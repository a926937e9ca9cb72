package ticketdb

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// claimBytes is after how many octets of mail a batch is full, however few mails they are: a reader has all of it in memory.
const claimBytes = 8 << 20

// ClaimMails takes up to limit accepted mails, oldest first; a claim ends with lease, so that the mails of a reader
// that died are read by another. A mail whose readers died more than once is claimed alone, so that what kills a reader
// does not take others with it, and what came with it is not suspected for long.
func (s *Store) ClaimMails(ctx context.Context, limit int, lease time.Duration) ([]tickets.Claimed, error) {
	const claim = `
		WITH suspect AS (
			SELECT id FROM mails
			WHERE state = 'accepted' AND attempts >= 2 AND (lease_until IS NULL OR lease_until <= $1)
			ORDER BY id LIMIT 1
			FOR UPDATE SKIP LOCKED
		), others AS (
			SELECT id, size FROM mails
			WHERE state = 'accepted' AND attempts < 2 AND (lease_until IS NULL OR lease_until <= $1) AND NOT EXISTS (SELECT FROM suspect)
			ORDER BY id LIMIT $2
			FOR UPDATE SKIP LOCKED
		), claimed AS (
			SELECT id FROM suspect
			UNION ALL
			SELECT id FROM (SELECT id, sum(size) OVER (ORDER BY id) - size AS before FROM others) AS o WHERE before < $4
		), taken AS (
			UPDATE mails m SET lease_until = $3, attempts = attempts + 1
			FROM claimed WHERE m.id = claimed.id
			RETURNING m.id, m.received_at, m.envelope_from, m.envelope_to, m.verified, m.authentication, m.digest, m.size, m.attempts
		)
		SELECT taken.*, body.raw
		FROM taken JOIN mail_bodies body ON body.mail = taken.id AND body.received_at = taken.received_at
		ORDER BY taken.id`
	now := s.now()
	rows, err := s.pool.Query(ctx, claim, now, limit, now.Add(lease), claimBytes)
	if err != nil {
		return nil, fmt.Errorf("claim mails: %w", classify(err))
	}
	claimed, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (tickets.Claimed, error) {
		mail := tickets.Claimed{Mail: tickets.Mail{State: tickets.MailAccepted}}
		err := row.Scan(&mail.Mail.ID, &mail.Mail.ReceivedAt, &mail.Mail.Envelope.From, &mail.Mail.Envelope.To,
			&mail.Mail.Envelope.Verified, &mail.Mail.Envelope.Authentication, &mail.Digest, &mail.Mail.Size, &mail.Attempt, &mail.Raw)
		mail.Mail.Envelope.ReceivedAt, mail.Until = mail.Mail.ReceivedAt, now.Add(lease)
		return mail, err
	})
	if err != nil {
		return nil, fmt.Errorf("claim mails: %w", classify(err))
	}
	return claimed, nil
}

// Pending counts the mails that are accepted and not yet read into a ticket.
func (s *Store) Pending(ctx context.Context) (int, error) {
	var pending int
	err := s.pool.QueryRow(ctx, `SELECT count(*) FROM mails WHERE state = 'accepted'`).Scan(&pending)
	if err != nil {
		return 0, fmt.Errorf("count pending mails: %w", classify(err))
	}
	return pending, nil
}

// FirstMail is the mail that opened a ticket; 0 where none did.
func (s *Store) FirstMail(ctx context.Context, ticket int64) (int64, error) {
	var first *int64
	if err := s.pool.QueryRow(ctx, `SELECT min(id) FROM mails WHERE ticket = $1`, ticket).Scan(&first); err != nil {
		return 0, fmt.Errorf("look for the first mail of ticket %d: %w", ticket, classify(err))
	}
	if first == nil {
		return 0, nil
	}
	return *first, nil
}

// OldestPending is when the oldest of the mails that wait to be read came in; zero where none waits.
func (s *Store) OldestPending(ctx context.Context) (time.Time, error) {
	var oldest *time.Time
	if err := s.pool.QueryRow(ctx, `SELECT min(received_at) FROM mails WHERE state = 'accepted'`).Scan(&oldest); err != nil {
		return time.Time{}, fmt.Errorf("look for the oldest pending mail: %w", classify(err))
	}
	if oldest == nil {
		return time.Time{}, nil
	}
	return *oldest, nil
}
