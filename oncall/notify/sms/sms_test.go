package sms_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"afterhours/oncall/notify"
	"afterhours/oncall/notify/notifytest"
	"afterhours/oncall/notify/sms"
)

func account(url string) notify.Twilio {
	return notify.Twilio{
		Client: notify.NewHTTPClient(notify.Guard{AllowPrivate: true}), Now: time.Now, URL: url,
		AccountSID: "AC4711", AuthToken: "hush", From: "+15005550006", Callbacks: "https://a.example/hooks/twilio",
	}
}

var ana = notify.Contact{Address: "+34600000001"}

func TestContract(t *testing.T) {
	t.Parallel()
	refused := func(status, code string) http.HandlerFunc {
		return notifytest.JSON(map[string]int{"400": 400, "401": 401, "429": 429}[status], `{"code":`+code+`,"message":"about +34600000001","status":`+status+`}`)
	}
	notifytest.Run(t, notifytest.Subject{
		Open:    func(url string) notify.Channel { return sms.New(account(url)) },
		Contact: func(string) notify.Contact { return ana },
		Secrets: []string{"hush", "AC4711"},
		Answers: map[string]notifytest.Answer{
			"a number that is none":     {Send: refused("400", "21211"), Permanent: true, Says: "not valid"},
			"a landline":                {Send: refused("400", "21614"), Permanent: true, Says: "not a mobile"},
			"a wrong credential":        {Send: refused("401", "20003"), Permanent: true, Says: "AFTERHOURS_TWILIO_AUTH_TOKEN"},
			"unsubscribed":              {Send: refused("400", "21610"), Permanent: true, Says: "unsubscribed"},
			"too many":                  {Send: refused("429", "20429"), Says: "20429"},
			"a full queue":              {Send: refused("400", "21611")},
			"a fault that nobody knows": {Send: refused("400", "29999"), Permanent: true, Says: "29999"},
		},
		Accept: func(t *testing.T, w http.ResponseWriter, r *http.Request, body []byte) {
			user, password, _ := r.BasicAuth()
			if r.URL.Path != "/2010-04-01/Accounts/AC4711/Messages.json" || user != "AC4711" || password != "hush" {
				t.Errorf("request: got %s as %s", r.URL.Path, user)
			}
			got, err := url.ParseQuery(string(body))
			if err != nil {
				t.Error(err)
			}
			for name, want := range map[string]string{
				"To": "+34600000001", "From": "+15005550006", "StatusCallback": "https://a.example/hooks/twilio/status/7.00ff",
				"Body": "High: Ransomware on srv-sql-07 (#1042)\nhttps://a.example/ack/x\nReply ACK 1042",
			} {
				if got.Get(name) != want {
					t.Errorf("%s: got %q, want %q", name, got.Get(name), want)
				}
			}
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{"sid":"SM0123","status":"queued"}`)
		},
	})
}

func TestWithoutAnAccountASendFailsAndNamesTheSetting(t *testing.T) {
	t.Parallel()
	for missing, change := range map[string]func(*notify.Twilio){
		"AFTERHOURS_TWILIO_ACCOUNT_SID": func(a *notify.Twilio) { a.AccountSID = "" },
		"AFTERHOURS_TWILIO_AUTH_TOKEN":  func(a *notify.Twilio) { a.AuthToken = "" },
		"AFTERHOURS_TWILIO_FROM":        func(a *notify.Twilio) { a.From = "" },
	} {
		incomplete := account("http://127.0.0.1:1")
		change(&incomplete)
		_, err := sms.New(incomplete).Send(t.Context(), ana, notifytest.Message())
		if !notify.IsPermanent(err) || !strings.Contains(err.Error(), missing) {
			t.Errorf("without %s: got %v", missing, err)
		}
	}
}

func TestOnlyNumbersAreAddresses(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"+34600000001": true, "+15005550006": true, "600000001": false, "+0600000001": false, "+34 600 000 001": false, "": false, "+1234567890123456": false, "ana@example.com": false,
	} {
		if err := sms.New(notify.Twilio{}).Check(notify.Contact{Address: address}); (err == nil) != ok {
			t.Errorf("%q: got %v", address, err)
		}
	}
}

func TestSegmentsAreCountedAsCarriersCountThem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want int
	}{
		{strings.Repeat("a", 160), 1},
		{strings.Repeat("a", 161), 2},
		{strings.Repeat("a", 306), 2},
		{strings.Repeat("a", 307), 3},
		{strings.Repeat("€", 80), 1}, // two septets each
		{strings.Repeat("€", 81), 2},
		{strings.Repeat("Ω", 160), 1},
		{strings.Repeat("ж", 70), 1}, // UCS-2
		{strings.Repeat("ж", 71), 2},
		{strings.Repeat("ж", 134), 2},
		{strings.Repeat("ж", 135), 3},
		{strings.Repeat("🔥", 35), 1}, // two units each
		{strings.Repeat("🔥", 36), 2},
	} {
		if got := sms.Segments(c.text); got != c.want {
			t.Errorf("%d of %.2q: got %d segments, want %d", utf8.RuneCountInString(c.text), c.text, got, c.want)
		}
	}
}

func TestAMessageFitsAndBeginsWithWhatMatters(t *testing.T) {
	t.Parallel()
	long := "Suspicious “encoded” PowerShell command line executed by an unsigned process from a temporary folder"
	for name, change := range map[string]func(*notify.Message){
		"a long title":     func(m *notify.Message) { m.Title = long },
		"an endless title": func(m *notify.Message) { m.Title = strings.Repeat(long+" ", 20) },
		"another alphabet": func(m *notify.Message) {
			m.Title = strings.Repeat("Обнаружена программа-вымогатель ", 20)
		},
		"an endless device":     func(m *notify.Message) { m.Title, m.Device = long, "srv-sql-07"+strings.Repeat("x", 300) },
		"controls and pictures": func(m *notify.Message) { m.Title = "a\x00b\r\nHigh: forged\u202e🔥" + strings.Repeat(long, 4) },
	} {
		message := notifytest.Message()
		change(&message)
		message.Subject = "High: " + message.Title + " on " + message.Device + " (#1042)"
		text := sms.Text(message)
		if got := sms.Segments(text); got > 3 {
			t.Errorf("%s: got %d segments of %q", name, got, text)
		}
		glance := string([]rune(text)[:60])
		title := string([]rune(message.Title)[:1])
		if !strings.HasPrefix(glance, "High: "+title) || !strings.Contains(glance, " on srv-sql-07") {
			t.Errorf("%s: begins with %q, want severity, title and device", name, glance)
		}
		if !strings.Contains(text, message.Link) || !strings.HasSuffix(text, "Reply ACK 1042") || strings.ContainsAny(text, "\x00\r\u202e") {
			t.Errorf("%s: got %q, want the link, how to answer and no controls", name, text)
		}
	}
}

func TestWhatNeedsNoAnswerAsksForNone(t *testing.T) {
	t.Parallel()
	summary := notify.Message{Type: "page.summary", Ticket: 7, Subject: "12 more tickets: 2 High, 10 Medium", Link: "https://a.example/tickets"}
	if got, want := sms.Text(summary), "12 more tickets: 2 High, 10 Medium\nhttps://a.example/tickets"; got != want {
		t.Errorf("summary: got %q, want %q", got, want)
	}
	taken := notifytest.Message()
	taken.Type, taken.Subject, taken.Title, taken.State, taken.Link = "page.taken", "Ben has #1042: Ransomware", "", "acknowledged", ""
	if got, want := sms.Text(taken), "Ben has #1042: Ransomware"; got != want {
		t.Errorf("taken: got %q, want %q", got, want)
	}
}

func FuzzText(f *testing.F) {
	f.Add("Ransomware", "srv-sql-07", "https://a.example/ack/x")
	f.Add(strings.Repeat("ж", 500), "\x00", "https://"+strings.Repeat("a", 500))
	f.Fuzz(func(t *testing.T, title, device, link string) {
		message := notifytest.Message()
		message.Title, message.Device, message.Link = title, device, link
		message.Subject = "High: " + title + " on " + device + " (#1042)"
		if text := sms.Text(message); sms.Segments(text) > 3 || text == "" {
			t.Errorf("got %d segments: %q", sms.Segments(text), text)
		}
	})
}
