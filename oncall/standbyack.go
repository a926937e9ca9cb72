package oncall

import (
	"fmt"
	"time"

	"afterhours/tickets"
)

// StandbyNotice is what a link of Standby stands for.
type StandbyNotice struct {
	Ticket tickets.Ticket // without a number: it gets one when the database is back
	Person string         // a person's id; empty where the page went to a webhook of the team
	Name   string
	Told   []string // names, in order
	AckBy  string   // the name of who acknowledged; empty where nobody has
	AckAt  time.Time
	Busy   bool // it is being handed to the database: in a moment the link leads to its ticket
}

// Invitation returns what a link stands for; ok is false where Standby did not send it, or has forgotten it.
func (s *Standby) Invitation(token string) (notice StandbyNotice, ok bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	link := s.links[string(HashToken(token))]
	if link == nil {
		return notice, false
	}
	return link.notice(), true
}

func (i *invited) notice() StandbyNotice {
	m := i.matter
	ticket := *m.ticket
	ticket.Number = 0
	return StandbyNotice{
		Ticket: ticket, Person: i.person.ID, Name: i.person.Name, Told: m.told, AckBy: m.ackName, AckAt: m.ackAt, Busy: m.leaving,
	}
}

// Acknowledge stops the paging of the link's matter. The first wins; it is written down before the answer. An error says
// that it could not be, and that nothing was stopped.
func (s *Standby) Acknowledge(token string) (StandbyNotice, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	link := s.links[string(HashToken(token))]
	if link == nil {
		return StandbyNotice{}, fmt.Errorf("acknowledge link: %w", tickets.ErrNotFound)
	}
	m := link.matter
	if m.ackBy != "" || m.leaving {
		return link.notice(), nil
	}
	now := s.Now()
	actor, name := link.person.ID, link.person.Name
	if actor == "" {
		actor, name = tickets.ActorSystem, "afterhours"
	}
	if len(m.mails) > 0 && s.Record != nil {
		event := tickets.OutageEvent{At: now, Type: tickets.OutageAcknowledged, Person: actor}
		if err := s.Record(m.mails[0], event); err != nil {
			return link.notice(), fmt.Errorf("%w: %w", tickets.ErrUnavailable, err)
		}
	}
	m.ackBy, m.ackName, m.ackAt = actor, name, now
	m.ticket.State, m.ticket.AcknowledgedAt, m.ticket.AcknowledgedBy = tickets.Acknowledged, &now, actor
	for _, page := range m.pages {
		if !page.busy {
			page.over = true
		}
	}
	return link.notice(), nil
}
