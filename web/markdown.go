package web

import (
	"bytes"
	"html/template"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	goldmarkhtml "github.com/yuin/goldmark/renderer/html"
	source "github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// markdown turns a note into HTML that a page can hold. HTML in a note is text, and so are a backslash and an entity, as
// notes quote paths and addresses; headings are bold lines, pictures are links to them, and an address becomes a link
// only where the author makes it one. What comes out passes an allow-list, whatever the library did.
func markdown() func(note string) template.HTML {
	by := util.Prioritized //nolint:misspell // the library spells it so
	blocks := []util.PrioritizedValue{
		by(parser.NewThematicBreakParser(), 200), by(parser.NewListParser(), 300),
		by(parser.NewListItemParser(), 400), by(parser.NewCodeBlockParser(), 500),
		by(parser.NewATXHeadingParser(), 600), by(parser.NewFencedCodeBlockParser(), 700),
		by(parser.NewBlockquoteParser(), 800), by(parser.NewParagraphParser(), 1000),
	}
	inlines := []util.PrioritizedValue{
		by(literalParser{}, 50), by(parser.NewCodeSpanParser(), 100),
		by(parser.NewLinkParser(), 200), by(parser.NewAutoLinkParser(), 300),
		by(parser.NewEmphasisParser(), 500),
	}
	engine := goldmark.New(
		goldmark.WithParser(parser.NewParser(parser.WithBlockParsers(blocks...), parser.WithInlineParsers(inlines...))),
		goldmark.WithRendererOptions(goldmarkhtml.WithHardWraps(), renderer.WithNodeRenderers(by(noteRenderer{}, 100))),
	)
	policy := bluemonday.NewPolicy()
	policy.AllowElements("p", "br", "hr", "strong", "em", "code", "pre", "ul", "ol", "li", "blockquote")
	policy.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	policy.AllowAttrs("href").OnElements("a")
	policy.AllowURLSchemes("http", "https")
	policy.RequireParseableURLs(true)
	policy.RequireNoFollowOnLinks(true)
	policy.RequireNoReferrerOnLinks(true)
	lineEnds := strings.NewReplacer("\\\r\n", "\\ \n", "\\\n", "\\ \n") // a backslash there would be a mark of Markdown's
	return func(note string) template.HTML {
		var out bytes.Buffer
		if err := engine.Convert([]byte(lineEnds.Replace(note)), &out); err != nil { // a buffer takes everything
			return template.HTML(template.HTMLEscapeString(note)) //nolint:gosec // it is escaped
		}
		return template.HTML(policy.SanitizeBytes(out.Bytes())) //nolint:gosec // it has passed the allow-list
	}
}

// literalParser keeps a backslash with the sign after it, and the sign that begins an entity, as they are written.
type literalParser struct{}

func (literalParser) Trigger() []byte { return []byte{'\\', '&'} }

func (literalParser) Parse(_ ast.Node, block source.Reader, _ parser.Context) ast.Node {
	line, _ := block.PeekLine()
	length := 1
	if line[0] == '\\' && len(line) > 1 && util.IsPunct(line[1]) {
		length = 2
	}
	literal := ast.NewString(bytes.Clone(line[:length]))
	literal.SetRaw(true)
	block.Advance(length)
	return literal
}

// noteRenderer writes what a note may not have as what it may.
type noteRenderer struct{}

func (noteRenderer) RegisterFuncs(registerer renderer.NodeRendererFuncRegisterer) {
	registerer.Register(ast.KindHeading, around("<p><strong>", "</strong></p>\n"))
	registerer.Register(ast.KindImage, func(w util.BufWriter, _ []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			_, _ = w.WriteString(`<a href="`)
			_, _ = w.Write(util.EscapeHTML(util.URLEscape(node.(*ast.Image).Destination, true)))
			_, _ = w.WriteString(`">`)
		} else {
			_, _ = w.WriteString("</a>")
		}
		return ast.WalkContinue, nil
	})
}

func around(begin, end string) renderer.NodeRendererFunc {
	return func(w util.BufWriter, _ []byte, _ ast.Node, entering bool) (ast.WalkStatus, error) {
		part := end
		if entering {
			part = begin
		}
		_, err := w.WriteString(part)
		return ast.WalkContinue, err
	}
}
