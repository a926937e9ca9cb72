package slack_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"afterhours/oncall/notify"
	"afterhours/oncall/notify/notifytest"
	"afterhours/oncall/notify/slack"
)

const token = "xoxb-hush-4711"

func open(url string) *slack.Channel {
	client := notify.NewHTTPClient(notify.Guard{AllowPrivate: true})
	return slack.New(slack.Options{Guarded: client, API: client, Now: time.Now, AllowPrivate: true, Token: token, URL: url})
}

// posted is what Slack was asked to show.
type posted struct {
	path   string
	form   url.Values
	blocks []block
}

type block struct {
	Type     string
	Text     object
	Elements []struct {
		Type, URL, Value string
		ActionID         string `json:"action_id"`
		Text             json.RawMessage
	}
}

type object struct {
	Type  string
	Text  string
	Emoji *bool
}

func read(t *testing.T, r *http.Request, body []byte) posted {
	t.Helper()
	form, err := url.ParseQuery(string(body))
	if err != nil {
		t.Error(err)
	}
	p := posted{path: r.URL.Path, form: form}
	if err := json.Unmarshal([]byte(form.Get("blocks")), &p.blocks); err != nil {
		t.Errorf("blocks: %v in %s", err, body)
	}
	if r.Header.Get("Authorization") != "Bearer "+token && form.Get("token") != token {
		t.Error("the request does not carry the token")
	}
	return p
}

// actions are the ids of the buttons.
func (p posted) actions() string {
	var ids []string
	for _, block := range p.blocks {
		for _, element := range block.Elements {
			if element.Type == "button" {
				ids = append(ids, element.ActionID)
			}
		}
	}
	return strings.Join(ids, " ")
}

func TestContract(t *testing.T) {
	t.Parallel()
	word := func(word string) http.HandlerFunc { return notifytest.JSON(200, `{"ok":false,"error":"`+word+`"}`) }
	notifytest.Run(t, notifytest.Subject{
		Open:    func(url string) notify.Channel { return open(url) },
		Contact: func(string) notify.Contact { return notify.Contact{Address: "C0123ABCD"} },
		Secrets: []string{token},
		Answers: map[string]notifytest.Answer{
			"a wrong credential":        {Send: word("invalid_auth"), Permanent: true, Says: "AFTERHOURS_SLACK_TOKEN"},
			"a channel that is none":    {Send: word("channel_not_found"), Permanent: true, Says: "invite"},
			"a limit in Slack's words":  {Send: word("ratelimited"), Says: "busy"},
			"a fault inside":            {Send: word("internal_error"), Says: "busy"},
			"a fault that nobody knows": {Send: word("invalid_blocks"), Permanent: true, Says: "invalid_blocks"},
			"half an answer":            {Send: notifytest.JSON(200, `{"ok":tr`)},
		},
		Accept: func(t *testing.T, w http.ResponseWriter, r *http.Request, body []byte) {
			p := read(t, r, body)
			if p.path != "/chat.postMessage" || p.form.Get("channel") != "C0123ABCD" || p.actions() != "acknowledge escalate open" {
				t.Errorf("message: got %s to %s with %s", p.path, p.form.Get("channel"), p.actions())
			}
			if p.form.Get("parse") != "none" || p.form.Get("link_names") != "false" {
				t.Errorf("parsing: got %v", p.form)
			}
			_, _ = io.WriteString(w, `{"ok":true,"channel":"D9","ts":"1700000000.000100"}`)
		},
	})
}

func TestTheContractHoldsForWebhooks(t *testing.T) {
	t.Parallel()
	notifytest.Run(t, notifytest.Subject{
		Channel: open("http://127.0.0.1:1"),
		Contact: func(url string) notify.Contact { return notify.Contact{Address: url + "/services/T1/B1/hush4711"} },
		Secrets: []string{token},
		Accept: func(t *testing.T, w http.ResponseWriter, _ *http.Request, body []byte) {
			if !strings.Contains(string(body), `"url":"https://a.example/ack/x"`) || strings.Contains(string(body), `"acknowledge"`) {
				t.Errorf("got %s, want a link and no button that nobody would hear", body)
			}
			_, _ = io.WriteString(w, "ok")
		},
	})
}

func TestAMessageFollowsItsTicket(t *testing.T) {
	t.Parallel()
	var got posted
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = read(t, r, body)
		_, _ = io.WriteString(w, `{"ok":true,"channel":"D9","ts":"1700000000.000100"}`)
	}))
	defer server.Close()
	first, err := open(server.URL).Send(t.Context(), notify.Contact{Address: "U0123ABCD"}, notifytest.Message())
	if err != nil || !first.Delivered {
		t.Fatalf("send: got %+v, %v", first, err)
	}
	message := notifytest.Message()
	message.Replaces, message.State, message.Holder = first.ProviderID, "acknowledged", "Ben <@U666>"
	if _, err := open(server.URL).Send(t.Context(), notify.Contact{Address: "U0123ABCD"}, message); err != nil {
		t.Fatal(err)
	}
	if got.path != "/chat.update" || got.form.Get("channel") != "D9" || got.form.Get("ts") != "1700000000.000100" {
		t.Errorf("update: got %s of %s %s", got.path, got.form.Get("channel"), got.form.Get("ts"))
	}
	if got.actions() != "open" || !strings.Contains(got.form.Get("blocks"), "Acknowledged by Ben") {
		t.Errorf("acknowledged: got %s", got.form.Get("blocks"))
	}
}

// TestNothingInATicketMentionsOrLinks holds that ticket text stands in plain text objects, and in the banner's text
// without a sign that Slack would read.
func TestNothingInATicketMentionsOrLinks(t *testing.T) {
	t.Parallel()
	var got posted
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = read(t, r, body)
		_, _ = io.WriteString(w, `{"ok":true,"channel":"C1","ts":"1.2"}`)
	}))
	defer server.Close()
	for _, hostile := range []string{
		"<!channel> <!here> <!everyone>", "<@U0123ABCD>", "<#C0123ABCD>", "<!subteam^S012>", "<https://evil.example|Microsoft>",
		"https://evil.example/login", "@here @channel @everyone", "ana@example.com", "<mailto:a@evil.example|x>", "&lt;!channel&gt;", ":fire: *bold* `x`",
	} {
		message := notifytest.Message()
		message.Subject, message.Title = "High: "+hostile, hostile
		message.Facts = []notify.Fact{{Label: hostile, Value: hostile}}
		if _, err := open(server.URL).Send(t.Context(), notify.Contact{Address: "C0123ABCD"}, message); err != nil {
			t.Fatalf("%s: %v", hostile, err)
		}
		if banner := got.form.Get("text"); strings.ContainsAny(banner, "<>") || strings.Contains(banner, "://") || strings.Contains(banner, "@h") || strings.Contains(banner, "@e") {
			t.Errorf("%s: the banner is %q", hostile, banner)
		}
		for _, block := range got.blocks {
			if block.Type != "actions" && block.Text.Type != "" && (block.Text.Type != "plain_text" || block.Text.Emoji != nil && *block.Text.Emoji) {
				t.Errorf("%s: a block of %+v", hostile, block.Text)
			}
		}
		if strings.Contains(got.form.Get("blocks"), "mrkdwn") {
			t.Errorf("%s: a text that Slack reads: %s", hostile, got.form.Get("blocks"))
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	channel := slack.New(slack.Options{})
	for address, ok := range map[string]bool{
		"C0123ABCD": true, "U0123ABCD": true, "D0123ABCD": true, "https://hooks.slack.com/services/T1/B1/x": true,
		"#alerts": false, "ana": false, "": false, "http://hooks.slack.com/x": false, "https://127.0.0.1/x": false,
	} {
		if err := channel.Check(notify.Contact{Address: address}); (err == nil) != ok {
			t.Errorf("%q: got %v", address, err)
		}
	}
	_, err := channel.Send(t.Context(), notify.Contact{Address: "U0123ABCD"}, notifytest.Message())
	if !notify.IsPermanent(err) || !strings.Contains(err.Error(), "AFTERHOURS_SLACK_TOKEN") {
		t.Errorf("without an application: got %v", err)
	}
}
