package oncall

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"afterhours/tickets"
)

// Holes says where a High ticket would reach nobody at a moment: no policy at all, a step whose targets are all empty, or
// a policy that speaks at no hour like this one.
func (c Configuration) Holes(now time.Time) []string {
	if len(c.Policies) == 0 {
		return []string{"Nobody can be paged: there is no policy. Write a configuration and run afterhours apply FILE."}
	}
	var holes []string
	for _, policy := range c.Policies {
		open, holidays := 0, c.holidaysOf(policy)
		for i, step := range policy.Steps {
			if !holidays.Within(step.Hours, now, location(policy.Timezone)) {
				continue
			}
			open++
			if reach := c.reach(Position{Severity: tickets.High}, step.Notify, now); len(reach.pages) == 0 {
				holes = append(holes, fmt.Sprintf("Step %d of the policy %s reaches nobody now: %s.", i+1, policy.ID, strings.Join(reach.empty, "; ")))
			}
		}
		if open == 0 && len(policy.Steps) > 0 && len(policy.LastResort) == 0 {
			holes = append(holes, fmt.Sprintf("The policy %s tells nobody now: all of its steps are outside of their hours. Add a step without hours, or last_resort.", policy.ID))
		}
		if len(policy.LastResort) > 0 {
			if reach := c.reach(Position{Severity: tickets.High}, policy.LastResort, now); len(reach.pages) == 0 {
				holes = append(holes, fmt.Sprintf("The last resort of the policy %s reaches nobody now: %s.", policy.ID, strings.Join(reach.empty, "; ")))
			}
		}
	}
	return holes
}

// wakingChannels make a noise that wakes somebody who sleeps. A webhook counts, for it may be another pager's.
var wakingChannels = []string{"sms", "voice", "push", "webhook"}

// Wakes says whether a channel can wake somebody who sleeps.
func Wakes(channel string) bool { return slices.Contains(wakingChannels, channel) }

// HighPath is what is wrong with a person's way of being told of a High alert, in a sentence with the mend; empty where
// nothing is. watched are the mail domains whose system is being watched: who is told by mail in one of them alone hears
// nothing when that system fails or is in an intruder's hands.
func (p Person) HighPath(watched []string) string {
	wakes, outside := false, false
	rules := p.RulesFor(tickets.High)
	for _, rule := range rules {
		contact, _ := p.Contact(rule.Contact)
		wakes = wakes || Wakes(contact.Channel)
		outside = outside || contact.Channel != "email" || !inDomains(contact.To, watched)
	}
	switch {
	case len(p.EffectiveContacts()) == 0:
		return fmt.Sprintf("%s has no contact: add one, best of sms, voice or push.", p.Name)
	case len(rules) == 0:
		return fmt.Sprintf("%s has no rule for High: add one, or a rule without severity.", p.Name)
	case !outside:
		return fmt.Sprintf("A High alert reaches %s by the mail system that is being watched alone: add a contact of sms, voice or push.", p.Name)
	case !wakes:
		return fmt.Sprintf("A High alert wakes %s by no channel: add a contact of sms, voice or push.", p.Name)
	}
	return ""
}

// inDomains says whether a mail address lies in one of the domains or below it.
func inDomains(address string, domains []string) bool {
	_, domain, _ := strings.Cut(strings.ToLower(address), "@")
	return slices.ContainsFunc(domains, func(watched string) bool {
		watched = strings.ToLower(watched)
		return watched != "" && (domain == watched || strings.HasSuffix(domain, "."+watched))
	})
}

// HighPaths is HighPath for everybody whom a policy can tell, and names the policies whose steps wake nobody at all.
func (c Configuration) HighPaths(watched []string) []string {
	var found []string
	told := map[string]bool{}
	for _, policy := range c.Policies {
		wakes := false
		for _, id := range c.everybody(policy) {
			person, ok := c.Person(id)
			if !ok {
				continue
			}
			fault := person.HighPath(watched)
			wakes = wakes || fault == ""
			if fault != "" && !told[id] {
				found = append(found, fault)
			}
			told[id] = true
		}
		if !wakes && len(policy.Steps) > 0 {
			found = append(found, fmt.Sprintf("The policy %s wakes nobody for a High alert: give somebody whom it names a contact of sms, voice or push.", policy.ID))
		}
	}
	return found
}

// everybody are the people whom a policy names, and all of the schedules that it names.
func (c Configuration) everybody(policy Policy) []string {
	var ids []string
	add := func(more ...string) {
		for _, id := range more {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	targets := slices.Clone(policy.LastResort)
	for _, step := range policy.Steps {
		targets = append(targets, step.Notify...)
	}
	for _, target := range targets {
		switch target.Kind {
		case TargetPerson:
			add(target.ID)
		case TargetSchedule:
			schedule, _ := c.Schedule(target.ID)
			for _, layer := range schedule.Layers {
				add(layer.People...)
			}
			for _, temporary := range schedule.Temporary {
				for _, shift := range temporary.Shifts {
					add(shift.Person)
				}
			}
		}
	}
	return ids
}

// WatchedDomains are the mail domains that routes name as the intake's, with those that are given.
func (c Configuration) WatchedDomains(given ...string) []string {
	domains := slices.Clone(given)
	for _, route := range c.Routes {
		for _, to := range route.Match.To {
			if _, domain, ok := strings.Cut(to, "@"); ok && !slices.Contains(domains, domain) {
				domains = append(domains, domain)
			}
		}
	}
	return domains
}
