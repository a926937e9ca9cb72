package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackutilsx"

	"afterhours/oncall/notify"
)

// Bounds of blocks (docs.slack.dev/reference/block-kit/blocks), in characters.
const (
	maxHeader = 150
	maxText   = 2900
)

// The actions of a message's buttons.
const (
	ActionAcknowledge = "acknowledge"
	ActionEscalate    = "escalate"
	actionOpen        = "open"
)

func plain(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
}

// notification is what a banner shows. Slack reads marks in it, so its own signs are written as entities and no address
// is left whole.
func notification(message notify.Message) string {
	text := slackutilsx.EscapeMessage(notify.Cut(notify.OneLine(message.Subject), maxHeader))
	return strings.NewReplacer("://", ":\u200b//", "@", "@\u200b").Replace(text)
}

// blocks lays a message out. Buttons that answer stand under what can still be answered, and need the application.
func blocks(message notify.Message, buttons bool) []slack.Block {
	laid := []slack.Block{slack.NewHeaderBlock(plain(notify.Cut(notify.OneLine(message.Subject), maxHeader)))}
	var lines []string
	for _, fact := range message.Facts {
		lines = append(lines, notify.OneLine(fact.Label)+": "+notify.OneLine(fact.Value))
	}
	if len(lines) > 0 {
		laid = append(laid, slack.NewSectionBlock(plain(notify.Cut(strings.Join(lines, "\n"), maxText)), nil, nil))
	}
	if state := stateOf(message); state != "" {
		laid = append(laid, slack.NewContextBlock("", plain(state)))
	}
	var elements []slack.BlockElement
	if buttons && message.Token != "" && message.State == "open" {
		elements = append(elements,
			slack.NewButtonBlockElement(ActionAcknowledge, message.Token, plain("I have it")).WithStyle(slack.StylePrimary),
			slack.NewButtonBlockElement(ActionEscalate, message.Token, plain("Escalate")))
	}
	if message.Link != "" {
		elements = append(elements, slack.NewButtonBlockElement(actionOpen, "", plain(message.OpenLabel())).WithURL(message.Link))
	}
	if len(elements) > 0 {
		laid = append(laid, slack.NewActionBlock("", elements...))
	}
	return laid
}

func stateOf(message notify.Message) string {
	switch {
	case message.State == "acknowledged" && message.Holder != "":
		return "✓ Acknowledged by " + notify.OneLine(message.Holder)
	case message.State == "acknowledged":
		return "✓ Acknowledged"
	case message.State == "resolved":
		return "✓ Resolved"
	}
	return ""
}

// post writes to an incoming webhook.
func (c *Channel) post(ctx context.Context, address string, message notify.Message) (notify.Receipt, error) {
	no := false
	laid := slack.Blocks{BlockSet: blocks(message, false)}
	body, err := json.Marshal(slack.WebhookMessage{
		Text: notification(message), Blocks: &laid, Parse: "none", UnfurlLinks: &no, UnfurlMedia: &no,
	})
	if err != nil {
		return notify.Receipt{}, notify.Permanent(fmt.Errorf("slack message: %w", err))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return notify.Receipt{}, notify.Permanent(errors.New("the webhook's URL cannot be requested"))
	}
	request.Header.Set("Content-Type", "application/json")
	if _, err := notify.Post(c.Guarded, request, c.Now); err != nil {
		return notify.Receipt{}, err
	}
	return notify.Receipt{Delivered: true, Detail: "accepted by " + notify.Redact(address)}, nil
}
