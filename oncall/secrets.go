package oncall

import (
	"fmt"
	"slices"
)

// MapSecrets returns a copy of c in which every credential went through change. Its error names the credential's owner,
// never the credential.
func (c Configuration) MapSecrets(change func(string) (string, error)) (Configuration, error) {
	secret := func(value *string) error {
		if *value == "" {
			return nil
		}
		changed, err := change(*value)
		if err != nil {
			return err
		}
		*value = changed
		return nil
	}
	c.People, c.Webhooks, c.Tenants = slices.Clone(c.People), slices.Clone(c.Webhooks), slices.Clone(c.Tenants)
	for i := range c.People {
		contacts := slices.Clone(c.People[i].Contacts)
		for k := range contacts {
			if err := secret(&contacts[k].Secret); err != nil {
				return c, fmt.Errorf("secret of contact %s of %s: %w", contacts[k].ID, c.People[i].ID, err)
			}
		}
		c.People[i].Contacts = contacts
	}
	for i := range c.Webhooks {
		if err := secret(&c.Webhooks[i].Secret); err != nil {
			return c, fmt.Errorf("secret of webhook %s: %w", c.Webhooks[i].ID, err)
		}
	}
	for i := range c.Tenants {
		if err := secret(&c.Tenants[i].ClientSecret); err != nil {
			return c, fmt.Errorf("client_secret of tenant %s: %w", c.Tenants[i].ID, err)
		}
	}
	return c, nil
}

// MapSecrets is Configuration.MapSecrets for what a document holds.
func (d Document) MapSecrets(change func(string) (string, error)) (Document, error) {
	content, err := d.content.MapSecrets(change)
	d.content = content
	return d, err
}
