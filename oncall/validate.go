package oncall

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"afterhours/tickets"
)

// Bounds of a configuration.
const (
	maxRepeat       = 100
	maxWait         = 7 * 24 * time.Hour
	leastLastResort = time.Minute
	maxHistory      = 50 // years between a rotation's start and now that still make sense
)

var identifier = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// IsID says whether something of the configuration can have an id.
func IsID(text string) bool { return identifier.MatchString(text) }

// Channels are the channels that a contact may name.
var channels = []string{"email", "push", "slack", "sms", "teams", "voice", "webhook"}

// The families and products that a ticket can have.
var (
	kinds = []string{
		string(tickets.KindAlert), string(tickets.KindIncident), string(tickets.KindVulnerability),
		string(tickets.KindThreatAnalytics), string(tickets.KindResponseAction), string(tickets.KindDigest),
		string(tickets.KindTest), string(tickets.KindUnrecognised), string(tickets.KindManual),
	}
	products = []string{
		string(tickets.ProductEndpoint), string(tickets.ProductXDR), string(tickets.ProductOffice365),
		string(tickets.ProductCloud), string(tickets.ProductIdentity), string(tickets.ProductCloudApps),
		string(tickets.ProductEntra), string(tickets.ProductPurview), string(tickets.ProductSentinel),
		string(tickets.ProductUnknown),
	}
)

// Channels are the channels that a contact may name.
func Channels() []string { return slices.Clone(channels) }

// Kinds are the families of mails that a match may name.
func Kinds() []string { return slices.Clone(kinds) }

// Products are the products that a match may name.
func Products() []string { return slices.Clone(products) }

// EventTypes are the events that a webhook can ask for.
func EventTypes() []string { return slices.Clone(eventTypes) }

// validator collects the faults of a configuration.
type validator struct {
	known  known
	check  func(channel, to, secret string) error
	faults []fault
}

func (v *validator) add(path, format string, args ...any) {
	v.faults = append(v.faults, fault{path, fmt.Sprintf(format, args...)})
}

func (c Configuration) faults(check func(channel, to, secret string) error) []fault {
	v := &validator{known: c.known(), check: check}
	v.ids("people", v.known.people)
	v.ids("schedules", v.known.schedules)
	v.ids("policies", v.known.policies)
	v.ids("webhooks", v.known.webhooks)
	v.ids("tenants", v.known.tenants)
	v.ids("playbooks", v.known.playbooks)
	v.readings(c.Readings)
	v.retention(c.Retention)
	v.load(c.Load)
	for i, person := range c.People {
		v.person(fmt.Sprintf("people[%d]", i), person)
	}
	for i, schedule := range c.Schedules {
		v.schedule(fmt.Sprintf("schedules[%d]", i), schedule)
	}
	for i, policy := range c.Policies {
		v.policy(fmt.Sprintf("policies[%d]", i), policy)
	}
	for i, route := range c.Routes {
		v.route(fmt.Sprintf("routes[%d]", i), route)
	}
	for i, webhook := range c.Webhooks {
		if err := v.check("webhook", webhook.URL, webhook.Secret); err != nil {
			v.add(fmt.Sprintf("webhooks[%d].url", i), "webhook %s: %s", webhook.ID, err)
		}
	}
	for i, webhook := range c.Webhooks {
		for k, event := range webhook.Events {
			if !has(eventTypes, event) {
				v.add(fmt.Sprintf("webhooks[%d].events[%d]", i, k), "there is no event %q; use %s", event, strings.Join(eventTypes, ", "))
			}
		}
	}
	intakes := make([]string, len(c.Intake))
	for i, intake := range c.Intake {
		intakes[i] = intake.ID
		v.intake(fmt.Sprintf("intake[%d]", i), intake, c.Intake[:i])
	}
	v.ids("intake", intakes)
	for i, mute := range c.Mutes {
		path := fmt.Sprintf("mutes[%d]", i)
		v.match(path+".match", mute.Match)
		if mute.Until.IsZero() {
			v.add(path, "a mute needs an end; add until")
		}
		if strings.TrimSpace(mute.Reason) == "" {
			v.add(path, "a mute needs a reason")
		}
	}
	windows := make([]string, len(c.Maintenance))
	for i, maintenance := range c.Maintenance {
		windows[i] = maintenance.ID
		v.maintenance(fmt.Sprintf("maintenance[%d]", i), maintenance)
	}
	v.ids("maintenance", windows)
	for i, tenant := range c.Tenants {
		v.tenant(fmt.Sprintf("tenants[%d]", i), tenant)
	}
	v.twins(c.Tenants)
	for i, playbook := range c.Playbooks {
		v.playbook(fmt.Sprintf("playbooks[%d]", i), playbook)
	}
	return v.faults
}

func (v *validator) ids(section string, ids []string) {
	for i, id := range ids {
		path := fmt.Sprintf("%s[%d].id", section, i)
		switch {
		case id == "":
			v.add(path, "an id is missing here; add one like on-call-1")
		case !identifier.MatchString(id):
			v.add(path, "%q cannot be an id; use up to 64 small letters, digits, dots, dashes and underscores", id)
		case slices.Index(ids, id) != i:
			v.add(path, "the id %q stands in %s twice; rename one", id, section)
		}
	}
}

func (v *validator) person(path string, person Person) {
	if strings.TrimSpace(person.Name) == "" {
		v.add(path, "person %q has no name; add name", person.ID)
	}
	v.zone(path+".timezone", person.Timezone)
	v.oneOf(path+".role", "role", person.Role, "viewer", "responder", "admin")
	v.oneOf(path+".detail", "detail", person.Detail, DetailFull, DetailMinimal)
	if person.Email != "" {
		if err := v.check("email", person.Email, ""); err != nil {
			v.add(path+".email", "email of %s: %s", person.ID, err)
		}
	}
	var contacts []string
	for i, contact := range person.Contacts {
		at := fmt.Sprintf("%s.contacts[%d]", path, i)
		switch {
		case !identifier.MatchString(contact.ID):
			v.add(at+".id", "contact %d of %s needs an id like mail or phone", i+1, person.ID)
		case has(contacts, contact.ID):
			v.add(at+".id", "%s has two contacts %q; rename one", person.ID, contact.ID)
		}
		contacts = append(contacts, contact.ID)
		if !has(channels, contact.Channel) {
			v.add(at+".channel", "channel %q is not supported by this version; use %s", contact.Channel, strings.Join(channels, ", "))
		} else if err := v.check(contact.Channel, contact.To, contact.Secret); err != nil {
			v.add(at+".to", "contact %s of %s: %s", contact.ID, person.ID, err)
		}
	}
	for i, rule := range person.Notify {
		if _, ok := person.Contact(rule.Contact); !ok {
			v.add(fmt.Sprintf("%s.notify[%d].contact", path, i), "%s of %s", missing("contact", rule.Contact, contacts), person.ID)
		}
		v.severities(fmt.Sprintf("%s.notify[%d].severity", path, i), rule.Severity)
	}
	v.windows(path+".quiet", person.Quiet, false, "holidays are known to layers and to steps of policies")
	if len(person.Quiet) > 0 && neverEnds(person.Quiet) {
		v.add(path+".quiet", "the quiet hours of %s never end; leave some hours of the week out", person.ID)
	}
	if _, ok := person.ReportContact(); person.WeeklyReport && !ok {
		v.add(path+".weekly_report", "weekly_report of %s needs a contact by email; add one, or leave weekly_report out", person.ID)
	}
	if notice := time.Duration(person.ShiftNotice); notice != 0 {
		if notice < leastShiftNotice || notice > mostShiftNotice {
			v.add(path+".shift_notice", "shift_notice of %s must be from 5m to 7d; leave it out for no notices", person.ID)
		}
		if _, ok := person.CalmContact(); !ok {
			v.add(path+".shift_notice", "shift_notice of %s needs a contact that does not ring; add one of email or push", person.ID)
		}
	}
}

func (v *validator) severities(path string, named Values) {
	for _, value := range named {
		if !tickets.Severity(strings.ToLower(value)).Valid() {
			v.add(path, "%q is no severity; use high, medium, low, informational or unknown", value)
		}
	}
}

func (v *validator) schedule(path string, schedule Schedule) {
	v.zone(path+".timezone", schedule.Timezone)
	zone := schedule.zone()
	for i, layer := range schedule.Layers {
		at := fmt.Sprintf("%s.layers[%d]", path, i)
		v.windows(at+".hours", layer.Hours, len(schedule.Holidays) > 0, "add holidays to schedule "+schedule.ID)
		if len(layer.People) == 0 {
			v.add(at, "layer %d of schedule %s has no people; name at least one", i+1, schedule.ID)
		}
		for k, id := range layer.People {
			v.reference(fmt.Sprintf("%s.people[%d]", at, k), "person", id, v.known.people)
		}
		if layer.Rotation.Every.Count == 0 {
			v.add(at+".rotation", "layer %d of schedule %s needs rotation: {every: 1w, start: \"2026-01-05T09:00\"}", i+1, schedule.ID)
			continue
		}
		if start := layer.Rotation.Start; start.wall.IsZero() {
			v.add(at+".rotation", "the rotation of layer %d of schedule %s needs a start", i+1, schedule.ID)
		} else if start.wall.Year() < 2026-maxHistory {
			v.add(at+".rotation.start", "the rotation starts in %d; choose a start in our days", start.wall.Year())
		}
	}
	v.temporary(path, schedule)
	v.holidays(path, schedule)
	for i, override := range schedule.Overrides {
		at := fmt.Sprintf("%s.overrides[%d]", path, i)
		v.reference(at+".person", "person", override.Person, v.known.people)
		if override.Start.wall.IsZero() || override.End.wall.IsZero() {
			v.add(at, "override %d of schedule %s needs start and end", i+1, schedule.ID)
		} else if override.End.In(zone).Before(override.Start.In(zone)) {
			v.add(at+".end", "override %d of schedule %s ends before it starts; swap start and end", i+1, schedule.ID)
		}
	}
}

func (v *validator) policy(path string, policy Policy) {
	if len(policy.Steps) == 0 {
		v.add(path, "policy %q has no steps; add one", policy.ID)
	}
	if policy.Repeat < 0 || policy.Repeat > maxRepeat {
		v.add(path+".repeat", "repeat must be from 0 to %d", maxRepeat)
	}
	v.oneOf(path+".ack_link", "ack_link", policy.AckLink, "confirm", "login")
	if bundle := policy.Bundle; bundle != nil {
		if bundle.After < 0 {
			v.add(path+".bundle.after", "after of the bundle of policy %s cannot be less than 0; write 0 to never bundle", policy.ID)
		}
		if bundle.After > 0 && bundle.Within <= 0 {
			v.add(path+".bundle.within", "the bundle of policy %s needs within, like 5m", policy.ID)
		}
	}
	for i, step := range policy.Steps {
		at := fmt.Sprintf("%s.steps[%d]", path, i)
		if len(step.Notify) == 0 {
			v.add(at, "step %d of policy %s notifies nobody; name a target", i+1, policy.ID)
		}
		if longest := max(step.Wait.Other, slices.Max(step.Wait.worstFirst())); longest <= 0 || time.Duration(longest) > maxWait {
			v.add(at+".wait", "step %d of policy %s needs a wait from 1s to 7d", i+1, policy.ID)
		}
		v.targets(at+".notify", step.Notify)
		v.windows(at+".hours", step.Hours, policy.Holidays != "", "add holidays: SCHEDULE to policy "+policy.ID)
	}
	v.targets(path+".last_resort", policy.LastResort)
	if policy.Holidays != "" {
		v.reference(path+".holidays", "schedule", policy.Holidays, v.known.schedules)
	}
	v.zone(path+".timezone", policy.Timezone)
	switch every := time.Duration(policy.LastResortEvery); {
	case every != 0 && len(policy.LastResort) == 0:
		v.add(path+".last_resort_every", "policy %s has no last resort; add last_resort: [\"person:ID\"], or remove last_resort_every", policy.ID)
	case every != 0 && (every < leastLastResort || every > maxWait):
		v.add(path+".last_resort_every", "last_resort_every of policy %s must be from 1m to 7d", policy.ID)
	}
}

func (v *validator) targets(path string, targets []Target) {
	for k, target := range targets {
		at := fmt.Sprintf("%s[%d]", path, k)
		switch target.Kind {
		case TargetSchedule:
			v.reference(at, "schedule", target.ID, v.known.schedules)
		case TargetPerson:
			v.reference(at, "person", target.ID, v.known.people)
		case TargetWebhook:
			v.reference(at, "webhook", target.ID, v.known.webhooks)
		}
	}
}

func (v *validator) route(path string, route Route) {
	v.match(path+".match", route.Match)
	v.oneOf(path+".action", "action", route.Action, ActionPage, ActionRecord)
	switch {
	case route.Policy != "":
		v.reference(path+".policy", "policy", route.Policy, v.known.policies)
	case route.Action != ActionRecord && len(v.known.policies) == 0:
		v.add(path, "this route pages, but there is no policy; add one or write action: record")
	}
}

func (v *validator) match(path string, match Match) {
	v.severities(path+".severity", match.Severity)
	v.windows(path+".hours", match.Hours, false, "holidays are known to layers and to steps of policies")
	for _, closed := range []struct {
		key     string
		values  Values
		allowed []string
	}{{"kind", match.Kind, kinds}, {"product", match.Product, products}} {
		for _, value := range closed.values {
			if !has(closed.allowed, strings.ToLower(value)) {
				v.add(path+"."+closed.key, "%q is no %s; use %s", value, closed.key, strings.Join(closed.allowed, ", "))
			}
		}
	}
	for _, patterns := range []struct {
		key    string
		values Values
	}{{"title", match.Title}, {"device", match.Device}} {
		for _, value := range patterns.values {
			if value == "" {
				v.add(path+"."+patterns.key, "an empty pattern matches nothing; write * to match all, or leave %s out", patterns.key)
			}
		}
	}
}

func (v *validator) reference(path, what, id string, known []string) {
	if !has(known, id) {
		v.add(path, "%s", missing(what, id, known))
	}
}

func (v *validator) oneOf(path, what, value string, allowed ...string) {
	if value != "" && !has(allowed, value) {
		v.add(path, "%s %q does not exist; use %s", what, value, strings.Join(allowed, ", "))
	}
}

func (v *validator) zone(path, name string) {
	if _, err := time.LoadLocation(name); err != nil || name == "Local" {
		v.add(path, "there is no time zone %q; use a name like Europe/Madrid", name)
	}
}
