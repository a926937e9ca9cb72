package anonymise_test

import (
	"encoding/base64"
	"fmt"
	"html"
	"mime"
	"mime/quotedprintable"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"afterhours/cmd/afterhours/internal/anonymise"
	"afterhours/cmd/afterhours/internal/samplemail"
	"afterhours/parser"
	"afterhours/tickets"
)

var secrets = []string{
	"contoso", "ruiz", "okafor", "srv-sql-07", "fabrikam", "10.20.30.40", "0a1b2c3d-1111-4222-8333-444455556666", "637123456789012345",
	"4711", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "fe80::1ff:fe23:4567:890a", "grünwald",
}

const kept = "security.microsoft.com"

// alertHTML names everything that must go, in text, links and trackers.
func alertHTML() string {
	incident := "https://security.microsoft.com/incidents/4711?tid=0a1b2c3d-1111-4222-8333-444455556666"
	alert := "https://security.microsoft.com/alerts/da637123456789012345_-1820413217?tid=0a1b2c3d-1111-4222-8333-444455556666"
	safe := "https://eur01.safelinks.protection.outlook.com/?url=" + url.QueryEscape(alert) + "&data=" + url.QueryEscape("05|02|ana.ruiz@contoso.com|9f86d081884c7d659a2feaa0c55ad015|0a1b2c3d-1111-4222-8333-444455556666|0|0|638|Unknown") + "&sdata=abc%2Bdef&reserved=0"
	azure := "https://azure.microsoft.com/email/?destination=" + url.QueryEscape(safe) + "&p=" + url.QueryEscape(base64.StdEncoding.EncodeToString([]byte("m=0a1b2c3d-1111-4222-8333-444455556666&r=ana.ruiz@contoso.com&t=contoso")))
	return `<html><body><!-- for ana.ruiz@contoso.com --><table>
<tr><td>Title</td><td>Ransomware on srv-sql-07 of Contoso</td></tr><tr><td>Severity</td><td>High</td></tr><tr><td>Category</td><td>Ransomware</td></tr>
<tr><td>Device</td><td>srv-sql-07.corp.contoso.com</td></tr><tr><td>User</td><td>CONTOSO\ana.ruiz</td></tr><tr><td>Organization</td><td>Contoso Ltd</td></tr>
<tr><td>IP address</td><td>10.20.30.40, fe80::1ff:fe23:4567:890a</td></tr><tr><td>SHA256</td><td>9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08</td></tr>
<tr><td>Detection time</td><td>2026-03-01T03:00:00Z</td></tr><tr><td>File</td><td>C:\Users\okafor\invoice.exe</td></tr></table>
<p>Assigned to Ben Okafor &lt;ben.okafor&#64;fabrikam.co.uk&gt;, f&uuml;r Gr&uuml;nwald: see <a href="` + html.EscapeString(azure) + `" title="contoso.onmicrosoft.com">Alert</a> and <a href="` + html.EscapeString(incident) + `">the incident</a>.</p>
<p>From: Eva Grünwald &lt;eva.gruenwald@contoso.com&gt;</p></body></html>`
}

// alertMail carries it in an encoding, with a plain part in another and an attachment.
func alertMail(encoding string) []byte {
	encode := func(text, encoding string) string {
		switch encoding {
		case "base64":
			return regexp.MustCompile(`.{1,76}`).ReplaceAllString(base64.StdEncoding.EncodeToString([]byte(text)), "$0\n")
		case "quoted-printable":
			var out strings.Builder
			w := quotedprintable.NewWriter(&out)
			_, _ = w.Write([]byte(text))
			_ = w.Close()
			return out.String()
		}
		return text
	}
	plain := "Hello Ana Ruiz,\n\nsrv-sql-07 (10.20.30.40) of contoso.sharepoint.com\nhttps://security.microsoft.com/incidents/4711?tid=0a1b2c3d-1111-4222-8333-444455556666\n"
	return fmt.Appendf(nil, `Received: from mail.contoso.com (mail.contoso.com [10.20.30.40]) by mx.fabrikam.co.uk; Sun, 01 Mar 2026 03:00:07 +0000
Received: from x by mail.contoso.com; Sun, 01 Mar 2026 03:00:06 +0000
X-MS-Exchange-Organization-Tenant: 0a1b2c3d-1111-4222-8333-444455556666
Authentication-Results: mx.fabrikam.co.uk; dmarc=pass
From: Microsoft Defender <defender-noreply@microsoft.com>
To: %s <ana.ruiz@contoso.com>, security@fabrikam.co.uk
Subject: %s
Date: Sun, 01 Mar 2026 03:00:05 +0000
Message-ID: <4711.0a1b2c3d-1111-4222-8333-444455556666@mail.contoso.com>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="out"

--out
Content-Type: multipart/alternative; boundary="in"

--in
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

%s
--in
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: %s

%s
--in--
--out
Content-Type: application/octet-stream; name="contoso-okafor.zip"
Content-Disposition: attachment; filename="contoso-okafor.zip"
Content-Transfer-Encoding: base64

%s
--out--
`, mime.QEncoding.Encode("utf-8", "Ana Ruíz"), mime.BEncoding.Encode("utf-8", "High severity alert: Ransomware on srv-sql-07 of Contoso ✓"), plain, encoding,
		encode(alertHTML(), encoding), base64.StdEncoding.EncodeToString([]byte("ana.ruiz@contoso.com")))
}

// seen is a mail as it stands and as every encoding in it says.
func seen(raw []byte) []string {
	views := []string{string(raw)}
	if decoded, err := new(mime.WordDecoder).DecodeHeader(string(raw)); err == nil {
		views = append(views, decoded)
	}
	for block := range strings.SplitSeq(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n\n") {
		clean, _, _ := strings.Cut(block, "\n--")
		if decoded, err := base64.StdEncoding.DecodeString(clean); err == nil {
			views = append(views, string(decoded))
		}
	}
	views = append(views, strings.NewReplacer("=\r\n", "", "=\n", "", "=3D", "=").Replace(string(raw)))
	for _, view := range slices.Clone(views) {
		for range 4 {
			view = html.UnescapeString(regexp.MustCompile(`%[0-9A-Fa-f]{2}`).ReplaceAllStringFunc(view, func(c string) string {
				decoded, _ := url.PathUnescape(c)
				return decoded
			}))
			views = append(views, view)
			for _, run := range regexp.MustCompile(`[A-Za-z0-9+/_-]{16,}`).FindAllString(view, -1) {
				if decoded, err := base64.RawStdEncoding.DecodeString(run); err == nil {
					views = append(views, string(decoded))
				}
			}
		}
	}
	return views
}

func TestNothingOfTheOriginalIsLeftInAnyEncoding(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{"8bit", "quoted-printable", "base64"} {
		raw := alertMail(encoding)
		out, err := anonymise.New([]byte("key")).Mail(raw)
		if err != nil {
			t.Errorf("%s: %v", encoding, err)
			continue
		}
		found := map[string]bool{}
		for _, view := range seen(raw) {
			for _, secret := range secrets {
				found[secret] = found[secret] || strings.Contains(strings.ToLower(view), secret)
			}
		}
		for secret := range found {
			if !found[secret] {
				t.Errorf("%s: the test does not see %q in the original", encoding, secret)
			}
		}
		for _, view := range seen(out) {
			for _, secret := range append(secrets, "ana") {
				at := strings.Index(strings.ToLower(view), secret)
				if at >= 0 && (secret != "ana" || regexp.MustCompile(`(?i)\bana\b`).MatchString(view)) {
					t.Errorf("%s: %q is left: …%s…", encoding, secret, view[max(0, at-60):min(len(view), at+60)])
				}
			}
		}
		agree(t, encoding, raw, out)
		if !strings.Contains(strings.Join(seen(out), "\n"), kept) {
			t.Errorf("%s: the links of Microsoft's portal are gone", encoding)
		}
		if !strings.Contains(string(out), "defender-noreply@microsoft.com") || !strings.Contains(string(out), "Date: Sun, 01 Mar 2026 03:00:05 +0000") {
			t.Errorf("%s: sender or date changed", encoding)
		}
	}
}

func agree(t *testing.T, name string, raw, out []byte) {
	t.Helper()
	before, after := parser.Parse(raw), parser.Parse(out)
	facts := func(a tickets.Alert) string {
		return fmt.Sprint(a.Kind, a.Severity, a.Product, a.Action, a.DetectedAt, a.Message.Date, a.Category, len(a.Devices), len(a.Users), len(a.AlertIDs), len(a.Links), len(a.IncidentID), len(a.MergedIncidentIDs))
	}
	if facts(before) != facts(after) {
		t.Errorf("%s: read as %s, want %s", name, facts(after), facts(before))
	}
	for i, id := range before.AlertIDs {
		if len(after.AlertIDs) > i && (len(after.AlertIDs[i]) != len(id) || after.AlertIDs[i] == id) {
			t.Errorf("%s: alert id %s became %s", name, id, after.AlertIDs[i])
		}
	}
}

func TestEveryMailOfTheCorpusReadsTheSame(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../../parser/testdata/*.eml")
	if err != nil || len(files) < 20 {
		t.Fatalf("got %d files, %v", len(files), err)
	}
	anonymiser := anonymise.New([]byte("key"))
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out, err := anonymiser.Mail(raw)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
			continue
		}
		agree(t, filepath.Base(file), raw, out)
	}
	generator, err := samplemail.New(7)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range samplemail.Kinds() {
		mail, err := generator.Make(kind, "", "soc@contoso.example", time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		out, err := anonymiser.Mail(mail.Raw)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		agree(t, kind, mail.Raw, out)
	}
}

func TestTheSameBecomesTheSameInAllFilesOfARun(t *testing.T) {
	t.Parallel()
	devices := func(a *anonymise.Anonymiser, encoding string) string {
		out, err := a.Mail(alertMail(encoding))
		if err != nil {
			t.Fatal(err)
		}
		alert := parser.Parse(out)
		return fmt.Sprint(alert.Devices, alert.Users, alert.IncidentID, alert.AlertIDs, alert.TenantID, alert.Organisation)
	}
	one := anonymise.New([]byte("key"))
	first := devices(one, "8bit")
	if second := devices(one, "base64"); first != second {
		t.Errorf("got %s and %s", first, second)
	}
	if other := devices(anonymise.New([]byte("another")), "8bit"); other == first {
		t.Errorf("another key makes up the same: %s", other)
	}
}

func TestOddMailsAreAnonymisedOrRefusedButNeverCrash(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"empty":              "",
		"no header":          "ana.ruiz@contoso.com\n",
		"no end":             "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Transfer-Encoding: base64\n\nYW5hLnJ1aXpAY29udG9zby5jb20",
		"broken base64":      "To: ana.ruiz@contoso.com\nContent-Transfer-Encoding: base64\n\n!!!ana.ruiz@contoso.com",
		"another charset":    "To: ana.ruiz@contoso.com\nContent-Type: text/plain; charset=iso-8859-1\n\nGr\xfc\xdfe an ana.ruiz@contoso.com",
		"an attached mail":   "From: x@contoso.com\nContent-Type: message/rfc822\n\nFrom: ana.ruiz@contoso.com\nSubject: from contoso\n\ncontoso\n",
		"a case that grows":  "To: ana.ruiz@contoso.com\n\nİİİ contoso ŉ Ruiz",
		"a header that ends": "To: ana.ruiz@contoso.com",
	} {
		out, err := anonymise.New([]byte("key")).Mail([]byte(raw))
		if err != nil {
			t.Logf("%s: refused: %v", name, err)
			continue
		}
		for _, view := range seen(out) {
			if strings.Contains(strings.ToLower(view), "contoso") || strings.Contains(strings.ToLower(view), "ruiz") {
				t.Errorf("%s: left in %q", name, view)
			}
		}
	}
}
