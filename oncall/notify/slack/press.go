package slack

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/slack-go/slack"

	"afterhours/oncall/notify"
)

// signatureLife is how old a signed call of Slack's may be (docs.slack.dev/authentication/verifying-requests-from-slack).
const signatureLife = 5 * time.Minute

// Inbound receives what Slack calls. It verifies with the injected clock, which the library's verifier cannot.
type Inbound struct {
	Secret string // the application's signing secret; empty where there is none, and nothing is genuine then
	Now    func() time.Time
	Client *http.Client
}

// Verify says why a call is not Slack's, or not of now. Whether it is a repetition is for the caller to say.
func (i Inbound) Verify(header http.Header, body []byte) error {
	stamp := header.Get("X-Slack-Request-Timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	switch {
	case i.Secret == "":
		return errors.New("no signing secret is configured")
	case err != nil:
		return errors.New("no timestamp")
	case i.Now().Sub(time.Unix(seconds, 0)).Abs() > signatureLife:
		return errors.New("an old timestamp")
	case !hmac.Equal([]byte(header.Get("X-Slack-Signature")), []byte(i.sign(stamp, body))):
		return errors.New("a wrong signature")
	}
	return nil
}

func (i Inbound) sign(stamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(i.Secret))
	mac.Write([]byte("v0:" + stamp + ":"))
	mac.Write(body)
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}

// Press is somebody's press of a button.
type Press struct {
	User   string // who pressed, by id in Slack
	Action string // ActionAcknowledge, ActionEscalate or another
	Token  string // of the page
	Answer string // the address to which Respond writes
}

// ReadPress reads the body of a call. A call that is no press of a button has an empty Action.
func (i Inbound) ReadPress(body []byte) (Press, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return Press{}, errors.New("the call is no form")
	}
	var callback slack.InteractionCallback
	if err := json.Unmarshal([]byte(form.Get("payload")), &callback); err != nil {
		return Press{}, errors.New("the call has no payload that can be read")
	}
	press := Press{User: callback.User.ID, Answer: callback.ResponseURL}
	if callback.Type == slack.InteractionTypeBlockActions && len(callback.ActionCallback.BlockActions) > 0 {
		press.Action, press.Token = callback.ActionCallback.BlockActions[0].ActionID, callback.ActionCallback.BlockActions[0].Value
	}
	return press, nil
}

// Respond tells whoever pressed a button, and nobody else, what came of it.
func (i Inbound) Respond(ctx context.Context, address, text string) error {
	body, err := json.Marshal(slack.WebhookMessage{ResponseType: slack.ResponseTypeEphemeral, Text: text})
	if err != nil {
		return fmt.Errorf("answer to slack: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return errors.New("answer to slack: its address cannot be requested")
	}
	request.Header.Set("Content-Type", "application/json")
	if _, err := notify.Post(i.Client, request, i.Now); err != nil {
		return fmt.Errorf("answer to slack: %w", err)
	}
	return nil
}
