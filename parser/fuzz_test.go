package parser

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"afterhours/tickets"
)

// bounded runs the reading of a made-up input, which may be as mean as it likes: it takes neither 2 s nor 64 MiB.
func bounded(t *testing.T, run func()) {
	t.Helper()
	cost := measure(run)
	if cost.time > 2*time.Second || cost.allocated > 64*mib {
		t.Fatalf("took %v of processor time and %d KiB", cost.time, cost.allocated/kib)
	}
}

// FuzzUnwrap holds the taking off of trackers to its bounds, and what is kept as a link to the allow-list.
func FuzzUnwrap(f *testing.F) {
	const portal = "https://security.microsoft.com/incidents/1791?tid=92276658-1e27-41c0-8a6a-63ec24ede6a4"
	for _, seed := range []string{
		portal, safeLink(portal), safeLink(safeLink(portal)), madeProofpoint2(portal), proofpoint3(portal), platform(portal), "hxxps://security[.]microsoft[.]com/alerts/x",
		"https://security.microsoft.com@evil.example/", "https:/securitycenter.windows.com/alert/1", "https://urldefense.com/v3/__https://a.example/**Bx__;Pz0m!!x!y$",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		var target string
		var tracking []string
		bounded(t, func() { target, tracking = unwrap(raw) })
		if len(tracking) > maxUnwrap {
			t.Fatalf("%d layers", len(tracking))
		}
		link, ok := portalLink(target)
		if !ok {
			return
		}
		parsed, err := url.Parse(link.URL)
		if err != nil || parsed.User != nil || !portals[strings.ToLower(parsed.Hostname())] {
			t.Fatalf("%q is no portal's", link.URL)
		}
	})
}

// FuzzHTML holds the reading of HTML to text that is shown, within its bounds.
func FuzzHTML(f *testing.F) {
	for _, seed := range []string{
		"<table><tr><td>Severity<td>High</table>", "<p style='display:none'>x<p>y", "<dl><dt>a<dd>b</dl><ul><li>c<li>d</ul>", "<h1>x</h1><a href=' https://a.example/ '>y</a><img src=z>",
		"<table><tr><td><table><tr><td>a</table></table>", "<!-- x --><style>p{}</style><pre>a\nb</pre>",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		var p page
		bounded(t, func() { p = htmlPage(source) })
		if text := p.text(); len(text) > maxText || !utf8.ValidString(text) {
			t.Fatalf("text of %d octets", len(text))
		}
		if got, want := tokensOf(source); !slices.Equal(got, want) {
			t.Fatalf("tokens %q, want %q", got, want)
		}
		for _, field := range readFields(p.rows) {
			if field.meaning != meaningOf(field.label) {
				t.Fatalf("%q means %q", field.label, field.meaning)
			}
		}
	})
}

// FuzzHeader holds the decoding of headers to single lines of valid text.
func FuzzHeader(f *testing.F) {
	for _, head := range oddHeads {
		f.Add([]byte(head + "\r\nbody"))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var h header
		var body []byte
		bounded(t, func() { h, body, _ = splitHeader(raw, &budget{}) })
		if len(body) > len(raw) {
			t.Fatal("the body is longer than the mail")
		}
		for name := range h {
			if text := h.text(name); strings.ContainsAny(text, "\r\n\x00") || !utf8.ValidString(text) || len(text) > maxLine {
				t.Fatalf("%s: %q", name, text)
			}
		}
		addresses(h.get("from"))
		headerDate(h.get("date"))
		mediaType(h.get("content-type"))
	})
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.eml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var alert tickets.Alert
		bounded(t, func() { alert = Parse(raw) })
		content, err := json.Marshal(alert)
		if err != nil || !utf8.Valid(content) {
			t.Fatalf("no valid JSON: %v", err)
		}
		if alert.AlertIDs == nil || alert.Devices == nil || alert.Links == nil || alert.Warnings == nil {
			t.Fatal("a slice is nil")
		}
		for _, warning := range alert.Warnings {
			if strings.HasPrefix(warning, "parser-failed") {
				t.Fatal(warning)
			}
		}
	})
}
