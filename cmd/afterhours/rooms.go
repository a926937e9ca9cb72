package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/oncall"
	"afterhours/oncall/notify"
	"afterhours/oncall/notify/push"
	"afterhours/oncall/oncalldb"
	"afterhours/parser"
	"afterhours/tickets"
	"afterhours/tickets/playbook"
	"afterhours/tickets/ticketdb"
)

// readingsWithin is how long reading a mail waits for the taught readings.
const readingsWithin = 2 * time.Second

// rooms are the stores and what works on them, wired to each other.
type rooms struct {
	tickets   *ticketdb.Store
	mails     *ticketdb.Store // the same on the connections that the intake has for itself
	intake    *ticketdb.Intake
	oncall    *oncalldb.Store
	queue     *oncalldb.Queue
	deliverer *oncall.Deliverer
	channels  map[string]notify.Channel
	replies   *oncall.Replies
	probes    *oncall.Probes // before replies
	sealer    sealer
	pushKeys  push.Keys
	standby   *oncall.Standby
	defender  *defenderRooms
	playbooks *playbook.Engine
	tracing   *tracing // nil without a collector
}

func wire(s settings, db database, base string, log *slog.Logger, now func() time.Time) (*rooms, error) {
	key, err := loadSecret(s)
	if err != nil {
		return nil, err
	}
	seal, err := key.sealer()
	if err != nil {
		return nil, fmt.Errorf("secret key: %w", err)
	}
	r := &rooms{sealer: seal}
	if r.pushKeys, err = push.DeriveKeys(key.oldest().derive("messages to browsers")); err != nil {
		return nil, err
	}
	links := oncall.Links{Key: key.derive("acknowledge links"), Former: key.deriveFormer("acknowledge links"), BaseURL: base, Domain: s.SMTPDomain}
	if r.channels, err = openChannels(s, r.pushKeys, links, now); err != nil {
		return nil, err
	}
	names := make([]string, 0, len(r.channels))
	for name := range r.channels {
		names = append(names, name)
	}
	r.queue, err = oncalldb.NewQueue(db.pool, db.directly(), names, func(ctx context.Context, page int64, target string, isEvent bool) error {
		return r.deliverer.Deliver(ctx, page, target, isEvent)
	}, r.share, quiet(log))
	if err != nil {
		return nil, err
	}
	r.oncall = oncalldb.New(oncalldb.Options{
		Pool: db.pool, Now: now, Sealer: seal, Links: links,
		QueueEvents: ticketdb.QueueEvents, SetRoutings: ticketdb.SetRoutings, ReopenUnresolved: ticketdb.ReopenUnresolved,
		OpenTicket: ticketdb.OpenTicket, ResolveTicket: ticketdb.ResolveTicket,
		GetTicket: ticketdb.New(db.pool, now, nil).Get, QueueTicket: ticketdb.QueueGet,
		Enqueue: r.queue.Enqueue, EnqueueShare: r.queue.EnqueueShare, Recipient: recipient,
	})
	if r.defender, err = wireDefender(s, db.pool, r, log, now); err != nil {
		return nil, err
	}
	r.playbooks = wirePlaybooks(db.pool, r, base, log, now)
	store := func(pool *pgxpool.Pool) *ticketdb.Store {
		return ticketdb.New(pool, now, r.changed(s, log)).Hooked(readLogged(log, r.playbooks.Read), r.defender.writing.Noted).Routed(r.route(s))
	}
	r.tickets = store(db.pool)
	r.defender.poller.Tickets, r.defender.notices.Tickets = r.tickets, r.tickets
	emergency, err := emergencyContact(s)
	if err != nil {
		return nil, err
	}
	r.standby = &oncall.Standby{
		Channels: r.channels, Links: links, Now: now, Log: log, Emergency: emergency,
		Silence: func(c oncall.Configuration, changes []tickets.Change) { silence(s, c, changes) },
	}
	r.mails = store(db.intake)
	r.intake = ticketdb.NewIntake(r.mails)
	r.replies = &oncall.Replies{Store: r.oncall, Tickets: r.tickets, Read: parser.ReadReply, Links: links, Now: now, Log: log}
	r.probes = &oncall.Probes{
		Store: r.oncall, Finish: r.tickets.FinishReply, Parse: parser.Parse, Links: links, Next: r.replies, Now: now, Log: log,
	}
	r.deliverer = &oncall.Deliverer{Store: r.oncall, Channels: r.channels, Links: links, Now: now, Log: log}
	return r, nil
}

// parse reads a mail as this installation does: where the parser finds too little, by the taught readings. They are asked
// for then alone, so that mail that is understood does not wait for them; while they cannot be had, the parser's word
// stands, and reading the mail again mends it.
func (r *rooms) parse(raw []byte) tickets.Alert {
	alert := parser.Parse(raw)
	if !tickets.Thin(alert) {
		return alert
	}
	ctx, cancel := context.WithTimeout(context.Background(), readingsWithin)
	defer cancel()
	configuration, err := r.oncall.Configuration(ctx)
	if err != nil {
		return alert
	}
	alert, _ = tickets.Teach(configuration.Readings, alert, parser.SeverityOf)
	return alert
}

// parseBy reads a mail by one rule alone and says whether it found anything.
func parseBy(rule tickets.ReadingRule, raw []byte) (alert tickets.Alert, applied bool) {
	alert, by := tickets.Teach([]tickets.ReadingRule{rule}, parser.Parse(raw), parser.SeverityOf)
	return alert, by != ""
}

// changed hands what became of tickets to the on-call room, and takes over what was done about their mails while the
// database was away.
func (r *rooms) changed(s settings, log *slog.Logger) ticketdb.Hook {
	return func(ctx context.Context, tx pgx.Tx, changes []tickets.Change) error {
		logChanges(log, changes)
		r.tracing.changed(changes)
		configuration, err := r.oncall.ConfigurationIn(ctx, tx)
		if err != nil {
			return err
		}
		silence(s, configuration, changes)
		if err := r.oncall.Changed(ctx, tx, changes); err != nil {
			return err
		}
		numbers := make([]int64, 0, len(changes))
		for _, change := range changes {
			numbers = append(numbers, change.Ticket.Number)
		}
		acks, err := r.oncall.ReconcileOutage(ctx, tx, numbers)
		if err != nil {
			return err
		}
		if err := r.acknowledge(ctx, tx, acks); err != nil {
			return err
		}
		return r.defender.writing.Changed(ctx, tx, changes)
	}
}

// route gives new tickets their policies before they are written.
func (r *rooms) route(s settings) ticketdb.Hook {
	return func(ctx context.Context, tx pgx.Tx, changes []tickets.Change) error {
		configuration, err := r.oncall.ConfigurationIn(ctx, tx)
		if err != nil {
			return err
		}
		silence(s, configuration, changes)
		return r.oncall.Route(ctx, tx, changes)
	}
}

// acknowledge gives tickets to those who acknowledged them while the database was away.
func (r *rooms) acknowledge(ctx context.Context, tx pgx.Tx, acks []tickets.OutageAck) error {
	if len(acks) == 0 {
		return nil
	}
	changes, err := ticketdb.AcknowledgeAfterOutage(ctx, tx, acks)
	if err != nil || len(changes) == 0 {
		return err
	}
	return r.oncall.Changed(ctx, tx, changes)
}

// silence gives those changes a reason to page nobody that come from unverified mail, where the settings or the address
// that it came in at ask for it.
func silence(s settings, c oncall.Configuration, changes []tickets.Change) {
	for i, change := range changes {
		verified := change.Ticket.Verified
		if change.From != "" && (verified == nil || !*verified) && c.Unverified(change.To, s.Unverified) == oncall.UnverifiedRecord {
			changes[i].Silent = "its sender is not verified"
		}
	}
}

// recipient shows an address without what may be a credential in it: of a URL only the host.
func recipient(_, address string) string {
	if !strings.Contains(address, "://") {
		return address
	}
	target, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return target.Scheme + "://" + target.Host + "/…"
}

// quiet keeps a library's chatter below warnings out of the log.
func quiet(log *slog.Logger) *slog.Logger { return slog.New(atLeast{log.Handler(), slog.LevelWarn}) }

type atLeast struct {
	slog.Handler
	level slog.Level
}

func (h atLeast) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.level && h.Handler.Enabled(ctx, level)
}

func (h atLeast) WithAttrs(attrs []slog.Attr) slog.Handler {
	return atLeast{h.Handler.WithAttrs(attrs), h.level}
}

func (h atLeast) WithGroup(name string) slog.Handler {
	return atLeast{h.Handler.WithGroup(name), h.level}
}

// isPerson says whether somebody of the configuration has a mail address.
func (r *rooms) isPerson(address string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	configuration, err := r.oncall.Configuration(ctx)
	return err == nil && slices.ContainsFunc(configuration.People, func(person oncall.Person) bool { return person.HasAddress(address) })
}
