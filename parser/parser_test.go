package parser

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestSamples compares what is read with the right reading beside each mail. Keys that a reading leaves out are not
// judged; links maps rel to address, forwarded is message.forwarded.
func TestSamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.eml")
	if err != nil || len(files) == 0 {
		t.Fatalf("samples: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, raw, readingOf(t, file))
		})
	}
}

func readingOf(t *testing.T, file string) map[string]any {
	t.Helper()
	content, err := os.ReadFile(strings.TrimSuffix(file, ".eml") + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal(content, &want); err != nil {
		t.Fatal(err)
	}
	return want
}

func compare(t *testing.T, raw []byte, want map[string]any) {
	t.Helper()
	content, err := json.Marshal(Parse(raw))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(content, &got); err != nil {
		t.Fatal(err)
	}
	for key, value := range want {
		have := got[key]
		switch key {
		case "forwarded":
			have = got["message"].(map[string]any)["forwarded"]
		case "links":
			links := map[string]any{}
			for _, link := range got["links"].([]any) {
				links[link.(map[string]any)["rel"].(string)] = link.(map[string]any)["url"]
			}
			have = links
		}
		if !reflect.DeepEqual(have, value) {
			t.Errorf("%s:\n got %v\nwant %v", key, have, value)
		}
	}
}

func TestABadSubjectStaysOneLine(t *testing.T) {
	t.Parallel()
	if got := Parse([]byte("Subject: =?utf-8?Q?a=0D=0ABcc:_evil=00=E2=80=AE?=\n\nbody")).Title; got != "a Bcc: evil" {
		t.Errorf("title: got %q", got)
	}
}

func TestWhatIsBrokenIsReadAsFarAsItGoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ raw, subject, text string }{
		"a text that begins without an empty line": {"From: a@b.example\nSubject: so\nno colon in here\n", "so", "no colon in here"},
		"a part's text without an empty line":      {"Subject: so\nContent-Type: multipart/mixed; boundary=foo\n\n--foo\nContent-Type: text/plain\nbar\n\n--foo--\n", "so", "bar"},
		"a media type of one word":                 {"Subject: so\nContent-Type: text; charset=us-ascii\n\nbar\n", "so", "bar"},
		"a byte-order mark":                        {"\xef\xbb\xbfSubject: so\n\nbar", "so", "bar"},
		"an mbox line":                             {"From a@b.example Sat Jan  1\nSubject: so\n\nbar", "so", "bar"},
		"a header line without a colon":            {"Received: x\nbroken line\nSubject: so\n\nbar", "so", "bar"},
		"a character cut between encoded words":    {"Subject: =?utf-8?B?w7w=?= =?utf-8?B?4oI=?= =?utf-8?B?rA==?=\n\nbar", "ü€", "bar"},
		"an unknown charset":                       {"Subject: so\nContent-Type: text/plain; charset=x-none\n\nca\xe7a", "so", "caça"},
		"a false charset":                          {"Subject: so\nContent-Type: text/plain; charset=iso-8859-1\n\nça", "so", "ça"},
		"utf-16":                                   {"Subject: so\nContent-Type: text/plain; charset=utf-16le\nContent-Transfer-Encoding: base64\n\nYgBhAHIA", "so", "bar"},
		"truncated base64":                         {"Subject: so\nContent-Transfer-Encoding: base64\n\nYmFyYmF6Y", "so", "barbaz"},
		"broken quoted-printable":                  {"Subject: so\nContent-Transfer-Encoding: quoted-printable\n\nb=61r=\nbaz =ZZ", "so", "barbaz =ZZ"},
		"an unknown encoding":                      {"Subject: so\nContent-Transfer-Encoding: x-odd\n\nbar", "so", "bar"},
		"a missing boundary":                       {"Subject: so\nContent-Type: multipart/mixed\n\n--x12345\nContent-Type: text/plain\n\nbar\n--x12345--\n", "so", "bar"},
		"two subjects":                             {"Subject: so\nSubject: other\n\nbar", "so", "bar"},
		"CR CR LF":                                 {"Subject: so\r\r\n\r\r\nbar", "so", "bar"},
	} {
		alert := Parse([]byte(c.raw))
		if alert.Message.Subject != c.subject || alert.Text != c.text {
			t.Errorf("%s: got %q and %q, want %q and %q", name, alert.Message.Subject, alert.Text, c.subject, c.text)
		}
	}
}

func TestABounceIsNoForwardAndPagesNobody(t *testing.T) {
	t.Parallel()
	raw := "Return-Path: <>\nFrom: postmaster@b.example\nSubject: Undelivered\nContent-Type: multipart/report; boundary=b\n\n" +
		"--b\n\nyour mail was not delivered\n--b\nContent-Type: message/delivery-status\n\nAction: failed\n--b\n" +
		"Content-Type: message/rfc822\n\nFrom: defender-noreply@microsoft.com\nSubject: High severity alert: x\n\nSeverity: High\n--b--\n"
	alert := Parse([]byte(raw))
	if !alert.Message.AutoSubmitted || alert.Message.Forwarded || alert.Kind != "unrecognised" || !strings.HasPrefix(alert.Text, "your mail was not delivered") {
		t.Errorf("got %+v", alert)
	}
}

func TestDetectionTimes(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"1/23/2017 11:04:48 AM UTC": "2017-01-23T11:04:48Z", "October 2, 2026 1:38 UTC": "2026-10-02T01:38:00Z",
		"2026-03-01T03:00:00Z": "2026-03-01T03:00:00Z", "2026-03-01T03:00:00.1234567Z": "2026-03-01T03:00:00Z",
		"2026-03-01T04:00:00+01:00": "2026-03-01T03:00:00Z", "2026-03-01 03:00:00 (UTC)": "2026-03-01T03:00:00Z",
		"3/1/2026 3:00:00 AM": "", "yesterday": "",
	} {
		at, _ := detectionTime(value)
		got := ""
		if !at.IsZero() {
			got = at.Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
}

func TestLinksAreUnwrappedAndLookalikesRefused(t *testing.T) {
	t.Parallel()
	const portal = "https://security.microsoft.com/alerts/da637551227677560813_-961444813"
	for raw, want := range map[string]string{
		portal: portal,
		"https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fsecurity.microsoft.com%2Falerts%2Fda637551227677560813_-961444813&amp;data=05%7C02%7Cana%40contoso.com": portal,
		"https://urldefense.proofpoint.com/v2/url?u=https-3A__security.microsoft.com_alerts_da637551227677560813-5F-2D961444813&d=x":                                               portal,
		"hxxps://security[.]microsoft[.]com/alerts/da637551227677560813_-961444813":                                                                                                portal,
		"https:/securitycenter.windows.com/alert/636207662895522474_-1111111":                                                                                                      "https://securitycenter.windows.com/alert/636207662895522474_-1111111",
		"https://security.microsoft.com.evil.example/alerts/x":                                                                                                                     "",
		"https://security.microsoft.com@evil.example/alerts/x":                                                                                                                     "",
		"https://evil.example/?u=https://security.microsoft.com/":                                                                                                                  "",
		"javascript:alert(1)": "", "https://go.microsoft.com/fwlink/?LinkId=521839": "",
		"https://security.microsoft.com/securitysettings/endpoints/email_notifications": "",
	} {
		target, _ := unwrap(raw)
		link, _ := portalLink(target)
		if link.URL != want {
			t.Errorf("%s: got %q, want %q", raw, link.URL, want)
		}
	}
}
