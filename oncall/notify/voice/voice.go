// Package voice calls telephones through Twilio and reads a page aloud. 4 acknowledges, 6 escalates, 9 says it again: the
// key presses come to the web, which answers with this package's words.
package voice

import (
	"context"
	"errors"
	"net/url"
	"strconv"

	"afterhours/oncall/notify"
)

// ringFor is how many seconds a telephone rings, below what most voicemails wait for.
const ringFor = 25

// Channel makes calls. It implements notify.Channel.
type Channel struct{ notify.Twilio }

// New returns a channel.
func New(account notify.Twilio) *Channel { return &Channel{account} }

// Check says whether the address is a telephone number.
func (c *Channel) Check(to notify.Contact) error { return notify.CheckNumber(to.Address) }

// Ready says which setting is missing. A messaging service cannot call.
func (c *Channel) Ready(notify.Contact) error {
	if err := c.Configured(); err != nil {
		return err
	}
	if c.From == "" {
		return errors.New("no number to call from is configured; set AFTERHOURS_TWILIO_FROM")
	}
	return nil
}

// Send begins one call. What it says goes with the request, so that Twilio need not fetch it while the telephone rings.
func (c *Channel) Send(ctx context.Context, to notify.Contact, message notify.Message) (notify.Receipt, error) {
	if err := c.Check(to); err != nil {
		return notify.Receipt{}, notify.Permanent(err)
	}
	if err := c.Ready(to); err != nil {
		return notify.Receipt{}, notify.Permanent(err)
	}
	script, err := Ask(message, c.Callbacks, "", 0)
	if err != nil {
		return notify.Receipt{}, notify.Permanent(err)
	}
	parameters := url.Values{
		"To": {to.Address}, "From": {c.From}, "Twiml": {script}, "Timeout": {strconv.Itoa(ringFor)},
	}
	if c.Callbacks != "" && message.Token != "" {
		parameters.Set("StatusCallback", c.Callbacks+"/status/"+message.Token)
		parameters.Set("StatusCallbackEvent", "completed")
	}
	id, err := c.Create(ctx, "Calls", parameters)
	if err != nil {
		return notify.Receipt{}, err
	}
	return notify.Receipt{ProviderID: id, Detail: "Twilio is calling"}, nil
}
