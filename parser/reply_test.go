package parser

import (
	"slices"
	"strings"
	"testing"

	"afterhours/tickets"
)

func TestTheFirstWordOfAReplySaysWhatItAsksFor(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]struct {
		verb tickets.ReplyVerb
		text string
	}{
		"ack": {tickets.ReplyAcknowledge, ""}, "ACK!": {tickets.ReplyAcknowledge, ""}, "\r\n  *Acknowledged*.\r\n": {tickets.ReplyAcknowledge, ""},
		"Bestätigt": {tickets.ReplyAcknowledge, ""}, "Übernehme": {tickets.ReplyAcknowledge, ""}, "acquitté": {tickets.ReplyAcknowledge, ""}, "Confirmado, gracias": {tickets.ReplyAcknowledge, "Confirmado, gracias"},
		"resolve": {tickets.ReplyResolve, ""}, "Erledigt.": {tickets.ReplyResolve, ""}, "résolu": {tickets.ReplyResolve, ""}, "RESUELTO": {tickets.ReplyResolve, ""},
		"escalate please": {tickets.ReplyEscalate, "escalate please"}, "eskalieren": {tickets.ReplyEscalate, ""}, "escalar": {tickets.ReplyEscalate, ""}, "Escalader": {tickets.ReplyEscalate, ""},
		"undo": {tickets.ReplyUndo, ""}, "Rückgängig": {tickets.ReplyUndo, ""},
		"I ack it tomorrow": {"", "I ack it tomorrow"}, "acknowledgement pending": {"", "acknowledgement pending"}, "": {"", ""},
		"ack\r\n\r\nOn Tue, 3 Mar 2026 at 03:12, afterhours <afterhours@mx.example> wrote:\r\n> High: resolve it\r\n> more":  {tickets.ReplyAcknowledge, ""},
		"ack\r\n\r\nOn Tue, 3 Mar 2026 at 03:12, afterhours the gateway\r\n<afterhours@mx.example> wrote:\r\n\r\n> High: it": {tickets.ReplyAcknowledge, ""},
		"Erledigt\r\n\r\nAm 03.03.2026 um 03:12 schrieb afterhours:\r\n> High":                                               {tickets.ReplyResolve, ""},
		"Le mar. 3 mars 2026 à 03:12, afterhours a écrit :\r\n> High\r\n\r\nacquitte":                                        {tickets.ReplyAcknowledge, ""},
		"on it\r\n\r\n-----Original Message-----\r\nFrom: afterhours\r\nSubject: resolve":                                    {"", "on it"},
		"resuelto\r\n\r\n________________________________\r\nDe: afterhours\r\nEnviado: martes":                              {tickets.ReplyResolve, ""},
		"ack\r\nVon: afterhours <a@b.example>\r\nGesendet: Dienstag":                                                         {tickets.ReplyAcknowledge, ""},
		"ack\r\n-- \r\nAna Ruiz":                     {tickets.ReplyAcknowledge, ""},
		"looking\r\n\r\nSent from my iPhone":         {"", "looking"},
		"> ack\r\n> resolve\r\nthe key was replaced": {"", "the key was replaced"},
	} {
		raw := "From: Ana <Ana@Example.com>\r\nSubject: Re: High\r\nIn-Reply-To: <page_7_00112233445566aa@mx.example>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + body
		got := ReadReply([]byte(raw))
		if got.Verb != want.verb || got.Text != want.text || got.Automatic {
			t.Errorf("%q: got %q %q, automatic %v; want %q %q", body, got.Verb, got.Text, got.Automatic, want.verb, want.text)
		}
		if len(got.From) != 1 || !strings.EqualFold(got.From[0], "ana@example.com") || !slices.Equal(got.References, []string{"page_7_00112233445566aa@mx.example"}) {
			t.Errorf("%q: from %q, references %q", body, got.From, got.References)
		}
	}
}

func TestAReplyInHTMLIsRead(t *testing.T) {
	t.Parallel()
	raw := "From: ana@example.com\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body><div>Ack</div><br><div>On Tue, 3 Mar 2026 at 03:12, afterhours wrote:</div><blockquote><p>High: resolve</p></blockquote></body></html>"
	if got := ReadReply([]byte(raw)); got.Verb != tickets.ReplyAcknowledge {
		t.Errorf("got %+v", got)
	}
}

const bounce = `From: MAILER-DAEMON@mail.example
To: reply+7.00@mx.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example

Final-Recipient: rfc822; ana@example.com
Action: ACTION
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user

--b
Content-Type: text/rfc822-headers

From: afterhours@mx.example
Message-ID: <page_7_00112233445566aa@mx.example>
Subject: High
--b--
`

func TestReportsSayWhatTheyAreAbout(t *testing.T) {
	t.Parallel()
	crlf := func(text string) []byte { return []byte(strings.ReplaceAll(text, "\n", "\r\n")) }
	for name, c := range map[string]struct {
		raw    []byte
		bounce string
	}{
		"failed":  {crlf(strings.Replace(bounce, "ACTION", "failed", 1)), "5.1.1 smtp; 550 5.1.1 no such user"},
		"delayed": {crlf(strings.Replace(bounce, "ACTION", "delayed", 1)), ""},
		"qmail":   {crlf("From: MAILER-DAEMON@q.example\nSubject: failure notice\n\nHi. Sorry.\n\n--- Below this line is a copy of the message.\n\nMessage-ID: <page_7_00112233445566aa@mx.example>\n"), "failure notice"},
		"away":    {crlf("From: ana@example.com\nSubject: Automatic reply: High\nAuto-Submitted: auto-replied\nIn-Reply-To: <page_7_00112233445566aa@mx.example>\n\nack, I am away\n"), ""},
	} {
		got := ReadReply(c.raw)
		if !got.Automatic || got.Bounce != c.bounce || !slices.Contains(got.References, "page_7_00112233445566aa@mx.example") || got.Verb != "" {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func FuzzReadReply(f *testing.F) {
	f.Add([]byte("From: a@b\r\n\r\nack\r\n> quoted"))
	f.Add([]byte(bounce))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var reply tickets.Reply
		bounded(t, func() { reply = ReadReply(raw) })
		if len([]rune(reply.Text)) > maxReply || strings.ContainsRune(reply.Text, 0) || strings.ContainsAny(reply.Bounce+reply.Loop+reply.Subject, "\r\n\x00") {
			t.Errorf("got %+v", reply)
		}
	})
}
