// Package ticketdb is all SQL of mails, tickets and timelines.
//
// Mails come in by group commit (intake.go): a mail's id is returned once its raw bytes are committed. Readings are
// written set-based, one transaction a batch (write.go): the keys of the batch are locked in sorted order, what is
// stored under them is loaded, tickets.Correlate decides, and everything that follows is written together with what
// the on-call room adds through Hook. Errors that say that the database cannot be reached or asks to come again are
// tickets.ErrUnavailable.
package ticketdb

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/tickets"
)

// Hook is called inside the transaction that writes changes, so that a ticket and its escalation are one.
type Hook func(ctx context.Context, tx pgx.Tx, changes []tickets.Change) error

// ReadHook is called inside the transaction that writes readings, with what became of each.
type ReadHook func(ctx context.Context, tx pgx.Tx, outcomes []tickets.Outcome, now time.Time) error

// NoteHook is called inside the transaction that writes a note.
type NoteHook func(ctx context.Context, tx pgx.Tx, ticket int64, actor, text string, now time.Time) error

// Store reads and writes tickets.
type Store struct {
	pool *pgxpool.Pool
	now  func() time.Time
	hook Hook
	read ReadHook
	note NoteHook
	// route is called before changes are written.
	route   Hook
	words   *wordMemory
	counted *countMemory
	self    string // in notifications, by which a process knows its own
}

// New returns a store on a migrated database. hook may be nil.
func New(pool *pgxpool.Pool, now func() time.Time, hook Hook) *Store {
	if hook == nil {
		hook = func(context.Context, pgx.Tx, []tickets.Change) error { return nil }
	}
	return &Store{pool: pool, now: now, hook: hook, words: &wordMemory{}, counted: &countMemory{}, self: rand.Text()}
}

// Hooked returns the store with what else is done inside its transactions; either may be nil.
func (s *Store) Hooked(read ReadHook, note NoteHook) *Store {
	hooked := *s
	hooked.read, hooked.note = read, note
	return &hooked
}

// Routed returns the store with what gives new tickets their policies and runbooks before they are written: what the hook
// after it decides otherwise is written over. It may be nil.
func (s *Store) Routed(route Hook) *Store {
	routed := *s
	routed.route = route
	return &routed
}

// transact runs work in one transaction and names the operation in its errors.
func (s *Store) transact(ctx context.Context, operation string, work func(tx pgx.Tx) error) error {
	err := pgx.BeginFunc(ctx, s.pool, work)
	if err != nil {
		return fmt.Errorf("%s: %w", operation, classify(err))
	}
	return nil
}

// keyed is transact for statements that look everything up by keys. They are planned once, and always for the indexes, also
// where a plan was made while the tables were empty.
func (s *Store) keyed(ctx context.Context, operation string, work func(tx pgx.Tx) error) error {
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{
		BeginQuery: `BEGIN; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off; SET LOCAL jit = off`,
	}, work)
	if err != nil {
		return fmt.Errorf("%s: %w", operation, classify(err))
	}
	return nil
}

// IsAway says whether an error of the database is one that a later attempt may mend.
func IsAway(err error) bool { return err != nil && errors.Is(classify(err), tickets.ErrUnavailable) }

// classify marks what a later attempt may mend as tickets.ErrUnavailable: a lost or refused connection, a server that
// shuts down, is full, read-only or asks to retry (SQLSTATE classes 08, 25, 40, 53, 55, 57, 58), and a deadline.
func classify(err error) error {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		switch refused.Code[:2] {
		case "08", "25", "40", "53", "55", "57", "58":
			return fmt.Errorf("%w: %w", tickets.ErrUnavailable, err)
		}
		return err
	}
	var connecting *pgconn.ConnectError
	var network net.Error
	if errors.As(err, &connecting) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded) ||
		strings.Contains(err.Error(), "conn closed") {
		return fmt.Errorf("%w: %w", tickets.ErrUnavailable, err)
	}
	return err
}
