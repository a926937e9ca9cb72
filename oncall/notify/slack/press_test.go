package slack

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"afterhours/oncall/notify"
)

const signing = "8f742231b10e8888abcd99yyyzzz85a5"

// pressed is the body of a call.
func pressed() []byte {
	return []byte("payload=" + url.QueryEscape(`{"type":"block_actions","user":{"id":"U0123ABCD"},"response_url":"https://hooks.slack.com/actions/x",
		"actions":[{"type":"button","action_id":"acknowledge","block_id":"b1","value":"7.00ff"}]}`))
}

func header(stamp, signature string) http.Header {
	return http.Header{"X-Slack-Request-Timestamp": {stamp}, "X-Slack-Signature": {signature}}
}

// TestTheSignatureIsSlacks holds it to what the library thinks of ours.
func TestTheSignatureIsSlacks(t *testing.T) {
	t.Parallel()
	body := pressed()
	now := time.Now()
	stamp := itoa(now.Unix())
	ours := Inbound{Secret: signing, Now: time.Now}
	verifier, err := slack.NewSecretsVerifier(header(stamp, ours.sign(stamp, body)), signing)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = verifier.Write(body)
	if err := verifier.Ensure(); err != nil {
		t.Errorf("the library refuses ours: %v", err)
	}
}

func itoa(seconds int64) string { return strconv.FormatInt(seconds, 10) }

func TestWrongAndOldSignaturesAreRefused(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	inbound := Inbound{Secret: signing, Now: func() time.Time { return now }}
	body := pressed()
	good := func(at time.Time) http.Header { return header(itoa(at.Unix()), inbound.sign(itoa(at.Unix()), body)) }
	if err := inbound.Verify(good(now.Add(-4*time.Minute)), body); err != nil {
		t.Errorf("four minutes old: %v", err)
	}
	other := Inbound{Secret: "another", Now: inbound.Now}
	for name, c := range map[string]struct {
		inbound Inbound
		header  http.Header
		body    []byte
	}{
		"six minutes old":      {inbound, good(now.Add(-6 * time.Minute)), body},
		"of tomorrow":          {inbound, good(now.Add(24 * time.Hour)), body},
		"another secret":       {inbound, header(itoa(now.Unix()), other.sign(itoa(now.Unix()), body)), body},
		"a changed body":       {inbound, good(now), append(pressed(), 'x')},
		"a changed timestamp":  {inbound, header(itoa(now.Unix()+1), inbound.sign(itoa(now.Unix()), body)), body},
		"no signature":         {inbound, header(itoa(now.Unix()), ""), body},
		"no timestamp":         {inbound, http.Header{}, body},
		"no secret configured": {Inbound{Now: inbound.Now}, header(itoa(now.Unix()), Inbound{}.sign(itoa(now.Unix()), body)), body},
	} {
		err := c.inbound.Verify(c.header, c.body)
		if err == nil {
			t.Errorf("%s: taken for Slack's", name)
		} else if strings.Contains(err.Error(), signing) {
			t.Errorf("%s: the error shows the secret", name)
		}
	}
}

func TestAPressIsRead(t *testing.T) {
	t.Parallel()
	press, err := Inbound{}.ReadPress(pressed())
	want := Press{User: "U0123ABCD", Action: ActionAcknowledge, Token: "7.00ff", Answer: "https://hooks.slack.com/actions/x"}
	if err != nil || press != want {
		t.Errorf("got %+v, %v, want %+v", press, err, want)
	}
	for _, body := range []string{"", "payload=", "payload=%7B", "%zz"} {
		if _, err := (Inbound{}).ReadPress([]byte(body)); err == nil {
			t.Errorf("%q: got no error", body)
		}
	}
}

func TestWhoPressedIsToldAlone(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- string(body)
	}))
	defer server.Close()
	inbound := Inbound{Now: time.Now, Client: notify.NewHTTPClient(notify.Guard{AllowPrivate: true})}
	if err := inbound.Respond(t.Context(), server.URL, "You have it."); err != nil {
		t.Fatal(err)
	}
	if body := <-got; !strings.Contains(body, `"response_type":"ephemeral"`) || !strings.Contains(body, `"replace_original":false`) {
		t.Errorf("got %s", body)
	}
}
