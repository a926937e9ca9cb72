package email_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"afterhours/oncall/notify"
	"afterhours/oncall/notify/email"
	"afterhours/oncall/notify/notifytest"
)

// host is a smarthost that answers DATA with answer and keeps what it got.
type host struct {
	answer error
	mutex  sync.Mutex
	mails  [][]byte
}

func (h *host) NewSession(*smtp.Conn) (smtp.Session, error) { return session{h}, nil }
func (h *host) got() [][]byte                               { h.mutex.Lock(); defer h.mutex.Unlock(); return h.mails }

type session struct{ *host }

func (session) Reset()                               {}
func (session) Logout() error                        { return nil }
func (session) Mail(string, *smtp.MailOptions) error { return nil }
func (session) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (s session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.mails = append(s.mails, raw)
	return s.answer
}

func open(t testing.TB, answer error) (*host, *email.Channel) {
	t.Helper()
	h := &host{answer: answer}
	server := smtp.NewServer(h)
	server.Domain = "smarthost.example"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close() })
	return h, channel(t, "smtp://"+listener.Addr().String())
}

func channel(t testing.TB, smarthost string) *email.Channel {
	t.Helper()
	parsed, err := email.ParseSmarthost(smarthost)
	if err != nil {
		t.Fatal(err)
	}
	c, err := email.New(email.Options{Smarthost: parsed, From: "afterhours@mx.example", Domain: "mx.example", LoopMark: "0a1b"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var ana = notify.Contact{Address: "ana@example.com"}

func TestAMailSaysWhoMadeItAndBelongsToItsThread(t *testing.T) {
	t.Parallel()
	h, c := open(t, nil)
	message := notifytest.Message()
	message.ReplyTo = "reply+7.00ff@mx.example"
	receipt, err := c.Send(t.Context(), ana, message)
	if err != nil || receipt.ProviderID != "page_7_ab@mx.example" {
		t.Fatalf("send: got %+v, %v", receipt, err)
	}
	mail, err := netmail.ReadMessage(bytes.NewReader(h.got()[0]))
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]string{
		"Subject": "High: Ransomware on srv-sql-07 (#1042)", "To": "<ana@example.com>", "Reply-To": "<reply+7.00ff@mx.example>", "Message-Id": "<page_7_ab@mx.example>",
		"References": "<ticket-1042@mx.example>", "Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All",
		email.LoopHeader: "0a1b", "User-Agent": "", "X-Mailer": "",
	} {
		if got := mail.Header.Get(header); got != want {
			t.Errorf("%s: got %q, want %q", header, got, want)
		}
	}
}

func TestAnswersAreClassified(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer    error
		permanent bool
	}{
		"451": {&smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "later"}, false},
		"550": {&smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "nobody"}, true},
	} {
		_, ch := open(t, c.answer)
		if _, err := ch.Send(t.Context(), ana, notifytest.Message()); err == nil || notify.IsPermanent(err) != c.permanent {
			t.Errorf("%s: got %v", name, err)
		}
	}
	closed := channel(t, "smtp://127.0.0.1:1")
	if _, err := closed.Send(t.Context(), ana, notifytest.Message()); err == nil || notify.IsPermanent(err) {
		t.Errorf("nobody listens: got %v, want an error that is worth another attempt", err)
	}
	if _, err := channel(t, "").Send(t.Context(), ana, notifytest.Message()); !errors.Is(err, notify.ErrHeld) {
		t.Errorf("no smarthost: got %v, want held", err)
	}
}

func TestSmarthosts(t *testing.T) {
	t.Parallel()
	got, err := email.ParseSmarthost("smtps://u:p%40ss@mail.example")
	if err != nil || got != (email.Smarthost{Host: "mail.example", User: "u", Password: "p@ss", Port: 465, TLS: true}) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, bad := range []string{"mail.example:587", "http://u:hunter2@x", "smtp://u:hunter2@:25", "smtp://u:hunter2@x:99999", "smtp://u:hunter2%@x", "smtp://u:hunter2@x/path"} {
		if _, err := email.ParseSmarthost(bad); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want an error without the password", bad, err)
		}
	}
}

func TestOnlyBareAddressesAreRecipients(t *testing.T) {
	t.Parallel()
	c := channel(t, "")
	for address, ok := range map[string]bool{
		"ana@example.com": true, "ana": false, "": false, "Ana <ana@example.com>": false, "a@b.example, c@d.example": false, "a@b.example\r\nBcc: x": false,
	} {
		if err := c.Check(notify.Contact{Address: address}); (err == nil) != ok {
			t.Errorf("%q: got %v", address, err)
		}
	}
}

// FuzzSubject holds that no subject adds a header.
func FuzzSubject(f *testing.F) {
	for _, seed := range []string{"plain", "a\r\nBcc: evil@example.com", "\x00\x1b[31m", "\u202egnp.exe", strings.Repeat("ü", 2000), "\xff\xfe", "=?utf-8?q?=0D=0A?="} {
		f.Add(seed)
	}
	h, c := open(f, nil)
	f.Fuzz(func(t *testing.T, subject string) {
		message := notifytest.Message()
		message.Subject, message.At = subject, time.Unix(0, 0)
		before := len(h.got())
		if _, err := c.Send(t.Context(), ana, message); err != nil {
			t.Fatalf("send: %v", err)
		}
		mail, err := netmail.ReadMessage(bytes.NewReader(h.got()[before]))
		if err != nil {
			t.Fatal(err)
		}
		if len(mail.Header) != 16 || mail.Header.Get("Bcc") != "" {
			t.Errorf("headers: got %d: %v", len(mail.Header), mail.Header)
		}
		header, _, _ := bytes.Cut(h.got()[before], []byte("\r\n\r\n"))
		for line := range bytes.SplitSeq(header, []byte("\r\n")) {
			if len(line) > 998 {
				t.Errorf("a header line of %d octets", len(line))
			}
		}
	})
}
