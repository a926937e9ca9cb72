package parser

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// benchmark reads mails again and again. Beside the time on the wall it tells the processor time, which other work on the
// machine hardly moves.
func benchmark(b *testing.B, mails ...[]byte) {
	b.Helper()
	size := 0
	for _, raw := range mails {
		size += len(raw)
	}
	b.ReportAllocs()
	b.SetBytes(int64(size))
	runtime.LockOSThread() // whose time it is
	defer runtime.UnlockOSThread()
	begin := processorTime()
	for b.Loop() {
		for _, raw := range mails {
			Parse(raw)
		}
	}
	spent := float64((processorTime() - begin).Nanoseconds()) / float64(b.N)
	b.ReportMetric(spent, "cpu-ns/op")
	b.ReportMetric(spent/1e6/(float64(size)/mib), "cpu-ms/MiB")
}

// BenchmarkBombs is what the worst inputs cost.
func BenchmarkBombs(b *testing.B) {
	for name, raw := range bombs() {
		b.Run(name, func(b *testing.B) { benchmark(b, []byte(raw)) })
	}
}

// bigIncident is an incident mail of a size as real ones have: a layout of nested tables with styles in every cell.
func bigIncident() []byte {
	style := strings.Repeat("font-family:'Segoe UI',Helvetica,Arial,sans-serif;padding:4px 8px;", 8)
	var b strings.Builder
	b.WriteString("<html><body>")
	for i := range 40 {
		fmt.Fprintf(&b, `<table style="%s"><tr><td style="%s"><table><tr><td style="%s">Active alert %d</td><td>Suspicious behaviour number %d</td></tr></table></td></tr></table>`, style, style, style, i, i)
	}
	b.WriteString(pairs("Incident name", "Multi-stage incident", "Severity", "High", "Categories", "Execution", "Devices", "ws-1, ws-2", "Users", "pat@contoso.com", "First activity", "10/5/2026 12:00:00 PM UTC"))
	b.WriteString(`<a href="` + safeLink("https://security.microsoft.com/incidents/1791?tid=92276658-1e27-41c0-8a6a-63ec24ede6a4") + `">View</a></body></html>`)
	return write(madeByDefender, incidentWords, "<a@b.example>", `text/html; charset="utf-8"`, "quoted-printable", quoted7(b.String()))
}

func BenchmarkIncident(b *testing.B) {
	raw := bigIncident()
	if len(raw) < 65*kib || len(raw) > 80*kib {
		b.Fatalf("the mail has %d octets", len(raw))
	}
	benchmark(b, raw)
}

func BenchmarkSmallIncident(b *testing.B) {
	raw, err := os.ReadFile("testdata/017-incident-outlook-safelinks.eml")
	if err != nil {
		b.Fatal(err)
	}
	benchmark(b, raw)
}

// denseMails are the odd bodies, each repeated to a mebibyte.
func denseMails() map[string][]byte {
	mails := map[string][]byte{}
	for name, body := range oddBodies() {
		head, text, typed := strings.Cut(body, "\r\n\r\n")
		if !typed {
			head, text = "X-Nothing: said", body
		}
		mails[name] = []byte(oddHeads["encoded"] + head + "\r\n\r\n" + strings.Repeat(text+"\r\n", mib/(len(text)+2)))
	}
	return mails
}

// oddCollection is every odd head over every odd body, as they are.
func oddCollection() (mails [][]byte) {
	for _, head := range oddHeads {
		for _, body := range oddBodies() {
			mails = append(mails, []byte(head+body))
		}
	}
	return mails
}

func BenchmarkOddMails(b *testing.B) {
	for name, raw := range denseMails() {
		b.Run(name, func(b *testing.B) { benchmark(b, raw) })
	}
}

func BenchmarkOddCollection(b *testing.B) { benchmark(b, oddCollection()...) }

var mailsTo = flag.String("mails", "", "write the mails of the benchmarks into this folder")

// TestMailsOfTheBenchmarksAreWritten makes the files that the comparison with another parser reads.
func TestMailsOfTheBenchmarksAreWritten(t *testing.T) {
	t.Parallel()
	if *mailsTo == "" {
		t.Skip("only with -mails FOLDER")
	}
	save := func(name string, raw []byte) {
		path := filepath.Join(*mailsTo, name+".eml")
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	save("incident of 71 KB", bigIncident())
	for name, raw := range bombs() {
		save(strings.ReplaceAll(name, "/", "-"), []byte(raw))
	}
	for name, raw := range denseMails() {
		save("dense, "+name, raw)
	}
	for i, raw := range oddCollection() {
		save(fmt.Sprintf("collection/%d", i), raw)
	}
}
