// Package oncalldb is all SQL of on-call: configuration, escalations and pages.
//
// A ticket's escalation and its first pages are written in the transaction that writes the ticket (Changed is the hook
// that cmd hands to the tickets' store). A page's row is the truth: a job of the queue only carries its id, and claims
// the row before it sends. What is due stands in due_at, in escalations and pages alike, and is taken with SKIP LOCKED,
// so that any number of processes may do this work side by side. A page is locked after its ticket and its escalation,
// an escalation after its ticket.
package oncalldb

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/oncall"
	"afterhours/tickets"
)

// Sealer encrypts credentials before they are stored. Open refuses what Seal did not make.
type Sealer interface {
	Seal(plain string) (sealed string, err error)
	Open(sealed string) (plain string, err error)
}

// Options are what a Store stands on. QueueEvents and SetRoutings write the tickets' tables, with a batch or inside the given
// transaction.
type Options struct {
	Pool        *pgxpool.Pool
	Now         func() time.Time
	Sealer      Sealer
	Links       oncall.Links
	QueueEvents func(batch *pgx.Batch, entries []tickets.Entry) error
	SetRoutings func(ctx context.Context, tx pgx.Tx, routings []tickets.Routing) error
	// ReopenUnresolved opens acknowledged tickets again inside the given transaction.
	ReopenUnresolved func(ctx context.Context, tx pgx.Tx, numbers []int64, now time.Time, reason string) ([]tickets.Change, error)
	// OpenTicket writes a ticket that no mail is behind, and gives it its number; ResolveTicket ends one.
	OpenTicket    func(ctx context.Context, tx pgx.Tx, ticket *tickets.Ticket, data map[string]any) error
	ResolveTicket func(ctx context.Context, tx pgx.Tx, number int64, now time.Time, reason string) ([]tickets.Change, error)
	// GetTicket reads a ticket outside of any transaction.
	GetTicket func(ctx context.Context, number int64) (tickets.Ticket, error)
	// QueueTicket reads with a batch the ticket whose number a query of one argument yields, if it yields any.
	QueueTicket func(batch *pgx.Batch, number string, argument any, ticket *tickets.Ticket)
	// Enqueue inserts one job for each page inside the given transaction.
	Enqueue func(ctx context.Context, tx pgx.Tx, pages []oncall.Page) error
	// EnqueueShare inserts a job that hands to ShareOutcome what it is given.
	EnqueueShare func(ctx context.Context, tx pgx.Tx, share Share) error
	// Recipient shows a contact's address without credentials.
	Recipient func(channel, address string) string
}

// Store reads and writes the on-call tables.
type Store struct {
	Options
	loaded atomic.Pointer[loadedConfiguration]
	places chan struct{} // one for each page that is being claimed or recorded

	changes atomic.Pointer[lookAhead] // of who is on call
	notices atomic.Pointer[lookAhead] // of shifts
	seen    atomic.Pointer[seenMoment]
}

// lookAhead says that nothing happens between two moments by a version of the configuration, so that a tick need not ask
// every schedule anew.
type lookAhead struct {
	version  int64
	from, to time.Time // to is not in it
}

func (l *lookAhead) covers(version int64, from, to time.Time) bool {
	return l != nil && l.version == version && !from.Before(l.from) && to.Before(l.to)
}

// placesAtOnce bounds how many of the pool's connections the pages take that are claimed and recorded; half of a small pool.
const placesAtOnce = 8

// New returns a store on a migrated database.
func New(options Options) *Store {
	places := min(placesAtOnce, int(options.Pool.Config().MaxConns)/2)
	return &Store{Options: options, places: make(chan struct{}, max(places, 1))}
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

type batcher interface {
	SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults
}

// addEvents appends to timelines inside the given transaction, in order.
func (s *Store) addEvents(ctx context.Context, tx batcher, entries []tickets.Entry) error {
	batch := &pgx.Batch{}
	if err := s.QueueEvents(batch, entries); err != nil {
		return fmt.Errorf("timeline: %w", err)
	}
	if batch.Len() == 0 {
		return nil
	}
	return tx.SendBatch(ctx, batch).Close()
}
