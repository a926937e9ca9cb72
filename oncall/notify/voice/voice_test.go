package voice_test

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"afterhours/oncall/notify"
	"afterhours/oncall/notify/notifytest"
	"afterhours/oncall/notify/voice"
)

const callbacks = "https://a.example/hooks/twilio"

func account(url string) notify.Twilio {
	return notify.Twilio{
		Client: notify.NewHTTPClient(notify.Guard{AllowPrivate: true}), Now: time.Now, URL: url,
		AccountSID: "AC4711", AuthToken: "hush", From: "+15005550006", Callbacks: callbacks,
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	notifytest.Run(t, notifytest.Subject{
		Open:    func(url string) notify.Channel { return voice.New(account(url)) },
		Contact: func(string) notify.Contact { return notify.Contact{Address: "+34600000001"} },
		Secrets: []string{"hush", "AC4711"},
		Answers: map[string]notifytest.Answer{
			"a number that is none":      {Send: notifytest.JSON(400, `{"code":21217}`), Permanent: true, Says: "not valid"},
			"a country that is not open": {Send: notifytest.JSON(400, `{"code":21215}`), Permanent: true, Says: "country"},
			"too many":                   {Send: notifytest.JSON(429, `{"code":20429}`), Says: "20429"},
		},
		Accept: func(t *testing.T, w http.ResponseWriter, r *http.Request, body []byte) {
			if r.URL.Path != "/2010-04-01/Accounts/AC4711/Calls.json" {
				t.Errorf("request: got %s", r.URL.Path)
			}
			got, err := url.ParseQuery(string(body))
			if err != nil {
				t.Error(err)
			}
			for name, want := range map[string]string{"To": "+34600000001", "From": "+15005550006", "StatusCallback": callbacks + "/status/7.00ff", "StatusCallbackEvent": "completed"} {
				if got.Get(name) != want {
					t.Errorf("%s: got %q, want %q", name, got.Get(name), want)
				}
			}
			script := got.Get("Twiml")
			for _, want := range []string{`action="https://a.example/hooks/twilio/voice/7.00ff?turn=1"`, `numDigits="1"`, "Press 4 to acknowledge"} {
				if !strings.Contains(script, want) {
					t.Errorf("TwiML: got %s, want %s in it", script, want)
				}
			}
			if len(script) > 4000 { // what the parameter may hold
				t.Errorf("TwiML of %d characters", len(script))
			}
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{"sid":"CA0123","status":"queued"}`)
		},
	})
}

func TestACallSaysSeverityTicketTitleAndDevice(t *testing.T) {
	t.Parallel()
	message := notifytest.Message()
	message.Title = "Ransomware behavior detected"
	minimal := notifytest.Message()
	minimal.Title, minimal.Device, minimal.Facts = "", "", nil
	named := notifytest.Message()
	named.Title = "Ransomware on srv-sql-07"
	for want, message := range map[string]notify.Message{
		"High alert, ticket one zero four two. Ransomware behavior detected, on S R V S Q L zero seven.": message,
		"High alert, ticket one zero four two. ":                                                         minimal,
		"High alert, ticket one zero four two. Ransomware on srv-sql-07.":                                named,
		"12 more tickets: 2 High, 10 Medium.":                                                            {Type: "page.summary", Subject: "12 more tickets: 2 High, 10 Medium"},
		"Ben has ticket 1042.":                                                                           {Type: "page.taken", Subject: "Ben has #1042"},
	} {
		if got := voice.Speech(message); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestATitleCannotWriteTwiML(t *testing.T) {
	t.Parallel()
	message := notifytest.Message()
	message.Title = `</Say><Dial>+1900555</Dial><Say>&"'` + "\x00\u202e" + strings.Repeat("long ", 2000)
	script, err := voice.Ask(message, callbacks, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	decoder := xml.NewDecoder(strings.NewReader(script))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not XML: %v", err)
		}
		if element, ok := token.(xml.StartElement); ok && element.Name.Local != "Response" && element.Name.Local != "Gather" && element.Name.Local != "Say" {
			t.Errorf("the title made an element %s", element.Name.Local)
		}
	}
	if len(script) > 4000 {
		t.Errorf("TwiML of %d characters", len(script))
	}
}

func TestACallThatCannotBeAnsweredOnlySpeaks(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func() (string, error){
		"no way back":  func() (string, error) { return voice.Ask(notifytest.Message(), "", "", 0) },
		"asked enough": func() (string, error) { return voice.Ask(notifytest.Message(), callbacks, "", 20) },
		"a notice": func() (string, error) {
			return voice.Ask(notify.Message{Type: "page.taken", Subject: "Ben has #7"}, callbacks, "", 0)
		},
	} {
		if script, err := ask(); err != nil || strings.Contains(script, "Gather") || !strings.Contains(script, "<Say") {
			t.Errorf("%s: got %s, %v", name, script, err)
		}
	}
}

func TestAMessagingServiceCannotCall(t *testing.T) {
	t.Parallel()
	incomplete := account("http://127.0.0.1:1")
	incomplete.From, incomplete.Service = "", "MG1"
	_, err := voice.New(incomplete).Send(t.Context(), notify.Contact{Address: "+34600000001"}, notifytest.Message())
	if !notify.IsPermanent(err) || !strings.Contains(err.Error(), "AFTERHOURS_TWILIO_FROM") {
		t.Errorf("got %v", err)
	}
}
