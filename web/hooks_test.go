package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"afterhours/oncall"
	"afterhours/tickets"
)

// hooksDouble stands for the on-call store and the providers' packages: the signature "good" holds, the token "page1" is
// that of page 1, to Ana about ticket 1042.
type hooksDouble struct {
	mutex   sync.Mutex
	taken   map[string]bool
	told    []int64
	reports []oncall.Report
	said    []string
	fails   error // of RecordReport
}

func (d *hooksDouble) TakeCall(_ context.Context, digest []byte) (bool, error) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	seen := d.taken[string(digest)]
	d.taken[string(digest)] = true
	return !seen, nil
}

func (d *hooksDouble) ForgetCall(_ context.Context, digest []byte) error {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	delete(d.taken, string(digest))
	return nil
}

func (d *hooksDouble) Callback(_ context.Context, token string) (oncall.Invitation, error) {
	if token != "page1" {
		return oncall.Invitation{}, tickets.ErrNotFound
	}
	return oncall.Invitation{Page: 1, Ticket: 1042, Person: "ana", Name: "Ana Ruiz"}, nil
}

func (d *hooksDouble) Told(context.Context, string) ([]int64, error) {
	return slices.Clone(d.told), nil
}

func (d *hooksDouble) RecordReport(_ context.Context, _ int64, report oncall.Report) error {
	if d.fails != nil {
		return d.fails
	}
	d.reports = append(d.reports, report)
	return nil
}

func newHooks() (*hooksDouble, Hooks) {
	d := &hooksDouble{taken: map[string]bool{}}
	return d, Hooks{
		Store: d,
		TwilioSigned: func(address string, _ url.Values, signature string) bool {
			return strings.HasPrefix(signature, "good") && strings.HasPrefix(address, "http://desk.example/hooks/")
		},
		TwilioFault: func(int) string { return "could not reach the telephone" },
		Ask: func(_ context.Context, _ int64, prelude string, turn int) (string, error) {
			return "ask:" + prelude + ":" + string(rune('0'+turn)), nil
		},
		Say:   func(text string) (string, error) { return "say:" + text, nil },
		Reply: func(text string) (string, error) { return "reply:" + text, nil },
		VerifySlack: func(header http.Header, _ []byte) error {
			if !strings.HasPrefix(header.Get("X-Slack-Signature"), "good") {
				return errors.New("a wrong signature")
			}
			return nil
		},
		ReadPress: func(body []byte) (Press, error) {
			user, action, _ := strings.Cut(string(body), " ")
			return Press{User: user, Action: action, Token: "page1", Answer: "https://hooks.slack.com/actions/hush"}, nil
		},
		Respond: func(_ context.Context, _, text string) error {
			d.said = append(d.said, text)
			return nil
		},
	}
}

// call posts what a provider would; signature is unique to the call.
func (d *desk) call(t *testing.T, path, signature, body string) (status int, answer string) {
	t.Helper()
	response := d.ask(t, http.MethodPost, path, body, "X-Twilio-Signature", signature, "X-Slack-Signature", signature)
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}

func TestACallThatIsNotSignedOrIsRepeatedIsRefusedAndLogged(t *testing.T) {
	t.Parallel()
	d := newDesk(t) // an acknowledgement fails the test
	for _, path := range []string{"/hooks/twilio/voice/page1", "/hooks/twilio/sms", "/hooks/twilio/status/page1", "/hooks/slack"} {
		for _, signature := range []string{"", "forged"} {
			if status, _ := d.call(t, path, signature, "Digits=4&From=%2B34600000001&Body=ack"); status != http.StatusForbidden {
				t.Errorf("%s with the signature %q: got %d, want 403", path, signature, status)
			}
		}
		body := "MessageStatus=sent" // it changes nothing
		if status, _ := d.call(t, path, "good", body); status >= http.StatusBadRequest {
			t.Errorf("%s: got %d to the first call", path, status)
		}
		if status, _ := d.call(t, path, "good", body); status != http.StatusForbidden {
			t.Errorf("%s: got %d to its repetition, want 403", path, status)
		}
	}
	log := d.log.String()
	for _, want := range []string{"provider's call refused", "a wrong signature", "a repetition"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %q", want)
		}
	}
	for _, hidden := range []string{"page1", "forged", "+34600000001", "good"} {
		if strings.Contains(log, hidden) {
			t.Errorf("the log shows %q", hidden)
		}
	}
}

func TestAKeyInACall(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var did []string
	d.tickets.acknowledge = func(number int64, actor string) (tickets.Ticket, error) {
		did = append(did, numbered("acknowledge %d by ", number)+actor)
		return tickets.Ticket{}, nil
	}
	d.oncall.escalate = func(number int64, actor string) error {
		did = append(did, numbered("escalate %d by ", number)+actor)
		return nil
	}
	for _, c := range []struct{ digits, want string }{
		{"4", "say:You have ticket #1042. Goodbye."},
		{"6", "say:Ticket #1042 is escalated: the next ones are being told now. Goodbye."},
		{"9", "ask::3"},
		{"7", "ask:That key means nothing here.:3"},
	} {
		if status, answer := d.call(t, "/hooks/twilio/voice/page1?turn=3", "good"+c.digits, "Digits="+c.digits); status != http.StatusOK || answer != c.want {
			t.Errorf("%s: got %d %q, want %q", c.digits, status, answer, c.want)
		}
	}
	if got := strings.Join(did, ", "); got != "acknowledge 1042 by ana, escalate 1042 by ana" {
		t.Errorf("got %s", got)
	}
	if status, _ := d.call(t, "/hooks/twilio/voice/forged", "good", "Digits=4"); status != http.StatusNotFound {
		t.Errorf("a forged token: got %d, want 404", status)
	}
}

func TestATextMessageActsAsItsSender(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	configuration, err := d.oncall.configuration()
	if err != nil {
		t.Fatal(err)
	}
	configuration.People[0].Contacts = append(configuration.People[0].Contacts, oncall.Contact{ID: "cell", Channel: "sms", To: "+34600000009"})
	d.oncall.configuration = func() (oncall.Configuration, error) { return configuration, nil }
	sender := configuration.People[0].ID
	var did []string
	d.tickets.acknowledge = func(number int64, actor string) (tickets.Ticket, error) {
		did = append(did, numbered("ack %d ", number)+actor)
		return tickets.Ticket{}, nil
	}
	d.tickets.resolve = func(number int64, actor, _ string) (tickets.Ticket, error) {
		did = append(did, numbered("resolve %d ", number)+actor)
		return tickets.Ticket{}, nil
	}
	d.tickets.get = func(number int64) (tickets.Ticket, error) {
		if number == 1 {
			return tickets.Ticket{Number: 1, State: tickets.Open}, nil
		}
		return tickets.Ticket{}, tickets.ErrNotFound
	}
	d.calls.told = []int64{1042, 1040}
	text := func(from, body string) string {
		status, answer := d.call(t, "/hooks/twilio/sms", "good"+from+body, form("From", from, "Body", body))
		if status != http.StatusOK {
			t.Errorf("%q: got %d", body, status)
		}
		return answer
	}
	for body, want := range map[string]string{
		"ack":       "reply:You have ticket #1042. Waiting for you: #1040.",
		"ACK 1040":  "reply:You have ticket #1040. Waiting for you: #1042.",
		"4":         "reply:You have ticket #1042. Waiting for you: #1040.",
		"resolve":   "reply:Ticket #1042 is resolved. Waiting for you: #1040.",
		"help":      "reply:Reply ACK, ESCALATE or RESOLVE and a ticket's number, like ACK 1042. Waiting for you: #1042, #1040.",
		"on my way": "reply:Reply ACK, ESCALATE or RESOLVE and a ticket's number, like ACK 1042. Waiting for you: #1042, #1040.",
		"ack 1":     "reply:You were not told of ticket #1. Open it at the desk.",
	} {
		if got := text("+34600000009", body); got != want {
			t.Errorf("%q: got %q, want %q", body, got, want)
		}
	}
	if len(did) != 4 || strings.Contains(strings.Join(did, " "), "ack 1 ") {
		t.Errorf("got %q", did)
	}
	for _, act := range did {
		if !strings.HasSuffix(act, " "+sender) {
			t.Errorf("%s: want it as %s", act, sender)
		}
	}
	did = nil
	if got := text("+34999999999", "ack 1042"); got != "reply:" || did != nil {
		t.Errorf("a stranger: got %q and %q, want silence", got, did)
	}
}

func TestASecondAcknowledgementLearnsWhoHasIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	at := d.now
	d.tickets.acknowledge = func(int64, string) (tickets.Ticket, error) {
		return tickets.Ticket{}, &tickets.ConflictError{Reason: "it is acknowledged"}
	}
	d.tickets.get = func(number int64) (tickets.Ticket, error) {
		return tickets.Ticket{Number: number, State: tickets.Acknowledged, AcknowledgedBy: "ben", AcknowledgedAt: &at}, nil
	}
	_, answer := d.call(t, "/hooks/twilio/voice/page1?turn=1", "good", "Digits=4")
	if !strings.HasPrefix(answer, "say:Ticket #1042: Ben") || !strings.Contains(answer, "acknowledged it just now") {
		t.Errorf("got %q", answer)
	}
}

func TestReportsOfTwilio(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for body, want := range map[string]oncall.Report{
		"MessageStatus=delivered":                   {Delivered: true, Detail: "the telephone has it"},
		"MessageStatus=undelivered&ErrorCode=30003": {Failed: true, Reason: "Twilio could not reach the telephone (30003)"},
		"MessageStatus=failed":                      {Failed: true, Reason: "Twilio could not deliver it"},
		"MessageStatus=sent":                        {},
		"CallStatus=completed":                      {Delivered: true, Detail: "the call was answered"},
		"CallStatus=busy":                           {Failed: true, Reason: "the line was busy"},
		"CallStatus=no-answer":                      {Failed: true, Reason: "nobody answered"},
		"CallStatus=failed":                         {Failed: true, Reason: "the call could not be made"},
		"CallStatus=ringing":                        {},
	} {
		d.calls.reports = nil
		if status, _ := d.call(t, "/hooks/twilio/status/page1", "good"+body, body); status != http.StatusNoContent {
			t.Errorf("%s: got %d", body, status)
		}
		if len(d.calls.reports) != 1 || d.calls.reports[0] != want {
			t.Errorf("%s: got %+v, want %+v", body, d.calls.reports, want)
		}
	}
}

func TestACallThatCouldNotBeAnsweredMayComeAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.calls.fails = errors.New("the database is away")
	if status, _ := d.call(t, "/hooks/twilio/status/page1", "good", "MessageStatus=delivered"); status != http.StatusInternalServerError {
		t.Errorf("got %d, want 500", status)
	}
	d.calls.fails = nil
	if status, _ := d.call(t, "/hooks/twilio/status/page1", "good", "MessageStatus=delivered"); status != http.StatusNoContent {
		t.Errorf("again: got %d, want 204", status)
	}
}

func TestAButtonInSlackActsAsWhoeverPressed(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	configuration, err := d.oncall.configuration()
	if err != nil {
		t.Fatal(err)
	}
	configuration.People[1].Contacts = append(configuration.People[1].Contacts, oncall.Contact{ID: "chat", Channel: "slack", To: "U0123ABCD"})
	d.oncall.configuration = func() (oncall.Configuration, error) { return configuration, nil }
	actor := ""
	d.tickets.acknowledge = func(_ int64, by string) (tickets.Ticket, error) {
		actor = by
		return tickets.Ticket{}, nil
	}
	for _, c := range []struct{ body, actor, said string }{
		{"U0123ABCD acknowledge", configuration.People[1].ID, "You have ticket #1042."},
		{"U0STRANGE acknowledge", "", "Your account here is nobody's contact"},
		{"U0123ABCD open", "", ""},
	} {
		actor, d.calls.said = "", nil
		if status, _ := d.call(t, "/hooks/slack", "good"+c.body, c.body); status != http.StatusOK {
			t.Errorf("%s: got %d", c.body, status)
		}
		if said := strings.Join(d.calls.said, ""); actor != c.actor || !strings.HasPrefix(said, c.said) || (c.said == "") != (said == "") {
			t.Errorf("%s: acted as %q and said %q, want %q and %q", c.body, actor, said, c.actor, c.said)
		}
	}
	if strings.Contains(d.log.String(), "hush") || strings.Contains(d.log.String(), "U0STRANGE") {
		t.Errorf("the log shows an address or an account: %s", d.log)
	}
}

func TestAFloodOfCallsIsBounded(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for range hookCalls {
		d.call(t, "/hooks/slack", "", "")
	}
	if status, _ := d.call(t, "/hooks/slack", "", ""); status != http.StatusTooManyRequests {
		t.Errorf("got %d, want 429", status)
	}
}
