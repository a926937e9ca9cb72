package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"afterhours/migrations/pgtest"
	"afterhours/oncall"
)

const testSecret = "a secret key for tests, 32 characters or more"

// patience is how long a test waits for something that should happen at once.
const patience = time.Minute

// punctual holds the promises in seconds to the letter; beside other tests a busy machine may take its time as well.
var punctual = flag.Bool("punctual", false, "the machine does nothing else: hold promised seconds to the letter")

// within holds what took so long against the promise.
func within(t *testing.T, what string, took, promise time.Duration) {
	t.Helper()
	t.Logf("%s: %s, promised within %s", what, took.Round(time.Millisecond), promise)
	if !*punctual {
		promise += patience
	}
	if took > promise {
		t.Errorf("%s: %s, want within %s", what, took, promise)
	}
}

// eventually waits until done says so.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, patience)
		}
		time.Sleep(5 * time.Millisecond) // the pace of polling, not a wait for luck
	}
}

// testSettings are those of an application on a database and ports of its own.
func testSettings(databaseURL string) settings {
	return settings{
		DatabaseURL: databaseURL, SecretKey: testSecret, SMTPAddr: "127.0.0.1:0", SMTPDomain: "mx.test.example",
		SMTPMaxConns: 100, SMTPMaxPerAddress: 100, MailTo: "*", MailMaxSize: 25 << 20, HTTPAddr: "127.0.0.1:0",
		AllowPrivate: true, LogLevel: "info", Spool: "off", SpoolMaxMails: 1000,
		signInSettings: signInSettings{SessionIdle: longestSessionIdle, SessionLifetime: longestSessionLifetime},
	}
}

// freePort is a port of this machine that nobody uses, for programs that must be told one.
func freePort(t testing.TB) string {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer free.Close()
	_, port, err := net.SplitHostPort(free.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// spooling keeps mail in a folder of the test while the database is away.
func (s *settings) spooling(t *testing.T) { s.Spool, s.DataDir = "on", t.TempDir() }

// serveTest runs the application as serve does.
func serveTest(t *testing.T, change func(*settings)) *application {
	t.Helper()
	return serveTestAt(t, change, time.Now)
}

// serveTestAt is serveTest on a machine whose wall clock shows now.
func serveTestAt(t *testing.T, change func(*settings), now func() time.Time) *application {
	t.Helper()
	s := testSettings(pgtest.URL(t))
	if change != nil {
		change(&s)
	}
	app, err := start(t.Context(), s, slog.New(slog.NewTextHandler(logWriter{t}, nil)), now)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() {
		if err := app.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return app
}

// logWriter shows the application's log with the test that failed.
type logWriter struct{ t testing.TB }

func (w logWriter) Write(line []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(line)))
	return len(line), nil
}

// configure applies YAML.
func (a *application) configure(t *testing.T, yaml string) {
	t.Helper()
	document, err := oncall.ParseFile("test.yaml", []byte(yaml))
	if err != nil {
		t.Fatalf("configuration: %v", err)
	}
	if _, err := a.rooms.apply(t.Context(), document); err != nil {
		t.Fatalf("apply: %v", err)
	}
}

// hook is a person's webhook: it answers 2xx and remembers what it got.
type hook struct {
	*httptest.Server
	mutex sync.Mutex
	got   []delivery
}

type delivery struct {
	at      time.Time
	id      string
	header  http.Header
	body    []byte
	message struct {
		Type string `json:"type"`
		Data struct {
			Person *string `json:"person"`
			Ticket struct {
				Number   int64    `json:"number"`
				Title    string   `json:"title"`
				Severity string   `json:"severity"`
				Devices  []string `json:"devices"`
			} `json:"ticket"`
			AckURL string `json:"ack_url"`
			Step   int    `json:"step"`
		} `json:"data"`
	}
}

func newHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := time.Now()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		d := delivery{at: at, id: r.Header.Get("webhook-id"), header: r.Header.Clone(), body: body}
		if err := json.Unmarshal(body, &d.message); err != nil {
			http.Error(w, "not JSON", http.StatusBadRequest)
			return
		}
		h.mutex.Lock()
		h.got = append(h.got, d)
		h.mutex.Unlock()
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) deliveries() []delivery {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return append([]delivery(nil), h.got...)
}

const signingSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// team is two people with a webhook each and a policy that goes from one to the other.
func team(primary, secondary *hook, wait string) string {
	return fmt.Sprintf(`
people:
  - {id: ana, name: Ana Ruiz, email: ana@example.com, contacts: [{id: hook, channel: webhook, to: %q, secret: %q}]}
  - {id: ben, name: Ben Okafor, email: ben@example.com, contacts: [{id: hook, channel: webhook, to: %q, secret: %q}]}
schedules:
  - {id: primary, timezone: UTC, layers: [{name: base, people: [ana], rotation: {every: 1w, start: "2026-01-05T09:00"}}]}
  - {id: secondary, timezone: UTC, layers: [{name: base, people: [ben], rotation: {every: 1w, start: "2026-01-05T09:00"}}]}
policies:
  - {id: security, repeat: 0, steps: [{notify: ["schedule:primary"], wait: %s}, {notify: ["schedule:secondary"], wait: 1h}], bundle: {after: 0}}
routes:
  - {match: {severity: [low, informational]}, action: record}
  - {match: {}, policy: security}
`, primary.URL+"/ana", signingSecret, secondary.URL+"/ben", signingSecret, wait)
}

// trusting believes what vouched says: such mail does not share the small budget of unverified mail.
func trusting(s *settings) { s.TrustedRelays, s.AuthservID = "127.0.0.0/8", "mx.test.example" }

// vouched is a mail whose author a trusted relay has authenticated.
func vouched(raw []byte) []byte {
	return append([]byte("Authentication-Results: mx.test.example; dmarc=pass header.from=microsoft.com\r\n"), raw...)
}

// sendMail sends one mail and returns the reply to its data.
func sendMail(t *testing.T, address, to string, raw []byte) (string, error) {
	t.Helper()
	client, err := smtp.Dial(address)
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	defer client.Close()
	if err := client.Mail("azure-noreply@microsoft.com", nil); err != nil {
		return "", err
	}
	if err := client.Rcpt(to, nil); err != nil {
		return "", err
	}
	data, err := client.Data()
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(data, bytes.NewReader(raw)); err != nil {
		return "", err
	}
	response, err := data.CloseWithResponse()
	if err != nil {
		return "", err
	}
	return response.StatusText, nil
}

func mustSend(t *testing.T, address string, raw []byte) {
	t.Helper()
	if _, err := sendMail(t, address, "defender@test.example", raw); err != nil {
		t.Fatalf("send: %v", err)
	}
}

// settled waits until every accepted mail is read.
func (a *application) settled(t *testing.T) {
	t.Helper()
	eventually(t, "all mails read", func() bool {
		pending, err := a.rooms.tickets.Pending(context.WithoutCancel(t.Context()))
		return err == nil && pending == 0
	})
}

// alertMail is an alert in the layout of a Defender for Endpoint mail.
func alertMail(severity, title, device, alertID, messageID string) []byte {
	body := fmt.Sprintf(`<html><body><table>
<tr><td>Title</td><td>%s</td></tr><tr><td>Severity</td><td>%s</td></tr><tr><td>Category</td><td>Ransomware</td></tr>
<tr><td>Device</td><td>%s</td></tr><tr><td>Detection time</td><td>2026-03-01T03:00:00Z</td></tr>
<tr><td><a href="https://security.microsoft.com/alerts/%s?tid=0a1b2c3d-1111-4222-8333-444455556666">View alert</a></td></tr>
</table><p>This message from Microsoft is an important part of a program, service, or product.</p></body></html>`, title, severity, device, alertID)
	return []byte(strings.ReplaceAll(fmt.Sprintf(`From: Microsoft Defender <defender-noreply@microsoft.com>
To: defender@test.example
Subject: %s severity alert: %s on %s
Date: Sun, 01 Mar 2026 03:00:05 +0000
Message-ID: <%s>
MIME-Version: 1.0
Content-Type: text/html; charset=utf-8

%s
`, severity, title, device, messageID, body), "\n", "\r\n"))
}
