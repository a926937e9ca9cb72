package oncall

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"afterhours/tickets"
)

// Maintenance is a planned time in which the tickets that it matches page nobody. Unlike a mute it always ends soon, shows
// itself on every page of the desk while it is on, and pages at its end what is still open then.
type Maintenance struct {
	ID         string    `json:"id" yaml:"id"`
	Match      Match     `json:"match" yaml:"match" required:"true"` // left out by mistake, it would silence everything
	Start      LocalTime `json:"start" yaml:"start" required:"true"`
	End        LocalTime `json:"end" yaml:"end" required:"true"`
	Timezone   string    `json:"timezone,omitempty" yaml:"timezone"` // IANA name; empty is UTC
	Reason     string    `json:"reason" yaml:"reason"`
	Afterwards string    `json:"afterwards,omitempty" yaml:"afterwards"` // which open tickets page at its end; empty is AfterwardsHigh
	Notify     []Target  `json:"notify,omitempty" yaml:"notify"`         // who is reminded of its end
}

// Which of the tickets that came in during a maintenance page at its end, where nobody has them then. Of unknown severity
// are tickets that nothing could be read out of: they count as High.
const (
	AfterwardsHigh = "high"
	AfterwardsAll  = "all"
	AfterwardsNone = "none"
)

// Bounds of a maintenance.
const (
	longestMaintenance = 7 * 24 * time.Hour
	reminderBefore     = 30 * time.Minute
)

// MaintenanceType is the type of a notice that a maintenance ends soon.
const MaintenanceType = "maintenance.ending"

// Span is the maintenance's start and end as instants.
func (m Maintenance) Span() (start, end time.Time) {
	zone := location(m.Timezone)
	return m.Start.In(zone), m.End.In(zone)
}

// On says whether the maintenance is on at a moment.
func (m Maintenance) On(at time.Time) bool {
	start, end := m.Span()
	return !at.Before(start) && at.Before(end)
}

// PagesAfterwards says whether a ticket of a severity that came in during the maintenance pages at its end.
func (m Maintenance) PagesAfterwards(severity tickets.Severity) bool {
	switch m.Afterwards {
	case AfterwardsAll:
		return true
	case AfterwardsNone:
		return false
	}
	return severity == tickets.High || severity == tickets.SeverityUnknown
}

// Maintenances are those that are on at a moment.
func (c Configuration) Maintenances(at time.Time) []Maintenance {
	var on []Maintenance
	for _, maintenance := range c.Maintenance {
		if maintenance.On(at) {
			on = append(on, maintenance)
		}
	}
	return on
}

// InMaintenance returns the maintenance that holds back a ticket at a moment: of several the one that ends last.
func (c Configuration) InMaintenance(facts Facts, at time.Time) (found Maintenance, ok bool) {
	for _, maintenance := range c.Maintenances(at) {
		if !maintenance.Match.Matches(facts, at) {
			continue
		}
		_, end := maintenance.Span()
		if _, last := found.Span(); !ok || end.After(last) {
			found, ok = maintenance, true
		}
	}
	return found, ok
}

// hold leaves a ticket before the first step of its policy until the maintenance's end, or records it.
func (m Maintenance) hold(position Position, now time.Time) Decision {
	_, end := m.Span()
	decision := Decision{Position: position}
	reason := fmt.Sprintf("maintenance %s: %s", m.ID, m.Reason)
	if !m.PagesAfterwards(position.Severity) {
		decision.entry(tickets.EventRecorded, map[string]any{"reason": reason}, now)
		return decision
	}
	decision.Due, decision.Maintenance = end, m.ID
	decision.entry(tickets.EventDeferred, map[string]any{"until": end.UTC(), "reason": reason}, now)
	return decision
}

// RemindAt is when those who are to be reminded learn that the maintenance ends: half an hour before, or half-way through
// a short one.
func (m Maintenance) RemindAt() time.Time {
	start, end := m.Span()
	return end.Add(-min(reminderBefore, end.Sub(start)/2))
}

// Reminders are the notices that the maintenances which are on at a moment end soon: to the people of their notify, or,
// where that names nobody, to whom the first policy would tell first. Each is sent once for an end.
func (c Configuration) Reminders(now time.Time) []Page {
	var notices []Page
	for _, m := range c.Maintenances(now) {
		if now.Before(m.RemindAt()) {
			continue
		}
		asked := m.Notify
		if len(asked) == 0 && len(c.Policies) > 0 && len(c.Policies[0].Steps) > 0 {
			asked = c.Policies[0].Steps[0].Notify
		}
		for _, person := range c.peopleOf(asked, now) {
			contact, ok := person.reminderContact()
			if !ok {
				continue
			}
			_, end := m.Span()
			zone := location(person.Timezone)
			notice := Notice{
				Subject: fmt.Sprintf("Maintenance %s ends at %s", m.ID, end.In(zone).Format("15:04 MST")),
				Text: strings.TrimRight(strings.TrimSpace(m.Reason), ".") + ". What it holds back pages from then on. To go on, move its end under Settings, Maintenance; " +
					"when the work is done earlier, remove it there.",
			}
			cause := fmt.Sprintf("%s/%s/%s", m.ID, end.UTC().Format(time.RFC3339), person.ID)
			notices = append(notices, noticePage(MaintenanceType, cause, Page{
				Person: person.ID, Contact: contact.ID, Channel: contact.Channel, DueAt: now, CreatedAt: now,
			}, notice))
		}
	}
	return notices
}

// peopleOf are the people of targets at a moment, each once.
func (c Configuration) peopleOf(targets []Target, now time.Time) []Person {
	var found []Person
	for _, target := range targets {
		id := target.ID
		if target.Kind == TargetSchedule {
			schedule, _ := c.Schedule(id)
			id, _, _ = schedule.At(now)
		}
		person, ok := c.Person(id)
		if ok && target.Kind != TargetWebhook && !slices.ContainsFunc(found, func(p Person) bool { return p.ID == person.ID }) {
			found = append(found, person)
		}
	}
	return found
}

// reminderContact is the contact that a reminder goes to: one that does not ring, else the first that does not call.
func (p Person) reminderContact() (Contact, bool) {
	if calm, ok := p.CalmContact(); ok {
		return calm, true
	}
	return find(p.EffectiveContacts(), func(c Contact) bool { return c.Channel != "voice" })
}

func (v *validator) maintenance(path string, m Maintenance) {
	v.match(path+".match", m.Match)
	v.zone(path+".timezone", m.Timezone)
	v.oneOf(path+".afterwards", "afterwards", m.Afterwards, AfterwardsHigh, AfterwardsAll, AfterwardsNone)
	v.targets(path+".notify", m.Notify)
	for k, target := range m.Notify {
		if target.Kind == TargetWebhook {
			v.add(fmt.Sprintf("%s.notify[%d]", path, k), "a reminder of maintenance %s goes to people; name schedule:ID or person:ID", m.ID)
		}
	}
	if strings.TrimSpace(m.Reason) == "" {
		v.add(path, "maintenance %s needs a reason", m.ID)
	}
	start, end := m.Span()
	switch {
	case m.Start.wall.IsZero() || m.End.wall.IsZero():
		v.add(path, "maintenance %s needs start and end", m.ID)
	case !start.Before(end):
		v.add(path+".end", "maintenance %s ends before it has begun; choose a later end", m.ID)
	case end.Sub(start) > longestMaintenance:
		v.add(path+".end", "maintenance %s is longer than 7 days; choose an earlier end, or use a mute for what is never to page", m.ID)
	}
}
