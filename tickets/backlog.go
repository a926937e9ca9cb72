package tickets

import "time"

// file puts a mail of the backlog where it belongs and tells nobody. What it opens is resolved from the beginning, with
// the mail's own dates: an open ticket asks somebody to act, and what is old was dealt with elsewhere; a backlog of open
// tickets would bury the live ones. A ticket of the backlog grows with each further mail of its matter, however long lies
// between them. Any other ticket keeps its facts and its state, because what people and live mail made of it is newer: the
// mail is only added to it. Tickets are never joined by a mail of the backlog.
func (c *correlator) file(reading Reading) {
	found := c.owning(reading)
	var ticket *Ticket
	if len(found) == 0 {
		ticket = c.archive(reading)
	} else {
		ticket = found[0]
		c.add(ticket, reading)
	}
	for _, key := range reading.Keys {
		if c.owners[key] == nil {
			c.owners[key] = ticket
			c.plan.Keys = append(c.plan.Keys, KeyClaim{key, ticket})
		}
	}
	c.repeats[reading.repeatKey()] = ticket
	c.plan.Outcomes = append(c.plan.Outcomes, Outcome{reading, ticket, MailRead})
}

// archive makes a ticket that is resolved from the beginning.
func (c *correlator) archive(reading Reading) *Ticket {
	ticket := newTicket(reading.Alert)
	received := reading.Mail.ReceivedAt
	ticket.State, ticket.CreatedAt, ticket.UpdatedAt, ticket.ResolvedAt = Resolved, received, received, &received
	ticket.MessageCount, ticket.Verified, ticket.Source = 1, reading.Mail.Envelope.Verified, reading.Mail.source()
	c.created[ticket] = true
	c.plan.Created = append(c.plan.Created, ticket)
	c.filed(ticket, EventCreated, reading)
	c.plan.Events = append(c.plan.Events, PlannedEvent{ticket, Event{
		At: c.now, Type: EventResolved, Actor: ActorSystem, Data: map[string]any{"reason": reading.Backlog},
	}})
	return ticket
}

func (c *correlator) add(ticket *Ticket, reading Reading) {
	if ticket.Source == FromImport && ticket.State == Resolved {
		absorb(ticket, reading.Alert)
		if reading.Alert.Severity.Above(ticket.Severity) {
			ticket.Severity = reading.Alert.Severity
		}
		received := reading.Mail.ReceivedAt
		ticket.CreatedAt, ticket.UpdatedAt = earlier(ticket.CreatedAt, received), later(ticket.UpdatedAt, received)
		ended := later(*ticket.ResolvedAt, received)
		ticket.ResolvedAt = &ended
	}
	ticket.MessageCount++
	c.touch(ticket)
	c.filed(ticket, EventUpdated, reading)
}

// filed says on the timeline that a mail of the backlog came in, and when it was sent.
func (c *correlator) filed(ticket *Ticket, kind EventType, reading Reading) {
	c.event(ticket, kind, reading, map[string]any{
		"subject": reading.Alert.Message.Subject, "action": reading.Alert.Action, "imported": true,
		"received_at": reading.Mail.ReceivedAt.UTC().Format(time.RFC3339),
	})
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
