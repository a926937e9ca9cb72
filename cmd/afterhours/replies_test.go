package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"afterhours/oncall"
	"afterhours/tickets"
)

// smarthost takes outgoing mail and keeps it.
type smarthost struct {
	mutex sync.Mutex
	mails []*netmail.Message
	to    []string
	addr  string
	// forward says, where it is set, to which server mail for an address is handed on.
	forward map[string]string
}

type smarthostSession struct {
	host *smarthost
	from string
	to   string
}

func (h *smarthost) NewSession(*smtp.Conn) (smtp.Session, error) {
	return &smarthostSession{host: h}, nil
}
func (s *smarthostSession) Reset()        {}
func (s *smarthostSession) Logout() error { return nil }

func (s *smarthostSession) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *smarthostSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	return nil
}

func (s *smarthostSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	mail, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	body, err := io.ReadAll(mail.Body)
	if err != nil {
		return err
	}
	mail.Body = bytes.NewReader(body)
	s.host.mutex.Lock()
	s.host.mails, s.host.to = append(s.host.mails, mail), append(s.host.to, s.to)
	next := s.host.forward[s.to]
	s.host.mutex.Unlock()
	if next != "" {
		client, err := smtp.Dial(next)
		if err != nil {
			return err
		}
		defer client.Close()
		return client.SendMail(s.from, []string{s.to}, bytes.NewReader(raw))
	}
	return nil
}

func newSmarthost(t *testing.T) *smarthost {
	t.Helper()
	h := &smarthost{}
	server := smtp.NewServer(h)
	server.Domain = "smarthost.example"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.addr = listener.Addr().String()
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close() })
	return h
}

// to returns the mails to one address whose subject holds some words.
func (h *smarthost) sent(to, words string) (found []netmail.Header) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for i, mail := range h.mails {
		if h.to[i] == to && strings.Contains(mail.Header.Get("Subject"), words) {
			found = append(found, mail.Header)
		}
	}
	return found
}

const mailTeam = `
people:
  - {id: ana, name: Ana Ruiz, email: ana@people.example, contacts: [{id: mail, channel: email, to: ana@people.example}, {id: private, channel: email, to: ana@home.example}], notify: [{contact: mail}, {after: 10m, contact: private}]}
  - {id: ben, name: Ben Okafor, email: ben@people.example}
policies:
  - {id: security, steps: [{notify: ["person:ana"], wait: 30m}, {notify: ["person:ben"], wait: 1h}], bundle: {after: 0}}
`

// answering is an application whose mail goes to a smarthost, and a ticket of which Ana was told.
func answering(t *testing.T, policy string) (app *application, host *smarthost, page netmail.Header) {
	t.Helper()
	host = newSmarthost(t)
	app = serveTest(t, func(s *settings) {
		trusting(s)
		s.SmarthostURL, s.MailTo, s.MailFromAllow = "smtp://"+host.addr, "defender@test.example", "microsoft.com"
	})
	app.configure(t, policy)
	mustSend(t, app.smtpAddr, vouched(alertMail("High", "Ransomware", "pc1", "da1111111111111111_1", "1@example")))
	eventually(t, "Ana is told", func() bool { return len(host.sent("ana@people.example", "Ransomware")) == 1 })
	return app, host, host.sent("ana@people.example", "Ransomware")[0]
}

// reply sends a mail to the address for replies of a page. head is the rest of its header.
func (a *application) reply(t *testing.T, page netmail.Header, envelope, head, body string) {
	t.Helper()
	to := strings.Trim(page.Get("Reply-To"), "<>")
	client, err := smtp.Dial(a.smtpAddr)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	raw := strings.ReplaceAll(fmt.Sprintf("%s\nTo: %s\nSubject: Re: %s\n\n%s\n", head, to, page.Get("Subject"), body), "\n", "\r\n")
	if err := client.SendMail(envelope, []string{to}, strings.NewReader(raw)); err != nil {
		t.Fatalf("send to %s: %v", to, err)
	}
	a.settled(t)
}

// timelineHas waits for an event of a type whose data holds a value.
func (a *application) timelineHas(t *testing.T, kind tickets.EventType, key, value string) tickets.Event {
	t.Helper()
	var found tickets.Event
	eventually(t, fmt.Sprintf("%s with %s %q", kind, key, value), func() bool {
		events, err := a.rooms.tickets.Timeline(t.Context(), 1001)
		if err != nil {
			t.Fatal(err)
		}
		for _, event := range events {
			if event.Type == kind && strings.Contains(fmt.Sprint(event.Data[key]), value) {
				found = event
				return true
			}
		}
		return false
	})
	return found
}

func (a *application) ticket(t *testing.T) tickets.Ticket {
	t.Helper()
	ticket, err := a.rooms.tickets.Get(t.Context(), 1001)
	if err != nil {
		t.Fatal(err)
	}
	return ticket
}

// tally is how many tickets there are.
func (a *application) tally(t *testing.T) int {
	t.Helper()
	list, err := a.rooms.tickets.List(t.Context(), tickets.Filter{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return len(list.Tickets)
}

func TestARepliedMailAcknowledgesNotesUndoesAndResolves(t *testing.T) {
	t.Parallel()
	app, host, page := answering(t, mailTeam)
	app.reply(t, page, "ana@people.example", "From: Ana <Ana@People.example>\nMessage-ID: <r1@people.example>", "ACK!\n\nOn Sun, 1 Mar 2026 at 03:00, afterhours <x@y.example> wrote:\n> resolve")
	if got := app.ticket(t); got.State != tickets.Acknowledged || got.AcknowledgedBy != "ana" {
		t.Fatalf("after ack: got %s by %q", got.State, got.AcknowledgedBy)
	}
	eventually(t, "Ana is told so", func() bool { return len(host.sent("ana@people.example", "You have #1001")) == 1 })
	app.reply(t, page, "ana@people.example", "From: ana@people.example\nMessage-ID: <r2@people.example>", "undo")
	if got := app.ticket(t); got.State != tickets.Open {
		t.Fatalf("after undo: got %s", got.State)
	}
	eventually(t, "the policy begins again", func() bool { return len(host.sent("ana@people.example", "Ransomware")) == 2 })
	app.reply(t, page, "ana@home.example", "From: ana@home.example\nMessage-ID: <r3@home.example>", "The host is isolated.\n-- \nAna")
	app.timelineHas(t, tickets.EventNote, "text", "The host is isolated.")
	app.reply(t, page, "ana@people.example", "From: ana@people.example\nMessage-ID: <r4@people.example>", "Erledigt, Schlüssel getauscht")
	if got := app.ticket(t); got.State != tickets.Resolved {
		t.Errorf("after resolve: got %s", got.State)
	}
	app.timelineHas(t, tickets.EventNote, "text", "getauscht")
	app.reply(t, page, "ana@people.example", "From: ana@people.example\nMessage-ID: <r5@people.example>", "ack")
	eventually(t, "Ana is told that it changed nothing", func() bool { return len(host.sent("ana@people.example", "changed nothing")) == 1 })
	if got := app.tally(t); got != 1 {
		t.Errorf("tickets: got %d, want 1: a reply is none", got)
	}
}

func TestASpoofedOrForwardedReplyIsRefusedToldAndLogged(t *testing.T) {
	t.Parallel()
	app, host, page := answering(t, mailTeam)
	app.reply(t, page, "ben@people.example", "From: ben@people.example\nMessage-ID: <f1@people.example>", "ack") // forwarded to Ben
	app.timelineHas(t, tickets.EventReply, "reason", "none of Ana Ruiz's addresses")
	failed := "Authentication-Results: mx.test.example; dmarc=fail header.from=people.example\n"
	app.reply(t, page, "ana@people.example", failed+"From: ana@people.example\nMessage-ID: <f2@evil.example>", "resolve")
	app.timelineHas(t, tickets.EventReply, "reason", "the verification of its sender failed")
	app.reply(t, page, "ana@people.example", "From: ana@people.example, eve@people.example\nMessage-ID: <f3@evil.example>", "ack")
	app.timelineHas(t, tickets.EventReply, "reason", "not one address")
	if got := app.ticket(t); got.State != tickets.Open {
		t.Errorf("ticket: got %s, want open", got.State)
	}
	eventually(t, "Ana is told", func() bool { return len(host.sent("ana@people.example", "was refused")) == 1 })
	for _, stranger := range []string{"ben@people.example", "eve@people.example"} {
		if got := host.sent(stranger, ""); len(got) != 0 {
			t.Errorf("%s was told %d times, want never", stranger, len(got))
		}
	}
	if got := app.tally(t); got != 1 {
		t.Errorf("tickets: got %d, want 1", got)
	}
	client, err := smtp.Dial(app.smtpAddr)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Mail("ana@people.example", nil); err != nil {
		t.Fatal(err)
	}
	forged := strings.Replace(strings.Trim(page.Get("Reply-To"), "<>"), "+1.", "+2.", 1)
	if err := client.Rcpt(forged, nil); err == nil || !strings.Contains(err.Error(), "no such mailbox") {
		t.Errorf("a forged address: got %v, want 550", err)
	}
}

func TestABounceTellsTheNextContactThenTheNextStep(t *testing.T) {
	t.Parallel()
	app, host, page := answering(t, mailTeam)
	report := func(to, id string) string {
		return "From: MAILER-DAEMON@people.example\nMessage-ID: <b-" + to + ">\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: text/plain\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; people.example\n\nFinal-Recipient: rfc822; " + to + "\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no such user\n\n--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: " + id + "\n--b--"
	}
	bounce := func(page netmail.Header, to string) {
		head, body, _ := strings.Cut(report(to, page.Get("Message-Id")), "\n\n")
		app.reply(t, page, "", head, body)
	}
	app.reply(t, page, "", "From: ana@people.example\nAuto-Submitted: auto-replied\nMessage-ID: <away@people.example>", "ack, I am away")
	app.timelineHas(t, tickets.EventReply, "outcome", "auto_reply")
	bounce(page, "ana@people.example")
	bounced := time.Now()
	app.timelineHas(t, tickets.EventPageFailed, "reason", "5.1.1")
	eventually(t, "her other address is told", func() bool { return len(host.sent("ana@home.example", "Ransomware")) == 1 })
	within(t, "the next contact, after the bounce", time.Since(bounced), time.Minute)
	bounced = time.Now()
	bounce(host.sent("ana@home.example", "Ransomware")[0], "ana@home.example")
	eventually(t, "the next step begins", func() bool { return len(host.sent("ben@people.example", "Ransomware")) == 1 })
	within(t, "the next step, after the bounce", time.Since(bounced), time.Minute)
	pages, err := app.rooms.oncall.Pages(t.Context(), 1001)
	if err != nil || len(pages) != 3 || pages[0].State != oncall.PageFailed || pages[1].State != oncall.PageFailed {
		t.Errorf("pages: got %+v, %v", pages, err)
	}
	if got := app.ticket(t); got.State != tickets.Open {
		t.Errorf("ticket: got %s, want open", got.State)
	}
	if got := app.tally(t); got != 1 {
		t.Errorf("tickets: got %d, want 1", got)
	}
}

func TestOurOwnMailThatComesBackPagesNobody(t *testing.T) {
	t.Parallel()
	app, host, page := answering(t, strings.ReplaceAll(mailTeam, "ben@people.example", "defender@test.example"))
	raw := fmt.Sprintf("From: afterhours@mx.test.example\r\nTo: defender@test.example\r\nMessage-ID: %s\r\nX-Afterhours-Loop: %s\r\nSubject: %s\r\n\r\nHigh\r\n",
		page.Get("Message-Id"), page.Get("X-Afterhours-Loop"), page.Get("Subject"))
	mustSend(t, app.smtpAddr, []byte(raw))
	app.settled(t)
	app.timelineHas(t, tickets.EventReply, "outcome", "loop")
	if got := app.tally(t); got != 1 {
		t.Errorf("tickets: got %d, want 1", got)
	}
	if got := len(host.sent("ana@people.example", "")); got != 1 {
		t.Errorf("mails: got %d, want 1", got)
	}
}

// TestAPageThatIsSentToTheIntakeItselfEndsThere: somebody's address is that of the intake, by mistake or by a forward.
func TestAPageThatIsSentToTheIntakeItselfEndsThere(t *testing.T) {
	t.Parallel()
	const intake = "defender@test.example"
	host := newSmarthost(t)
	app := serveTest(t, func(s *settings) {
		trusting(s)
		s.SmarthostURL, s.MailTo = "smtp://"+host.addr, intake
	})
	host.mutex.Lock()
	host.forward = map[string]string{intake: app.smtpAddr}
	host.mutex.Unlock()
	app.configure(t, `
people: [{id: ana, name: Ana Ruiz, contacts: [{id: mail, channel: email, to: `+intake+`}]}]
policies: [{id: security, steps: [{notify: ["person:ana"], wait: 1h}], bundle: {after: 0}}]
`)
	mustSend(t, app.smtpAddr, vouched(alertMail("High", "Ransomware", "pc1", "da1111111111111111_1", "1@example")))
	eventually(t, "the page comes back", func() bool { return app.counted(t, `SELECT count(*) FROM mails WHERE state = 'answered'`) == 1 })
	app.timelineHas(t, tickets.EventReply, "outcome", "loop")
	circling := append(bytes.Repeat([]byte("Received: from a.example by b.example; Sun, 1 Mar 2026 03:00:00 +0000\r\n"), 51),
		alertMail("High", "In a circle", "pc2", "da2222222222222222_1", "2@example")...)
	mustSend(t, app.smtpAddr, vouched(circling))
	app.settled(t)
	sent, pages := len(host.sent(intake, "")), app.counted(t, `SELECT count(*) FROM pages`)
	t.Logf("%d messages to the intake's own address, %d pages", sent, pages)
	if sent != 1 || pages != 1 {
		t.Errorf("got %d messages and %d pages, want one that ends", sent, pages)
	}
}

func TestWhoeverWasToldLearnsWhoTookItAndATakeOverIsToldToTheFormerOwner(t *testing.T) {
	t.Parallel()
	app, host, page := answering(t, strings.Replace(mailTeam, "wait: 30m", "wait: 1s", 1))
	eventually(t, "Ben is told", func() bool { return len(host.sent("ben@people.example", "Ransomware")) == 1 })
	app.reply(t, page, "ana@people.example", "From: ana@people.example\nMessage-ID: <r1@people.example>", "bestätigt")
	eventually(t, "Ben learns who has it", func() bool { return len(host.sent("ben@people.example", "Ana Ruiz has #1001")) == 1 })
	if _, err := app.rooms.tickets.TakeOver(t.Context(), 1001, "ben"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Ana learns who has it", func() bool { return len(host.sent("ana@people.example", "Ben Okafor has #1001")) == 1 })
	if got := app.ticket(t); got.AcknowledgedBy != "ben" || got.State != tickets.Acknowledged {
		t.Errorf("ticket: got %s by %q", got.State, got.AcknowledgedBy)
	}
	app.timelineHas(t, tickets.EventTakenOver, "from", "ana")
	if _, err := app.rooms.tickets.Resolve(t.Context(), 1001, "ben", ""); err != nil {
		t.Fatal(err)
	}
	app.timelineHas(t, tickets.EventPageSent, "notice", oncall.TakenType)
	var notices int // that were sent, or still wait
	err := app.db.pool.QueryRow(t.Context(), `SELECT count(*) FROM pages WHERE ticket = 1001 AND person = 'ana' AND type = $1`, oncall.TakenType).Scan(&notices)
	if err != nil || notices != 1 {
		t.Errorf("Ana was told %d times who has the ticket, %v", notices, err)
	}
}

// TestAPageOfAnotherInstallationIsOrdinaryMail: the mark of one installation silences nothing at another, even under the
// same domain, and our own mark is known whatever a smarthost made of the message's id.
func TestAPageOfAnotherInstallationIsOrdinaryMail(t *testing.T) {
	t.Parallel()
	app, _, page := answering(t, mailTeam)
	other := oncall.Links{Key: []byte("the key of another installation, 32 octets"), Domain: "mx.test.example"}
	for i, mail := range []struct {
		mark    string
		tickets int
	}{{other.LoopMark(), 2}, {"mx.test.example", 3}, {page.Get("X-Afterhours-Loop"), 3}} {
		mustSend(t, app.smtpAddr, fmt.Appendf(nil, "From: afterhours@mx.fabrikam.example\r\nTo: defender@test.example\r\nMessage-ID: <rewritten-%d@smarthost.example>\r\nX-Afterhours-Loop: %s\r\nSubject: High: Ransomware %d\r\n\r\nHigh\r\n",
			i, mail.mark, i))
		app.settled(t)
		if got := app.tally(t); got != mail.tickets {
			t.Errorf("mark %q: got %d tickets, want %d", mail.mark, got, mail.tickets)
		}
	}
}
