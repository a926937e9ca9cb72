package oncall

import (
	"fmt"
	"slices"
	"strings"
)

// Merge returns current with the sections of the documents in place of its own, or every fault of the result: nothing is
// half applied. checkContact says whether an address and a secret suit a channel.
func Merge(current Configuration, checkContact func(channel, to, secret string) error, documents ...Document) (Configuration, error) {
	merged := current
	origin := map[string]Document{}
	var faults ConfigErrors
	for _, document := range documents {
		for _, section := range document.sections {
			if other, taken := origin[section]; taken {
				faults = append(faults, ConfigError{document.name, document.lines[section], fmt.Sprintf("%s stands in %s, too; put both into one file", section, other.name)})
				continue
			}
			origin[section] = document
			merged.take(section, document.content)
		}
	}
	for _, fault := range merged.faults(checkContact) {
		faults = append(faults, fault.at(origin))
	}
	return merged, faults.err()
}

func (c *Configuration) take(section string, from Configuration) {
	switch section {
	case "people":
		c.People = from.People
	case "schedules":
		c.Schedules = from.Schedules
	case "policies":
		c.Policies = from.Policies
	case "routes":
		c.Routes = from.Routes
	case "webhooks":
		c.Webhooks = from.Webhooks
	case "mutes":
		c.Mutes = from.Mutes
	case "maintenance":
		c.Maintenance = from.Maintenance
	case "intake":
		c.Intake = from.Intake
	case "tenants":
		c.Tenants = from.Tenants
	case "playbooks":
		c.Playbooks = from.Playbooks
	case "readings":
		c.Readings = from.Readings
	case "retention":
		c.Retention = from.Retention
	case "load":
		c.Load = from.Load
	}
}

// fault is something wrong at a path of the configuration.
type fault struct {
	path    string
	message string
}

// at puts the file and line before a fault; what stands in the database alone has none.
func (f fault) at(origin map[string]Document) ConfigError {
	section := f.path
	if end := strings.IndexAny(section, "[."); end >= 0 {
		section = section[:end]
	}
	document, ok := origin[section]
	if !ok {
		return ConfigError{Message: f.path + " (in force): " + f.message}
	}
	for path := f.path; ; {
		if line, ok := document.lines[path]; ok {
			return ConfigError{document.name, line, f.message}
		}
		path = path[:max(strings.LastIndexByte(path, '.'), strings.LastIndexByte(path, '['))] // a section has its line
	}
}

// known says which ids a reference may name.
type known struct{ people, schedules, policies, webhooks, tenants, playbooks []string }

func (c Configuration) known() known {
	var k known
	for _, person := range c.People {
		k.people = append(k.people, person.ID)
	}
	for _, schedule := range c.Schedules {
		k.schedules = append(k.schedules, schedule.ID)
	}
	for _, policy := range c.Policies {
		k.policies = append(k.policies, policy.ID)
	}
	for _, webhook := range c.Webhooks {
		k.webhooks = append(k.webhooks, webhook.ID)
	}
	for _, tenant := range c.Tenants {
		k.tenants = append(k.tenants, tenant.ID)
	}
	for _, playbook := range c.Playbooks {
		k.playbooks = append(k.playbooks, playbook.ID)
	}
	return k
}

// missing is the message for a reference to nothing.
func missing(what, id string, known []string) string {
	if len(known) == 0 {
		return fmt.Sprintf("there is no %s %q, nor any other; add it", what, id)
	}
	return fmt.Sprintf("there is no %s %q; known are %s", what, id, strings.Join(known, ", "))
}

func has(list []string, id string) bool { return slices.Contains(list, id) }
