// Package teams posts adaptive cards to Microsoft Teams, through the address of a workflow that posts what it gets to a
// chat or a channel. What a ticket says is escaped, so that it can neither mention anybody nor make a link.
package teams

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/atc0005/go-teams-notify/v2/adaptivecard"

	"afterhours/oncall/notify"
)

// Bounds of a card, in characters: Teams refuses messages above 28 KB.
const (
	maxHeadline = 300
	maxFacts    = 12
	maxFact     = 500
)

// Options are what a Channel stands on. Client comes from notify.NewHTTPClient with the same guard.
type Options struct {
	Client       *http.Client
	Now          func() time.Time
	AllowPrivate bool
}

// Channel posts cards. It implements notify.Channel.
type Channel struct{ Options }

// New returns a channel.
func New(options Options) *Channel { return &Channel{options} }

// Check says whether the address may be a workflow's.
func (c *Channel) Check(to notify.Contact) error {
	return notify.Guard{AllowPrivate: c.AllowPrivate}.CheckURL(to.Address)
}

// Send posts one card.
func (c *Channel) Send(ctx context.Context, to notify.Contact, message notify.Message) (notify.Receipt, error) {
	if err := c.Check(to); err != nil {
		return notify.Receipt{}, notify.Permanent(err)
	}
	post, err := card(message)
	if err != nil {
		return notify.Receipt{}, notify.Permanent(fmt.Errorf("adaptive card: %w", err))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.Address, post.Payload())
	if err != nil {
		return notify.Receipt{}, notify.Permanent(errors.New("the workflow's URL cannot be requested"))
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "afterhours")
	if _, err := notify.Post(c.Client, request, c.Now); err != nil {
		return notify.Receipt{}, err
	}
	return notify.Receipt{Detail: "accepted by " + notify.Redact(to.Address)}, nil
}

func card(message notify.Message) (*adaptivecard.Message, error) {
	laid := adaptivecard.NewCard()
	laid.FallbackText = escape(notify.Cut(notify.OneLine(message.Subject), maxHeadline))
	headline := adaptivecard.NewTextBlock(laid.FallbackText, true)
	headline.Size, headline.Weight, headline.Color = adaptivecard.SizeLarge, adaptivecard.WeightBolder, colour(message.Severity)
	if err := laid.AddElement(false, headline); err != nil {
		return nil, err
	}
	facts := adaptivecard.NewFactSet()
	for i, fact := range message.Facts {
		if i == maxFacts {
			break
		}
		err := facts.AddFact(adaptivecard.Fact{Title: escape(notify.OneLine(fact.Label)), Value: escape(notify.Cut(notify.OneLine(fact.Value), maxFact))})
		if err != nil {
			return nil, err
		}
	}
	if len(message.Facts) > 0 {
		if err := laid.AddFactSet(false, facts); err != nil {
			return nil, err
		}
	}
	if message.Link != "" {
		label := message.OpenLabel()
		if message.Token != "" && message.State == "open" {
			label = "Open and acknowledge"
		}
		open, err := adaptivecard.NewActionOpenURL(message.Link, label)
		if err != nil {
			return nil, err
		}
		if err := laid.AddAction(false, open); err != nil {
			return nil, err
		}
	}
	post, err := adaptivecard.NewMessageFromCard(laid)
	if err != nil {
		return nil, err
	}
	return post, post.Prepare()
}

func colour(severity string) string {
	switch severity {
	case "high":
		return adaptivecard.ColorAttention
	case "medium":
		return adaptivecard.ColorWarning
	case "low":
		return adaptivecard.ColorAccent
	}
	return adaptivecard.ColorDefault
}

// escape takes the meaning from what a text block would read as Markdown, a mention, a date function or an address
// (learn.microsoft.com/adaptive-cards/authoring-cards/text-features).
func escape(text string) string { return escaping.Replace(text) }

var escaping = strings.NewReplacer(
	`\`, `\\`, "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "(", `\(`, ")", `\)`, "`", "\\`", "~", `\~`, "#", `\#`, ">", "&gt;", "<", "&lt;", "&", "&amp;",
	"{{", "{\u200b{", "://", ":\u200b//", "@", "@\u200b",
)
