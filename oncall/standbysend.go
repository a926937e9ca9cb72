package oncall

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"afterhours/oncall/notify"
	"afterhours/tickets"
)

// single says whether a page may go by itself, and counts it; one that may not waits for its recipient's summary.
func (s *Standby) single(m *matter, page *standbyPage, now time.Time) bool {
	who := page.Person
	if who == "" {
		who = "webhook:" + page.Webhook
	}
	unverified := m.ticket.Source == tickets.FromEmail && (m.ticket.Verified == nil || !*m.ticket.Verified)
	most, within := page.Bundle.After, time.Duration(page.Bundle.Within)
	if unverified { // the small budget of mail whose author nobody vouches for
		who, most, within = "unverified:"+who, UnverifiedTickets, UnverifiedWithin
	}
	r := s.recipients[who]
	if r == nil {
		person, _ := s.roster.Configuration.Person(page.Person)
		r = &recipient{at: page, person: person}
		s.recipients[who] = r
	}
	recent := r.single[:0]
	for _, at := range r.single {
		if now.Sub(at) < within {
			recent = append(recent, at)
		}
	}
	r.single = recent
	if most > 0 && len(r.single) >= most {
		page.over, page.reached = true, true
		r.waiting = append(r.waiting, Bundled{Ticket: m.ticket.Number, Severity: m.ticket.Severity, Title: m.ticket.Title, Unverified: unverified, Contact: page.Contact, Channel: page.Channel})
		return false
	}
	r.single = append(r.single, now)
	return true
}

// summaries are the sends of what waited long enough.
func (s *Standby) summaries(now time.Time) []func(context.Context) {
	var sends []func(context.Context)
	for _, r := range s.recipients {
		if len(r.waiting) == 0 || now.Sub(r.last) < SummaryEvery {
			continue
		}
		waiting := r.waiting
		r.waiting, r.last = nil, now
		summary, _ := count(waiting)
		message := notify.Message{
			ID: s.Links.StandbyMessageID(fmt.Sprint("summary", now.UnixMicro()), r.at.Person, r.at.Contact), Type: SummaryType, At: now,
			Severity: string(waiting[0].Severity), Subject: summary.headline() + " while the database is away", Link: s.Links.BaseURL,
		}
		message.Text = plainLetter(message.Subject, "Open afterhours", message.Link, nil)
		html, err := htmlLetter(message.Subject, "Open afterhours", message.Link, nil)
		if err != nil {
			s.Log.Error("summary not composed", "error", err)
			continue
		}
		message.HTML = html
		summary.URL = message.Link
		if r.at.Person != "" {
			summary.Person = &r.at.Person
		}
		if message.Data, err = json.Marshal(summary); err != nil {
			s.Log.Error("summary not composed", "error", err)
			continue
		}
		contact, channel := s.contact(r.at.Page), s.Channels[r.at.Channel]
		sends = append(sends, func(ctx context.Context) {
			if err := deliverOnce(ctx, channel, contact, message); err != nil {
				s.Log.Error("summary not sent while the database is away", "person", r.at.Person, "channel", r.at.Channel, "error", err)
				s.putBack(r, waiting)
			}
		})
	}
	return sends
}

func (s *Standby) putBack(r *recipient, waiting []Bundled) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	r.waiting = append(waiting, r.waiting...)
}

func (s *Standby) contact(page Page) notify.Contact {
	if page.Webhook != "" {
		webhook, _ := s.roster.Configuration.Webhook(page.Webhook)
		return webhook.Target()
	}
	person, _ := s.roster.Configuration.Person(page.Person)
	contact, _ := person.Contact(page.Contact)
	return contact.Target()
}

func deliverOnce(ctx context.Context, channel notify.Channel, contact notify.Contact, message notify.Message) error {
	if channel == nil {
		return notify.Permanent(errors.New("there is no such channel"))
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	_, err := channel.Send(ctx, contact, message)
	return err
}

// send makes one attempt and writes down what became of it.
func (s *Standby) send(ctx context.Context, m *matter, page *standbyPage) {
	message, contact, token, err := s.compose(m, page)
	if err == nil {
		err = deliverOnce(ctx, s.Channels[page.Channel], contact, message)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	now := s.Now()
	page.busy = false
	m.sending--
	event := tickets.OutageEvent{
		At: now, Type: tickets.OutageTold, Person: page.Person, Webhook: page.Webhook, Contact: page.Contact, Channel: page.Channel,
	}
	switch {
	case err == nil:
		page.over, page.reached = true, true
		event.Token = token
		if name := s.nameOf(page.Page); !slices.Contains(m.told, name) { // by another contact before
			m.told = append(m.told, name)
		}
	case !notify.IsPermanent(err) && !errors.Is(err, notify.ErrHeld) && now.Before(page.DueAt.Add(giveUpAfter)):
		page.at = now.Add(max(min(firstBackoff<<min(page.attempts-1, 8), longestWait), notify.Wait(err)))
		return
	default:
		page.over = true
		event.Type, event.Detail = tickets.OutageFailed, err.Error()
		s.fallThrough(m, now)
	}
	s.Log.Warn("page attempted while the database is away", "person", page.Person, "webhook", page.Webhook, "channel", page.Channel, "state", event.Type, "reason", event.Detail)
	s.record(m, event)
}

// fallThrough brings the next step forward where nothing of the present one reached anybody.
func (s *Standby) fallThrough(m *matter, now time.Time) {
	if m.due.IsZero() {
		return
	}
	for _, page := range m.pages {
		if page.Generation == m.position.Generation && page.Round == m.position.Round && page.Step == m.position.Step && (!page.over || page.reached) {
			return
		}
	}
	m.due = s.roster.Configuration.FallThrough(m.position, m.due, now)
}

// record writes an event beside the first mail of a matter; one that was not of a mail has no place for it.
func (s *Standby) record(m *matter, event tickets.OutageEvent) {
	if len(m.mails) == 0 || s.Record == nil {
		return
	}
	if err := s.Record(m.mails[0], event); err != nil {
		s.Log.Error("what was done about a spooled mail could not be written down", "mail", m.mails[0], "error", err)
	}
}

func (s *Standby) nameOf(page Page) string {
	if page.Webhook != "" {
		return "webhook " + page.Webhook
	}
	return s.roster.Configuration.Name(page.Person)
}

// compose says a page. Its link is known from before it leaves: whoever gets it may be quick.
func (s *Standby) compose(m *matter, page *standbyPage) (notify.Message, notify.Contact, []byte, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	person, _ := s.roster.Configuration.Person(page.Person)
	ticket := *m.ticket
	ticket.Number = 0
	name := fmt.Sprintf("alarm-%d", s.since.UnixMicro())
	if len(m.mails) > 0 {
		name = m.mails[0]
	}
	who := page.Person + page.Webhook
	dispatch := Dispatch{
		Page: page.Page, Ticket: ticket, Person: person, Contact: s.contact(page.Page), Told: m.told, Standby: name,
		Notes: []string{"The database is away since " + s.since.UTC().Format("15:04 MST") + ": this comes directly, the ticket follows"},
	}
	message, err := Compose(dispatch, s.Links)
	token := HashToken(s.Links.StandbyToken(name, who, page.Contact))
	s.links[string(token)] = &invited{m, person}
	return message, dispatch.Contact, token, err
}

// Refused tells the emergency contact of a mail that could be kept nowhere.
func (s *Standby) Refused(alert tickets.Alert) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	now := s.Now()
	s.begin(now)
	s.tellEmergency(alert, now)
}

// tellEmergency tells the emergency contact of a mail, the first at once and then at most once a quarter of an hour, with
// a count.
func (s *Standby) tellEmergency(alert tickets.Alert, now time.Time) {
	if s.Emergency.Channel == "" {
		return
	}
	const who, every = "emergency", 15 * time.Minute
	r := s.recipients[who]
	if r == nil {
		r = &recipient{at: &standbyPage{}}
		s.recipients[who] = r
	}
	r.single = append(r.single, now)
	if !r.last.IsZero() && now.Sub(r.last) < every {
		return
	}
	mails := len(r.single)
	r.single, r.last = nil, now
	message := notify.Message{
		ID: s.Links.StandbyMessageID(fmt.Sprint("emergency", now.UnixMicro()), who, ""), Type: "intake.emergency", At: now,
		Severity: string(alert.Severity), Link: s.Links.BaseURL,
		Subject: fmt.Sprintf("afterhours cannot reach its database; %s: %s", alert.Severity.Word(), alert.Title),
	}
	message.Text = fmt.Sprintf("%s\n\n%d %s since the last message. Mail is kept, and whoever is on call is told directly as far as that is known.\n",
		message.Subject, mails, plural(mails, "mail or alarm came", "mails and alarms came"))
	message.HTML, _ = htmlLetter(message.Subject, "Open afterhours", message.Link, nil)        // the text says the same
	message.Data, _ = json.Marshal(map[string]any{"subject": message.Subject, "mails": mails}) // strings and numbers always can
	channel, contact := s.Channels[s.Emergency.Channel], notify.Contact{Address: s.Emergency.Address}
	go func() {
		if err := deliverOnce(context.Background(), channel, contact, message); err != nil {
			s.Log.Error("emergency contact not told", "channel", s.Emergency.Channel, "error", err)
		}
	}()
}
