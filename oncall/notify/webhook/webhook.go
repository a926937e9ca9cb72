// Package webhook delivers messages as signed HTTP posts by the Standard Webhooks specification: webhook-id is the same
// on every attempt, webhook-timestamp is that of the attempt, webhook-signature covers both and the body. A contact
// without a secret gets its messages unsigned. An address of PagerDuty's Events API gets its events instead.
package webhook

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"afterhours/oncall/notify"
)

// Options are what a Channel stands on. Client comes from notify.NewHTTPClient with the same guard.
type Options struct {
	Client       *http.Client
	Now          func() time.Time
	AllowPrivate bool
}

// Channel posts messages. It implements notify.Channel.
type Channel struct{ Options }

// New returns a channel.
func New(options Options) *Channel { return &Channel{options} }

// Check says whether the address may be a target and the secret can sign.
func (c *Channel) Check(to notify.Contact) error {
	if err := (notify.Guard{AllowPrivate: c.AllowPrivate}).CheckURL(to.Address); err != nil {
		return err
	}
	if isPagerDuty(to.Address) {
		return checkRoutingKey(to.Secret)
	}
	return checkSecret(to.Secret)
}

// Send posts one message.
func (c *Channel) Send(ctx context.Context, to notify.Contact, message notify.Message) (notify.Receipt, error) {
	if err := (notify.Guard{AllowPrivate: c.AllowPrivate}).CheckURL(to.Address); err != nil {
		return notify.Receipt{}, notify.Permanent(err)
	}
	if isPagerDuty(to.Address) {
		if err := checkRoutingKey(to.Secret); err != nil {
			return notify.Receipt{}, notify.Permanent(err)
		}
		return c.pagerDuty(ctx, to, message)
	}
	body, err := json.Marshal(struct {
		Type      string          `json:"type"`
		Timestamp time.Time       `json:"timestamp"`
		Data      json.RawMessage `json:"data"`
	}{message.Type, message.At.UTC(), message.Data})
	if err != nil {
		return notify.Receipt{}, notify.Permanent(fmt.Errorf("webhook body: %w", err))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.Address, bytes.NewReader(body))
	if err != nil {
		return notify.Receipt{}, notify.Permanent(errors.New("the webhook's URL cannot be requested"))
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "afterhours")
	if err := c.sign(request, to.Secret, message.ID, body); err != nil {
		return notify.Receipt{}, notify.Permanent(err)
	}
	if _, err := notify.Post(c.Client, request, c.Now); err != nil {
		return notify.Receipt{}, err
	}
	return notify.Receipt{Delivered: true, ProviderID: message.ID, Detail: "accepted by " + notify.Redact(to.Address)}, nil
}

func (c *Channel) sign(request *http.Request, secret, id string, body []byte) error {
	at := c.Now()
	request.Header.Set("webhook-id", id)
	request.Header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	signing, err := signers(secret)
	if err != nil || len(signing) == 0 {
		return err
	}
	signatures := make([]string, len(signing))
	for i, signer := range signing {
		if signatures[i], err = signer.Sign(id, at, body); err != nil {
			return errors.New("the webhook cannot be signed")
		}
	}
	request.Header.Set("webhook-signature", strings.Join(signatures, " "))
	return nil
}

// leastSecret is how many octets a secret has at least: fewer can be guessed.
const leastSecret = 16

var errSecret = errors.New("the secret cannot sign; write whsec_ and 24 to 64 random bytes in base64, or two of them with a space between")

// checkSecret refuses what is no secret of the specification. Those that were stored before go on signing.
func checkSecret(secrets string) error {
	if _, err := signers(secrets); err != nil {
		return err
	}
	for secret := range strings.FieldsSeq(secrets) {
		encoded, ok := strings.CutPrefix(secret, "whsec_")
		if !ok || base64.StdEncoding.DecodedLen(len(encoded)) < leastSecret {
			return errSecret
		}
	}
	return nil
}

// signers read secrets of the form whsec_ and base64, none for an empty text. While a receiver changes its secret, the
// old and the new one stand side by side, with a space between, and each message carries both signatures.
func signers(secrets string) ([]*standardwebhooks.Webhook, error) {
	var signing []*standardwebhooks.Webhook
	for secret := range strings.FieldsSeq(secrets) {
		signer, err := standardwebhooks.NewWebhook(secret)
		if err != nil || strings.TrimPrefix(secret, "whsec_") == "" {
			return nil, errSecret
		}
		signing = append(signing, signer)
	}
	return signing, nil
}
