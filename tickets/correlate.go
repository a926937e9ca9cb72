package tickets

import (
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// ReopenWithin is how long after its end a resolved ticket still takes back mail of its own matter.
const ReopenWithin = 24 * time.Hour

// Reading is one accepted mail with what the parser saw in it, or, with a Report and without a mail, what the API said.
type Reading struct {
	Mail        Mail
	Alert       Alert
	Report      *Report
	Tenant      string   // the directory that it is about, where that is known
	Keys        []string // sorted
	Fingerprint []byte
	// Backlog is why nobody is told of the mail: it is old and is only filed. Empty for every other mail.
	Backlog string
}

func (r Reading) repeatKey() string { return hex.EncodeToString(r.Fingerprint) }

// NewReading prepares what correlation needs. digest is the SHA-256 of the raw mail.
func NewReading(mail Mail, alert Alert, digest []byte) Reading {
	return Reading{
		Mail: mail, Alert: alert,
		Keys:        Keys(alert, mail.ReceivedAt, digest),
		Fingerprint: Fingerprint(alert, digest),
	}
}

// Known is what is stored of the matters that a batch of readings may belong to.
type Known struct {
	Tickets map[int64]*Ticket
	Owners  map[string]int64 // key to the unresolved ticket, or else the one resolved last within ReopenWithin
	Repeats map[string]int64 // fingerprint of a mail that was read to its ticket
	// Reported are the last reports of alerts by their keys, Settled the alerts of tickets that are resolved in the portal.
	Reported map[string]Reported
	Settled  map[*Ticket]map[string]bool
}

// ChangeKind says what became of a ticket; the strongest of a batch counts.
type ChangeKind int

// The changes, weakest first. From ChangeSpread on, a change asks for pages.
const (
	ChangeUpdated      ChangeKind = iota // a further mail, nothing that anybody must be woken for
	ChangeAcknowledged                   // a person has it
	ChangeResolved                       // it is done, or was joined to another ticket
	ChangeSpread                         // an acknowledged ticket got a new High alert or device, and is open again
	ChangeRaised                         // the severity went up
	ChangeReopened                       // a resolved ticket is open again
	ChangeCreated
)

// Change is one ticket that was written, handed to the on-call room inside the same transaction.
type Change struct {
	Kind   ChangeKind
	Ticket *Ticket
	At     time.Time
	Actor  string
	// Owner had acknowledged the ticket before this change opened it again; empty otherwise.
	Owner string
	// Facts of the mail behind the change, which routes may ask for.
	From   string
	To     []string
	Status string
	// Silent is the reason why nobody is paged, whatever the routes say; empty otherwise.
	Silent string
	// Insists is what people must hear whatever routes, mutes and maintenance say, in the form "what: why"; empty otherwise.
	Insists string
	// Targets are told instead of the policy's first step; empty leaves it to the routes.
	Targets []string
	// FromPortal says that people did it in Microsoft's portal, so that it is not written back there.
	FromPortal bool
}

// Plan is what a batch of readings changes. The store gives new tickets their numbers (they are 0 until then) and
// writes the rest.
type Plan struct {
	Created  []*Ticket
	Changed  []*Ticket // stored tickets with new contents
	Joined   []Join
	Keys     []KeyClaim
	Events   []PlannedEvent
	Outcomes []Outcome // one for each reading, in order
	Changes  []Change  // one for each ticket, in the order of first touch
}

// Join says that one ticket went into another.
type Join struct{ From, Into *Ticket }

// KeyClaim gives a key to a ticket.
type KeyClaim struct {
	Key    string
	Ticket *Ticket
}

// Entry is one event of one ticket's timeline.
type Entry struct {
	Ticket int64
	Event  Event
}

// Routing is what the on-call room decided for a ticket.
type Routing struct {
	Ticket          int64
	Policy, Runbook string
}

// PlannedEvent is a timeline entry of a ticket whose number may not be known yet.
type PlannedEvent struct {
	Ticket *Ticket
	Event  Event
}

// Outcome says where a reading went; Ticket is nil for a report that is about nothing known.
type Outcome struct {
	Reading Reading
	Ticket  *Ticket
	State   MailState
}

// Correlate decides, for each reading in order, whether it repeats, updates, reopens, joins or opens tickets.
func Correlate(known Known, readings []Reading, now time.Time) Plan {
	c := correlator{known: known, now: now, changes: map[*Ticket]int{}, created: map[*Ticket]bool{}, owners: map[string]*Ticket{}, repeats: map[string]*Ticket{}}
	for key, number := range known.Owners {
		c.owners[key] = known.Tickets[number]
	}
	for fingerprint, number := range known.Repeats {
		c.repeats[fingerprint] = known.Tickets[number]
	}
	for _, reading := range readings {
		c.take(reading)
	}
	return c.plan
}

type correlator struct {
	known   Known
	now     time.Time
	plan    Plan
	owners  map[string]*Ticket
	repeats map[string]*Ticket
	created map[*Ticket]bool
	changes map[*Ticket]int // index into plan.Changes
}

func (c *correlator) take(reading Reading) {
	if ticket := c.repeats[reading.repeatKey()]; ticket != nil && reading.Report == nil {
		c.plan.Outcomes = append(c.plan.Outcomes, Outcome{reading, ticket, MailRepeated})
		return
	}
	if reading.Backlog != "" {
		c.file(reading)
		return
	}
	ticket := c.owner(reading)
	if reading.Report != nil && (c.stale(reading) || ticket == nil && reading.Report.OnlyKnown) {
		c.plan.Outcomes = append(c.plan.Outcomes, Outcome{reading, ticket, MailRepeated})
		return
	}
	switch {
	case ticket == nil:
		ticket = c.open(reading)
	case reading.Report != nil && reading.Report.over():
		c.over(ticket, reading)
	default:
		c.update(ticket, reading)
	}
	before, seen := c.reported(reading)
	c.portal(ticket, reading, before, seen)
	c.remember(ticket, reading)
	for _, key := range reading.Keys {
		if c.owners[key] != ticket {
			c.owners[key] = ticket
			c.plan.Keys = append(c.plan.Keys, KeyClaim{key, ticket})
		}
	}
	c.repeats[reading.repeatKey()] = ticket
	c.plan.Outcomes = append(c.plan.Outcomes, Outcome{reading, ticket, MailRead})
}

// owner finds the ticket of a reading and joins the others that share a key with it.
func (c *correlator) owner(reading Reading) *Ticket {
	found := c.owning(reading)
	if len(found) == 0 {
		return nil
	}
	for _, other := range found[1:] {
		if other.State != Resolved && found[0].State != Resolved {
			c.join(other, found[0])
		}
	}
	return found[0]
}

// owning are the tickets that share a key with a reading: unresolved ones come before resolved ones, the owner of the
// incident that lives on before all, then the oldest.
func (c *correlator) owning(reading Reading) []*Ticket {
	var found []*Ticket
	for _, key := range reading.Keys {
		if ticket := c.owners[key]; ticket != nil && !slices.Contains(found, ticket) {
			found = append(found, ticket)
		}
	}
	lives := c.owners["incident:"+strings.ToLower(reading.Alert.TenantID+"/"+reading.Alert.IncidentID)]
	slices.SortStableFunc(found, func(a, b *Ticket) int {
		return compareBools(a.State != Resolved, b.State != Resolved, a == lives, b == lives, a.CreatedAt.Before(b.CreatedAt), b.CreatedAt.Before(a.CreatedAt))
	})
	return found
}

// compareBools orders by pairs of preferences, the first pair that differs decides.
func compareBools(pairs ...bool) int {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] != pairs[i+1] {
			if pairs[i] {
				return -1
			}
			return 1
		}
	}
	return 0
}

func (c *correlator) open(reading Reading) *Ticket {
	ticket := newTicket(reading.Alert)
	ticket.CreatedAt, ticket.UpdatedAt, ticket.MessageCount = c.now, c.now, 1
	ticket.Verified, ticket.Source = reading.Mail.Envelope.Verified, reading.Mail.source()
	ticket.Authentication = reading.Mail.Envelope.Authentication
	c.created[ticket] = true
	c.plan.Created = append(c.plan.Created, ticket)
	if reading.Report != nil {
		authentic := true // Microsoft's own host said it
		ticket.Source, ticket.Verified, ticket.MessageCount = FromAPI, &authentic, 0
		enrich(ticket, *reading.Report)
	}
	c.event(ticket, EventCreated, reading, nil)
	c.change(ticket, ChangeCreated, reading)
	return ticket
}

func (c *correlator) update(ticket *Ticket, reading Reading) {
	before := *ticket
	newAlert := newIn(ticket.AlertIDs, reading.Alert.AlertIDs, FoldAlertID)
	newHigh := reading.Alert.Severity == High && newAlert
	newDevice := newIn(ticket.Devices, reading.Alert.Devices, strings.ToLower)
	quiet := false // the reading wakes nobody
	if report := reading.Report; report != nil {
		// What the API adds to an alert that a mail brought is no new device, and a ticket that somebody resolved stays so
		// until there is another alert.
		newDevice = newDevice && newAlert
		quiet = c.late(reading) || report.OnlyKnown || report.Status == StatusResolved || before.State == Resolved && !newAlert && !report.Notice
		enrich(ticket, *report)
	}
	absorb(ticket, reading.Alert)
	if reading.Alert.Severity.Above(ticket.Severity) {
		ticket.Severity = reading.Alert.Severity
	}
	if reading.Report == nil {
		ticket.MessageCount++
	}
	ticket.UpdatedAt = c.now
	c.touch(ticket)

	c.event(ticket, EventUpdated, reading, nil)
	kind := ChangeUpdated
	if before.State == Acknowledged && (newHigh || newDevice) {
		kind = ChangeSpread
	}
	if ticket.Severity.Above(before.Severity) {
		kind = ChangeRaised
		c.event(ticket, EventRaised, reading, map[string]any{"from": before.Severity, "to": ticket.Severity})
	}
	if before.State == Resolved {
		kind = ChangeReopened
	}
	if quiet {
		kind = ChangeUpdated
	}
	// An acknowledgement covers what was known when it was given: what is worse opens the ticket again, for its owner
	// first.
	if kind > ChangeUpdated && before.State != Open {
		ticket.State, ticket.ResolvedAt, ticket.AcknowledgedAt, ticket.AcknowledgedBy = Open, nil, nil, ""
		c.event(ticket, EventReopened, reading, nil)
	}
	c.change(ticket, kind, reading)
	if before.State == Acknowledged {
		c.plan.Changes[c.changes[ticket]].Owner = before.AcknowledgedBy
	}
}

// join ends one unresolved ticket in another, which takes over its facts; the store moves its keys.
func (c *correlator) join(from, into *Ticket) {
	into.AlertIDs = union(into.AlertIDs, from.AlertIDs, FoldAlertID)
	into.Devices = union(into.Devices, from.Devices, strings.ToLower)
	into.Users = union(into.Users, from.Users, strings.ToLower)
	into.Links = unionLinks(into.Links, from.Links)
	enrich(into, Report{Machines: from.Machines, Techniques: from.Techniques, Evidence: from.Evidence})
	for id := range c.settled(from) {
		c.settled(into)[id] = true
	}
	into.MessageCount += from.MessageCount
	if from.Severity.Above(into.Severity) {
		into.Severity = from.Severity
	}
	now := c.now
	from.State, from.ResolvedAt, from.UpdatedAt = Resolved, &now, now
	c.touch(from)
	c.touch(into)
	c.plan.Joined = append(c.plan.Joined, Join{from, into})
	for key, owner := range c.owners {
		if owner == from {
			c.owners[key] = into
		}
	}
	c.plan.Events = append(c.plan.Events,
		PlannedEvent{from, Event{At: now, Type: EventMerged, Actor: ActorSystem, Data: map[string]any{"into": into}}},
		PlannedEvent{into, Event{At: now, Type: EventMerged, Actor: ActorSystem, Data: map[string]any{"from": from}}})
	c.record(from, Change{Kind: ChangeResolved, Ticket: from, At: now, Actor: ActorSystem})
}

func (c *correlator) touch(ticket *Ticket) {
	if !c.created[ticket] && !slices.Contains(c.plan.Changed, ticket) {
		c.plan.Changed = append(c.plan.Changed, ticket)
	}
}

func (c *correlator) event(ticket *Ticket, kind EventType, reading Reading, data map[string]any) {
	c.eventBy(ticket, kind, reading, ActorSystem, data)
}

func (c *correlator) eventBy(ticket *Ticket, kind EventType, reading Reading, actor string, data map[string]any) {
	if data == nil {
		data = map[string]any{"subject": reading.Alert.Message.Subject, "action": reading.Alert.Action}
	}
	if report := reading.Report; report != nil {
		data["tenant"], data["alert"], data["status"] = report.Tenant, report.AlertID, report.Status
		if report.Notice {
			data["notice"] = true
		}
	} else {
		data["mail_id"] = reading.Mail.ID
		if found := reading.Mail.Envelope.Authentication; found != nil && kind != EventRaised {
			data["authentication"] = found.String()
			if found.Spoof {
				data["spoof"] = true
			}
		}
	}
	if actor == "" {
		actor = ActorSystem
	}
	c.plan.Events = append(c.plan.Events, PlannedEvent{ticket, Event{At: c.now, Type: kind, Actor: actor, Data: data}})
}

func (c *correlator) change(ticket *Ticket, kind ChangeKind, reading Reading) {
	change := Change{
		Kind: kind, Ticket: ticket, At: c.now, Actor: ActorSystem,
		From: reading.Alert.Message.From, To: reading.Mail.Envelope.To, Status: reading.Alert.Status,
	}
	if reading.Alert.Message.AutoSubmitted {
		change.Silent = "an auto-reply or a bounce pages nobody"
	}
	if found := reading.Mail.Envelope.Authentication; found != nil && found.Loop != "" {
		change.Silent = found.Loop
	}
	if reading.Report != nil {
		change.Targets = reading.Report.Notify
	}
	if c.late(reading) {
		change.Silent = "the alert was more than an hour old when the API showed it"
	}
	c.record(ticket, change)
}

// record keeps the strongest change of each ticket; a mail that may page is stronger than a silent one.
func (c *correlator) record(ticket *Ticket, change Change) {
	at, seen := c.changes[ticket]
	if !seen {
		c.changes[ticket] = len(c.plan.Changes)
		c.plan.Changes = append(c.plan.Changes, change)
		return
	}
	held := &c.plan.Changes[at]
	switch {
	case change.Kind > held.Kind:
		*held = change
	case held.Silent != "" && change.Silent == "":
		kind := held.Kind
		*held = change
		held.Kind = kind
	}
}
