// Package notifytest is the contract of a channel that speaks HTTP, as tests: run it on each against a fake of its
// vendor.
package notifytest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"afterhours/oncall/notify"
)

// Subject is a channel under test. Accept answers a request as the vendor does when all is well, and checks it.
type Subject struct {
	Channel notify.Channel
	// Contact makes a contact of a server's URL.
	Contact func(url string) notify.Contact
	Accept  func(t *testing.T, w http.ResponseWriter, r *http.Request, body []byte)
}

// Message is what every case sends.
func Message() notify.Message {
	return notify.Message{
		ID: "page_7_ab", Type: "page", At: time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC), Severity: "high", Ticket: 1042,
		Subject: "High: Ransomware on srv-sql-07 (#1042)", Text: "Look here: https://a.example/ack/x", HTML: "<p>Look</p>",
		Link: "https://a.example/ack/x", Data: json.RawMessage(`{"step":1}`),
	}
}

// Run holds a channel to the contract.
func Run(t *testing.T, subject Subject) {
	for name, c := range map[string]struct {
		answer    http.HandlerFunc
		permanent bool
		wait      time.Duration
	}{
		"429 with Retry-After":    {status(http.StatusTooManyRequests, "Retry-After", "7"), false, 7 * time.Second},
		"429 without":             {status(http.StatusTooManyRequests, "", ""), false, 0},
		"500":                     {status(http.StatusInternalServerError, "", ""), false, 0},
		"503 with Retry-After":    {status(http.StatusServiceUnavailable, "Retry-After", "3"), false, 3 * time.Second},
		"404, permanent":          {status(http.StatusNotFound, "", ""), true, 0},
		"410, permanent":          {status(http.StatusGone, "", ""), true, 0},
		"401, a wrong credential": {status(http.StatusUnauthorized, "", ""), true, 0},
		"a redirect":              {status(http.StatusFound, "Location", "https://elsewhere.example/"), true, 0},
		"cut off":                 {cutOff, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(c.answer)
			defer server.Close()
			contact := subject.Contact(server.URL)
			_, err := subject.Channel.Send(t.Context(), contact, Message())
			if err == nil {
				t.Fatal("got no error")
			}
			if got := notify.IsPermanent(err); got != c.permanent {
				t.Errorf("permanent: got %v, want %v (%v)", got, c.permanent, err)
			}
			if got := notify.Wait(err); got != c.wait {
				t.Errorf("wait: got %s, want %s", got, c.wait)
			}
			secretFree(t, err, contact)
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
		_, err := subject.Channel.Send(ctx, contact, Message())
		if err == nil || notify.IsPermanent(err) {
			t.Errorf("got %v, want an error that is worth another attempt", err)
		}
		secretFree(t, err, contact)
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
		receipt, err := subject.Channel.Send(t.Context(), contact, Message())
		if err != nil {
			t.Fatalf("send: %v", err)
		}
		if strings.Contains(receipt.Detail+receipt.ProviderID, contact.Secret) {
			t.Errorf("the receipt shows the secret: %+v", receipt)
		}
	})
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.NotFoundHandler())
		url := server.URL
		server.Close()
		contact := subject.Contact(url)
		_, err := subject.Channel.Send(t.Context(), contact, Message())
		if err == nil || notify.IsPermanent(err) {
			t.Errorf("got %v, want an error that is worth another attempt", err)
		}
		secretFree(t, err, contact)
	})
}

func secretFree(t *testing.T, err error, contact notify.Contact) {
	t.Helper()
	path := contact.Address[strings.LastIndexByte(contact.Address, '/')+1:]
	if err != nil && (strings.Contains(err.Error(), contact.Secret) || strings.Contains(err.Error(), path)) {
		t.Errorf("the error shows the secret or the path: %v", err)
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
