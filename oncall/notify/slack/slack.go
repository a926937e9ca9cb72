// Package slack writes to Slack: to a channel or a person by the application's token, with buttons that acknowledge and
// escalate, or to an incoming webhook, with a link alone. A message of the application follows the state of its ticket.
// What a ticket says is shown as plain text, so that it can neither mention anybody nor make a link.
package slack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"afterhours/oncall/notify"
)

// APIURL is Slack's API.
const APIURL = slack.APIURL

// Options are what a Channel stands on. Guarded reaches the webhooks that users write, API the address of the settings.
type Options struct {
	Guarded      *http.Client
	API          *http.Client
	Now          func() time.Time
	AllowPrivate bool
	Token        string // of the application's bot; empty where there is none
	URL          string // APIURL or a test's
}

// Channel posts messages. It implements notify.Channel.
type Channel struct{ Options }

// New returns a channel.
func New(options Options) *Channel { return &Channel{options} }

var conversation = regexp.MustCompile(`^[CDGUW][A-Z0-9]{5,20}$`)

func isWebhook(address string) bool { return strings.Contains(address, "://") }

// Check says whether the address is a conversation's or a person's id, or a webhook's URL.
func (c *Channel) Check(to notify.Contact) error {
	if isWebhook(to.Address) {
		return notify.Guard{AllowPrivate: c.AllowPrivate}.CheckURL(to.Address)
	}
	if !conversation.MatchString(to.Address) {
		return errors.New("is neither an id in Slack like C0123ABCD or U0123ABCD (a channel's details and a profile's menu show it) nor the URL of an incoming webhook")
	}
	return nil
}

// Ready says which setting is missing; a webhook needs none.
func (c *Channel) Ready(to notify.Contact) error {
	if isWebhook(to.Address) || c.Token != "" {
		return nil
	}
	return errors.New("no Slack application is configured; set AFTERHOURS_SLACK_TOKEN")
}

// Send posts one message, or puts it in the place of an earlier one. The id of what the application wrote is the
// conversation's and the message's, with a colon between.
func (c *Channel) Send(ctx context.Context, to notify.Contact, message notify.Message) (notify.Receipt, error) {
	if err := errors.Join(c.Check(to), c.Ready(to)); err != nil {
		return notify.Receipt{}, notify.Permanent(err)
	}
	if isWebhook(to.Address) {
		return c.post(ctx, to.Address, message)
	}
	client := slack.New(c.Token, slack.OptionAPIURL(strings.TrimSuffix(c.URL, "/")+"/"), slack.OptionHTTPClient(notify.Sender{Client: c.API, Now: c.Now}))
	options := slack.MsgOptionCompose(
		slack.MsgOptionText(notification(message), false), slack.MsgOptionBlocks(blocks(message, true)...),
		slack.MsgOptionParse(false), slack.MsgOptionLinkNames(false), slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
	)
	var room, at string
	var err error
	if before, moment, ok := strings.Cut(message.Replaces, ":"); ok {
		room, at, _, err = client.UpdateMessageContext(ctx, before, moment, options)
	} else {
		room, at, err = client.PostMessageContext(ctx, to.Address, options)
	}
	if err != nil {
		return notify.Receipt{}, classify(err)
	}
	return notify.Receipt{Delivered: true, ProviderID: room + ":" + at, Detail: "posted in Slack"}, nil
}

// Slack answers faults of the request with status 200 and a word (docs.slack.dev/reference/methods/chat.postMessage).
var (
	credentialFaults = []string{"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope", "no_permission", "org_login_required", "not_allowed_token_type", "access_denied"}
	passingFaults    = []string{"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org", "accesslimited"}
	roomFaults       = []string{"channel_not_found", "not_in_channel", "is_archived", "user_not_found", "cannot_dm_bot", "restricted_action", "messages_tab_disabled"}
)

func classify(err error) error {
	var answer slack.SlackErrorResponse
	if !errors.As(err, &answer) {
		return err
	}
	word := notify.Cut(notify.OneLine(answer.Err), 60)
	switch {
	case slices.Contains(credentialFaults, answer.Err):
		return notify.Permanent(fmt.Errorf("%s refused the credential (%s); check AFTERHOURS_SLACK_TOKEN and the application's scopes", name, word))
	case slices.Contains(passingFaults, answer.Err):
		return fmt.Errorf("%s is busy (%s)", name, word)
	case slices.Contains(roomFaults, answer.Err):
		return notify.Permanent(fmt.Errorf("%s cannot post there (%s); invite the application to the channel, or correct the contact", name, word))
	}
	return notify.Permanent(fmt.Errorf("%s refused the message (%s)", name, word))
}

const name = "Slack"
