package web

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/PuerkitoBio/goquery"
)

// hostileHTML are the attacks of the file, each with its class.
func hostileHTML(t *testing.T) [][2]string {
	t.Helper()
	file, err := os.ReadFile("testdata/hostile-html.txt")
	if err != nil {
		t.Fatal(err)
	}
	var attacks [][2]string
	class := ""
	for line := range strings.Lines(string(file)) {
		line = strings.TrimSuffix(line, "\n")
		if name, is := strings.CutPrefix(line, "# "); is {
			class = name
			continue
		}
		if strings.HasPrefix(line, `"`) { // with octets that a line cannot hold
			if line, err = strconv.Unquote(line); err != nil {
				t.Fatalf("%s: %v", class, err)
			}
		}
		attacks = append(attacks, [2]string{class, strings.ReplaceAll(line, "CANARY", "canary.example")})
	}
	return attacks
}

var harmlessPicture = regexp.MustCompile(`^data:image/(png|gif|jpeg);base64,[A-Za-z0-9+/=]+$`)

// faultsOf names what must not be in shown HTML, as a browser would read it.
func faultsOf(t *testing.T, shown string) []string {
	t.Helper()
	document, err := html.Parse(strings.NewReader("<!doctype html><body>" + shown))
	if err != nil {
		t.Fatal(err)
	}
	var faults []string
	for node := range document.Descendants() {
		switch node.Type {
		case html.CommentNode:
			faults = append(faults, "a comment")
		case html.ElementNode:
			allowed, kept := keptElements[node.Data]
			switch node.Data {
			case "html", "head", "body":
				kept = true
			case "img":
				kept, allowed = true, []string{"src", "alt"}
			case "span":
				allowed = []string{"class"}
			}
			if !kept || node.Namespace != "" {
				faults = append(faults, "the element "+node.Data)
			}
			for _, attribute := range node.Attr {
				if !slices.Contains(allowed, attribute.Key) || attribute.Key == "src" && !harmlessPicture.MatchString(attribute.Val) {
					faults = append(faults, fmt.Sprintf("%s=%q of %s", attribute.Key, attribute.Val, node.Data))
				}
			}
		}
	}
	return faults
}

func TestNothingOfHostileHTMLIsLeftButWords(t *testing.T) {
	t.Parallel()
	attacks := hostileHTML(t)
	if len(attacks) < 200 {
		t.Errorf("got %d attacks, want 200 and more", len(attacks))
	}
	policy := newMailPolicy()
	for _, attack := range attacks {
		for _, source := range []string{attack[1], "<table><tr><td>" + attack[1], "<div><b>before " + attack[1] + " after</b></div>"} {
			shown := safe(policy, source, nil)
			if faults := faultsOf(t, shown.Body); len(faults) > 0 {
				t.Errorf("%s: %q became %q: %s", attack[0], source, shown.Body, strings.Join(faults, ", "))
			}
			for _, link := range shown.Links {
				if !strings.HasPrefix(link, "http://") && !strings.HasPrefix(link, "https://") {
					t.Errorf("%s: %q leads to %q", attack[0], source, link)
				}
			}
		}
	}
	for _, bad := range []string{"<script>1</script>", "<img src=x>", "<p onclick=x>", "<a href=x>", "<svg>", "<!-- x -->"} {
		if len(faultsOf(t, bad)) == 0 {
			t.Errorf("%s passes the check itself", bad)
		}
	}
}

// TestWhatBothLayersLetThroughIsTheSame holds the second reading to the first: where it took something away, the first
// wrote what it should not.
func TestWhatBothLayersLetThroughIsTheSame(t *testing.T) {
	t.Parallel()
	policy := newMailPolicy()
	for _, attack := range hostileHTML(t) {
		c := cleaner{left: maxPictures, silent: map[string]int{}}
		c.clean(attack[1])
		if faults := faultsOf(t, c.out.String()); len(faults) > 0 {
			t.Errorf("%q: the cleaner alone leaves %q", attack[1], faults)
		}
		if faults := faultsOf(t, policy.Sanitize(attack[1])); len(faults) > 0 {
			t.Errorf("%q: the policy alone leaves %q", attack[1], faults)
		}
	}
}

func TestLinksBecomeTextWithTheirRealHost(t *testing.T) {
	t.Parallel()
	policy := newMailPolicy()
	for source, want := range map[string]string{
		`<a href="https://evil.example/a">https://security.microsoft.com</a>`:    "https://security.microsoft.com evil.example",
		`<a href="https://security.microsoft.com@evil.example/">x</a>`:           "x evil.example",
		`<a href="https://evil.example\@security.microsoft.com/">x</a>`:          "x evil.example",
		`<a href="https://sеcurity.microsoft.com/">x</a>`:                        "x xn--scurity-7gg.microsoft.com",
		`<a href="HTTPS://Security.Microsoft.COM:443/">x</a>`:                    "x security.microsoft.com",
		"<a href=\"ht\ntps://evil.example\">x</a>":                               "x evil.example",
		`<a href="mailto:soc@example.com?subject=hi">write</a>`:                  "write soc@example.com",
		`<a href="#top">up</a> <a href="/logout">out</a> <a href="//x.y">z</a>`:  "up out z",
		`<a href="https://one.example">one<a href="https://two.example">two</a>`: "one one.example two two.example",
		`<a href="https://open.example">never closed`:                            "never closed open.example",
	} {
		document, err := goquery.NewDocumentFromReader(strings.NewReader(safe(policy, source, nil).Body))
		if err != nil {
			t.Fatal(err)
		}
		if got := text(document.Find("body")); got != want {
			t.Errorf("%s: got %q, want %q", source, got, want)
		}
	}
	made := safe(policy, strings.Repeat(`<a href="https://a.example/1">1</a>`, 3)+`<a href="https://b.example/2?q=1&amp;r=2">2</a>`, nil)
	if want := []string{"https://a.example/1", "https://b.example/2?q=1&r=2"}; !slices.Equal(made.Links, want) {
		t.Errorf("links: got %q, want %q", made.Links, want)
	}
}

func TestTablesStayTables(t *testing.T) {
	t.Parallel()
	made := safe(newMailPolicy(), `<table width=600 bgcolor=#000 style="color:#000"><tr><th colspan=2 align=CENTER>Alert<tr><td rowspan=9999>Device<td>srv-1</table>`, nil)
	document, err := goquery.NewDocumentFromReader(strings.NewReader(made.Body))
	if err != nil {
		t.Fatal(err)
	}
	if got := document.Find("tr").Length(); got != 2 {
		t.Errorf("got %d rows, want 2: %s", got, made.Body)
	}
	if got, _ := document.Find("th[colspan='2']").Attr("align"); got != "center" || document.Find("[rowspan], [bgcolor], [style], [width]").Length() != 0 {
		t.Errorf("attributes: got %s", made.Body)
	}
}

func drawn(t *testing.T, width, height int) []byte {
	t.Helper()
	var content bytes.Buffer
	if err := png.Encode(&content, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return content.Bytes()
}

func TestOnlySmallPicturesOfTheMailItselfAreShown(t *testing.T) {
	t.Parallel()
	small, huge := drawn(t, 20, 10), drawn(t, 5000, 5000)
	padded := append(slices.Clone(small), make([]byte, maxPicture)...)
	pictures := map[string][]byte{"logo@x": small, "huge": huge, "padded": padded, "page": []byte("<svg xmlns='http://www.w3.org/2000/svg'/>")}
	policy := newMailPolicy()
	for source, want := range map[string]int{
		`<img src="cid:logo@x" alt="Logo">`: 1, `<img src="CID:logo%40x">`: 1, `<img src="cid:huge">`: 0, `<img src="cid:padded">`: 0, `<img src="cid:page">`: 0,
		`<img src="cid:none" alt="a chart">`: 0, `<img src="https://x.example/a.png">`: 0, `<img src="data:image/svg+xml;base64,PHN2Zy8+">`: 0,
		`<img src="data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7">`: 1,
	} {
		made := safe(policy, source, pictures)
		if got := strings.Count(made.Body, "<img "); got != want || made.Gone != 1-want {
			t.Errorf("%s: got %d pictures and %d that are gone: %s", source, got, made.Gone, made.Body)
		}
	}
	if got := safe(policy, `<img src="cid:none" alt="a <b>chart</b>">`, pictures).Body; !strings.Contains(got, `<span class="gone">a &lt;b&gt;chart&lt;/b&gt;</span>`) {
		t.Errorf("what a picture is said to show: got %q", got)
	}
	big := map[string][]byte{"a": append(slices.Clone(small), make([]byte, maxPicture-len(small))...)}
	if got := strings.Count(safe(policy, strings.Repeat(`<img src="cid:a">`, 9), big).Body, "<img "); got != maxPictures/maxPicture {
		t.Errorf("got %d pictures, want no more than fit into %d octets", got, maxPictures)
	}
}

func TestHTMLThatIsABombCostsLittle(t *testing.T) {
	t.Parallel()
	policy := newMailPolicy()
	for name, source := range map[string]string{
		"depth": strings.Repeat("<div>", 1<<20), "formats": strings.Repeat("<b><i><a href=https://x.example>", 1<<17), "silent": strings.Repeat("<svg><math><template>", 1<<17),
		"attributes": "<p " + strings.Repeat("a=b ", 1<<20) + ">", "text": strings.Repeat("<", 5<<20), "entities": strings.Repeat("&amp;", 1<<20), "tables": strings.Repeat("<table><tr><td>", 1<<18),
		"picture": `<img src="data:image/png;base64,` + strings.Repeat("A", 5<<20) + `">`,
	} {
		begin := time.Now()
		made := safe(policy, source, nil)
		if len(made.Body) > 8*maxSafeHTML || !made.Cut {
			t.Errorf("%s: got %d octets, cut: %t", name, len(made.Body), made.Cut)
		}
		t.Logf("%s: %v", name, time.Since(begin))
	}
}
