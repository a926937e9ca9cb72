package parser

import (
	"io"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// htmlTokens are the tokens of an HTML body. Text and tags that were read before are taken here in one step each: layouts
// write the same tags, with long styles, for every cell. All else is the tokenizer's, which looks at every octet by itself.
// It gets no more than up to the next angle at a time, so that each of the two goes on where the other ended.
type htmlTokens struct {
	rest      string // what neither has read
	tokenizer *html.Tokenizer
	known     map[string]htmlTag // tags that were read, as they are written
	raw       bool               // the tokenizer's next token can be the text of a style or a title, tags in it included
	own       bool               // the present token was taken here
	words     string             // of such a text
	tag       htmlTag            // or such a tag
}

// Bounds of the tags that are known again.
const (
	maxKnownTags    = 500
	longestKnownTag = 2000 // octets
)

func newHTMLTokens(source string) *htmlTokens {
	t := &htmlTokens{rest: source, known: map[string]htmlTag{}}
	t.tokenizer = html.NewTokenizer(t)
	return t
}

// next reads the next token.
func (t *htmlTokens) next() html.TokenType {
	if t.own = !t.raw && len(t.tokenizer.Buffered()) == 0; t.own {
		if text, _, _ := strings.Cut(t.rest, "<"); text != "" {
			t.words, t.rest = text, t.rest[len(text):]
			return html.TextToken
		}
		end := strings.IndexByte(clip(t.rest, longestKnownTag), '>') + 1
		if tag, known := t.known[t.rest[:end]]; known && (tag.ends || !holdsRawText(tag.atom)) {
			t.tag, t.rest = tag, t.rest[end:]
			if tag.ends {
				return html.EndTagToken
			}
			return html.StartTagToken
		}
	}
	t.own, t.raw = false, false
	return t.tokenizer.Next()
}

// text is the present token's text, unescaped, with its line ends as they are written or as line feeds.
func (t *htmlTokens) text(lines bool) string {
	if !t.own {
		return string(t.tokenizer.Text())
	}
	text := t.words
	if lines {
		text = lineFeeds(text)
	}
	return html.UnescapeString(text)
}

// Read gives the tokenizer what follows up to the end of a tag.
func (t *htmlTokens) Read(to []byte) (int, error) {
	if t.rest == "" {
		return 0, io.EOF
	}
	part, _, found := strings.Cut(t.rest[:min(len(t.rest), len(to))], ">")
	size := len(part)
	if found {
		size++
	}
	size = copy(to, t.rest[:size])
	t.rest = t.rest[size:]
	return size, nil
}

// holdsRawText says whether tags inside an element are its text (HTML, "raw text elements" and "escapable raw text elements").
func holdsRawText(tag atom.Atom) bool {
	switch tag {
	case atom.Iframe, atom.Noembed, atom.Noframes, atom.Noscript, atom.Plaintext, atom.Script, atom.Style, atom.Textarea, atom.Title, atom.Xmp:
		return true
	}
	return false
}
