package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"afterhours/oncall"
	"afterhours/smtpd"
	"afterhours/tickets"
	"afterhours/tickets/spool"
	"afterhours/tickets/ticketdb"
)

// How long a reply waits for the database before the spool takes its mail.
const (
	holdWithin     = 20 * time.Second       // a failover of the database is over by then
	holdWhenAway   = 500 * time.Millisecond // it is known to be away
	holdWithout    = 4 * time.Second        // there is no spool: the sender is to know within five seconds
	alarmAfter     = time.Minute            // from when on the outage itself pages
	rosterEvery    = time.Minute
	gatewayEvery   = time.Second
	databaseAnswer = 2 * time.Second
	handoverWithin = 5 * time.Second // of one mail
	claimsEvery    = 5 * time.Second // while a spool is handed over
	policyFresh    = time.Second
)

// gateway takes mails over: into the database, or while that is away into the spool. Meanwhile it pages from the roster.
type gateway struct {
	accepted func(began, ended time.Time, id string, err error) // counts a reply; nil counts none
	intake   *ticketdb.Intake
	store    *ticketdb.Store
	spool    *spool.Spool // nil: off
	standby  *oncall.Standby
	ping     func(ctx context.Context) error
	parse    func(raw []byte) tickets.Alert
	// readAlone reads a mail apart from all others and hands its reading to write.
	readAlone func(ctx context.Context, mail tickets.Claimed, write func(ctx context.Context, readings []tickets.Reading) error) error
	// takeRoster returns the configuration in force; sealer keeps it beside the spool.
	takeRoster func(ctx context.Context) (oncall.Configuration, error)
	sealer     sealer
	hold       time.Duration // of a reply, for the database to come back
	reconcile  func(ctx context.Context) error
	log        *slog.Logger
	now        func() time.Time

	keeping  sync.Mutex
	policy   sync.Mutex
	policyAt time.Time
	known    oncall.Configuration
	applied  atomic.Bool // the configuration changed since it was asked for
	// rosterDue says the same of the roster.
	rosterDue atomic.Bool

	away     atomic.Bool
	awayFrom time.Time // of the loop alone
	// refused are the spooled mails that the database does not take for themselves; of the loop alone.
	refused map[string]bool
	sends   sync.WaitGroup
	mutex   sync.Mutex
	unread  []string         // spooled mails that the standby has not seen
	stored  map[string]int64 // spooled mails that the database has, too, with their ids there
	kept    string           // the roster that stands on disk
}

// openSpool opens the spool where the settings want one.
func openSpool(s settings, dir string, now func() time.Time) (*spool.Spool, error) {
	if s.Spool == "off" {
		return nil, nil
	}
	opened, err := spool.Open(spool.Options{Dir: dir, MaxBytes: int64(s.SpoolMaxSize), MaxMails: s.SpoolMaxMails, Now: now})
	if err != nil {
		return nil, fmt.Errorf("%w; name another folder with %s, or do without with %s=off", err, variable("data-dir"), variable("spool"))
	}
	return opened, nil
}

// accept returns once the mail cannot be lost any more, with the id under which it was taken.
func (g *gateway) accept(ctx context.Context, envelope tickets.Envelope, raw []byte) (id string, err error) {
	began := g.now()
	id, err = g.take(ctx, envelope, raw)
	if g.accepted != nil {
		g.accepted(began, g.now(), id, err)
	}
	if err == nil {
		g.log.Info("mail accepted", "message", id, "size", len(raw))
	}
	return id, err
}

func (g *gateway) take(ctx context.Context, envelope tickets.Envelope, raw []byte) (string, error) {
	hold := g.hold
	switch {
	case g.spool == nil:
		hold = holdWithout
	case g.away.Load():
		hold = holdWhenAway
	}
	held, cancel := context.WithTimeout(ctx, hold)
	defer cancel()
	id, err := g.intake.Accept(held, envelope, raw)
	if err == nil {
		return strconv.FormatInt(id, 10), nil
	}
	g.away.Store(true)
	if g.spool == nil {
		g.read("", envelope, raw)
		return "", err
	}
	name, spooled := g.spool.Put(envelope, raw)
	if spooled != nil {
		g.read("", envelope, raw)
		return "", errors.Join(err, spooled)
	}
	g.log.Warn("mail spooled: the database does not take it", "spooled", name, "size", len(raw), "reason", err)
	g.show(name)
	return name, nil
}

// show has the next turn show a spooled mail to the standby.
func (g *gateway) show(name string) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.unread = append(g.unread, name)
}

// unwritten takes care of mails that the database has, but of which it makes no tickets. For a while they are tried again;
// then they are paged from the roster like mail that it does not take at all.
func (g *gateway) unwritten(mails []tickets.Claimed) {
	var again []tickets.Claimed
	for _, mail := range mails {
		if g.spool == nil || g.now().Sub(mail.Mail.ReceivedAt) < g.hold/2 {
			again = append(again, mail)
			continue
		}
		name, err := g.spool.PutStored(mail.Mail.ID, mail.Mail.Envelope, mail.Raw)
		if err != nil {
			g.log.Error("mail without a ticket not spooled", "message", mail.Mail.ID, "error", err)
			again = append(again, mail)
			continue
		}
		g.log.Warn("mail spooled: the database makes no ticket of it", "spooled", name, "message", mail.Mail.ID)
		g.away.Store(true)
		g.intake.KeepToHanded(true)
		g.keep(name, mail.Mail.ID)
		g.show(name)
	}
	g.intake.GiveBack(again)
}

// keep remembers that the database has a spooled mail, too.
func (g *gateway) keep(name string, stored int64) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.stored == nil {
		g.stored = map[string]int64{}
	}
	g.stored[name] = stored
}

// keepClaims keeps other processes from reading what this one paged from the roster, until its turn has come: they do not know
// who was told.
func (g *gateway) keepClaims(ctx context.Context, waiting []string) error {
	g.mutex.Lock()
	maps.DeleteFunc(g.stored, func(name string, _ int64) bool { return !slices.Contains(waiting, name) })
	ids := slices.Collect(maps.Values(g.stored))
	g.mutex.Unlock()
	if len(ids) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, databaseAnswer)
	defer cancel()
	return g.store.KeepClaims(ctx, ids)
}

// read shows a mail to the standby. A self-test mail waits for the database: the outage itself pages.
func (g *gateway) read(name string, envelope tickets.Envelope, raw []byte) {
	if g.standby.Links.IsProbe(envelope.To) {
		return
	}
	if name == "" && g.standby.Emergency.Channel == "" {
		return
	}
	digest := sha256.Sum256(raw)
	alert := g.alert(name, raw, digest[:])
	if name == "" { // its sender keeps it: nobody can acknowledge what is not here
		g.standby.Refused(alert)
		return
	}
	mail := tickets.Mail{Envelope: envelope, ReceivedAt: envelope.ReceivedAt, Size: len(raw)}
	g.standby.Take(name, tickets.NewReading(mail, alert, digest[:]))
}

func (g *gateway) alert(name string, raw, digest []byte) (alert tickets.Alert) {
	defer func() {
		if fault := recover(); fault != nil {
			g.log.Error("parser failed", "spooled", name, "fault", fmt.Sprint(fault))
			alert = tickets.Unreadable("the parser failed on it", digest)
		}
	}()
	return g.parse(raw)
}

// run follows the database until ctx ends: what waits in the spool is handed over as soon as it can be, and while it
// cannot, people are paged directly.
func (g *gateway) run(ctx context.Context) {
	pace := time.NewTicker(gatewayEvery)
	defer pace.Stop()
	defer g.sends.Wait()
	var rosterAt time.Time
	for {
		g.turn(ctx)
		if now := g.now(); !g.away.Load() && (now.Sub(rosterAt) >= rosterEvery || g.rosterDue.Swap(false)) {
			if err := g.keepRoster(ctx); err != nil && ctx.Err() == nil {
				g.log.Error("roster not kept", "error", err)
			} else {
				rosterAt = now
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
	}
}

func (g *gateway) turn(ctx context.Context) {
	asking, cancel := context.WithTimeout(ctx, databaseAnswer)
	err := g.ping(asking)
	cancel()
	if ctx.Err() != nil {
		return
	}
	if err == nil && g.drain(ctx) {
		g.intake.KeepToHanded(false)
		g.awayFrom = time.Time{}
		g.forgetDrained()
		switch {
		case len(g.refused) > 0: // what nobody reads out of the database pages from here
			g.away.Store(false)
			g.readUnread()
			g.sends.Go(func() { g.standby.Tick(ctx) })
		case g.away.CompareAndSwap(true, false):
			g.log.Info("the database is back, and has everything")
			g.standby.Over()
		}
		reconciling, cancel := context.WithTimeout(ctx, handoverWithin)
		defer cancel()
		if err := g.reconcile(reconciling); err != nil && ctx.Err() == nil {
			g.log.Error("outage not reconciled", "error", err)
		}
		return
	}
	now := g.now()
	if g.awayFrom.IsZero() {
		g.awayFrom = now
	}
	if now.Sub(g.awayFrom) >= alarmAfter {
		g.away.Store(true)
		g.standby.Alarm(g.awayFrom)
	}
	g.readUnread()
	g.sends.Go(func() { g.standby.Tick(ctx) })
}

// forgetDrained leaves to the database what it has by now.
func (g *gateway) forgetDrained() {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if len(g.unread) == 0 {
		return
	}
	waiting := g.spool.Waiting(0)
	g.unread = slices.DeleteFunc(g.unread, func(name string) bool { return !slices.Contains(waiting, name) })
}

// heard follows what other processes tell by the database.
func (g *gateway) heard(channel string) {
	switch channel {
	case ticketdb.MailsChannel:
		g.intake.Signal()
	case ticketdb.ConfigurationChannel:
		g.applied.Store(true)
		g.rosterDue.Store(true)
	}
}

// readUnread shows the standby what came in since the last turn.
func (g *gateway) readUnread() {
	g.mutex.Lock()
	names := g.unread
	g.unread = nil
	g.mutex.Unlock()
	for _, name := range names {
		mail, err := g.spool.Read(name)
		if errors.Is(err, tickets.ErrNotFound) {
			continue
		}
		if err != nil {
			g.log.Error("spooled mail not read", "error", err)
			continue
		}
		g.read(name, mail.Envelope, mail.Raw)
	}
}

// drain hands what waits to the database, oldest first, and says whether that has everything that it can take. A mail
// that the database refuses for itself stays, pages from the roster, and does not hold up the others.
func (g *gateway) drain(ctx context.Context) (done bool) {
	if g.spool == nil {
		return true
	}
	done = true
	before := g.refused
	g.refused = map[string]bool{}
	var kept time.Time
	waiting := g.spool.Waiting(0)
	for i, name := range waiting {
		if ctx.Err() != nil {
			return false
		}
		if now := g.now(); now.Sub(kept) >= claimsEvery {
			if err := g.keepClaims(ctx, waiting[i:]); err != nil {
				return false
			}
			kept = now
		}
		if !g.standby.Handover(name) {
			done = false
			continue
		}
		mail, err := g.spool.Read(name)
		if err == nil { // a lock that somebody holds is an outage, too: people are paged meanwhile
			handing, cancel := context.WithTimeout(ctx, handoverWithin)
			err = g.handOver(handing, mail)
			cancel()
		}
		if err == nil {
			g.standby.Drained(name)
			err = g.spool.Remove(name)
		}
		switch {
		case err == nil:
			g.intake.Signal()
			g.log.Info("spooled mail handed over", "spooled", name)
		case errors.Is(err, tickets.ErrNotFound):
		case errors.Is(err, tickets.ErrUnavailable):
			g.standby.HandoverFailed(name)
			return false
		default:
			g.standby.HandoverFailed(name)
			g.refused[name] = true
			if !before[name] {
				g.log.Error("spooled mail not handed over", "spooled", name, "error", err)
			}
		}
	}
	return done
}

// handOver gives a spooled mail to the database: to be read like any other, or where it was there before, read.
func (g *gateway) handOver(ctx context.Context, mail tickets.Spooled) error {
	if mail.Stored == 0 {
		return g.store.AcceptSpooled(ctx, mail)
	}
	digest := sha256.Sum256(mail.Raw)
	claimed := tickets.Claimed{
		Mail: tickets.Mail{ID: mail.Stored, ReceivedAt: mail.Envelope.ReceivedAt, Size: len(mail.Raw), State: tickets.MailAccepted, Envelope: mail.Envelope},
		Raw:  mail.Raw, Digest: digest[:], Attempt: 1,
	}
	return g.readAlone(ctx, claimed, func(ctx context.Context, readings []tickets.Reading) error {
		return g.store.ReadSpooled(ctx, mail, readings)
	})
}

// ready says why no mail can be taken; nil where database or spool can.
func (g *gateway) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, databaseAnswer)
	defer cancel()
	err := g.ping(ctx)
	if err == nil {
		return nil
	}
	if g.spool == nil {
		return errors.New("the database cannot be reached, and the spool is off")
	}
	if err := g.spool.CanTake(); err != nil {
		return fmt.Errorf("the database cannot be reached, and the spool cannot take mail: %w", err)
	}
	return nil
}

// envelopeOf is an envelope in the domain's form.
func envelopeOf(e smtpd.Envelope) tickets.Envelope {
	found := e.Authentication
	envelope := tickets.Envelope{
		From: e.From, To: e.To, Remote: e.Remote, Helo: e.Helo, TLS: e.TLS, ReceivedAt: e.ReceivedAt, Verified: found.Verified,
	}
	told := tickets.Authentication{
		Author: found.Author, SPF: found.SPF, DKIM: found.DKIM, DMARC: found.DMARC, ARC: found.ARC, Relay: found.Relay, Spoof: found.Spoof, Loop: found.Loop,
	}
	if told != (tickets.Authentication{}) {
		envelope.Authentication = &told
	}
	return envelope
}
