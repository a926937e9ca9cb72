package oncall

import (
	"fmt"
	"maps"
	"time"

	"afterhours/tickets"
)

// Watched are the intakes at which mail is expected.
func (c Configuration) Watched() []Intake {
	var watched []Intake
	for _, intake := range c.Intake {
		if intake.ExpectEvery > 0 {
			watched = append(watched, intake)
		}
	}
	return watched
}

// SilentSince is the moment from which an intake counts as silent: mail came last, or was expected from, at since.
func (i Intake) SilentSince(since time.Time) time.Time {
	return since.Add(time.Duration(i.ExpectEvery))
}

// SilenceTicket is the ticket that tells of an intake's silence. last is zero where no mail ever came.
func (i Intake) SilenceTicket(last, now time.Time) tickets.Ticket {
	verified := true // afterhours itself says it
	said := "No mail ever came there."
	if !last.IsZero() {
		said = "The last mail came " + last.UTC().Format("Mon 2 Jan 2006 15:04 MST") + "."
	}
	return tickets.Ticket{
		State: tickets.Open, Severity: tickets.High, Kind: tickets.KindManual, Product: tickets.ProductUnknown,
		Title: fmt.Sprintf("No mail at %s for %s", i.To, i.ExpectEvery),
		Description: said + " Alerts may be lost on their way: look at the notification rules in Defender, at the mail flow and at the DNS. " +
			"This ticket resolves by itself when mail comes.",
		AlertIDs: []string{}, Devices: []string{}, Users: []string{}, Links: []tickets.Link{},
		CreatedAt: now, UpdatedAt: now, Verified: &verified, Source: tickets.FromManual,
	}
}

// Silence tells an intake's own targets of a silence, once. Where they reach nobody, it pages by route and policy as any
// ticket does.
func (c Configuration) Silence(intake Intake, ticket *tickets.Ticket, now time.Time) (Decision, tickets.Routing) {
	position := Position{Ticket: ticket.Number, Generation: 1, Round: 1, Step: 1, Severity: ticket.Severity}
	reach := c.reach(position, intake.Notify, now)
	if len(reach.pages) == 0 || !reach.awake {
		change := tickets.Change{Kind: tickets.ChangeCreated, Ticket: ticket, At: now, Actor: tickets.ActorSystem, To: []string{intake.To}}
		return c.Start(change, 1)
	}
	decision := Decision{Position: position, Pages: reach.pages}
	for i := range decision.Pages {
		decision.Pages[i].Bundle = defaultBundle
	}
	data := map[string]any{"policy": "intake " + intake.ID, "round": 1, "step": 1, "targets": targetNames(intake.Notify)}
	maps.Copy(data, reach.data())
	decision.entry(tickets.EventEscalated, data, now)
	decision.Exhausted = "a silence is told once; it resolves by itself when mail comes"
	return decision, tickets.Routing{Ticket: ticket.Number}
}
