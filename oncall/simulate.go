package oncall

import (
	"cmp"
	"slices"
	"time"

	"afterhours/tickets"
)

// Expected is one notification that a ticket would cause, and when, counted from its creation.
type Expected struct {
	After   time.Duration
	Round   int
	Step    int
	Person  string // a person's id; empty for a webhook of the team
	Webhook string
	Channel string
	Contact string
}

// Simulation is what would happen to a ticket that nobody acknowledges.
type Simulation struct {
	Policy   string
	Recorded string // the reason why nobody is paged; empty otherwise
	Pages    []Expected
	Skipped  []string // targets that would reach nobody, with the step
	End      string   // the reason why it ends
}

// Simulate plays a ticket through its route and policy from a moment on, without telling anybody. Repeated pushes are
// left out.
func (c Configuration) Simulate(facts Facts, at time.Time) Simulation {
	change := tickets.Change{
		Kind: tickets.ChangeCreated, Ticket: facts.Ticket, At: at, Status: facts.Status, From: facts.From, To: facts.To,
	}
	decision, routing := c.Start(change, 1)
	simulation := Simulation{Policy: routing.Policy}
	for {
		for _, page := range decision.Pages {
			simulation.Pages = append(simulation.Pages, Expected{
				After: page.DueAt.Sub(at), Round: page.Round, Step: page.Step, Person: page.Person, Webhook: page.Webhook,
				Channel: page.Channel, Contact: page.Contact,
			})
		}
		for _, entry := range decision.Entries {
			simulation.note(entry.Event)
		}
		if decision.Due.IsZero() {
			slices.SortStableFunc(simulation.Pages, func(a, b Expected) int { return cmp.Compare(a.After, b.After) })
			return simulation
		}
		decision = c.Next(decision.Position, decision.Due, decision.Due)
	}
}

func (s *Simulation) note(event tickets.Event) {
	reason, _ := event.Data["reason"].(string)
	switch event.Type {
	case tickets.EventRecorded:
		s.Recorded = reason
	case tickets.EventExhausted:
		s.End = reason
	case tickets.EventEscalated:
		empty, _ := event.Data["empty"].([]string)
		s.Skipped = append(s.Skipped, empty...)
	}
}
