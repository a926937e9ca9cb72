package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// maxFeeds is how many calendar feeds an account can have.
const maxFeeds = 20

// readEvery is how exactly it is remembered when a feed was read.
const readEvery = time.Hour

// FeedKind is whose shifts a calendar feed shows.
type FeedKind string

// The kinds of calendar feeds.
const (
	PersonFeed   FeedKind = "person"
	ScheduleFeed FeedKind = "schedule"
)

// Feed is a calendar feed; its address is shown once, when it is made.
type Feed struct {
	ID        int64
	Kind      FeedKind
	Subject   string // the person's or schedule's id
	CreatedAt time.Time
	ReadAt    *time.Time // to within an hour; nil: never
}

// CreateFeed makes a feed for an account and returns the token of its address.
func (a *Auth) CreateFeed(ctx context.Context, account string, kind FeedKind, subject string) (token string, err error) {
	token = newSecret()
	made, err := a.pool.Exec(ctx, `
		INSERT INTO calendar_feeds (token_hash, account, kind, subject, created_at)
		SELECT $1, $2, $3, $4, $5 WHERE (SELECT count(*) FROM calendar_feeds WHERE account = $2 AND revoked_at IS NULL) < $6`,
		digest(token), account, kind, subject, a.now(), maxFeeds)
	if err != nil {
		return "", fmt.Errorf("make calendar feed: %w", classify(err))
	}
	if made.RowsAffected() == 0 {
		return "", &tickets.ConflictError{Reason: fmt.Sprintf("you have %d calendar feeds already; end one first", maxFeeds)}
	}
	return token, nil
}

// Feeds are the feeds of an account that were not ended, oldest first.
func (a *Auth) Feeds(ctx context.Context, account string) ([]Feed, error) {
	rows, err := a.pool.Query(ctx, `
		SELECT id, kind, subject, created_at, read_at FROM calendar_feeds WHERE account = $1 AND revoked_at IS NULL ORDER BY id`, account)
	if err != nil {
		return nil, fmt.Errorf("calendar feeds of %s: %w", account, classify(err))
	}
	feeds, err := pgx.CollectRows(rows, pgx.RowToStructByName[Feed])
	if err != nil {
		return nil, fmt.Errorf("calendar feeds of %s: %w", account, classify(err))
	}
	return feeds, nil
}

// EndFeed ends a feed of an account: its address is not there any more. One that is not the account's, or is ended
// already, is left as it is.
func (a *Auth) EndFeed(ctx context.Context, account string, id int64) error {
	_, err := a.pool.Exec(ctx, `UPDATE calendar_feeds SET revoked_at = $3 WHERE id = $2 AND account = $1 AND revoked_at IS NULL`, account, id, a.now())
	if err != nil {
		return fmt.Errorf("end calendar feed %d: %w", id, classify(err))
	}
	return nil
}

// Feed is the feed of a token, or tickets.ErrNotFound. A feed of an account that may not come in any more is not there.
func (a *Auth) Feed(ctx context.Context, token string) (Feed, error) {
	rows, err := a.pool.Query(ctx, `
		SELECT f.id, f.kind, f.subject, f.created_at, f.read_at FROM calendar_feeds f JOIN accounts a ON a.id = f.account
		WHERE f.token_hash = $1 AND f.revoked_at IS NULL AND a.disabled_at IS NULL`, digest(token))
	if err != nil {
		return Feed{}, fmt.Errorf("calendar feed: %w", classify(err))
	}
	feed, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Feed])
	if errors.Is(err, pgx.ErrNoRows) {
		return Feed{}, fmt.Errorf("calendar feed: %w", tickets.ErrNotFound)
	}
	if err != nil {
		return Feed{}, fmt.Errorf("calendar feed: %w", classify(err))
	}
	return feed, nil
}

// FeedRead remembers that a feed was read: for its list, so that one that nobody reads can be ended.
func (a *Auth) FeedRead(ctx context.Context, id int64) error {
	now := a.now()
	_, err := a.pool.Exec(ctx, `UPDATE calendar_feeds SET read_at = $2 WHERE id = $1 AND (read_at IS NULL OR read_at < $3)`, id, now, now.Add(-readEvery))
	if err != nil {
		return fmt.Errorf("calendar feed %d read: %w", id, classify(err))
	}
	return nil
}
