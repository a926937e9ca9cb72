package tickets

import (
	"slices"
	"strings"
)

// person says whether an alert's assignee is a person: Defender's own automation and applications have no address.
func person(assignee string) bool { return strings.Contains(assignee, "@") }

// known is the last report of a reading's alert; ok is false where it is the first.
func (c *correlator) reported(reading Reading) (before Reported, ok bool) {
	if reading.Report == nil {
		return before, false
	}
	before, ok = c.known.Reported[reading.Report.Key()]
	return before, ok
}

// stale says whether a report says nothing that is not stored already.
func (c *correlator) stale(reading Reading) bool {
	before, ok := c.reported(reading)
	return ok && (before.UpdatedAt.After(reading.Report.UpdatedAt) || slices.Equal(before.Fingerprint, reading.Fingerprint))
}

// late says whether an alert was old when the API showed it first.
func (c *correlator) late(reading Reading) bool {
	_, seen := c.reported(reading)
	return reading.Report != nil && !reading.Report.Notice && !seen && c.now.Sub(reading.Report.CreatedAt) > LateAfter
}

// portal follows what people did in Microsoft's portal: an alert that is resolved there resolves its ticket once all of
// the ticket's alerts are; one that a person took or classified is in that person's hands; one that was opened again
// opens the ticket.
func (c *correlator) portal(ticket *Ticket, reading Reading, before Reported, seen bool) {
	report := reading.Report
	if report == nil || report.AlertID == "" {
		return
	}
	settled := c.settled(ticket)
	id := FoldAlertID(report.AlertID)
	if report.Status != StatusResolved {
		delete(settled, id)
		if seen && before.Status == StatusResolved && ticket.State == Resolved {
			ticket.State, ticket.ResolvedAt, ticket.AcknowledgedAt, ticket.AcknowledgedBy = Open, nil, nil, ""
			c.event(ticket, EventReopened, reading, map[string]any{"reason": "opened again in the portal"})
			c.change(ticket, ChangeReopened, reading)
		}
		c.handled(ticket, reading, before)
		return
	}
	settled[id] = true
	open := slices.ContainsFunc(ticket.AlertIDs, func(other string) bool { return !settled[FoldAlertID(other)] })
	if ticket.State == Resolved || open {
		return
	}
	now := c.now
	ticket.State, ticket.ResolvedAt = Resolved, &now
	data := map[string]any{"portal": "resolved in the Defender portal"}
	if class, ok := ParseClassification(report.Classification); ok && class != "" {
		ticket.Classification, data["classification"] = class, class
	}
	c.eventBy(ticket, EventResolved, reading, report.Assignee, data)
	c.settle(ticket, ChangeResolved, reading)
}

// over says whether a report ends a notice: its cause is gone.
func (r Report) over() bool { return r.Notice && r.Status == StatusResolved }

// over resolves the ticket of a notice whose cause is gone.
func (c *correlator) over(ticket *Ticket, reading Reading) {
	if ticket.State == Resolved {
		return
	}
	now := c.now
	ticket.State, ticket.ResolvedAt, ticket.UpdatedAt = Resolved, &now, now
	c.touch(ticket)
	c.event(ticket, EventResolved, reading, map[string]any{"because": reading.Alert.Title})
	c.settle(ticket, ChangeResolved, reading)
}

// handled acknowledges an open ticket whose alert a person took or classified.
func (c *correlator) handled(ticket *Ticket, reading Reading, before Reported) {
	report := reading.Report
	var why string
	switch {
	case person(report.AssignedTo) && report.AssignedTo != before.AssignedTo:
		why = "assigned to " + report.AssignedTo + " in the Defender portal"
	case report.Classification != "" && report.Classification != before.Classification:
		why = "classified as " + report.Classification + " in the Defender portal"
	default:
		return
	}
	if class, ok := ParseClassification(report.Classification); ok && class != "" {
		ticket.Classification = class
	}
	if ticket.State != Open {
		return
	}
	now, actor := c.now, report.Assignee
	if actor == "" {
		actor = ActorSystem
	}
	ticket.State, ticket.AcknowledgedAt, ticket.AcknowledgedBy = Acknowledged, &now, actor
	if ticket.Assignee == "" {
		ticket.Assignee = report.Assignee
	}
	c.eventBy(ticket, EventAcknowledged, reading, actor, map[string]any{"portal": why})
	c.settle(ticket, ChangeAcknowledged, reading)
}

// settle records a change that stops the paging, whatever else the reading brought.
func (c *correlator) settle(ticket *Ticket, kind ChangeKind, reading Reading) {
	c.change(ticket, kind, reading)
	held := &c.plan.Changes[c.changes[ticket]]
	held.FromPortal = true
	switch {
	case kind == ChangeAcknowledged && held.Kind == ChangeCreated:
		held.Silent = "somebody has it in the Defender portal"
	default:
		held.Kind = kind
	}
}

func (c *correlator) settled(ticket *Ticket) map[string]bool {
	if c.known.Settled == nil {
		c.known.Settled = map[*Ticket]map[string]bool{}
	}
	if c.known.Settled[ticket] == nil {
		c.known.Settled[ticket] = map[string]bool{}
	}
	return c.known.Settled[ticket]
}

// remember lets the later readings of a batch see this one.
func (c *correlator) remember(ticket *Ticket, reading Reading) {
	report := reading.Report
	if report == nil {
		return
	}
	if c.known.Reported == nil {
		c.known.Reported = map[string]Reported{}
	}
	c.known.Reported[report.Key()] = Reported{
		Ticket: ticket.Number, UpdatedAt: report.UpdatedAt, Fingerprint: reading.Fingerprint, Status: report.Status,
		Classification: report.Classification, AssignedTo: report.AssignedTo,
	}
}
