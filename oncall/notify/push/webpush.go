package push

import (
	"context"
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	webpush "github.com/SherClockHolmes/webpush-go"

	"afterhours/oncall/notify"
)

// Bounds of a message through a browser's push service: what it encrypts into one record (RFC 8291, 4), in bytes, and how
// long it keeps the message for a telephone that is away.
const (
	maxBrowserTitle = 200
	maxBrowserBody  = 1500
	keepFor         = 10 * time.Minute
	tokenLife       = 12 * time.Hour
)

// Keys sign messages to browsers (RFC 8292), in URL-safe base64: a subscription holds for the public key that it was made
// with.
type Keys struct{ Public, Private string }

// DeriveKeys makes the keys of an installation from a secret of its own.
func DeriveKeys(secret []byte) (Keys, error) {
	for range 8 { // a secret outside of the curve's order is one in four thousand millions
		private, err := ecdh.P256().NewPrivateKey(secret)
		if err == nil {
			return Keys{
				Public:  base64.RawURLEncoding.EncodeToString(private.PublicKey().Bytes()),
				Private: base64.RawURLEncoding.EncodeToString(private.Bytes()),
			}, nil
		}
		sum := sha256.Sum256(secret)
		secret = sum[:]
	}
	return Keys{}, errors.New("no key for browsers can be derived")
}

// isSubscription says whether a contact is a browser's subscription: its secret is then the browser's keys as JSON.
func isSubscription(to notify.Contact) bool { return strings.HasPrefix(to.Secret, "{") }

func subscription(to notify.Contact) (*webpush.Subscription, error) {
	found := &webpush.Subscription{Endpoint: to.Address}
	if err := json.Unmarshal([]byte(to.Secret), &found.Keys); err != nil {
		return nil, errors.New("the secret is not a browser's subscription; allow notifications again on the page of this device")
	}
	point, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(found.Keys.P256dh, "="))
	if err == nil {
		_, err = ecdh.P256().NewPublicKey(point)
	}
	secret, bad := base64.RawURLEncoding.DecodeString(strings.TrimRight(found.Keys.Auth, "="))
	if err != nil || bad != nil || len(secret) != 16 {
		return nil, errors.New("the secret is not a browser's subscription; allow notifications again on the page of this device")
	}
	return found, nil
}

// toBrowser is what the service worker of the page shows.
type toBrowser struct {
	Title       string `json:"title"`
	Body        string `json:"body,omitempty"`
	URL         string `json:"url,omitempty"`
	Tag         string `json:"tag,omitempty"`
	Acknowledge bool   `json:"acknowledge,omitempty"`
}

func (c *Channel) browser(ctx context.Context, to notify.Contact, message notify.Message) (notify.Receipt, error) {
	if c.Keys.Private == "" {
		return notify.Receipt{}, notify.Permanent(errors.New("no key for browsers is configured"))
	}
	found, err := subscription(to)
	if err != nil {
		return notify.Receipt{}, notify.Permanent(err)
	}
	note := toBrowser{
		Title: cut(notify.OneLine(message.Subject), maxBrowserTitle), URL: message.Link, Tag: message.ID,
		Acknowledge: message.Token != "" && message.State == "open",
	}
	var lines []string
	for _, fact := range message.Facts {
		lines = append(lines, fact.Label+": "+notify.OneLine(fact.Value))
	}
	note.Body = cut(strings.Join(lines, "\n"), maxBrowserBody)
	options := &webpush.Options{
		HTTPClient: notify.Sender{Client: c.Client, Now: c.Now}, Subscriber: c.Subscriber, TTL: int(keepFor.Seconds()), Urgency: webpush.UrgencyHigh,
		VAPIDPublicKey: c.Keys.Public, VAPIDPrivateKey: c.Keys.Private, VapidExpiration: c.Now().Add(tokenLife),
	}
	if message.Ticket != 0 && !message.SignIn { // a telephone that was away gets the last message of a ticket alone
		note.Tag = fmt.Sprintf("ticket-%d", message.Ticket)
		options.Topic = note.Tag
	}
	body, err := json.Marshal(note)
	if err != nil {
		return notify.Receipt{}, notify.Permanent(fmt.Errorf("push body: %w", err))
	}
	response, err := webpush.SendNotificationWithContext(ctx, body, found, options)
	if err != nil {
		return notify.Receipt{}, err
	}
	if err := response.Body.Close(); err != nil {
		return notify.Receipt{}, fmt.Errorf("%s: %w", notify.Redact(to.Address), err)
	}
	return notify.Receipt{Detail: "accepted by " + notify.Redact(to.Address)}, nil
}
