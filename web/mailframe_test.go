package web

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"afterhours/web/auth"
)

func TestTheHTMLOfAMailStandsInAFrameWithoutRights(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "ben", auth.Responder)
	d.html = `<p onclick="alert(1)">Hello "you" &amp; <a href="https://evil.example/x?a=1&amp;b=2">me</a><script>alert(1)</script></p><img src="https://evil.example/p.gif"></iframe>`
	response := d.ask(t, http.MethodGet, "/tickets/1042/mails/7?view=html", "", "Cookie", cookie)
	wantStatus(t, response, http.StatusOK)
	policy := response.Header.Get("Content-Security-Policy")
	document := page(t, response)
	frame := document.Find("iframe")
	sandbox, sandboxed := frame.Attr("sandbox")
	if title, _ := frame.Attr("title"); !sandboxed || sandbox != "" || title == "" || frame.Length() != 1 {
		t.Fatalf("the frame: got %d with sandbox %q, titled %q", frame.Length(), sandbox, title)
	}
	inside, _ := frame.Attr("srcdoc")
	shown, err := goquery.NewDocumentFromReader(strings.NewReader(inside))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := text(shown.Find("body")), `Hello "you" & me evil.example`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if shown.Find("body script, body a, body img, [onclick]").Length() != 0 {
		t.Errorf("got %s", inside)
	}
	sum := sha256.Sum256([]byte(shown.Find("style").Text()))
	digest := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	if own, _ := shown.Find("meta[http-equiv=Content-Security-Policy]").Attr("content"); own != "default-src 'none'; img-src data:; style-src "+digest {
		t.Errorf("the frame's policy: got %q", own)
	}
	if policy != strings.Replace(contentSecurityPolicy, "'self'; img-src", "'self' "+digest+"; img-src", 1) {
		t.Errorf("the page's policy: got %q", policy)
	}
	wantText(t, document, ".addresses", "https://evil.example/x?a=1&b=2")
	wantText(t, document, ".help", "pictures from other servers are left out (1 of them)")
	if document.Find(".addresses a").Length() != 0 {
		t.Error("an address of the mail can be clicked")
	}
}

func TestAMailWithoutHTMLSaysSo(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "ben", auth.Responder)
	for _, source := range []string{"", "  ", "<script>alert(1)</script>"} {
		d.html = source
		response := d.ask(t, http.MethodGet, "/tickets/1042/mails/7?view=html", "", "Cookie", cookie)
		if got := response.Header.Get("Content-Security-Policy"); got != contentSecurityPolicy {
			t.Errorf("%q: got the policy %q", source, got)
		}
		document := page(t, response)
		wantText(t, document, ".empty", "no HTML")
		if document.Find("iframe").Length() != 0 {
			t.Errorf("%q: got a frame", source)
		}
	}
	wantText(t, page(t, d.ask(t, http.MethodGet, "/tickets/1042/mails/7", "", "Cookie", cookie)), ".tabs a[aria-current]", "Text")
}
