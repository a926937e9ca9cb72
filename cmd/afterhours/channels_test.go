package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"afterhours/migrations/pgtest"
	"afterhours/oncall/notify"
	"afterhours/tickets"
)

const publicBase = "https://oncall.test.example"

// provider stands for Twilio and Slack: it takes what they take, answers as they do and keeps it.
type provider struct {
	*httptest.Server
	mutex sync.Mutex
	got   []asked
}

type asked struct {
	path string
	form url.Values
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		form, _ := url.ParseQuery(string(body)) // an answer to a press is JSON
		p.mutex.Lock()
		defer p.mutex.Unlock()
		if strings.HasPrefix(r.URL.Path, "/actions/") {
			form = url.Values{"body": {string(body)}}
		}
		p.got = append(p.got, asked{r.URL.Path, form})
		switch {
		case strings.HasPrefix(r.URL.Path, "/2010-04-01/"):
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"sid":"SM%d"}`, len(p.got))
		case strings.HasPrefix(r.URL.Path, "/chat."):
			fmt.Fprintf(w, `{"ok":true,"channel":"D9","ts":"1700000000.%06d"}`, len(p.got))
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// wait returns the nth request to a path that ends so, once it has come.
func (p *provider) wait(t *testing.T, ending string, nth int) url.Values {
	t.Helper()
	var found url.Values
	eventually(t, fmt.Sprintf("request %d to …%s", nth, ending), func() bool {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		left := nth
		for _, r := range p.got {
			if strings.HasSuffix(r.path, ending) {
				if left--; left == 0 {
					found = r.form
					return true
				}
			}
		}
		return false
	})
	return found
}

// withProviders serves on fakes of the providers; log keeps every line.
func withProviders(t *testing.T, yaml string) (app *application, p *provider, log *lockedBuffer) {
	t.Helper()
	p, log = newProvider(t), &lockedBuffer{}
	s := testSettings(pgtest.URL(t))
	trusting(&s)
	s.PublicURL, s.PublicHTTPAddr, s.LogLevel = publicBase, "127.0.0.1:0", "debug"
	s.TwilioAccountSID, s.TwilioAuthToken, s.TwilioFrom, s.TwilioAPIURL = "AC4711", "twilio-hush", "+15005550006", p.URL
	s.SlackToken, s.SlackSigningSecret, s.SlackAPIURL = "xoxb-slack-hush", "signing-hush", p.URL
	app, err := start(t.Context(), s, slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})), time.Now)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() {
		if err := app.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
		if t.Failed() {
			t.Log(log.String())
		}
	})
	app.configure(t, yaml)
	return app, p, log
}

type lockedBuffer struct {
	mutex sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(line []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.Buffer.Write(line)
}

func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.Buffer.String()
}

// post calls a path of the public listener.
func (a *application) post(t *testing.T, path string, body string, header ...string) (status int, answer string) {
	t.Helper()
	call, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+a.publicAddr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	call.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(header); i += 2 {
		call.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(call)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}

// twilioCalls is a call that Twilio makes to an address that we gave it.
func (a *application) twilioCalls(t *testing.T, address string, parameters url.Values) (status int, answer string) {
	t.Helper()
	account := notify.Twilio{AuthToken: a.settings.TwilioAuthToken}
	return a.post(t, strings.TrimPrefix(address, publicBase), parameters.Encode(), "X-Twilio-Signature", account.Sign(address, parameters))
}

// timelineTypes are the types of a ticket's events.
func (a *application) timelineTypes(t *testing.T, number int64) string {
	t.Helper()
	events, err := a.rooms.tickets.Timeline(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, event := range events {
		types = append(types, string(event.Type))
	}
	return strings.Join(types, " ")
}

func (a *application) wantHolder(t *testing.T, number int64, person string) {
	t.Helper()
	ticket, err := a.rooms.tickets.Get(t.Context(), number)
	if err != nil || ticket.State != tickets.Acknowledged || ticket.AcknowledgedBy != person {
		t.Errorf("ticket %d: got %s by %q, %v, want it acknowledged by %s", number, ticket.State, ticket.AcknowledgedBy, err, person)
	}
}

// secretFree holds the log to show no credential.
func secretFree(t *testing.T, log *lockedBuffer, more ...string) {
	t.Helper()
	for _, secret := range append(more, "twilio-hush", "slack-hush", "signing-hush", "AC4711", "+34600000001", "/ack/") {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log shows %q", secret)
		}
	}
}

const phones = `
people:
  - {id: ana, name: Ana Ruiz, contacts: [{id: cell, channel: sms, to: "+34600000001"}, {id: call, channel: voice, to: "+34600000001"}, {id: chat, channel: slack, to: U0123ABCD}],
     notify: [{after: 0s, contact: %s}, {after: 30m, contact: call}]}
policies:
  - {id: security, steps: [{notify: ["person:ana"], wait: 1h}]}
routes:
  - {match: {}, policy: security}
`

func TestATextMessageThatDidNotArriveBecomesACallThatAKeyAnswers(t *testing.T) {
	t.Parallel()
	app, twilio, log := withProviders(t, fmt.Sprintf(phones, "cell"))
	mustSend(t, app.smtpAddr, vouched(alertMail("High", "Ransomware behavior detected", "srv-sql-07", "da1", "m1@x")))
	text := twilio.wait(t, "/Messages.json", 1)
	if !strings.HasPrefix(text.Get("Body"), "High: Ransomware behavior detected on srv-sql-07 (#1001)\n"+publicBase+"/ack/") || !strings.HasSuffix(text.Get("Body"), "\nReply ACK 1001") {
		t.Errorf("text message: got %q", text.Get("Body"))
	}
	status, _ := app.twilioCalls(t, text.Get("StatusCallback"), url.Values{"MessageSid": {"SM1"}, "MessageStatus": {"undelivered"}, "ErrorCode": {"30003"}})
	if status != http.StatusNoContent {
		t.Errorf("receipt: got %d", status)
	}
	call := twilio.wait(t, "/Calls.json", 1)
	script := call.Get("Twiml")
	_, action, _ := strings.Cut(script, `action="`)
	action, _, _ = strings.Cut(action, `"`)
	pressed := url.Values{"CallSid": {"CA1"}, "Digits": {"4"}}
	forged := notify.Twilio{AuthToken: "another"}
	if status, _ := app.post(t, strings.TrimPrefix(action, publicBase), pressed.Encode(), "X-Twilio-Signature", forged.Sign(action, pressed)); status != http.StatusForbidden {
		t.Errorf("a forged key press: got %d, want 403", status)
	}
	if status, answer := app.twilioCalls(t, action, url.Values{"CallSid": {"CA1"}, "Digits": {"9"}}); status != http.StatusOK || !strings.Contains(answer, "S R V S Q L zero seven") || !strings.Contains(answer, "turn=2") {
		t.Errorf("hear it again: got %d %s", status, answer)
	}
	if status, answer := app.twilioCalls(t, action, pressed); status != http.StatusOK || !strings.Contains(answer, "You have ticket") {
		t.Errorf("key 4: got %d %s", status, answer)
	}
	if status, _ := app.twilioCalls(t, action, pressed); status != http.StatusForbidden {
		t.Errorf("the same key press again: got %d, want 403", status)
	}
	app.wantHolder(t, 1001, "ana")
	// The call's record can come after the key press that ends it.
	eventually(t, "the timeline tells all", func() bool {
		got := app.timelineTypes(t, 1001)
		return strings.HasPrefix(got, "created escalated page_sent page_failed ") && strings.Count(got, "page_sent") == 2 && strings.Count(got, "acknowledged") == 1
	})
	_, token, _ := strings.Cut(text.Get("StatusCallback"), "/status/")
	secretFree(t, log, token)
}

func TestAReplyToATextMessageAcknowledges(t *testing.T) {
	t.Parallel()
	app, twilio, log := withProviders(t, fmt.Sprintf(phones, "cell"))
	mustSend(t, app.smtpAddr, vouched(alertMail("High", "Ransomware behavior detected", "srv-sql-07", "da1", "m1@x")))
	text := twilio.wait(t, "/Messages.json", 1)
	if status, _ := app.twilioCalls(t, text.Get("StatusCallback"), url.Values{"MessageSid": {"SM1"}, "MessageStatus": {"delivered"}}); status != http.StatusNoContent {
		t.Errorf("receipt: got %d", status)
	}
	address := publicBase + "/hooks/twilio/sms"
	if _, answer := app.twilioCalls(t, address, url.Values{"MessageSid": {"SM8"}, "From": {"+34999999999"}, "Body": {"ack 1001"}}); strings.Contains(answer, "<Message>") {
		t.Errorf("a stranger: got %s, want silence", answer)
	}
	status, answer := app.twilioCalls(t, address, url.Values{"MessageSid": {"SM9"}, "From": {"+34600000001"}, "Body": {"Ack"}})
	if status != http.StatusOK || !strings.Contains(answer, "<Message>You have ticket #1001.</Message>") {
		t.Errorf("reply: got %d %s", status, answer)
	}
	app.wantHolder(t, 1001, "ana")
	if got := app.timelineTypes(t, 1001); got != "created escalated page_sent page_delivered pages_cancelled acknowledged" && got != "created escalated page_sent page_delivered acknowledged pages_cancelled" {
		t.Errorf("timeline: got %s", got)
	}
	eventually(t, "the message's id is known", func() bool {
		pages, err := app.rooms.oncall.Pages(t.Context(), 1001)
		return err == nil && pages[0].State == "delivered" && pages[0].ProviderID != ""
	})
	secretFree(t, log)
}

func TestAButtonInSlackAcknowledgesAndTheMessageFollows(t *testing.T) {
	t.Parallel()
	app, slack, log := withProviders(t, fmt.Sprintf(phones, "chat"))
	mustSend(t, app.smtpAddr, vouched(alertMail("High", "<!channel> Ransomware", "srv-sql-07", "da1", "m1@x")))
	message := slack.wait(t, "/chat.postMessage", 1)
	var blocks []struct {
		Elements []struct {
			ActionID string `json:"action_id"`
			Value    string
		}
	}
	if err := json.Unmarshal([]byte(message.Get("blocks")), &blocks); err != nil {
		t.Fatal(err)
	}
	token := blocks[len(blocks)-1].Elements[0].Value
	press := func(user string, at time.Time, secret string) (status int) {
		payload, _ := json.Marshal(map[string]any{
			"type": "block_actions", "user": map[string]string{"id": user}, "response_url": slack.URL + "/actions/" + user,
			"actions": []map[string]string{{"type": "button", "block_id": "b", "action_id": "acknowledge", "value": token}},
		})
		body, stamp := url.Values{"payload": {string(payload)}}.Encode(), strconv.FormatInt(at.Unix(), 10)
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte("v0:" + stamp + ":" + body))
		status, _ = app.post(t, "/hooks/slack", body, "X-Slack-Request-Timestamp", stamp, "X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
		return status
	}
	now := time.Now()
	for name, got := range map[string]int{
		"a wrong secret": press("U0123ABCD", now, "another"), "an old press": press("U0123ABCD", now.Add(-10*time.Minute), "signing-hush"),
	} {
		if got != http.StatusForbidden {
			t.Errorf("%s: got %d, want 403", name, got)
		}
	}
	if got := press("U0STRANGE", now, "signing-hush"); got != http.StatusOK {
		t.Errorf("a stranger: got %d", got)
	}
	if said := slack.wait(t, "/actions/U0STRANGE", 1).Get("body"); !strings.Contains(said, "ephemeral") || !strings.Contains(said, "nobody's contact") {
		t.Errorf("a stranger was told %s", said)
	}
	if ticket, err := app.rooms.tickets.Get(t.Context(), 1001); err != nil || ticket.State != tickets.Open {
		t.Errorf("after the others: got %s, %v, want it open", ticket.State, err)
	}
	if got := press("U0123ABCD", now, "signing-hush"); got != http.StatusOK {
		t.Errorf("the press: got %d", got)
	}
	if got := press("U0123ABCD", now, "signing-hush"); got != http.StatusForbidden {
		t.Errorf("the press again: got %d, want 403", got)
	}
	app.wantHolder(t, 1001, "ana")
	update := slack.wait(t, "/chat.update", 1)
	if update.Get("channel") != "D9" || strings.Contains(update.Get("blocks"), `"action_id":"acknowledge"`) || !strings.Contains(update.Get("blocks"), "Acknowledged by Ana Ruiz") {
		t.Errorf("update: got %v", update)
	}
	if strings.Contains(message.Get("text"), "<!channel>") || strings.Contains(message.Get("blocks"), "mrkdwn") {
		t.Errorf("the title mentions: %v", message)
	}
	secretFree(t, log, token)
}

func TestWhatIsNotConfiguredIsSaidEverywhereAndFallsThrough(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	app := serveTest(t, trusting)
	app.configure(t, fmt.Sprintf(`
people:
  - {id: ana, name: Ana Ruiz, contacts: [{id: cell, channel: sms, to: "+34600000001"}, {id: call, channel: voice, to: "+34600000001"}, {id: chat, channel: slack, to: U0123ABCD}],
     notify: [{after: 0s, contact: cell}, {after: 30m, contact: call}, {after: 40m, contact: chat}]}
  - {id: ben, name: Ben Okafor, contacts: [{id: hook, channel: webhook, to: %q}]}
policies:
  - {id: security, steps: [{notify: ["person:ana"], wait: 1h}, {notify: ["person:ben"], wait: 1h}]}
routes:
  - {match: {}, policy: security}
`, h.URL))
	configuration, err := app.rooms.oncall.Configuration(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Join(unready(app.rooms.channels)(configuration), "\n")
	for _, want := range []string{"Pages to Ana Ruiz by sms (contact cell) fail", "AFTERHOURS_TWILIO_ACCOUNT_SID", "AFTERHOURS_SLACK_TOKEN"} {
		if !strings.Contains(said, want) {
			t.Errorf("got %q, want %q in it", said, want)
		}
	}
	mustSend(t, app.smtpAddr, vouched(alertMail("High", "Ransomware", "srv-sql-07", "da1", "m1@x")))
	eventually(t, "the next person is told", func() bool { return len(h.deliveries()) == 1 })
	pages, err := app.rooms.oncall.Pages(t.Context(), 1001)
	if err != nil || len(pages) != 4 || pages[0].State != "failed" || pages[1].State != "failed" || pages[2].State != "failed" || !strings.Contains(pages[2].LastError, "AFTERHOURS_SLACK_TOKEN") {
		t.Errorf("pages: got %+v, %v", pages, err)
	}
}
