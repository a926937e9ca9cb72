package parser

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"afterhours/tickets"
)

// TestEachTrapOfMIMEIsSurvived holds what breaks other readers: each mail keeps its subject and its text, and a warning
// says what was broken where something may be missing.
func TestEachTrapOfMIMEIsSurvived(t *testing.T) {
	t.Parallel()
	const text = "the alert's own words"
	parts := func(body string) string {
		return "Subject: so\nContent-Type: multipart/mixed; boundary=foo\n\n" + body
	}
	for name, c := range map[string]struct{ raw, subject, text, warning string }{
		"a byte-order mark before the first field":      {"\xef\xbb\xbfSubject: so\n\n" + text, "so", text, ""},
		"a line of an mbox before the first field":      {"From MAILER-DAEMON Sat Jan  1 00:00:00 2026\nSubject: so\n\n" + text, "so", text, ""},
		"a quoted line of an mbox before the first":     {">From x@y.example Sat Jan  1 00:00:00 2026\nSubject: so\n\n" + text, "so", text, ""},
		"a field without a colon":                       {"Received: x\nno colon here\nSubject: so\n\n" + text, "so", text, ""},
		"a first field without a colon":                 {"no colon here\nSubject: so\nFrom: a@b.example\n\n" + text, "so", text, ""},
		"a header that begins with white space":         {" folded from nowhere\nSubject: so\n\n" + text, "so", text, ""},
		"a header that begins with a tab":               {"\tfolded\nSubject: so\n\n" + text, "so", text, ""},
		"a field's name that is not ASCII":              {"X-Ünïcode: x\nSubject: so\n\n" + text, "so", text, ""},
		"a field's name with a space before its colon":  {"Subject : so\nFrom : a@b.example\n\n" + text, "so", text, ""},
		"a field's name with spaces":                    {"My Own Field: x\nSubject: so\n\n" + text, "so", text, ""},
		"CR CR LF":                                      {"Subject: so\r\r\nFrom: a@b.example\r\r\n\r\r\n" + text, "so", text, ""},
		"CR alone":                                      {"Subject: so\rFrom: a@b.example\r\r" + text, "so", text, ""},
		"empty lines before the header":                 {"\r\n\r\nSubject: so\r\n\r\n" + text, "so", text, ""},
		"NUL in the header":                             {"Subject: s\x00o\nX-Nul: \x00\n\n" + text, "so", text, "binary"},
		"an empty value":                                {"Cc:\nSubject: so\nTo:\n\n" + text, "so", text, ""},
		"a fold of white space alone":                   {"Subject: so\n \t\nX: y\n\n" + text, "so", text, ""},
		"no header":                                     {text, "", text, "no-header"},
		"a header alone":                                {"Subject: so\n", "so", "", ""},
		"a header of more than a MiB":                   {"Subject: so\n" + strings.Repeat("X-Filler: "+strings.Repeat("y", 990)+"\n", 1100) + "\n" + text, "so", text, "header-too-long"},
		"a field of more than a MiB":                    {"Subject: so\nX-Filler: " + strings.Repeat("y", 1<<20) + "\n\n" + text, "so", text, "header-too-long"},
		"a header of more than a thousand lines":        {"Subject: so\n" + strings.Repeat("X: y\n", 1500) + "\n" + text, "so", text, "header-too-long"},
		"junk in a part's header":                       {parts("--foo\n???\nContent-Type: text/plain\nX: y\n\n" + text + "\n--foo--\n"), "so", text, ""},
		"later parts after junk":                        {parts("--foo\n\x00\xff junk\n\nx\n--foo\nContent-Type: text/plain\n\n" + text + "\n--foo--\n"), "so", "\n" + text, ""},
		"a missing boundary":                            {"Subject: so\nContent-Type: multipart/mixed\n\n--x12345\nContent-Type: text/plain\n\n" + text + "\n--x12345--\n", "so", text, ""},
		"a wrong boundary":                              {"Subject: so\nContent-Type: multipart/mixed; boundary=bar\n\n--x12345\nContent-Type: text/plain\n\n" + text + "\n--x12345--\n", "so", text, ""},
		"a boundary that is never used":                 {"Subject: so\nContent-Type: multipart/mixed; boundary=bar\n\n" + text, "so", text, "unclosed-multipart"},
		"a giant boundary":                              {"Subject: so\nContent-Type: multipart/mixed; boundary=\"" + strings.Repeat("b", 4000) + "\"\n\n--" + strings.Repeat("b", 4000) + "\n\n" + text + "\n--" + strings.Repeat("b", 4000) + "--\n", "so", text, ""},
		"a boundary with spaces after it":               {parts("--foo  \t\nContent-Type: text/plain\n\n" + text + "\n--foo--  \n"), "so", text, ""},
		"a nested multipart without its end":            {parts("--foo\nContent-Type: multipart/alternative; boundary=bar\n\n--bar\nContent-Type: text/plain\n\n" + text + "\n--foo\nContent-Type: application/pdf; name=x.pdf\n\nx\n--foo--\n"), "so", text, "unclosed-multipart"},
		"no closing boundary":                           {parts("--foo\nContent-Type: text/plain\n\n" + text), "so", text, "unclosed-multipart"},
		"text before and after the parts":               {parts("a preamble\n--foo\nContent-Type: text/plain\n\n" + text + "\n--foo--\nan epilogue\n"), "so", text, ""},
		"truncated base64":                              {"Subject: so\nContent-Transfer-Encoding: base64\n\n" + strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(text+" x")), "=")[:28], "so", text[:21], ""},
		"base64 that is cut inside a group":             {"Subject: so\nContent-Transfer-Encoding: base64\n\nYmFyYmF6Y", "so", "barbaz", "broken-base64"},
		"base64 with words after it":                    {"Subject: so\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString([]byte(text+"!!")) + "\n", "so", text + "!!", ""},
		"words that say they are base64":                {"Subject: so\nContent-Transfer-Encoding: base64\n\n" + text, "so", text, ""},
		"an encoding with a comment":                    {"Subject: so\nContent-Transfer-Encoding: base64 (as ever)\n\n" + base64.StdEncoding.EncodeToString([]byte(text)), "so", text, ""},
		"uuencode":                                      {"Subject: so\nContent-Transfer-Encoding: x-uuencode\n\nbegin 644 x.txt\n#8F%R\n`\nend\n", "so", "bar", ""},
		"an unknown encoding":                           {"Subject: so\nContent-Transfer-Encoding: x-none\n\n" + text, "so", text, "unknown-encoding"},
		"an unknown charset that is UTF-8":              {"Subject: so\nContent-Type: text/plain; charset=x-none\n\nçé", "so", "çé", "unknown-charset"},
		"an unknown charset that is windows-1252":       {"Subject: so\nContent-Type: text/plain; charset=x-none\n\nca\xe7a \x80", "so", "caça €", "unknown-charset"},
		"no charset":                                    {"Subject: so\n\nca\xe7a", "so", "caça", ""},
		"UTF-7":                                         {"Subject: so\nContent-Type: text/plain; charset=utf-7\n\nHi Mom -+Jjo--! +AOQ-", "so", "Hi Mom -☺-! ä", ""},
		"ISO-2022-KR":                                   {"Subject: so\nContent-Type: text/plain; charset=iso-2022-kr\n\n\x1b$)C\x0e\x3e\x48\x33\x67\x0f", "so", "안녕", ""},
		"ISO-2022-JP":                                   {"Subject: so\nContent-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B$3$s\x1b(B", "so", "こん", ""},
		"HZ":                                            {"Subject: so\nContent-Type: text/plain; charset=hz-gb-2312\n\n~{VPND~}", "so", "中文", ""},
		"KOI8-R":                                        {"Subject: so\nContent-Type: text/plain; charset=koi8-r\n\n\xf0\xf2\xe9", "so", "ПРИ", ""},
		"quoted-printable with soft breaks and a space": {"Subject: so\nContent-Transfer-Encoding: quoted-printable\n\nthe alert's= \n own=20wo=\nrds", "so", "the alert's own words", ""},
		"quoted-printable cut inside an escape":         {"Subject: so\nContent-Transfer-Encoding: quoted-printable\n\n" + text + " =4", "so", text + " =4", ""},
		"control characters in an encoded word":         {"Subject: =?utf-8?Q?a=0D=0ABcc:_evil=00=1B[31m?=\n\n" + text, "a Bcc: evil [31m", text, ""},
		"a raw subject in UTF-8":                        {"Subject: çé\n\n" + text, "çé", text, ""},
		"a raw subject in windows-1252":                 {"Subject: \xe7\xe9\n\n" + text, "çé", text, ""},
		"an encoded word without its end":               {"Subject: =?utf-8?Q?abc\n\n" + text, "=?utf-8?Q?abc", text, ""},
		"encoded words with a space between":            {"Subject: =?utf-8?Q?a?= b =?iso-8859-1?Q?=E7?=\n\n" + text, "a b ç", text, ""},
		"an encoded word of an unknown charset":         {"Subject: =?x-none?Q?=C3=A7?=\n\n" + text, "ç", text, ""},
		"two subjects":                                  {"Subject: so\nSubject: other\n\n" + text, "so", text, "duplicate-header"},
		"two senders":                                   {"From: a@b.example\nFrom: c@d.example\nSubject: so\n\n" + text, "so", text, "duplicate-header"},
		"two ids of the message":                        {"Message-ID: <a@b>\nMessage-ID: <c@d>\nSubject: so\n\n" + text, "so", text, "duplicate-header"},
		"NUL in the text":                               {"Subject: so\n\nthe alert's\x00 own words", "so", text, "binary"},
		"invalid UTF-8 in the text":                     {"Subject: so\nContent-Type: text/plain; charset=utf-8\n\nok \xff\xfe", "so", "ok ÿþ", ""},
		"HTML that says it is text":                     {"Subject: so\nContent-Type: text/plain\n\n<html><body><p>" + text + "</p></body></html>", "so", text, ""},
		"a media type of one word":                      {"Subject: so\nContent-Type: text\n\n" + text, "so", text, ""},
		"an empty media type":                           {"Subject: so\nContent-Type:\n\n" + text, "so", text, ""},
		"a media type twice":                            {"Subject: so\nContent-Type: text/plain\nContent-Type: text/html\n\n" + text, "so", text, ""},
		"a boundary twice":                              {"Subject: so\nContent-Type: multipart/mixed; boundary=foo; boundary=bar\n\n--foo\n\n" + text + "\n--foo--\n", "so", text, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alert := Parse([]byte(c.raw))
			got := alert.Text
			if strings.HasPrefix(c.text, "\n") {
				if !strings.Contains(got, c.text[1:]) {
					t.Errorf("text: got %q, want it to hold %q", got, c.text[1:])
				}
			} else if got != c.text {
				t.Errorf("text: got %q, want %q", got, c.text)
			}
			if alert.Message.Subject != c.subject {
				t.Errorf("subject: got %q, want %q", alert.Message.Subject, c.subject)
			}
			if warned(alert, c.warning) != (c.warning != "") {
				t.Errorf("warnings: got %q, want %q", alert.Warnings, c.warning)
			}
			soundStrings(t, alert)
		})
	}
}

func warned(alert tickets.Alert, code string) bool {
	return code != "" && slices.ContainsFunc(alert.Warnings, func(w string) bool { return strings.HasPrefix(w, code+": ") })
}

// soundStrings holds the promise about strings: valid UTF-8 without controls, on one line but for texts.
func soundStrings(t *testing.T, alert tickets.Alert) {
	t.Helper()
	lists := [][]string{
		{alert.Title, alert.Category, alert.DetectionSource, alert.Status, alert.Organisation, alert.TenantID, alert.IncidentID, alert.Message.Subject, alert.Message.From, alert.Message.MessageID, alert.Language},
		alert.AlertIDs, alert.Devices, alert.Users, alert.Files, alert.Message.To, alert.Warnings, alert.MergedIncidentIDs, alert.Tracking,
	}
	for _, a := range alert.Attachments {
		lists = append(lists, []string{a.Filename, a.ContentType})
	}
	for _, l := range alert.Links {
		lists = append(lists, []string{l.URL, l.Rel})
	}
	isControl := func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' }
	for _, text := range slices.Concat(lists...) {
		if !utf8.ValidString(text) || strings.ContainsFunc(text, isControl) {
			t.Errorf("not sound: %q", text)
		}
	}
	for _, text := range []string{alert.Text, alert.Description} {
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && isControl(r) }) {
			t.Errorf("not sound: %q", clip(text, 200))
		}
	}
}
