package main

import (
	"context"

	"afterhours/oncall"
	"afterhours/oncall/notify"
	"afterhours/oncall/notify/slack"
	"afterhours/oncall/notify/sms"
	"afterhours/oncall/notify/voice"
	"afterhours/web"
)

// hooks is how the web understands what Twilio and Slack call.
func (a *application) hooks() web.Hooks {
	account := twilio(a.settings, a.baseURL, a.now)
	inbound := slack.Inbound{
		Secret: a.settings.SlackSigningSecret, Now: a.now,
		Client: notify.NewHTTPClient(notify.Guard{AllowPrivate: a.settings.AllowPrivate}),
	}
	return web.Hooks{
		Store:        a.rooms.oncall,
		TwilioSigned: account.Signed,
		TwilioFault:  notify.TwilioFault,
		Ask: func(ctx context.Context, page int64, prelude string, turn int) (string, error) {
			dispatch, err := a.rooms.oncall.Dispatch(ctx, page)
			if err != nil {
				return "", err
			}
			message, err := oncall.Compose(dispatch, a.rooms.deliverer.Links)
			if err != nil {
				return "", err
			}
			return voice.Ask(message, account.Callbacks, prelude, turn)
		},
		Say: voice.Say, Reply: sms.Reply,
		VerifySlack: inbound.Verify,
		ReadPress: func(body []byte) (web.Press, error) {
			press, err := inbound.ReadPress(body)
			return web.Press(press), err
		},
		Respond: inbound.Respond,
	}
}
