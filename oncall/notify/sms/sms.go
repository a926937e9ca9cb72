// Package sms writes text messages through Twilio. A message is at most three segments long; what it says first is what a
// locked screen shows. Twilio tells later what became of it, and brings the answers: that is the web's part.
package sms

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/url"

	"afterhours/oncall/notify"
)

// Channel sends text messages. It implements notify.Channel.
type Channel struct{ notify.Twilio }

// New returns a channel.
func New(account notify.Twilio) *Channel { return &Channel{account} }

// Check says whether the address is a telephone number.
func (c *Channel) Check(to notify.Contact) error { return notify.CheckNumber(to.Address) }

// Ready says which setting is missing.
func (c *Channel) Ready(notify.Contact) error { return c.Configured() }

// Send hands one message to Twilio.
func (c *Channel) Send(ctx context.Context, to notify.Contact, message notify.Message) (notify.Receipt, error) {
	if err := c.Check(to); err != nil {
		return notify.Receipt{}, notify.Permanent(err)
	}
	parameters := url.Values{"To": {to.Address}, "Body": {Text(message)}}
	if c.Service != "" {
		parameters.Set("MessagingServiceSid", c.Service)
	} else {
		parameters.Set("From", c.From)
	}
	if c.Callbacks != "" && message.Token != "" {
		parameters.Set("StatusCallback", c.Callbacks+"/status/"+message.Token)
	}
	id, err := c.Create(ctx, "Messages", parameters)
	if err != nil {
		return notify.Receipt{}, err
	}
	return notify.Receipt{ProviderID: id, Detail: "accepted by Twilio"}, nil
}

// Reply is the TwiML that answers a text message; an empty text answers nothing.
func Reply(text string) (string, error) {
	response := struct {
		XMLName xml.Name `xml:"Response"`
		Message string   `xml:"Message,omitempty"`
	}{Message: plainer.Replace(notify.Cut(text, septetsAlone))}
	content, err := xml.Marshal(response)
	if err != nil {
		return "", fmt.Errorf("write TwiML: %w", err)
	}
	return xml.Header + string(content), nil
}
