package oncall

import (
	"encoding/json"
	"slices"
	"time"

	"afterhours/tickets"
)

// PageType is the type of a page in a webhook's body; every other type is an event.
const PageType = "page"

// The events that a team's webhook can ask for.
const (
	EventTicketCreated      = "ticket.created"
	EventTicketUpdated      = "ticket.updated"
	EventTicketAcknowledged = "ticket.acknowledged"
	EventTicketEscalated    = "ticket.escalated"
	EventTicketResolved     = "ticket.resolved"
	EventPageFailed         = "page.failed"
	EventOnCallChanged      = "oncall.changed"
	EventIntakeSilent       = "intake.silent"
	EventApprovalRequested  = "playbook.approval_requested"
	EventPlaybookFinished   = "playbook.finished"
)

// eventTypes are all of them.
var eventTypes = []string{
	EventTicketCreated, EventTicketUpdated, EventTicketAcknowledged, EventTicketEscalated, EventTicketResolved, EventPageFailed,
	EventOnCallChanged, EventIntakeSilent, EventApprovalRequested, EventPlaybookFinished,
}

// EventOf is the event that a change of a ticket is to a webhook.
func EventOf(kind tickets.ChangeKind) string {
	switch kind {
	case tickets.ChangeCreated:
		return EventTicketCreated
	case tickets.ChangeAcknowledged:
		return EventTicketAcknowledged
	case tickets.ChangeResolved:
		return EventTicketResolved
	default:
		return EventTicketUpdated
	}
}

// Notices are the deliveries of one event of a ticket to the webhooks that ask for it. more is merged into the event's
// data beside the ticket.
func (c Configuration) Notices(event string, ticket tickets.Ticket, at time.Time, more map[string]any) ([]Page, error) {
	data := map[string]any{"ticket": ticket}
	for key, value := range more {
		data[key] = value
	}
	notices, err := c.notices(event, data, at)
	for i := range notices {
		notices[i].Ticket = ticket.Number
	}
	return notices, err
}

// OnCallChanged are the deliveries of the news that another person is on call; an empty one is nobody.
func (c Configuration) OnCallChanged(schedule, person, previous string, at time.Time) ([]Page, error) {
	data := map[string]any{"schedule": schedule, "person": nil, "previous": nil}
	for key, value := range map[string]string{"person": person, "previous": previous} {
		if value != "" {
			data[key] = value
		}
	}
	return c.notices(EventOnCallChanged, data, at)
}

func (c Configuration) notices(event string, data map[string]any, at time.Time) ([]Page, error) {
	var notices []Page
	for _, webhook := range c.Webhooks {
		if !slices.Contains(webhook.Events, event) || c.Disabled(webhook.ID) != "" {
			continue
		}
		payload, err := json.Marshal(data)
		if err != nil {
			return nil, err
		}
		notices = append(notices, Page{
			Webhook: webhook.ID, Channel: "webhook", Type: event, State: PageQueued,
			DueAt: at, CreatedAt: at, Payload: payload,
		})
	}
	return notices, nil
}

// Asks says whether any webhook wants an event.
func (c Configuration) Asks(event string) bool {
	return slices.ContainsFunc(c.Webhooks, func(webhook Webhook) bool { return slices.Contains(webhook.Events, event) })
}
