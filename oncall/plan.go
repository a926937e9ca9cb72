package oncall

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"afterhours/tickets"
)

// Position is where a ticket stands in its policy: the round and step that were executed last, both counted from 1.
// Step 0 is the ticket's owner, asked before the policy begins when an acknowledged ticket became worse.
type Position struct {
	Ticket     int64
	Policy     string
	Generation int // one more each time that the policy starts again
	Round      int
	Step       int
	Severity   tickets.Severity // of the ticket; people's rules and waits depend on it
}

// Decision is what a moment of a policy comes to.
type Decision struct {
	Position  Position
	Pages     []Page // queued, with their moments; without ids
	Entries   []tickets.Entry
	Due       time.Time // of the next step; zero where there is none
	Exhausted string    // the named reason why there is none
	// Maintenance is the id of what holds the ticket back until Due; empty otherwise.
	Maintenance string
	// Note is what whoever is told must hear beside the ticket, in the form "what: why"; empty otherwise.
	Note string
}

// lateness is how far behind its moment a step may run without delaying the steps after it.
const lateness = 2 * time.Second

// Next executes the step after position, or the first one after it that reaches anybody: a step whose targets are all
// empty or quiet, or that is outside of its hours, falls through at once. Where a whole pass, or what is left of the last
// round, reaches nobody because of quiet or closed hours, the ticket waits for the first of them to end. due is the moment at which it was meant to happen.
func (c Configuration) Next(position Position, due, now time.Time) Decision {
	decision := Decision{Position: position}
	policy, ok := c.Policy(position.Policy)
	if !ok || len(policy.Steps) == 0 {
		return decision.exhaust(fmt.Sprintf("the policy %q does not exist any more", position.Policy), now)
	}
	if position.Round > policy.Repeat+1 {
		return c.lastResort(decision, policy, due, now)
	}
	holidays := c.holidaysOf(policy)
	var first deferral
	for passed := 0; ; passed++ {
		decision.Position.Step++
		if decision.Position.Step > len(policy.Steps) {
			decision.Position.Step = 1
			decision.Position.Round++
		}
		over := decision.Position.Round > policy.Repeat+1
		switch {
		case passed >= len(policy.Steps) && first.holds(policy), over && !first.at.IsZero() && len(policy.LastResort) == 0:
			return decision.await(first, now)
		case over && len(policy.LastResort) > 0:
			decision.Position.Round = policy.Repeat + 1
			return c.lastResort(decision, policy, due, now)
		case over:
			decision.Position.Round, decision.Position.Step = policy.Repeat+1, len(policy.Steps)
			return decision.exhaust(fmt.Sprintf("all steps of the policy %q were executed and nobody acknowledged", policy.ID), now)
		}
		step := policy.Steps[decision.Position.Step-1]
		if !holidays.Within(step.Hours, now, location(policy.Timezone)) {
			decision.entry(tickets.EventEscalated, decision.said(policy, step, map[string]any{"closed": true}), now)
			if opening, ok := opensAt(step.Hours, now, location(policy.Timezone), holidays); ok {
				first.consider(decision.Position, opening, false)
			}
			continue
		}
		reach := c.reach(decision.Position, step.Notify, now)
		decision.Pages = append(decision.Pages, bundling(reach.pages, policy)...)
		decision.entry(tickets.EventEscalated, decision.said(policy, step, reach.data()), now)
		if reach.awake {
			decision.Due = begin(due, now).Add(step.Wait.For(position.Severity))
			return decision
		}
		if !reach.quietUntil.IsZero() {
			first.consider(decision.Position, reach.quietUntil, true)
		}
	}
}

// deferral is the first moment at which a step that reached nobody would reach somebody.
type deferral struct {
	position Position
	at       time.Time
	quiet    bool // quiet hours are a reason, and not closed steps alone
}

func (d *deferral) consider(position Position, at time.Time, quiet bool) {
	d.quiet = d.quiet || quiet
	if d.at.IsZero() || at.Before(d.at) {
		d.position, d.at = position, at
	}
}

// holds says whether a ticket waits: quiet hours are meant to be waited for, closed steps only where there is no last
// resort.
func (d deferral) holds(policy Policy) bool {
	return !d.at.IsZero() && (d.quiet || len(policy.LastResort) == 0)
}

// await leaves the ticket where the deferred step is executed next, at its moment. What is quiet is paged then.
func (d Decision) await(first deferral, now time.Time) Decision {
	d.Position, d.Due, d.Pages = first.position, first.at, nil
	d.Position.Step--
	reason := "every step is outside of its hours"
	if first.quiet {
		reason = "everybody whom the policy names has quiet hours"
	}
	d.entry(tickets.EventDeferred, map[string]any{"until": first.at.UTC(), "reason": reason}, now)
	return d
}

// lastResort tells the targets that remain when all rounds are over, again and again until somebody acknowledges. Its
// rounds count on, its step is 0.
func (c Configuration) lastResort(decision Decision, policy Policy, due, now time.Time) Decision {
	if len(policy.LastResort) == 0 {
		return decision.exhaust(fmt.Sprintf("the policy %q has no last resort any more", policy.ID), now)
	}
	decision.Position.Round, decision.Position.Step = decision.Position.Round+1, 0
	reach := c.reach(decision.Position, policy.LastResort, now)
	decision.Pages = append(decision.Pages, bundling(reach.pages, policy)...)
	data := decision.said(policy, Step{Notify: policy.LastResort}, reach.data())
	data["last_resort"] = true
	decision.entry(tickets.EventEscalated, data, now)
	decision.Due = begin(due, now).Add(policy.lastResortEvery())
	return decision
}

// said is what the timeline says of a step, with more.
func (d Decision) said(policy Policy, step Step, more map[string]any) map[string]any {
	data := map[string]any{
		"policy": policy.ID, "round": d.Position.Round, "step": d.Position.Step, "targets": targetNames(step.Notify),
	}
	maps.Copy(data, more)
	return data
}

// After says which step follows the given position, and the names of those whom it would reach at a moment.
func (c Configuration) After(position Position, at time.Time) (next Position, names []string) {
	decision := c.Next(position, at, at)
	for _, page := range decision.Pages {
		name := "webhook " + page.Webhook
		if page.Person != "" {
			name = c.Name(page.Person)
		}
		if !page.quiet() && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return decision.Position, names
}

// Name is a person's name, or the id where the configuration does not know it.
func (c Configuration) Name(id string) string {
	if person, ok := c.Person(id); ok {
		return person.Name
	}
	return id
}

// Owner asks the person who had acknowledged the ticket, before the policy begins.
func (c Configuration) Owner(position Position, owner string, now time.Time) (Decision, bool) {
	policy, ok := c.Policy(position.Policy)
	person, known := c.Person(owner)
	if !ok || !known || len(policy.Steps) == 0 {
		return Decision{}, false
	}
	pages, quietUntil := personPages(position, person, now)
	if len(pages) == 0 || !quietUntil.IsZero() {
		return Decision{}, false
	}
	decision := Decision{Position: position, Pages: bundling(pages, policy)}
	decision.entry(tickets.EventEscalated, map[string]any{
		"policy": policy.ID, "round": position.Round, "step": 0, "targets": []string{"person:" + owner},
	}, now)
	decision.Due = now.Add(policy.Steps[0].Wait.For(position.Severity))
	return decision, true
}

// begin is the moment from which a wait counts: the planned one, so that waits do not add up their ticks, unless the
// step ran late.
func begin(due, now time.Time) time.Time {
	if due.IsZero() || now.Sub(due) > lateness || due.After(now) {
		return now
	}
	return due
}

// roundAtLeast is how long a policy's last step holds where everything fails, so that an outage of every channel does not
// use up the repeats.
const roundAtLeast = time.Minute

// FallThrough is the moment of the next step after everything that the executed step sent has failed or is held: at
// once, but after a policy's last step not before a minute has passed since it was executed.
func (c Configuration) FallThrough(position Position, due, now time.Time) time.Time {
	policy, ok := c.Policy(position.Policy)
	if ok && position.Round > policy.Repeat+1 {
		return due // the last resort comes again by itself
	}
	if ok && position.Step > 0 && position.Step >= len(policy.Steps) {
		executed := due.Add(-policy.Steps[len(policy.Steps)-1].Wait.For(position.Severity))
		now = later(now, executed.Add(roundAtLeast))
	}
	if due.Before(now) {
		return due
	}
	return now
}

func (d Decision) exhaust(reason string, now time.Time) Decision {
	d.Exhausted = reason
	d.entry(tickets.EventExhausted, map[string]any{"reason": reason}, now)
	return d
}

func (d *Decision) entry(kind tickets.EventType, data map[string]any, now time.Time) {
	d.Entries = append(d.Entries, tickets.Entry{
		Ticket: d.Position.Ticket,
		Event:  tickets.Event{At: now, Type: kind, Actor: tickets.ActorSystem, Data: data},
	})
}

// Start decides what happens to a ticket that was created, reopened or became worse: it is recorded, or its policy
// begins. generation is the one that begins.
func (c Configuration) Start(change tickets.Change, generation int) (Decision, tickets.Routing) {
	decision, routing := c.startOf(change, generation)
	decision.Note = change.Insists
	return decision, routing
}

func (c Configuration) startOf(change tickets.Change, generation int) (Decision, tickets.Routing) {
	ticket, now := change.Ticket, change.At
	routing, reason := c.Routing(change)
	position := Position{Ticket: ticket.Number, Policy: routing.Policy, Generation: generation, Round: 1, Severity: ticket.Severity}
	recorded := Decision{Position: position}
	if reason != "" {
		recorded.Position.Policy = ""
		recorded.entry(tickets.EventRecorded, map[string]any{"reason": reason}, now)
		return recorded, routing
	}
	if position.Policy == "" {
		return recorded.exhaust("no policy is configured, so nobody can be paged", now), routing
	}
	if maintenance, ok := c.InMaintenance(FactsOf(change), now); ok && len(change.Targets) == 0 && change.Insists == "" {
		return maintenance.hold(position, now).cameInBy(c, change), routing
	}
	if len(change.Targets) > 0 {
		if decision, ok := c.direct(position, change.Targets, now); ok {
			return decision, routing
		}
	}
	if change.Owner != "" {
		if decision, ok := c.Owner(position, change.Owner, now); ok {
			return decision.cameInBy(c, change), routing
		}
	}
	return c.Next(position, time.Time{}, now).cameInBy(c, change), routing
}

// Routing is where a change goes by mutes and routes. recorded is the reason why nobody is paged; empty where a policy
// starts.
func (c Configuration) Routing(change tickets.Change) (routing tickets.Routing, recorded string) {
	ticket, now := change.Ticket, change.At
	routing = tickets.Routing{Ticket: ticket.Number, Policy: ticket.Policy, Runbook: ticket.Runbook}
	if change.Silent != "" {
		return routing, change.Silent
	}
	facts := FactsOf(change)
	if change.Insists != "" {
		return c.insisting(routing, facts, now), ""
	}
	if mute, ok := c.Muted(facts, now); ok {
		return routing, fmt.Sprintf("muted until %s: %s", mute.Until.UTC().Format(time.RFC3339), mute.Reason)
	}
	route, _, matched := c.Route(facts, now)
	if matched {
		routing.Runbook = route.Runbook
	}
	if matched && route.Action == ActionRecord && len(change.Targets) == 0 {
		return routing, "its route says so"
	}
	routing.Policy = route.Policy
	return routing, ""
}

// insisting is where a change goes that people must hear of: by the ticket's policy, else by its route's, else by the first.
func (c Configuration) insisting(routing tickets.Routing, facts Facts, now time.Time) tickets.Routing {
	route, _, _ := c.Route(facts, now)
	if routing.Policy == "" {
		routing.Policy = route.Policy
	}
	if routing.Runbook == "" {
		routing.Runbook = route.Runbook
	}
	return routing
}

// cameInBy marks pages with the intake of a mail, whose budget they are counted in.
func (d Decision) cameInBy(c Configuration, change tickets.Change) Decision {
	if intake, ok := c.IntakeOf(change.To); ok {
		for i := range d.Pages {
			d.Pages[i].Intake = intake.ID
		}
	}
	return d
}

// directWait is how long those who are told directly have before the policy begins.
const directWait = time.Hour

// direct tells the targets that a change names, before the policy begins. ok is false where they reach nobody.
func (c Configuration) direct(position Position, targets []string, now time.Time) (Decision, bool) {
	var asked []Target
	for _, text := range targets {
		var target Target
		if err := target.UnmarshalText([]byte(text)); err == nil {
			asked = append(asked, target)
		}
	}
	reach := c.reach(position, asked, now)
	decision := Decision{Position: position, Pages: reach.pages}
	if len(decision.Pages) == 0 {
		return decision, false
	}
	data := map[string]any{"policy": position.Policy, "round": position.Round, "step": 0, "targets": targetNames(asked)}
	maps.Copy(data, reach.data())
	decision.entry(tickets.EventEscalated, data, now)
	decision.Due = now.Add(directWait)
	return decision, true
}
