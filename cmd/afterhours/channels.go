package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"afterhours/oncall"
	"afterhours/oncall/notify"
	"afterhours/oncall/notify/email"
	"afterhours/oncall/notify/push"
	"afterhours/oncall/notify/slack"
	"afterhours/oncall/notify/sms"
	"afterhours/oncall/notify/teams"
	"afterhours/oncall/notify/voice"
	"afterhours/oncall/notify/webhook"
)

// hooksPath is where the calls of providers arrive below the public URL.
const hooksPath = "/hooks"

// openChannels makes every channel that a contact may name. The base of links is the address under which providers reach
// us.
func openChannels(s settings, keys push.Keys, links oncall.Links, now func() time.Time) (map[string]notify.Channel, error) {
	mail, err := openEmail(s, links)
	if err != nil {
		return nil, err
	}
	client := notify.NewHTTPClient(notify.Guard{AllowPrivate: s.AllowPrivate})
	account := twilio(s, links.BaseURL, now)
	return map[string]notify.Channel{
		"email":   mail,
		"webhook": webhook.New(webhook.Options{Client: client, Now: now, AllowPrivate: s.AllowPrivate}),
		"push": push.New(push.Options{
			Client: client, Now: now, AllowPrivate: s.AllowPrivate, Keys: keys, Subscriber: s.OutboundFrom,
		}),
		"sms":   sms.New(account),
		"voice": voice.New(account),
		"slack": slack.New(slack.Options{
			Guarded: client, API: operators(), Now: now, AllowPrivate: s.AllowPrivate, Token: s.SlackToken, URL: s.SlackAPIURL,
		}),
		"teams": teams.New(teams.Options{Client: client, Now: now, AllowPrivate: s.AllowPrivate}),
	}, nil
}

func openEmail(s settings, links oncall.Links) (*email.Channel, error) {
	smarthost, err := email.ParseSmarthost(s.SmarthostURL)
	if err != nil {
		return nil, usageError{fmt.Errorf("%s: %w", variable("smarthost-url"), err)}
	}
	return email.New(email.Options{Smarthost: smarthost, From: s.OutboundFrom, Domain: s.SMTPDomain, LoopMark: links.LoopMark()})
}

// operators is a client for addresses that stand in the settings: whoever runs the program may point it inside.
func operators() *http.Client { return notify.NewHTTPClient(notify.Guard{AllowPrivate: true}) }

// twilio is the account of the settings. Without a public URL nothing of Twilio's reaches us, and nothing is asked of it.
func twilio(s settings, base string, now func() time.Time) notify.Twilio {
	account := notify.Twilio{
		Client: operators(), Now: now, URL: s.TwilioAPIURL, AccountSID: s.TwilioAccountSID, AuthToken: s.TwilioAuthToken,
		From: s.TwilioFrom, Service: s.TwilioMessagingService,
	}
	if s.PublicURL != "" {
		account.Callbacks = strings.TrimSuffix(base, "/") + hooksPath + "/twilio"
	}
	return account
}

// checkContact says whether a contact's address and secret suit its channel.
func checkContact(channels map[string]notify.Channel) func(channel, to, secret string) error {
	return func(channel, to, secret string) error {
		return channels[channel].Check(notify.Contact{Address: to, Secret: secret})
	}
}

// readiness is what a channel has that needs settings: an error that names the missing one.
type readiness interface {
	Ready(to notify.Contact) error
}

// unready are sentences about contacts whose channels lack a setting: their pages fail at once.
func unready(channels map[string]notify.Channel) func(oncall.Configuration) []string {
	return func(configuration oncall.Configuration) []string {
		var sentences []string
		for _, person := range configuration.People {
			for _, contact := range person.EffectiveContacts() {
				channel, ok := channels[contact.Channel].(readiness)
				if !ok {
					continue
				}
				if err := channel.Ready(contact.Target()); err != nil {
					sentences = append(sentences, fmt.Sprintf("Pages to %s by %s (contact %s) fail: %s.", person.Name, contact.Channel, contact.ID, err))
				}
			}
		}
		return sentences
	}
}
