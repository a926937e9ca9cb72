package web

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
	"golang.org/x/net/idna"
)

// Bounds of the HTML of a mail that is shown.
const (
	maxSafeHTML     = 512 << 10 // octets that are read, and that are written without pictures
	maxSafeTags     = 20_000
	maxPicture      = 128 << 10 // octets of one picture
	maxPictures     = 512 << 10 // octets of all of them
	maxPicturePixel = 4 << 20
	maxMailLinks    = 50
)

// safeHTML is the HTML of a mail as it may be shown.
type safeHTML struct {
	Body  string
	Links []string // where the mail's links lead, each once
	Gone  int      // pictures that are not shown
	Cut   bool
}

// keptElements are what a mail may be made of, with the attributes that each may have; all others lose their tags and
// keep their text. Colours, fonts and sizes are left out: what is read is dark on white, whatever the mail says.
var keptElements = map[string][]string{
	"div": nil, "p": nil, "br": nil, "hr": nil, "span": nil, "b": nil, "strong": nil, "i": nil, "em": nil, "u": nil, "s": nil, "small": nil,
	"sub": nil, "sup": nil, "code": nil, "pre": nil, "blockquote": nil, "ul": nil, "ol": nil, "li": nil, "dl": nil, "dt": nil, "dd": nil,
	"h1": nil, "h2": nil, "h3": nil, "h4": nil, "h5": nil, "h6": nil, "center": nil,
	"table": nil, "thead": nil, "tbody": nil, "tfoot": nil, "tr": nil, "caption": nil,
	"td": {"colspan", "rowspan", "align", "valign"}, "th": {"colspan", "rowspan", "align", "valign"},
}

// silentElements take what they hold with them.
var silentElements = []string{
	"script", "style", "title", "template", "noscript", "iframe", "object", "applet", "svg", "math", "select", "textarea", "xmp", "plaintext",
	"noembed", "noframes", "frameset", "audio", "video", "canvas", "datalist",
}

// newMailPolicy lets nothing pass but what safe writes: it reads that once more, so that a fault there is none here.
func newMailPolicy() *bluemonday.Policy {
	policy := bluemonday.NewPolicy()
	for element, attributes := range keptElements {
		policy.AllowNoAttrs().OnElements(element)
		if len(attributes) > 0 {
			policy.AllowAttrs("colspan", "rowspan").Matching(cellSpan).OnElements(element)
			policy.AllowAttrs("align", "valign").Matching(cellAlign).OnElements(element)
		}
	}
	policy.AllowAttrs("class").Matching(regexp.MustCompile(`^(host|link|gone)$`)).OnElements("span")
	policy.AllowAttrs("src").Matching(regexp.MustCompile(`^data:image/(png|gif|jpeg);base64,[A-Za-z0-9+/]+={0,2}$`)).OnElements("img")
	policy.AllowAttrs("alt").OnElements("img")
	policy.AllowDataURIImages()
	policy.SkipElementsContent(silentElements...)
	return policy
}

var (
	cellSpan  = regexp.MustCompile(`^[1-9][0-9]{0,2}$`)
	cellAlign = regexp.MustCompile(`^(left|right|center|top|middle|bottom)$`)
)

// safe makes the HTML of a mail harmless: nothing in it runs, loads, posts, covers anything else or leads anywhere. Links
// become text beside which their real host stands, and pictures of the mail itself are written into it. It is one pass
// over the tokens without a tree, so neither depth nor missing end tags cost anything.
func safe(policy *bluemonday.Policy, source string, pictures map[string][]byte) safeHTML {
	c := cleaner{pictures: pictures, left: maxPictures, silent: map[string]int{}}
	if len(source) > maxSafeHTML {
		source, c.page.Cut = strings.ToValidUTF8(source[:maxSafeHTML], ""), true
	}
	c.clean(source)
	c.page.Body = policy.Sanitize(c.out.String())
	return c.page
}

type cleaner struct {
	page     safeHTML
	out      strings.Builder
	written  int // octets, without pictures
	pictures map[string][]byte
	left     int // octets of pictures that may still be shown
	silent   map[string]int
	hidden   int    // open silent elements
	host     string // of the open link; empty where none is open
}

func (c *cleaner) clean(source string) {
	tokens := html.NewTokenizer(strings.NewReader(source))
	for tags := 0; ; {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			c.endLink()
			return
		}
		token := tokens.Token()
		if kind == html.StartTagToken || kind == html.SelfClosingTagToken || kind == html.EndTagToken {
			tags++
		}
		if tags > maxSafeTags || c.written > maxSafeHTML {
			c.page.Cut = true
			c.endLink()
			return
		}
		switch kind {
		case html.TextToken:
			if c.hidden == 0 {
				c.write(html.EscapeString(strings.ReplaceAll(token.Data, "\x00", "")))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			c.start(token, kind == html.SelfClosingTagToken)
		case html.EndTagToken:
			c.end(token.Data)
		}
	}
}

func (c *cleaner) write(text string) {
	c.written += len(text)
	c.out.WriteString(text)
}

func (c *cleaner) start(token html.Token, closed bool) {
	if slices.Contains(silentElements, token.Data) {
		if !closed { // of a picture in vectors, say
			c.silent[token.Data]++
			c.hidden++
		}
		return
	}
	if c.hidden > 0 {
		return
	}
	attributes, kept := keptElements[token.Data]
	switch {
	case token.Data == "a":
		c.startLink(attribute(token, "href"))
	case token.Data == "img":
		c.picture(token)
	case kept:
		c.write("<" + token.Data)
		for _, name := range attributes {
			value := strings.ToLower(strings.TrimSpace(attribute(token, name)))
			if cellSpan.MatchString(value) && strings.HasSuffix(name, "span") || cellAlign.MatchString(value) && strings.HasSuffix(name, "align") {
				c.write(" " + name + `="` + value + `"`)
			}
		}
		c.write(">")
	}
}

func (c *cleaner) end(name string) {
	if c.silent[name] > 0 {
		c.silent[name]--
		c.hidden--
		return
	}
	if c.hidden > 0 {
		return
	}
	if name == "a" {
		c.endLink()
	} else if _, kept := keptElements[name]; kept && name != "br" && name != "hr" {
		c.write("</" + name + ">")
	}
}

func attribute(token html.Token, name string) string {
	for _, attribute := range token.Attr {
		if attribute.Key == name && attribute.Namespace == "" {
			return attribute.Val
		}
	}
	return ""
}

func (c *cleaner) startLink(href string) {
	c.endLink()
	address, host := linkTo(href)
	if host == "" {
		return // an anchor, or an address that leads nowhere a reader would go
	}
	if !slices.Contains(c.page.Links, address) && len(c.page.Links) < maxMailLinks {
		c.page.Links = append(c.page.Links, address)
	}
	c.host = host
	c.write(`<span class="link">`)
}

func (c *cleaner) endLink() {
	if c.host == "" {
		return
	}
	c.write(`</span> <span class="host">` + html.EscapeString(c.host) + `</span> `)
	c.host = ""
}

// linkTo reads a link as a browser would, and names its host in ASCII: a look-alike in other letters is seen as one.
func linkTo(href string) (address, host string) {
	href = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.TrimSpace(href))
	parsed, err := url.Parse(strings.ReplaceAll(href, `\`, "/"))
	if err != nil || len(href) > 2048 {
		return "", ""
	}
	switch parsed.Scheme {
	case "http", "https":
		host, err := idna.ToASCII(strings.ToLower(parsed.Hostname()))
		if err != nil || host == "" {
			return "", ""
		}
		return parsed.String(), host
	case "mailto":
		to, _, _ := strings.Cut(parsed.Opaque, "?")
		if to, err = url.PathUnescape(to); err != nil || !strings.Contains(to, "@") {
			return "", ""
		}
		return "mailto:" + to, to
	}
	return "", ""
}

// picture writes a picture of the mail into it, or says that there is one.
func (c *cleaner) picture(token html.Token) {
	alt := strings.Join(strings.Fields(attribute(token, "alt")), " ")
	content := c.content(attribute(token, "src"))
	kind := pictureKind(content)
	if kind == "" || len(content) > c.left {
		c.page.Gone++
		if alt != "" {
			c.write(`<span class="gone">` + html.EscapeString(alt) + `</span>`)
		}
		return
	}
	c.left -= len(content)
	c.out.WriteString(`<img src="data:image/` + kind + `;base64,` + base64.StdEncoding.EncodeToString(content) + `" alt="` + html.EscapeString(alt) + `">`)
}

// content is what an address of the mail's own stands for.
func (c *cleaner) content(src string) []byte {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(src), ":")
	switch strings.ToLower(scheme) {
	case "cid":
		id, err := url.PathUnescape(rest)
		if err != nil {
			return nil
		}
		return c.pictures[strings.Trim(id, "<>")]
	case "data":
		head, encoded, found := strings.Cut(rest, ",")
		if !found || !strings.HasSuffix(strings.ToLower(head), ";base64") || len(encoded) > 2*maxPicture {
			return nil
		}
		decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
		if err != nil {
			return nil
		}
		return decoded
	}
	return nil
}

// pictureKind is what a picture is by its content, whatever it is called; empty where it may not be shown.
func pictureKind(content []byte) string {
	if len(content) == 0 || len(content) > maxPicture {
		return ""
	}
	kind := strings.TrimPrefix(http.DetectContentType(content), "image/")
	measure := map[string]func(io.Reader) (image.Config, error){"gif": gif.DecodeConfig, "jpeg": jpeg.DecodeConfig, "png": png.DecodeConfig}[kind]
	if measure == nil {
		return ""
	}
	if size, err := measure(bytes.NewReader(content)); err != nil || size.Width*size.Height > maxPicturePixel {
		return ""
	}
	return kind
}
