package oncall

import (
	"slices"
	"time"

	"afterhours/oncall/notify"
)

// UpdateType is the type of a message that goes in the place of an earlier page, because the state of its ticket has
// changed. Only channels that can replace what they wrote get it.
const UpdateType = "page.update"

// ReplacingChannel is the channel that can replace what it wrote.
const ReplacingChannel = "slack"

// Update is the data of a page of UpdateType.
type Update struct {
	Page      int64     `json:"page"` // that is said anew
	CreatedAt time.Time `json:"created_at"`
	Replaces  string    `json:"replaces"` // the provider's id of what it wrote
}

// HasContact says whether anybody has a contact of a channel.
func (c Configuration) HasContact(channel string) bool {
	return slices.ContainsFunc(c.People, func(p Person) bool {
		return slices.ContainsFunc(p.Contacts, func(contact Contact) bool { return contact.Channel == channel })
	})
}

// Report is what a provider tells later of a page that it had accepted. Where neither holds, it says nothing yet.
type Report struct {
	Delivered bool
	Failed    bool
	Reason    string // why it failed, without any credential
	Detail    string // more of a delivery, for the timeline
}

// Reachable says who has a contact of one of the channels at an address: whose answer it is when something comes from
// there. The first of several counts.
func (c Configuration) Reachable(address string, channels ...string) (Person, bool) {
	if address == "" {
		return Person{}, false
	}
	return find(c.People, func(p Person) bool {
		for _, contact := range p.EffectiveContacts() {
			if contact.To == address && has(channels, contact.Channel) {
				return true
			}
		}
		return false
	})
}

// DeliveredReceipt is a report of a delivery as a receipt.
func DeliveredReceipt(report Report) notify.Receipt {
	return notify.Receipt{Delivered: true, Detail: report.Detail}
}
