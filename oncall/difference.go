package oncall

import (
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"afterhours/oncall/notify"
)

// Difference is what changes from c to wanted, as a unified diff of their exports; empty where nothing does. Of a
// credential, and of a URL's path, it says only whether it is set and whether it changed.
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

// Shown is the export of c without its credentials.
func (c Configuration) Shown() (string, error) {
	text, err := c.masked(c).Export()
	return string(text), err
}

// masked is c without its credentials, those that differ from the ones in force marked. The path of a URL can be one: a
// push's topic, a hook's token.
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
	maskURL := func(address, old string) string {
		if address == old {
			return notify.Redact(address)
		}
		return notify.Redact(address) + " (changed)"
	}
	c.People, c.Webhooks, c.Tenants = slices.Clone(c.People), slices.Clone(c.Webhooks), slices.Clone(c.Tenants)
	for i, person := range c.People {
		known, _ := inForce.Person(person.ID)
		contacts := slices.Clone(person.Contacts)
		for k := range contacts {
			old, _ := known.Contact(contacts[k].ID)
			contacts[k].Secret = mask(contacts[k].Secret, old.Secret)
			if contacts[k].Channel != "email" {
				contacts[k].To = maskURL(contacts[k].To, old.To)
			}
		}
		c.People[i].Contacts = contacts
	}
	for i, webhook := range c.Webhooks {
		old, _ := inForce.Webhook(webhook.ID)
		c.Webhooks[i].Secret, c.Webhooks[i].URL = mask(webhook.Secret, old.Secret), maskURL(webhook.URL, old.URL)
	}
	for i, tenant := range c.Tenants {
		old, _ := inForce.Tenant(tenant.ID)
		c.Tenants[i].ClientSecret = mask(tenant.ClientSecret, old.ClientSecret)
	}
	return c
}
