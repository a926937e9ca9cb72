package webhook_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"afterhours/oncall/notify"
	"afterhours/oncall/notify/notifytest"
	"afterhours/oncall/notify/webhook"
)

const (
	secret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	newSecret = "whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0"
)

func channel() *webhook.Channel {
	guard := notify.Guard{AllowPrivate: true}
	return webhook.New(webhook.Options{Client: notify.NewHTTPClient(guard), Now: time.Now, AllowPrivate: true})
}

func TestContract(t *testing.T) {
	t.Parallel()
	notifytest.Run(t, notifytest.Subject{
		Channel: channel(),
		Contact: func(url string) notify.Contact { return notify.Contact{Address: url + "/in-4711", Secret: secret} },
		Accept: func(t *testing.T, w http.ResponseWriter, r *http.Request, body []byte) {
			verifier, err := standardwebhooks.NewWebhook(secret)
			if err != nil {
				t.Error(err)
				return
			}
			if err := verifier.Verify(body, r.Header); err != nil {
				t.Errorf("signature: %v", err)
			}
			body[0] ^= 1
			if err := verifier.Verify(body, r.Header); err == nil {
				t.Error("a changed body: the signature still holds")
			}
			body[0] ^= 1
			if got := r.Header.Get("webhook-id"); got != notifytest.Message().ID {
				t.Errorf("webhook-id: got %q", got)
			}
			var got struct {
				Type, Timestamp string
				Data            struct{ Step int }
			}
			if err := json.Unmarshal(body, &got); err != nil || got.Type != "page" || got.Timestamp != "2026-03-01T03:00:00Z" || got.Data.Step != 1 {
				t.Errorf("body: got %s, %v", body, err)
			}
			w.WriteHeader(http.StatusAccepted)
		},
	})
}

func TestAReceiverRefusesWhatWasChangedOrIsOld(t *testing.T) {
	t.Parallel()
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	for late, accepted := range map[time.Duration]bool{0: true, 4 * time.Minute: true, 6 * time.Minute: false, -6 * time.Minute: false} {
		var body []byte
		var header http.Header
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, _ = io.ReadAll(r.Body)
			header = r.Header
		}))
		options := webhook.Options{
			Client: notify.NewHTTPClient(notify.Guard{AllowPrivate: true}), AllowPrivate: true,
			Now: func() time.Time { return time.Now().Add(-late) },
		}
		if _, err := webhook.New(options).Send(t.Context(), notify.Contact{Address: server.URL, Secret: secret}, notifytest.Message()); err != nil {
			t.Fatal(err)
		}
		server.Close()
		if err := verifier.Verify(body, header); (err == nil) != accepted {
			t.Errorf("%s after it was signed: got %v, accepted is %v", late, err, accepted)
		}
		if !accepted {
			continue
		}
		changed := 0
		for i := range body {
			body[i] ^= 1
			if verifier.Verify(body, header) != nil {
				changed++
			}
			body[i] ^= 1
		}
		t.Logf("%s after it was signed it is accepted; of %d changes of one octet %d are refused", late, len(body), changed)
		if changed != len(body) {
			t.Errorf("of %d changes %d are refused", len(body), changed)
		}
	}
}

func TestAddressesAndSecretsAreCheckedBeforeTheyAreStored(t *testing.T) {
	t.Parallel()
	strict := webhook.New(webhook.Options{})
	for _, c := range []struct {
		address, secret string
		ok              bool
	}{
		{"https://hooks.example.com/ana", secret, true},
		{"https://hooks.example.com/ana", "", true},
		{"https://hooks.example.com/ana", secret + " " + newSecret, true},
		{"https://hooks.example.com/ana", "whsec_", false},
		{"https://hooks.example.com/ana", "nope", false},
		{"https://hooks.example.com/ana", strings.TrimPrefix(secret, "whsec_"), false},
		{"https://hooks.example.com/ana", "whsec_c2hvcnQ=", false},
		{"https://hooks.example.com/ana", "whsec_not base64", false},
		{"http://hooks.example.com/ana", secret, false},
		{"hooks.example.com", secret, false},
	} {
		if err := strict.Check(notify.Contact{Address: c.address, Secret: c.secret}); (err == nil) != c.ok {
			t.Errorf("%s with %q: got %v", c.address, c.secret, err)
		}
	}
}

func TestBothSecretsSignWhileOneReplacesTheOther(t *testing.T) {
	t.Parallel()
	got := make(chan error, 2)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for _, one := range []string{secret, newSecret} {
			verifier, err := standardwebhooks.NewWebhook(one)
			if err == nil {
				err = verifier.Verify(body, r.Header)
			}
			got <- err
		}
	}))
	defer server.Close()
	message := notifytest.Message()
	if _, err := channel().Send(t.Context(), notify.Contact{Address: server.URL, Secret: secret + " " + newSecret}, message); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-got; err != nil {
			t.Errorf("signature: %v", err)
		}
	}
}
