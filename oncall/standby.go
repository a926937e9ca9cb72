package oncall

import (
	"context"
	"encoding/hex"
	"log/slog"
	"slices"
	"sync"
	"time"

	"afterhours/oncall/notify"
	"afterhours/tickets"
)

// Standby pages from a roster while the database is away. It does in memory what the stores do otherwise, with the same
// pure functions: tickets.Correlate decides what belongs together, Configuration.Start and Next whom to tell. What it did
// is recorded beside each mail, so that tickets and timelines take it over afterwards.
//
// Storms are bundled as ever: so many single pages to a recipient, then one summary a minute. Take, Tick and Acknowledge
// may be called from anywhere.
type Standby struct {
	Channels map[string]notify.Channel
	Links    Links
	Now      func() time.Time
	Log      *slog.Logger
	// Record writes down what was done about a mail. It returns once that is on disk.
	Record func(mail string, event tickets.OutageEvent) error
	// Silence gives a change a reason to page nobody, as the settings ask for.
	Silence func(c Configuration, changes []tickets.Change)
	// Emergency is told that mail comes while the database is away; the zero contact is nobody.
	Emergency EmergencyContact

	mutex      sync.Mutex
	roster     *Roster
	known      tickets.Known
	numbered   int64 // tickets get numbers of their own here; nobody sees them
	matters    map[int64]*matter
	byMail     map[string]*matter
	links      map[string]*invited // by the hash of the link's token
	recipients map[string]*recipient
	since      time.Time // of the outage; zero while there is none
	alarmed    bool      // the outage itself was told of
}

// EmergencyContact is one address that is told of an outage directly.
type EmergencyContact struct {
	Channel string // email or webhook; empty: nobody
	Address string
}

// matter is one ticket as it stands in memory.
type matter struct {
	ticket   *tickets.Ticket
	mails    []string // that wait in the spool
	leaving  bool     // its mails are being handed to the database
	sending  int
	position Position
	due      time.Time // of the next step; zero where there is none
	pages    []*standbyPage
	told     []string // names
	ackBy    string   // a person's id
	ackName  string
	ackAt    time.Time
}

// standbyPage is a page on its way.
type standbyPage struct {
	Page
	at       time.Time // of the next attempt
	attempts int
	over     bool // sent, failed or cancelled
	reached  bool
	busy     bool
}

type invited struct {
	matter *matter
	person Person
}

// recipient counts what somebody got of late.
type recipient struct {
	single  []time.Time
	waiting []Bundled
	at      *standbyPage // the way by which a summary goes
	person  Person
	last    time.Time // of the last summary
}

// SetRoster replaces the roster.
func (s *Standby) SetRoster(roster Roster) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.roster = &roster
}

// Roster returns the roster that paging would go by.
func (s *Standby) Roster() (Roster, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.roster == nil {
		return Roster{}, false
	}
	return *s.roster, true
}

func (s *Standby) begin(now time.Time) {
	if s.matters == nil {
		s.matters, s.byMail, s.links = map[int64]*matter{}, map[string]*matter{}, map[string]*invited{}
		s.recipients = map[string]*recipient{}
		s.known = tickets.Known{Tickets: map[int64]*tickets.Ticket{}, Owners: map[string]int64{}, Repeats: map[string]int64{}}
	}
	if s.since.IsZero() {
		s.since = now
	}
}

// Take decides what follows from a mail that the spool has, and queues its pages; Tick sends them.
func (s *Standby) Take(mail string, reading tickets.Reading) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	now := s.Now()
	s.begin(now)
	plan := tickets.Correlate(s.known, []tickets.Reading{reading}, now)
	for _, ticket := range plan.Created {
		s.numbered++
		ticket.Number = s.numbered
		s.known.Tickets[ticket.Number] = ticket
		s.matters[ticket.Number] = &matter{ticket: ticket}
	}
	for _, claim := range plan.Keys {
		s.known.Owners[claim.Key] = claim.Ticket.Number
	}
	for _, join := range plan.Joined {
		for key, owner := range s.known.Owners {
			if owner == join.From.Number {
				s.known.Owners[key] = join.Into.Number
			}
		}
	}
	for _, outcome := range plan.Outcomes {
		s.known.Repeats[hex.EncodeToString(outcome.Reading.Fingerprint)] = outcome.Ticket.Number
		if m := s.matters[outcome.Ticket.Number]; m != nil {
			m.mails = append(m.mails, mail)
			s.byMail[mail] = m
		}
	}
	if s.roster != nil {
		if s.Silence != nil {
			s.Silence(s.roster.Configuration, plan.Changes)
		}
		for _, change := range plan.Changes {
			s.start(change)
		}
	}
	s.tellEmergency(reading.Alert, now)
}

// start begins a policy for a change that asks for it.
func (s *Standby) start(change tickets.Change) {
	m := s.matters[change.Ticket.Number]
	if m == nil || change.Kind < tickets.ChangeSpread {
		return
	}
	for _, page := range m.pages {
		page.over = true
	}
	m.ackBy, m.ackName, m.ackAt = "", "", time.Time{}
	decision, _ := s.roster.Configuration.Start(change, m.position.Generation+1)
	s.follow(m, decision)
}

func (s *Standby) follow(m *matter, decision Decision) {
	m.position, m.due = decision.Position, decision.Due
	for _, page := range decision.Pages {
		m.pages = append(m.pages, &standbyPage{Page: page, at: page.DueAt})
	}
	if decision.Exhausted != "" {
		s.Log.Warn("nobody is left to tell while the database is away", "title", m.ticket.Title, "reason", decision.Exhausted)
	}
}

// Alarm tells whoever is on call that the database itself cannot be reached, once in each outage: what stands in it
// pages nobody meanwhile.
func (s *Standby) Alarm(since time.Time) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	now := s.Now()
	s.begin(now)
	if s.alarmed {
		return
	}
	s.alarmed = true
	title := "afterhours cannot reach its database since " + since.UTC().Format("15:04 MST")
	s.tellEmergency(tickets.Alert{Title: title, Severity: tickets.High}, now)
	if s.roster == nil {
		return
	}
	s.numbered++
	verified := true
	ticket := &tickets.Ticket{
		Number: s.numbered, State: tickets.Open, Severity: tickets.High, Kind: tickets.KindManual, Product: tickets.ProductUnknown,
		Title: title, CreatedAt: now, UpdatedAt: now, Source: tickets.FromManual, Verified: &verified,
	}
	s.matters[ticket.Number] = &matter{ticket: ticket}
	s.start(tickets.Change{Kind: tickets.ChangeCreated, Ticket: ticket, At: now, Actor: tickets.ActorSystem})
}

// Handover says whether the mail may be handed to the database now: not while something about it is being sent. From
// then on nothing more is recorded beside it.
func (s *Standby) Handover(mail string) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	m := s.byMail[mail]
	if m == nil {
		return true
	}
	if m.sending > 0 {
		return false
	}
	m.leaving = true
	return true
}

// HandoverFailed takes the mail back: the database went away again.
func (s *Standby) HandoverFailed(mail string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if m := s.byMail[mail]; m != nil && m.mails[0] == mail { // else the database has the mail whose events these are
		m.leaving = false
	}
}

// Drained says that the database has a mail.
func (s *Standby) Drained(mail string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if m := s.byMail[mail]; m != nil {
		m.mails = slices.DeleteFunc(m.mails, func(id string) bool { return id == mail })
		delete(s.byMail, mail)
	}
}

// Over forgets the outage: the database has everything.
func (s *Standby) Over() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.matters, s.byMail, s.links, s.recipients = nil, nil, nil, nil
	s.known, s.since, s.alarmed = tickets.Known{}, time.Time{}, false
}

// Tick does what is due: later rules, further attempts, next steps and summaries. It returns once what it sent is done.
func (s *Standby) Tick(ctx context.Context) {
	now := s.Now()
	var group sync.WaitGroup
	for _, send := range s.dueNow(now) {
		group.Go(func() { send(ctx) })
	}
	group.Wait()
}

// mostAtOnce bounds the sends of one tick.
const mostAtOnce = 25

func (s *Standby) dueNow(now time.Time) []func(context.Context) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var sends []func(context.Context)
	for _, m := range s.matters {
		if m.ackBy != "" || m.leaving {
			continue
		}
		if !m.due.IsZero() && !now.Before(m.due) && s.roster != nil {
			s.follow(m, s.roster.Configuration.Next(m.position, m.due, now))
		}
		for _, page := range m.pages {
			if page.over || page.busy || now.Before(page.at) || len(sends) >= mostAtOnce {
				continue
			}
			if page.attempts == 0 && !s.single(m, page, now) {
				continue
			}
			page.busy = true
			page.attempts++
			m.sending++
			sends = append(sends, func(ctx context.Context) { s.send(ctx, m, page) })
		}
	}
	return append(sends, s.summaries(now)...)
}
