package oncall

import (
	"time"
)

// QuietReason is the reason of a page that waits for the end of its person's quiet hours.
const QuietReason = "quiet hours"

func (p Page) quiet() bool { return p.Reason == QuietReason }

// reach is what telling some targets comes to at a moment.
type reach struct {
	pages      []Page
	empty      []string  // targets that reach nobody, with the reason
	awake      bool      // some page goes out without waiting for the end of quiet hours
	quietUntil time.Time // the first end of quiet hours that a page waits for
}

// data is what the timeline says of it.
func (r reach) data() map[string]any {
	if len(r.empty) == 0 {
		return nil
	}
	return map[string]any{"empty": r.empty}
}

// reach resolves targets at now, each person once, and names those that reach nobody.
func (c Configuration) reach(position Position, targets []Target, now time.Time) reach {
	var r reach
	asked := map[string]bool{}
	for _, target := range targets {
		pages, quietUntil, reason := c.targetPages(position, target, asked, now)
		r.pages = append(r.pages, pages...)
		if reason != "" {
			r.empty = append(r.empty, target.String()+": "+reason)
		}
		r.awake = r.awake || len(pages) > 0 && quietUntil.IsZero()
		if !quietUntil.IsZero() && (r.quietUntil.IsZero() || quietUntil.Before(r.quietUntil)) {
			r.quietUntil = quietUntil
		}
	}
	return r
}

func (c Configuration) targetPages(position Position, target Target, asked map[string]bool, now time.Time) (pages []Page, quietUntil time.Time, reason string) {
	id := target.ID
	switch target.Kind {
	case TargetWebhook:
		webhook, ok := c.Webhook(id)
		if !ok {
			return nil, quietUntil, "does not exist"
		}
		if reason := c.Disabled(id); reason != "" {
			return nil, quietUntil, "is disabled: " + reason
		}
		return []Page{newPage(position, Page{Webhook: webhook.ID, Channel: "webhook"}, now)}, quietUntil, ""
	case TargetSchedule:
		schedule, ok := c.Schedule(id)
		if !ok {
			return nil, quietUntil, "does not exist"
		}
		onCall, _, ok := schedule.At(now)
		if !ok {
			return nil, quietUntil, "nobody is on call"
		}
		id = onCall
	}
	person, ok := c.Person(id)
	if !ok {
		return nil, quietUntil, "does not exist"
	}
	if asked[id] {
		return nil, quietUntil, ""
	}
	asked[id] = true
	pages, quietUntil = personPages(position, person, now)
	switch {
	case len(person.EffectiveContacts()) == 0:
		reason = person.Name + " has no contact"
	case len(pages) == 0:
		reason = person.Name + " has no rule for " + position.Severity.Word()
	case !quietUntil.IsZero():
		reason = person.Name + " has quiet hours until " + quietUntil.In(location(person.Timezone)).Format("Mon 15:04 MST")
	}
	return pages, quietUntil, reason
}

// personPages are the pages of a person's rules for the ticket's severity, the later ones with later moments. In quiet
// hours the rules count from their end, which is quietUntil; a later rule that falls into quiet hours waits for it alone.
func personPages(position Position, person Person, now time.Time) (pages []Page, quietUntil time.Time) {
	begin, quiet := person.QuietUntil(position.Severity, now)
	if quiet {
		quietUntil = begin
	}
	for _, rule := range person.RulesFor(position.Severity) {
		contact, ok := person.Contact(rule.Contact)
		if !ok {
			continue
		}
		page := newPage(position, Page{Person: person.ID, Contact: contact.ID, Channel: contact.Channel}, now)
		end, late := person.QuietUntil(position.Severity, begin.Add(time.Duration(rule.After)))
		page.DueAt = end
		if quiet || late {
			page.Reason = QuietReason
		}
		pages = append(pages, page)
	}
	if len(pages) == 0 {
		return nil, time.Time{}
	}
	return pages, quietUntil
}

func bundling(pages []Page, policy Policy) []Page {
	for i := range pages {
		pages[i].Bundle = policy.bundle()
	}
	return pages
}

func newPage(position Position, page Page, now time.Time) Page {
	page.Ticket, page.Generation, page.Round, page.Step = position.Ticket, position.Generation, position.Round, position.Step
	page.Type, page.State, page.DueAt, page.CreatedAt = PageType, PageQueued, now, now
	return page
}

func targetNames(targets []Target) []string {
	names := make([]string, len(targets))
	for i, target := range targets {
		names[i] = target.String()
	}
	return names
}
