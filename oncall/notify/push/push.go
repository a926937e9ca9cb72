// Package push rings phones: through a browser that allowed it, whose subscription is the address and whose keys are the
// secret, or through ntfy, at ntfy.sh or on a server of one's own: the topic's URL is the address, an access token the
// secret. High and Medium break through a phone's silence as far as its settings allow; the message's
// button acknowledges with a POST. Repeating until somebody acknowledges is the on-call room's part.
package push

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"afterhours/oncall/notify"
)

// Bounds of what ntfy takes (docs.ntfy.sh, limitations), in bytes.
const (
	maxTitle   = 250
	maxMessage = 4000
)

// Options are what a Channel stands on. Client comes from notify.NewHTTPClient with the same guard.
type Options struct {
	Client       *http.Client
	Now          func() time.Time
	AllowPrivate bool
	Keys         Keys   // of messages to browsers
	Subscriber   string // the mail address that a push service may write to
}

// Channel publishes to ntfy topics and to browsers. It implements notify.Channel.
type Channel struct{ Options }

// New returns a channel.
func New(options Options) *Channel { return &Channel{options} }

var topicName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Check says whether the address is a topic's URL or a browser's.
func (c *Channel) Check(to notify.Contact) error {
	if isSubscription(to) {
		if err := (notify.Guard{AllowPrivate: c.AllowPrivate}).CheckURL(to.Address); err != nil {
			return err
		}
		_, err := subscription(to)
		return err
	}
	_, _, err := c.topic(to.Address)
	if err == nil && strings.ContainsAny(to.Secret, " \r\n") {
		err = errors.New("the secret is not an access token")
	}
	return err
}

// topic splits a topic's URL into the server's root and the topic.
func (c *Channel) topic(address string) (root, topic string, err error) {
	if err := (notify.Guard{AllowPrivate: c.AllowPrivate}).CheckURL(address); err != nil {
		return "", "", err
	}
	target, err := url.Parse(address)
	if err != nil {
		return "", "", errors.New("is not a URL")
	}
	base, topic, _ := cutLast(strings.TrimSuffix(target.Path, "/"), "/")
	if !topicName.MatchString(topic) || target.RawQuery != "" {
		return "", "", errors.New("is not an ntfy topic; write one like https://ntfy.sh/a-long-secret-topic")
	}
	target.Path = base + "/"
	return target.String(), topic, nil
}

func cutLast(text, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(text, separator); i >= 0 {
		return text[:i], text[i+len(separator):], true
	}
	return "", text, false
}

type publication struct {
	Topic    string   `json:"topic"`
	Title    string   `json:"title"`
	Message  string   `json:"message"`
	Priority int      `json:"priority"`
	Tags     []string `json:"tags,omitempty"`
	Click    string   `json:"click,omitempty"`
	Actions  []action `json:"actions,omitempty"`
}

type action struct {
	Action string `json:"action"`
	Label  string `json:"label"`
	URL    string `json:"url"`
	Method string `json:"method,omitempty"`
	Clear  bool   `json:"clear,omitempty"`
}

// Send publishes one message.
func (c *Channel) Send(ctx context.Context, to notify.Contact, message notify.Message) (notify.Receipt, error) {
	if isSubscription(to) {
		return c.browser(ctx, to, message)
	}
	root, topic, err := c.topic(to.Address)
	if err != nil {
		return notify.Receipt{}, notify.Permanent(err)
	}
	note := publication{
		Topic: topic, Title: cut(message.Subject, maxTitle), Message: cut(message.Text, maxMessage),
		Priority: priority(message.Severity), Click: message.Link,
	}
	if message.Ticket != 0 {
		note.Tags = []string{"rotating_light"}
	}
	if message.Ticket != 0 && message.Link != "" && !message.SignIn { // what is about no ticket cannot be taken
		note.Actions = append(note.Actions, action{Action: "http", Label: "I have it", URL: message.Link, Method: http.MethodPost, Clear: true})
	}
	if message.Link != "" {
		note.Actions = append(note.Actions, action{Action: "view", Label: message.OpenLabel(), URL: message.Link})
	}
	body, err := json.Marshal(note)
	if err != nil {
		return notify.Receipt{}, notify.Permanent(fmt.Errorf("push body: %w", err))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, root, bytes.NewReader(body))
	if err != nil {
		return notify.Receipt{}, notify.Permanent(errors.New("the topic's URL cannot be requested"))
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "afterhours")
	if to.Secret != "" {
		request.Header.Set("Authorization", "Bearer "+to.Secret)
	}
	answer, err := notify.Post(c.Client, request, c.Now)
	if err != nil {
		return notify.Receipt{}, err
	}
	var accepted struct {
		ID string `json:"id"`
	}
	// An answer that is cut off is still an acceptance; it only lacks the provider's id.
	_ = json.Unmarshal(answer, &accepted)
	return notify.Receipt{ProviderID: accepted.ID, Detail: "accepted by " + notify.Redact(to.Address)}, nil
}

func priority(severity string) int {
	switch severity {
	case "high":
		return 5
	case "medium", "unknown":
		return 4
	default:
		return 3
	}
}

// cut shortens text to at most limit bytes, at the end of a character.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit-len("…")], "") + "…"
}
