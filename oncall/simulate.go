package oncall

import (
	"cmp"
	"fmt"
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
	// Quiet says that it waits for the end of quiet hours.
	Quiet      bool
	LastResort bool
}

// longestSimulation bounds the steps of a simulation: more than a hundred rounds of ten.
const longestSimulation = 1200

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
	return c.play(decision, routing.Policy, at)
}

// SimulatePolicy plays a ticket of a severity through one policy from a moment on, whatever routes say.
func (c Configuration) SimulatePolicy(policy string, severity tickets.Severity, at time.Time) Simulation {
	position := Position{Policy: policy, Generation: 1, Round: 1, Severity: severity}
	return c.play(c.Next(position, time.Time{}, at), policy, at)
}

// play follows a decision until nothing more happens, or all of it again.
func (c Configuration) play(decision Decision, policyID string, at time.Time) Simulation {
	simulation := Simulation{Policy: policyID}
	policy, _ := c.Policy(policyID)
	for played := 0; ; played++ {
		for _, page := range decision.Pages {
			simulation.Pages = append(simulation.Pages, Expected{
				After: page.DueAt.Sub(at), Round: page.Round, Step: page.Step, Person: page.Person, Webhook: page.Webhook,
				Channel: page.Channel, Contact: page.Contact, Quiet: page.quiet(), LastResort: page.Round > policy.Repeat+1,
			})
		}
		for _, entry := range decision.Entries {
			simulation.note(entry.Event)
		}
		switch {
		case decision.Position.Round > policy.Repeat+1:
			simulation.End = "the last resort is told again every " + Duration(policy.lastResortEvery()).String() + " until somebody acknowledges"
			decision.Due = time.Time{}
		case played == longestSimulation:
			simulation.End = "and so on"
			decision.Due = time.Time{}
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
	case tickets.EventDeferred:
		until, _ := event.Data["until"].(time.Time)
		s.Skipped = append(s.Skipped, reason+": the ticket waits until "+until.Format(time.RFC3339))
	case tickets.EventEscalated:
		empty, _ := event.Data["empty"].([]string)
		if event.Data["closed"] == true {
			empty = []string{fmt.Sprintf("step %d: outside of its hours", event.Data["step"])}
		}
		for _, skipped := range empty {
			if !slices.Contains(s.Skipped, skipped) {
				s.Skipped = append(s.Skipped, skipped)
			}
		}
	}
}
