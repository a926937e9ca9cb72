// Package notifytest is the contract of a channel that speaks HTTP, as tests: run it on each against a fake of its
// vendor.
package notifytest

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"afterhours/oncall/notify"
)

// Subject is a channel under test. Accept answers a request as the vendor does when all is well, and checks it.
type Subject struct {
	Channel notify.Channel
	// Open makes the channel of a server's URL, where the contact's address does not say where the vendor is.
	Open func(url string) notify.Channel
	// Contact makes a contact of a server's URL.
	Contact func(url string) notify.Contact
	Accept  func(t *testing.T, w http.ResponseWriter, r *http.Request, body []byte)
	// Answers are what the vendor says in its own way, by what they mean; one of a name of Run's replaces it.
	Answers map[string]Answer
	// Secrets are what no error and no receipt may show, beside the contact's secret and the end of its address.
	Secrets []string
}

// Answer is one that is no success, and how it is to be taken.
type Answer struct {
	Send      http.HandlerFunc
	Permanent bool
	Wait      time.Duration
	Says      string // a part of the error
}

// JSON answers with a status and a body.
func JSON(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body) // the client may be gone
	}
}

func (s Subject) channel(url string) notify.Channel {
	if s.Open != nil {
		return s.Open(url)
	}
	return s.Channel
}

// Message is what every case sends.
func Message() notify.Message {
	return notify.Message{
		ID: "page_7_ab", Type: "page", At: time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC), Severity: "high", Ticket: 1042,
		Subject: "High: Ransomware on srv-sql-07 (#1042)", Text: "Look here: https://a.example/ack/x", HTML: "<p>Look</p>",
		Title: "Ransomware", Device: "srv-sql-07", State: "open", Token: "7.00ff", Facts: []notify.Fact{{Label: "Users", Value: "CONTOSO\\svc"}},
		Link: "https://a.example/ack/x", Data: json.RawMessage(`{"step":1}`),
	}
}

// Question is a message whose link leads to the desk, which asks to sign in.
func Question() notify.Message {
	return notify.Message{
		ID: "page_8_cd", Type: "playbook.approval_requested", At: time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC), Severity: "high", Ticket: 1042,
		Subject: "Approve? Isolate the device on srv-sql-07 (#1042)", Text: "Sign in and answer: https://a.example/playbooks/runs/7", SignIn: true,
		Facts: []notify.Fact{{Label: "Playbook", Value: "isolate"}}, Link: "https://a.example/playbooks/runs/7", Data: json.RawMessage(`{"question":{"run":7}}`),
	}
}

// Run holds a channel to the contract.
func Run(t *testing.T, subject Subject) {
	answers := map[string]Answer{
		"429 with Retry-After":    {Send: status(http.StatusTooManyRequests, "Retry-After", "7"), Wait: 7 * time.Second},
		"429 without":             {Send: status(http.StatusTooManyRequests, "", "")},
		"500":                     {Send: status(http.StatusInternalServerError, "", "")},
		"503 with Retry-After":    {Send: status(http.StatusServiceUnavailable, "Retry-After", "3"), Wait: 3 * time.Second},
		"404, permanent":          {Send: status(http.StatusNotFound, "", ""), Permanent: true},
		"410, permanent":          {Send: status(http.StatusGone, "", ""), Permanent: true},
		"401, a wrong credential": {Send: status(http.StatusUnauthorized, "", ""), Permanent: true},
		"a redirect":              {Send: status(http.StatusFound, "Location", "https://elsewhere.example/"), Permanent: true},
		"cut off":                 {Send: cutOff},
	}
	maps.Copy(answers, subject.Answers)
	for name, c := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(c.Send)
			defer server.Close()
			contact := subject.Contact(server.URL)
			_, err := subject.channel(server.URL).Send(t.Context(), contact, Message())
			if err == nil {
				t.Fatal("got no error")
			}
			if got := notify.IsPermanent(err); got != c.Permanent {
				t.Errorf("permanent: got %v, want %v (%v)", got, c.Permanent, err)
			}
			if got := notify.Wait(err); got != c.Wait {
				t.Errorf("wait: got %s, want %s", got, c.Wait)
			}
			if !strings.Contains(err.Error(), c.Says) {
				t.Errorf("got %q, want %q in it", err, c.Says)
			}
			subject.secretFree(t, err.Error(), contact)
		})
	}
	t.Run("slow", func(t *testing.T) {
		t.Parallel()
		release := make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
		defer server.Close()
		defer close(release)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		contact := subject.Contact(server.URL)
		_, err := subject.channel(server.URL).Send(ctx, contact, Message())
		if err == nil || notify.IsPermanent(err) {
			t.Errorf("got %v, want an error that is worth another attempt", err)
		}
		if err != nil {
			subject.secretFree(t, err.Error(), contact)
		}
	})
	t.Run("success", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Errorf("read request: %v", err)
			}
			subject.Accept(t, w, r, body)
		}))
		defer server.Close()
		contact := subject.Contact(server.URL)
		receipt, err := subject.channel(server.URL).Send(t.Context(), contact, Message())
		if err != nil {
			t.Fatalf("send: %v", err)
		}
		subject.secretFree(t, receipt.Detail, contact)
	})
	t.Run("a question is answered at the desk alone", func(t *testing.T) {
		t.Parallel()
		var mutex sync.Mutex
		var said strings.Builder
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Errorf("read request: %v", err)
			}
			mutex.Lock()
			defer mutex.Unlock()
			said.Write(body)
			if form, err := url.QueryUnescape(string(body)); err == nil {
				said.WriteString(form)
			}
			_, _ = io.WriteString(w, `{"ok":true}`) // the client may be gone
		}))
		defer server.Close()
		// Whether the vendor takes it as it answers here is the other cases' matter.
		_, _ = subject.channel(server.URL).Send(t.Context(), subject.Contact(server.URL), Question())
		mutex.Lock()
		defer mutex.Unlock()
		for _, word := range []string{"I have it", "Reply ACK", "Press 4", "cknowledge", "escalate", `"POST"`} {
			if strings.Contains(said.String(), word) {
				t.Errorf("it offers to answer (%q): %s", word, said.String())
			}
		}
	})
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.NotFoundHandler())
		gone := server.URL
		server.Close()
		contact := subject.Contact(gone)
		_, err := subject.channel(gone).Send(t.Context(), contact, Message())
		if err == nil || notify.IsPermanent(err) {
			t.Errorf("got %v, want an error that is worth another attempt", err)
		}
		if err != nil {
			subject.secretFree(t, err.Error(), contact)
		}
	})
}

// secretFree holds a text that people read to show no credential.
func (s Subject) secretFree(t *testing.T, text string, contact notify.Contact) {
	t.Helper()
	hidden := append([]string{contact.Secret, contact.Address[strings.LastIndexByte(contact.Address, '/')+1:]}, s.Secrets...)
	for _, secret := range hidden {
		if secret != "" && strings.Contains(text, secret) {
			t.Errorf("it shows a credential or an address: %s", text)
		}
	}
}

func status(code int, header, value string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if header != "" {
			w.Header().Set(header, value)
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, `{"error":"a long explanation"}`) // the client may be gone
	}
}

func cutOff(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
}
