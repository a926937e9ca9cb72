package ticketdb

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// Bounds of one group commit.
const (
	commitMails   = 100
	commitBytes   = 8 << 20
	commitTimeout = 10 * time.Second
	committers    = 2
	retryCommit   = 250 * time.Millisecond
)

// Intake takes over mails. Sessions that wait at the same moment share one commit. To the readers of its process it is the
// tickets.MailStore: what it committed it hands them from memory.
type Intake struct {
	store  *Store
	queue  chan *waiting
	wake   chan struct{}
	handed handed
	// Spooled says that a mail for which nobody waits any more is in a spool. A commit that comes too late for it leaves it
	// to its lease then, so that what is done about it there is known before it is read. It is set before Run.
	Spooled bool
	// accepted is signalled after each commit, too: other processes are told.
	accepted chan struct{}
}

type waiting struct {
	ctx      context.Context
	envelope tickets.Envelope
	raw      []byte
	digest   [sha256.Size]byte
	done     chan answer
	settled  atomic.Bool // answered, or given up
	late     bool        // given up before it was answered; of the committer alone
}

type answer struct {
	id  int64
	err error
}

// NewIntake returns an intake on store; it accepts while Run runs.
func NewIntake(store *Store) *Intake {
	return &Intake{
		store: store, queue: make(chan *waiting), wake: make(chan struct{}, 1), accepted: make(chan struct{}, 1),
	}
}

// Wake is signalled after each commit.
func (i *Intake) Wake() <-chan struct{} { return i.wake }

// Accept returns the mail's id once its raw bytes are committed. While the database is away it goes on trying until
// ctx ends; its error is tickets.ErrUnavailable then. A mail whose commit's outcome is unknown may be stored twice: the
// second is an exact repeat and changes nothing.
func (i *Intake) Accept(ctx context.Context, envelope tickets.Envelope, raw []byte) (int64, error) {
	mail := &waiting{ctx: ctx, envelope: envelope, raw: raw, digest: sha256.Sum256(raw), done: make(chan answer, 1)}
	for {
		mail.settled.Store(false)
		select {
		case i.queue <- mail:
		case <-ctx.Done():
			return 0, errors.Join(tickets.ErrUnavailable, ctx.Err())
		}
		var got answer
		select {
		case got = <-mail.done:
		case <-ctx.Done(): // the commit may still come about: then the mail is stored, whatever else is done with it
			if mail.settled.CompareAndSwap(false, true) {
				return 0, errors.Join(tickets.ErrUnavailable, ctx.Err())
			}
			got = <-mail.done
		}
		if got.err == nil || !errors.Is(got.err, tickets.ErrUnavailable) {
			return got.id, got.err
		}
		select {
		case <-time.After(retryCommit):
		case <-ctx.Done():
			return 0, got.err
		}
	}
}

// Run commits until ctx ends; mails in hand are still answered.
func (i *Intake) Run(ctx context.Context) {
	var group sync.WaitGroup
	for range committers {
		group.Go(func() {
			for {
				select {
				case first := <-i.queue:
					i.handed.await(ctx)
					i.commit(ctx, i.gather(first))
				case <-ctx.Done():
					return
				}
			}
		})
	}
	group.Go(func() { i.announce(ctx) })
	group.Wait()
}

// gather adds to first whatever waits at this moment.
func (i *Intake) gather(first *waiting) []*waiting {
	mails, size := []*waiting{first}, len(first.raw)
	for len(mails) < commitMails && size < commitBytes {
		select {
		case mail := <-i.queue:
			mails, size = append(mails, mail), size+len(mail.raw)
		default:
			return mails
		}
	}
	return mails
}

func (i *Intake) commit(ctx context.Context, mails []*waiting) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	handed := mails[:i.handed.reserve(mails)]
	until := i.store.now().Add(handedLease)
	ids, err := i.store.insertMails(ctx, mails, len(handed), until)
	if err != nil {
		i.handed.put(handed, nil, until, false)
	}
	if err != nil && !errors.Is(err, tickets.ErrUnavailable) && len(mails) > 1 {
		for _, mail := range mails { // one of them is at fault: it must not take the others with it
			i.commit(ctx, []*waiting{mail})
		}
		return
	}
	for _, mail := range mails {
		mail.late = !mail.settled.CompareAndSwap(false, true)
	}
	if err == nil { // before the answers: whoever has one finds the mail handed over
		i.handed.put(handed, ids, until, i.Spooled)
	}
	for n, mail := range mails {
		if err != nil {
			mail.done <- answer{err: err}
			continue
		}
		mail.done <- answer{id: ids[n]}
	}
	if err == nil {
		i.wakeReader()
		select {
		case i.accepted <- struct{}{}:
		default:
		}
	}
}

// Signal wakes a reader: there is mail to read, which another process may have taken in.
func (i *Intake) Signal() {
	i.handed.look.Store(true)
	i.wakeReader()
}

func (i *Intake) wakeReader() {
	select {
	case i.wake <- struct{}{}:
	default:
	}
}

// insertMails stores mails with their bodies in one statement, which is its own transaction, and returns their ids in
// order. The first so many are claimed by this process until the given moment.
func (s *Store) insertMails(ctx context.Context, mails []*waiting, claimed int, until time.Time) ([]int64, error) {
	const insert = `
		WITH incoming AS (
			SELECT nextval((SELECT pg_get_serial_sequence('mails', 'id')::regclass)) AS id, m.*
			FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::inet[], $5::text[], $6::bool[], $7::bool[],
			            $8::jsonb[], $9::bytea[], $10::int[], $11::int[])
			WITH ORDINALITY AS m (received_at, envelope_from, envelope_to, remote, helo, tls, verified, authentication, digest,
				start, size, place)
		), headers AS (
			INSERT INTO mails (id, received_at, envelope_from, envelope_to, remote, helo, tls, verified, authentication, digest, size,
				attempts, lease_until)
			OVERRIDING SYSTEM VALUE
			SELECT id, received_at, envelope_from, envelope_to::text[], remote, helo, tls, verified, authentication, digest,
				size, CASE WHEN place <= $13 THEN 1 ELSE 0 END, CASE WHEN place <= $13 THEN $14::timestamptz END
			FROM incoming
		), bodies AS (
			INSERT INTO mail_bodies (mail, received_at, raw) SELECT id, received_at, substring($12::bytea FROM start FOR size) FROM incoming
		)
		SELECT id FROM incoming ORDER BY place`
	n := len(mails)
	received, from, to := make([]time.Time, n), make([]string, n), make([]string, n)
	remote, helo, tls := make([]*netip.Addr, n), make([]string, n), make([]bool, n)
	verified, digests, starts, sizes := make([]*bool, n), make([][]byte, n), make([]int32, n), make([]int32, n)
	authentications := make([]*tickets.Authentication, n)
	size := 0
	for k, mail := range mails {
		received[k], from[k] = mail.envelope.ReceivedAt, storable(mail.envelope.From)
		to[k], helo[k] = arrayLiteral(mail.envelope.To), storable(mail.envelope.Helo)
		if mail.envelope.Remote.IsValid() {
			address := mail.envelope.Remote.Unmap().WithZone("")
			remote[k] = &address
		}
		tls[k], verified[k] = mail.envelope.TLS, mail.envelope.Verified
		authentications[k] = storableAuthentication(mail.envelope.Authentication)
		digests[k], starts[k], sizes[k] = mail.digest[:], int32(size+1), int32(len(mail.raw))
		size += len(mail.raw)
	}
	rows, err := s.pool.Query(ctx, insert, received, from, to, remote, helo, tls, verified, authentications, digests, starts, sizes,
		together(mails, size), claimed, until)
	if err != nil {
		return nil, classify(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, classify(err)
	}
	return ids, nil
}

// together are the bodies of mails, of so many octets in all, one after the other: as an array of bodies they would be copied
// several times on their way.
func together(mails []*waiting, size int) []byte {
	if len(mails) == 1 && mails[0].raw != nil {
		return mails[0].raw
	}
	bodies := make([]byte, 0, size)
	for _, mail := range mails {
		bodies = append(bodies, mail.raw...)
	}
	return bodies
}
