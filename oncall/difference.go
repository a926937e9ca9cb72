package oncall

import (
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
)

// Difference is what changes from c to wanted, as a unified diff of their exports; empty where nothing does. Of a
// credential it says only whether it is set and whether it changed.
func (c Configuration) Difference(wanted Configuration) (string, error) {
	before, err := c.masked(c).Export()
	if err != nil {
		return "", err
	}
	after, err := wanted.masked(c).Export()
	if err != nil {
		return "", err
	}
	_, unified, _ := strings.Cut(string(diff.Diff("in force", before, "wanted", after)), "\n") // the first line names the tool
	return unified, nil
}

// masked is c without its credentials, those that differ from the ones in force marked.
func (c Configuration) masked(inForce Configuration) Configuration {
	mask := func(secret, old string) string {
		switch secret {
		case "":
			return ""
		case old:
			return "(set)"
		}
		return "(changed)"
	}
	c.People, c.Webhooks = slices.Clone(c.People), slices.Clone(c.Webhooks)
	for i, person := range c.People {
		known, _ := inForce.Person(person.ID)
		contacts := slices.Clone(person.Contacts)
		for k := range contacts {
			old, _ := known.Contact(contacts[k].ID)
			contacts[k].Secret = mask(contacts[k].Secret, old.Secret)
		}
		c.People[i].Contacts = contacts
	}
	for i, webhook := range c.Webhooks {
		old, _ := inForce.Webhook(webhook.ID)
		c.Webhooks[i].Secret = mask(webhook.Secret, old.Secret)
	}
	return c
}
