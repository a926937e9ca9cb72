package ticketdb

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// FinishReply marks a claimed mail as one that answers ours; ticket 0 is none. Exact repeats are marked the same way.
func (s *Store) FinishReply(ctx context.Context, mail, ticket int64, messageID, subject string) error {
	_, err := s.pool.Exec(ctx, `
		UPDATE mails SET state = 'answered', ticket = nullif($2, 0), message_id = $3, subject = $4, read_at = $5, lease_until = NULL
		WHERE id = $1 AND state = 'accepted'`, mail, ticket, storable(messageID), storable(subject), s.now())
	if err != nil {
		return fmt.Errorf("finish reply %d: %w", mail, classify(err))
	}
	return nil
}

// Replied says whether a mail of these bytes was taken as a reply before.
func (s *Store) Replied(ctx context.Context, digest []byte) (bool, error) {
	var known bool
	err := s.pool.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM mails WHERE digest = $1 AND state = 'answered' AND received_at > $2)`,
		digest, s.now().Add(-repeatsWithin)).Scan(&known)
	if err != nil {
		return false, fmt.Errorf("look for a repeated reply: %w", classify(err))
	}
	return known, nil
}

// AddEvent appends one event to a ticket's timeline.
func (s *Store) AddEvent(ctx context.Context, entry tickets.Entry) error {
	return s.transact(ctx, fmt.Sprintf("event of ticket %d", entry.Ticket), func(tx pgx.Tx) error {
		return AddEvents(ctx, tx, []tickets.Entry{entry})
	})
}
