package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/net/html"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/web/auth"
)

func TestNotesAreMarkdown(t *testing.T) {
	t.Parallel()
	render := markdown()
	for note, want := range map[string]string{
		"one\ntwo":                               "<p>one<br>\ntwo</p>\n",
		"one\\\ntwo":                             "<p>one\\<br>\ntwo</p>\n",
		"**bold** and `a*b`":                     "<p><strong>bold</strong> and <code>a*b</code></p>\n",
		"# Heading":                              "<p><strong>Heading</strong></p>\n",
		"- a\n- b":                               "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n",
		"3. a":                                   "<ol start=\"3\">\n<li>a</li>\n</ol>\n",
		"> said":                                 "<blockquote>\n<p>said</p>\n</blockquote>\n",
		"```sh\nrm -rf <x>\n```":                 "<pre><code>rm -rf &lt;x&gt;\n</code></pre>\n",
		"[wiki](https://wiki.example/a?b=1&c=2)": "<p><a href=\"https://wiki.example/a?b=1&amp;c=2\" rel=\"nofollow noreferrer\">wiki</a></p>\n",
		"<https://wiki.example>":                 "<p><a href=\"https://wiki.example\" rel=\"nofollow noreferrer\">https://wiki.example</a></p>\n",
		"![plan](https://wiki.example/p.png)":    "<p><a href=\"https://wiki.example/p.png\" rel=\"nofollow noreferrer\">plan</a></p>\n",
		"seen at http://evil.example/x":          "<p>seen at http://evil.example/x</p>\n",
		`C:\Users\.ssh\*.pem and CONTOSO\_svc`:   "<p>C:\\Users\\.ssh\\*.pem and CONTOSO\\_svc</p>\n",
		"Isolating <script>alert(1)</script>":    "<p>Isolating &lt;script&gt;alert(1)&lt;/script&gt;</p>\n",
		"<div onclick=x>\nhi\n</div>":            "<p>&lt;div onclick=x&gt;<br>\nhi<br>\n&lt;/div&gt;</p>\n",
		"&lt;b&gt; &copy; &#x6a;":                "<p>&amp;lt;b&amp;gt; &amp;copy; &amp;#x6a;</p>\n",
		"[x](javascript:alert(1))":               "<p>x</p>\n",
		"[x](/logout)":                           "<p>x</p>\n",
		"#1042 is the same":                      "<p>#1042 is the same</p>\n",
	} {
		if got := string(render(note)); got != want {
			t.Errorf("%q: got %q, want %q", note, got, want)
		}
	}
}

// TestHostileNotesStayText renders the attacks on the mail's HTML, and those of Markdown's own, and looks at what a browser
// would read.
func TestHostileNotesStayText(t *testing.T) {
	t.Parallel()
	render := markdown()
	var notes []string
	for _, attack := range hostileHTML(t) {
		notes = append(notes, attack[1], "> - "+attack[1], "```"+attack[1]+"\nx\n```", "[a]("+attack[1]+")", "[b]: "+attack[1]+"\n[b]", "![c]("+attack[1]+")", "<"+attack[1]+">", "`"+attack[1])
	}
	for _, address := range []string{"javascript:alert(1)", "JAVASCRIPT:alert(1)", "java\tscript:alert(1)", "java&Tab;script:alert(1)", "&#106;avascript:alert(1)", "vbscript:x", "data:text/html,x", "data:image/svg+xml;base64,PHN2Zy8+", "file:///etc", "//evil.example", "/logout", "?a", "#b", "mailto:a@b.c", "tel:1", "ftp://x.y", "blob:https://x.y/1", "%6aavascript:alert(1)", "javascript\\:alert(1)", "x\"onclick=\"alert(1)"} {
		notes = append(notes, "[x]("+address+")", "[x](<"+address+">)", "![x]("+address+")", "[x]["+address+"]\n\n["+address+"]: "+address, "<"+address+">", `[x](https://a.b "`+address+`" onclick=alert(1))`)
	}
	allowed := []string{"html", "head", "body", "p", "br", "hr", "strong", "em", "code", "pre", "ul", "ol", "li", "blockquote", "a"}
	for _, note := range notes {
		shown := string(render(note))
		document, err := html.Parse(strings.NewReader("<!doctype html><body>" + shown))
		if err != nil {
			t.Fatal(err)
		}
		for node := range document.Descendants() {
			if node.Type == html.CommentNode || node.Type == html.ElementNode && (!slices.Contains(allowed, node.Data) || node.Namespace != "") {
				t.Errorf("%q became %q, with %q", note, shown, node.Data)
			}
			for _, attribute := range node.Attr {
				web := strings.HasPrefix(attribute.Val, "http://") || strings.HasPrefix(attribute.Val, "https://")
				harmless := attribute.Key == "href" && web || attribute.Key == "rel" && attribute.Val == "nofollow noreferrer" || attribute.Key == "start"
				if !harmless {
					t.Errorf("%q became %q, with %s=%q", note, shown, attribute.Key, attribute.Val)
				}
			}
		}
	}
	t.Logf("%d notes", len(notes))
}

func TestNotesThatAreBombsCostLittle(t *testing.T) {
	t.Parallel()
	render := markdown()
	const longest = 10_000
	for _, part := range []string{"[", "![", "*", "_", "**a ", "> ", "- ", "`", "<", "&", "\\", "](", "[a](", "[a][", "\n", "#", "```\n", "a**b", "*a_ ", "<https://", "1. ", "[x]: ", "\t", "((", "__a__", "[]()", "`` `", "- - "} {
		begin := time.Now()
		shown := render(strings.Repeat(part, longest/len(part)))
		if len(shown) > 100*longest {
			t.Errorf("%q: %d octets", part, len(shown))
		}
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("%q took %v", part, took)
		} else if took > 20*time.Millisecond {
			t.Logf("%q: %v", part, took)
		}
	}
}

func TestNotesOfTicketsAndHandOversAreShownAsMarkdown(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ana := d.signIn(t, "ana", auth.Responder)
	source := "See **this**: [runbook](https://wiki.example) <b>"
	d.sample.events = []tickets.Event{{At: d.now, Type: tickets.EventNote, Actor: "ben", Data: map[string]any{"text": source}}}
	d.oncall.notes = []oncall.HandoverNote{{ID: 3, Schedule: "primary", Author: "ben", At: d.now.Add(-20 * time.Hour), Text: source}}
	for path, selector := range map[string]string{"/tickets/1042": ".event .note", "/oncall": ".handnote .written", "/oncall/primary/notes": ".handover .written"} {
		note := page(t, d.ask(t, http.MethodGet, path, "", "Cookie", ana)).Find(selector)
		if got := text(note); got != "See this: runbook <b>" || note.Find("strong").Length() != 1 || note.Find("a[href='https://wiki.example'][rel='nofollow noreferrer']").Length() != 1 {
			html, _ := goquery.OuterHtml(note)
			t.Errorf("%s: got %s", path, html)
		}
	}
}
