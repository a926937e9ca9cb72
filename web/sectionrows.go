package web

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"afterhours/oncall"
)

// entryRow is one entry in the list of its section.
type entryRow struct {
	Key   string // of its address: the id, or the place
	Name  string
	Says  []string
	Fault string // what is wrong with it now, in red
	Faint bool   // it has no effect any more
}

func personRows(r reader) []entryRow {
	var rows []entryRow
	for _, person := range r.configuration.People {
		row := entryRow{Key: person.ID, Name: person.Name}
		for _, contact := range person.EffectiveContacts() {
			row.Says = append(row.Says, channelName(contact.Channel)+" "+contact.Shown())
		}
		if len(row.Says) == 0 {
			row.Fault = "No contact: pages to " + person.Name + " fall through."
		} else {
			row.Fault = person.HighPath(r.watched)
		}
		if person.Timezone != "" {
			row.Says = append(row.Says, person.Timezone)
		}
		if len(person.Quiet) > 0 {
			row.Says = append(row.Says, "quiet in "+count(len(person.Quiet), "window of hours", "windows of hours"))
		}
		rows = append(rows, row)
	}
	return rows
}

func scheduleRows(r reader) []entryRow {
	var rows []entryRow
	for _, schedule := range r.configuration.Schedules {
		row := entryRow{Key: schedule.ID, Name: named(schedule.Name, schedule.ID)}
		if person, _, ok := schedule.At(r.now); ok {
			row.Says = append(row.Says, r.name(person)+" now")
		}
		row.Says = append(row.Says, count(len(schedule.Layers), "layer", "layers"), count(len(schedule.Overrides), "override", "overrides"))
		if len(schedule.Temporary) > 0 {
			row.Says = append(row.Says, count(len(schedule.Temporary), "temporary schedule", "temporary schedules"))
		}
		row.Says = append(row.Says, named(schedule.Timezone, "UTC"))
		if _, gaps := schedule.Shifts(r.now, r.now.Add(week)); len(gaps) > 0 {
			row.Fault = "Nobody is on call from " + r.at(gaps[0].Start).Words + " to " + r.at(gaps[0].End).Words + "."
			if more := len(gaps) - 1; more > 0 {
				row.Fault += " The coming week has " + count(more, "more gap", "more gaps") + "."
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func policyRows(r reader) []entryRow {
	var rows []entryRow
	for i, policy := range r.configuration.Policies {
		row := entryRow{Key: policy.ID, Name: policy.ID}
		for k, step := range policy.Steps {
			var names []string
			for _, target := range step.Notify {
				names = append(names, target.String())
			}
			said := fmt.Sprintf("%d. %s, wait %s", k+1, join(names), step.Wait)
			if len(step.Hours) > 0 {
				said += ", in " + count(len(step.Hours), "window of hours", "windows of hours")
			}
			row.Says = append(row.Says, said)
		}
		if policy.Repeat > 0 {
			row.Says = append(row.Says, "repeated "+count(policy.Repeat, "time", "times"))
		}
		if len(policy.LastResort) > 0 {
			var names []string
			for _, target := range policy.LastResort {
				names = append(names, target.String())
			}
			row.Says = append(row.Says, "last resort "+join(names))
		}
		if i == 0 {
			row.Says = append(row.Says, "takes what no route matches")
		}
		alone := r.configuration
		alone.Policies = alone.Policies[i : i+1]
		row.Fault = strings.Join(append(alone.Holes(r.now), alone.HighPaths(r.watched)...), " ")
		rows = append(rows, row)
	}
	return rows
}

func routeRows(r reader) []entryRow {
	var rows []entryRow
	for i, route := range r.configuration.Routes {
		row := entryRow{Key: strconv.Itoa(i + 1), Name: fmt.Sprintf("%d. %s", i+1, matchWords(route.Match))}
		switch {
		case route.Action == oncall.ActionRecord:
			row.Says = append(row.Says, "recorded, pages nobody")
		case route.Policy == "":
			row.Says = append(row.Says, "pages by the first policy")
		default:
			row.Says = append(row.Says, "pages by "+route.Policy)
		}
		if route.Runbook != "" {
			row.Says = append(row.Says, "runbook "+route.Runbook)
		}
		rows = append(rows, row)
	}
	return rows
}

func muteRows(r reader) []entryRow {
	var rows []entryRow
	for i, mute := range r.configuration.Mutes {
		row := entryRow{Key: strconv.Itoa(i + 1), Name: matchWords(mute.Match), Says: []string{"until " + r.full(mute.Until.In(r.zone)), mute.Reason}}
		if !mute.Until.After(r.now) {
			row.Faint, row.Says[0] = true, "ended "+r.ago(mute.Until).Words
		}
		rows = append(rows, row)
	}
	return rows
}

func webhookRows(r reader) []entryRow {
	var rows []entryRow
	for _, webhook := range r.configuration.Webhooks {
		row := entryRow{Key: webhook.ID, Name: webhook.ID, Says: []string{webhook.Shown()}}
		if len(webhook.Events) > 0 {
			row.Says = append(row.Says, strings.Join(webhook.Events, ", "))
		}
		if webhook.Secret == "" {
			row.Says = append(row.Says, "unsigned")
		}
		if reason := r.configuration.Disabled(webhook.ID); reason != "" {
			row.Fault = "Disabled: " + reason + ". It is told nothing until it is enabled under its deliveries, or its URL changes."
		}
		rows = append(rows, row)
	}
	return rows
}

// matchWords is a match in words: "severity high or medium, title *eDiscovery*".
func matchWords(match oncall.Match) string {
	var parts []string
	for _, key := range []struct {
		name   string
		values oncall.Values
	}{
		{"severity", match.Severity},
		{"kind", match.Kind},
		{"product", match.Product},
		{"category", match.Category},
		{"title", match.Title},
		{"status", match.Status},
		{"device", match.Device},
		{"organisation", match.Organisation},
		{"from", match.From},
		{"to", match.To},
		{"tenant", match.Tenant},
	} {
		if len(key.values) > 0 {
			parts = append(parts, key.name+" "+strings.Join(key.values, " or "))
		}
	}
	if match.Verified != nil {
		parts = append(parts, map[bool]string{true: "verified sender", false: "unverified sender"}[*match.Verified])
	}
	if len(match.Hours) > 0 {
		parts = append(parts, "in "+count(len(match.Hours), "window of hours", "windows of hours"))
	}
	if len(parts) == 0 {
		return "everything"
	}
	return strings.Join(parts, ", ")
}

// written is a duration as the configuration writes it.
func written(d oncall.Duration) string {
	text, err := d.MarshalText()
	if err != nil {
		return time.Duration(d).String()
	}
	return string(text)
}
