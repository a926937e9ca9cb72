package parser

import (
	"encoding/json"
	"flag"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"afterhours/tickets"
)

const (
	kib = 1 << 10
	mib = 1 << 20
)

// bombs are mails that are made to cost much.
func bombs() map[string]string {
	htmlMail := "Subject: x\nContent-Type: text/html\n\n"
	nested := strings.Builder{}
	for i := range 5000 {
		boundary := "b" + strings.Repeat("x", i%50)
		nested.WriteString("Content-Type: multipart/mixed; boundary=" + boundary + "\n\n--" + boundary + "\n")
	}
	tracked := "https://security.microsoft.com/incidents/1"
	for len(tracked) < 40*kib {
		tracked = "https://nam06.safelinks.protection.outlook.com/?url=" + url.QueryEscape(tracked)
	}
	winmail := tnef(attribute(1, attBody, []byte("x")))
	for range 60 {
		winmail = tnef(attribute(2, attAttachBegins, make([]byte, 14)), attribute(2, attAttachData, winmail))
	}
	packed := append([]byte{0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f, 'L', 'Z', 'F', 'u', 0, 0, 0, 0}, []byte(strings.Repeat("\xff\x00\x1f\x00\x2f\x00\x3f\x00\x4f\x00\x5f\x00\x6f\x00\x7f\x00\x8f", 30_000))...)
	return map[string]string{
		"empty":                         "",
		"binary":                        "\x00\x01\x02\xff\xfe",
		"no header":                     "just words\n",
		"only newlines":                 strings.Repeat("\r\n", 10_000),
		"5,000 nested multiparts":       nested.String(),
		"5,000 nested messages":         strings.Repeat("Content-Type: message/rfc822\n\n", 5000) + "x",
		"500,000 parts":                 "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nx\n", 500_000),
		"500,000 parts without an end":  "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n", 500_000),
		"100,000 header lines":          strings.Repeat("X: y\n", 100_000) + "\nbody",
		"100,000 folds":                 "Subject: x\n" + strings.Repeat(" y\n", 100_000) + "\nbody",
		"a subject of 2 MiB":            "Subject: " + strings.Repeat("x", 2*mib) + "\n\nbody",
		"20,000 encoded words":          "Subject: " + strings.Repeat("=?utf-8?B?w7w=?= ", 20_000) + "\n\nbody",
		"a subject of beginnings":       "Subject: " + strings.Repeat("=?", 100_000) + "\n\nbody",
		"a subject of marks":            "Subject: " + strings.Repeat("Re: [x] ", 30_000) + "\n\nbody",
		"100,000 recipients":            "To: " + strings.Repeat("a@b.example, ", 19_000) + "\n\nbody",
		"comments in a sender":          "From: " + strings.Repeat("(", 200_000) + "a@b.example\n\nbody",
		"50,000 parameters":             "Content-Type: text/plain" + strings.Repeat("; a=b", 50_000) + "\n\nbody",
		"a boundary of 4 KB":            "Content-Type: multipart/mixed; boundary=" + strings.Repeat("b", 4000) + "\n\n" + strings.Repeat("--b\n", 100_000),
		"25 MiB of base64":              "Content-Transfer-Encoding: base64\n\n" + strings.Repeat(strings.Repeat("QUJD", 19)+"\n", 25*mib/77),
		"25 MiB of base64 in a file":    "Content-Type: application/pdf; name=x.pdf\nContent-Transfer-Encoding: base64\n\n" + strings.Repeat(strings.Repeat("QUJD", 19)+"\n", 25*mib/77),
		"25 MiB of broken base64":       "Content-Transfer-Encoding: base64\n\n" + strings.Repeat(strings.Repeat("Q!JD", 19)+"\n", 25*mib/77),
		"25 MiB of quoted-printable":    "Content-Transfer-Encoding: quoted-printable\n\n" + strings.Repeat("=41", 25*mib/3),
		"25 MiB of text on one line":    "Subject: x\n\n" + strings.Repeat("x", 25*mib),
		"25 MiB of NUL":                 "Subject: x\n\n" + strings.Repeat("\x00", 25*mib),
		"25 MiB of zero-width spaces":   "Subject: x\n\n" + strings.Repeat("\u200b", 25*mib/3),
		"25 MiB of UTF-7":               "Content-Type: text/plain; charset=utf-7\n\n" + strings.Repeat("+AOQ-", 5*mib),
		"10 MiB of UTF-16":              "Content-Type: text/plain; charset=utf-16\n\n" + strings.Repeat("a\x00", 5*mib),
		"10 MiB of GB 18030":            "Content-Type: text/plain; charset=gb18030\n\n" + strings.Repeat("\xd6\xd0", 5*mib),
		"5 MiB of nested tags":          htmlMail + strings.Repeat("<div><b>", 5*mib/8),
		"5 MiB of nested tables":        htmlMail + strings.Repeat("<table><tr><td>", 5*mib/15),
		"5 MiB of nested tables, ended": htmlMail + strings.Repeat("<table><tr><td>", mib/15) + "x" + strings.Repeat("</td></tr></table>", mib/15),
		"5 MiB of open angles":          htmlMail + strings.Repeat("<", 5*mib),
		"5 MiB of comments":             htmlMail + strings.Repeat("<!-- -", 5*mib/6),
		"5 MiB of entities":             htmlMail + strings.Repeat("&amp;", mib),
		"5 MiB in one attribute":        htmlMail + `<div style="` + strings.Repeat("display :", 5*mib/9) + `">x</div>`,
		"100,000 attributes":            htmlMail + "<div " + strings.Repeat("a=b ", 1_000_000) + ">x</div>",
		"5 MiB of hidden tags":          htmlMail + strings.Repeat(`<p style="display:none">`, 5*mib/24),
		"5 MiB of end tags":             htmlMail + strings.Repeat("<div>", 200) + strings.Repeat("</span></b></td>", 5*mib/16),
		"100,000 cells":                 htmlMail + "<table>" + strings.Repeat("<tr><td>a<td>b", 300_000),
		"one row of 300,000 cells":      htmlMail + "<table><tr>" + strings.Repeat("<td>Severity", 300_000),
		"100,000 list items":            htmlMail + "<h3>Devices</h3><ul>" + strings.Repeat("<li>ws-1", 100_000),
		"100,000 links":                 htmlMail + strings.Repeat(`<a href="https://security.microsoft.com/incidents/1">x</a>`, 100_000),
		"links in links":                htmlMail + strings.Repeat(`<a href="`+tracked+`">x</a>`, 100),
		"300,000 labels":                "Subject: x\n\n" + strings.Repeat("Severity: High\n", 300_000),
		"300,000 lone labels":           "Subject: x\n\n" + strings.Repeat("Severity\n", 300_000),
		"quoted headers":                "Subject: x\n\n" + strings.Repeat("From: a@b.example\nSent: x\nTo: y\n", 100_000),
		"whole quoted headers":          "Subject: FW: x\n\n" + strings.Repeat("> From: a@b.example\n> Subject: x\n\n", 100_000),
		"broken Safe Links":             "Subject: x\n\n" + strings.Repeat("https://a.safelinks.protection.outlook.com/?url=x%3A\n>%2F\n", 50_000),
		"slashes":                       "Subject: x\n\n" + strings.Repeat("https:/", mib),
		"colons":                        "Subject: x\n\n" + strings.Repeat("a: ", mib),
		"pairs":                         "Subject: x\n\n" + strings.Repeat("Severity: High | ", 200_000),
		"spaces":                        "Subject: x\n\nSeverity" + strings.Repeat(" ", 5*mib) + "High",
		"marks of quoting":              "Subject: x\n\n" + strings.Repeat("> ", mib) + "x",
		"nested winmail.dat":            "Content-Type: application/ms-tnef\n\n" + string(winmail),
		"a winmail.dat that unfolds":    "Content-Type: application/ms-tnef\n\n" + string(tnef(attribute(1, attMessageProps, properties(property{propRTF, typeBinary, packed})))),
		"rich text in rich text":        "Content-Type: application/ms-tnef\n\n" + string(tnef(attribute(1, attMessageProps, properties(property{propRTF, typeBinary, plainRTF(strings.Repeat(`{\*\htmltag`, mib/3))})))),
		"uuencode":                      "Content-Transfer-Encoding: x-uuencode\n\nbegin 644 x\n" + strings.Repeat("M"+strings.Repeat("8F%R", 15)+"\n", 100_000),
		"an evil subject":               "Subject: =?utf-8?Q?a=0D=0ABcc:_evil=00?=\n\nbody",
	}
}

// Bounds of what one mail may cost, beside the mail itself. On busy machines and under the race detector they are such as
// only a cost that grows faster than the mail exceeds.
const (
	mostTime, punctualTime     = 20 * time.Second, 500 * time.Millisecond
	mostMemory, punctualMemory = 512 * mib, 64 * mib
)

var punctual = flag.Bool("punctual", false, "the machine does nothing else: hold costs to the letter")

// TestNoBombCostsMuch runs alone, because it measures: each bomb's processor time and every octet that was allocated for
// it, which is more than what is held at any moment.
func TestNoBombCostsMuch(t *testing.T) { //nolint:paralleltest // it measures
	if testing.Short() {
		t.Skip("measures for half a minute")
	}
	longest, largest := mostTime, mostMemory
	if *punctual {
		longest, largest = punctualTime, punctualMemory
	}
	made := bombs()
	var names []string
	for name := range made {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		raw := []byte(made[name])
		var alert tickets.Alert
		cost := measure(func() { alert = Parse(raw) })
		t.Logf("%-32s %6d KiB %8.1f ms %8d KiB allocated", name, len(raw)/kib, float64(cost.time.Microseconds())/1000, cost.allocated/kib)
		if cost.time > longest {
			t.Errorf("%s: took %v of processor time", name, cost.time)
		}
		soundStrings(t, alert)
		if len(alert.Text) > maxText || len(alert.Links) > maxLinks || len(alert.Title) > maxLine {
			t.Errorf("%s: beyond its bounds: text %d, links %d, title %d", name, len(alert.Text), len(alert.Links), len(alert.Title))
		}
		if content, err := json.Marshal(alert); err != nil || !utf8.Valid(content) {
			t.Errorf("%s: no valid JSON: %v", name, err)
		}
		if cost.allocated > uint64(largest+2*len(raw)) {
			t.Errorf("%s of %d KiB: allocated %d KiB", name, len(raw)/kib, cost.allocated/kib)
		}
	}
}

type cost struct {
	time      time.Duration
	allocated uint64
}

func measure(run func()) cost {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begin := processorTime()
	run()
	spent := processorTime() - begin
	runtime.ReadMemStats(&after)
	return cost{spent, after.TotalAlloc - before.TotalAlloc}
}
