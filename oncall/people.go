package oncall

import (
	"strings"

	"afterhours/oncall/notify"
)

// Person is somebody who can be paged. Name and ID are required.
type Person struct {
	ID       string    `json:"id" yaml:"id"`
	Name     string    `json:"name" yaml:"name"`
	Email    string    `json:"email,omitempty" yaml:"email"`
	Timezone string    `json:"timezone,omitempty" yaml:"timezone"` // IANA name; empty is UTC
	Role     string    `json:"role,omitempty" yaml:"role"`         // viewer, responder or admin
	Detail   string    `json:"detail,omitempty" yaml:"detail"`     // DetailFull (the default) or DetailMinimal
	Contacts []Contact `json:"contacts,omitempty" yaml:"contacts"`
	Notify   []Rule    `json:"notify,omitempty" yaml:"notify"`
	Quiet    []Window  `json:"quiet,omitempty" yaml:"quiet"` // in Timezone; High alerts ignore them
	// ShiftNotice is how long before a shift begins, and before it ends, the person is told; 0 is never.
	ShiftNotice Duration `json:"shift_notice,omitempty" yaml:"shift_notice"`
	// WeeklyReport says that the person gets what each week came to, by mail.
	WeeklyReport bool `json:"weekly_report,omitempty" yaml:"weekly_report"`
}

// How much of a ticket leaves the house for a person's contacts.
const (
	DetailFull    = "full"
	DetailMinimal = "minimal" // severity, number and link alone
)

// Contact is one way to reach a person. Secret is the contact's credential.
type Contact struct {
	ID      string `json:"id" yaml:"id"`
	Channel string `json:"channel" yaml:"channel"`
	To      string `json:"to" yaml:"to"`
	Secret  string `json:"secret,omitempty" yaml:"secret"`
}

// Target is the contact as its channel sees it.
func (c Contact) Target() notify.Contact { return notify.Contact{Address: c.To, Secret: c.Secret} }

// Shown is the address without what may be a credential: of a URL the host alone.
func (c Contact) Shown() string {
	if strings.Contains(c.To, "://") {
		return notify.Redact(c.To)
	}
	return c.To
}

// Rule notifies one contact some time after the person's turn came. Severity names those that it holds for; empty holds
// for all.
type Rule struct {
	After    Duration `json:"after" yaml:"after"`
	Contact  string   `json:"contact" yaml:"contact"`
	Severity Values   `json:"severity,omitempty" yaml:"severity"`
}

// emailContact is the contact of a person who has an address and names no contacts.
const emailContact = "email"

// EffectiveContacts are the person's contacts, or else the person's own mail address.
func (p Person) EffectiveContacts() []Contact {
	if len(p.Contacts) == 0 && p.Email != "" {
		return []Contact{{ID: emailContact, Channel: "email", To: p.Email}}
	}
	return p.Contacts
}

// EffectiveRules are the person's rules, or else every contact at once: whoever wrote down a contact wants to be reached
// there, and a page too many is better than one too few.
func (p Person) EffectiveRules() []Rule {
	if len(p.Notify) > 0 {
		return p.Notify
	}
	contacts := p.EffectiveContacts()
	rules := make([]Rule, len(contacts))
	for i, contact := range contacts {
		rules[i] = Rule{Contact: contact.ID}
	}
	return rules
}

// Contact returns the effective contact of the given id.
func (p Person) Contact(id string) (Contact, bool) {
	for _, contact := range p.EffectiveContacts() {
		if contact.ID == id {
			return contact, true
		}
	}
	return Contact{}, false
}
