package parser

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxHTML bounds the HTML that is read, in octets: mail programs cut far earlier.
const maxHTML = 8 << 20

// htmlPage reads an HTML body as its reader sees it: hidden elements are left out, the cells of a table's row stay
// apart, and a table inside a cell is read by itself. It is one pass over the tokens without a tree, so neither depth
// nor missing end tags cost anything.
func htmlPage(source string) page {
	source = clip(source, maxHTML)
	r := readHTML(source, true)
	if len(r.page.rows) == 0 && r.hid { // an unclosed hidden element took everything with it
		r = readHTML(source, false)
	}
	return r.page
}

// octetsOfRow is how many octets of HTML make a row where its text is dense, so that rows seldom have to be moved.
const octetsOfRow = 128

func readHTML(source string, hide bool) *htmlReader {
	r := &htmlReader{tokens: newHTMLTokens(source), hide: hide, rest: len(source)}
	r.page.rows = make([]row, 0, min(len(source)/octetsOfRow, maxShownRows))
	for !r.full() {
		switch r.tokens.next() {
		case html.ErrorToken:
			r.finish()
			return r
		case html.TextToken:
			r.text()
		case html.StartTagToken, html.SelfClosingTagToken:
			r.start()
		case html.EndTagToken:
			t := r.tag(true)
			r.end(t.atom, t.name)
		}
	}
	r.finish()
	return r
}

// htmlReader holds what is open at the present token.
type htmlReader struct {
	tokens  *htmlTokens
	hide    bool
	hid     bool // an element was left out
	page    page
	line    []byte
	lines   keeper
	rest    int // octets at most of the lines that are still to come
	size    int // octets of shown text so far
	heading int
	pre     int
	anchor  bool // inside a link: its text is no second link
	linked  bool // the present line began inside a link, and all of it so far is one
	marked  int  // octets of the line that an element at its beginning holds, 0 where there is none
	marks   int  // such elements that are open
	tables  []table
	cells   int             // of tables, so far
	classes map[string]bool // that the mail's own style sheets hide
	deeper  int             // open tables beyond maxTables: their rows count to the last of those
	skipped string          // name of the hidden element that is open
	nested  int             // elements of that name open inside it
	open    *block          // the innermost open block
}

func (r *htmlReader) full() bool {
	return r.size > maxText || len(r.page.links) > maxAddresses || r.cells > maxCells || len(r.page.rows) > maxShownRows
}

func (r *htmlReader) finish() {
	r.endLine()
	for i := range r.tables {
		r.endRow(&r.tables[i])
	}
	r.tables = nil
}

func (r *htmlReader) text() {
	if r.skipped == "style" && r.nested == 0 {
		r.classes = hiddenClasses(r.classes, r.tokens.text(false))
		clear(r.tokens.known) // which it judges anew
		return
	}
	if r.skipped != "" {
		return
	}
	text := r.tokens.text(r.pre > 0)
	if strings.TrimSpace(text) != "" {
		r.linked = r.anchor && (r.linked || len(bytes.TrimSpace(r.line)) == 0)
	}
	if !r.anchor && strings.IndexByte(text, '/') >= 0 {
		r.page.addLinks(addressesIn(text)...)
	}
	if r.pre == 0 {
		r.line = append(r.line, text...)
		return
	}
	for part := range strings.Lines(text) {
		r.line = append(r.line, part...)
		if strings.HasSuffix(part, "\n") {
			r.endLine()
		}
	}
}

func (r *htmlReader) start() {
	t := r.tag(false)
	r.tokens.raw = holdsRawText(t.atom)
	if r.skipped != "" {
		r.startHidden(t)
		return
	}
	if r.hide && (t.hidden || neverShown(t)) && !isVoid(t.atom) {
		if isBlock(t.atom) {
			r.endLine()
		}
		r.skipped, r.nested, r.hid = t.name, 0, true
		return
	}
	switch t.atom {
	case atom.A, atom.Area:
		r.anchor = t.href != "" && t.atom == atom.A
		r.page.addLinks(t.href)
	case atom.Img:
		r.page.pixels = append(r.page.pixels, t.src)
	case atom.Pre:
		r.pre++
	}
	if isInline(t.atom) && (r.marks > 0 || r.marked == 0 && len(bytes.TrimSpace(r.line)) == 0) {
		r.marks++
	}
	r.begin(t.atom)
}

// begin ends and begins lines, cells and rows for a start tag.
func (r *htmlReader) begin(tag atom.Atom) {
	switch {
	case tag == atom.Br, tag == atom.Hr:
		r.endLine()
	case isBlock(tag):
		r.endLine()
		r.openBlock(tag)
	}
	if level := headingLevel(tag); level > 0 {
		r.heading = level
	}
	switch tag {
	case atom.Table:
		if t := r.table(); t != nil { // those around it were spilled when this one began
			r.spill(t)
		}
		if len(r.tables) == maxTables {
			r.deeper++
			return
		}
		r.tables = append(r.tables, table{})
	case atom.Tr:
		if t := r.table(); t != nil {
			r.endRow(t)
		}
	case atom.Td, atom.Th:
		r.heading = 0
		if t := r.table(); t != nil {
			t.endCell()
			t.inCell = true
			r.cells++
		}
	}
}

func (r *htmlReader) end(tag atom.Atom, name string) {
	if r.skipped != "" {
		switch {
		case name == r.skipped && r.nested > 0:
			r.nested--
			return
		case name == r.skipped:
			r.skipped = ""
			return
		case !endsWithout(r.skipped, tag, true) || r.nested > 0:
			return
		}
		r.skipped = ""
	}
	if isBlock(tag) {
		r.endLine()
		defer r.closeBlock(tag)
	}
	if isInline(tag) && r.marks > 0 {
		if r.marks--; r.marks == 0 && r.marked == 0 && len(bytes.TrimSpace(r.line)) > 0 {
			r.marked = len(r.line)
		}
	}
	switch {
	case tag == atom.A:
		r.anchor = false
	case tag == atom.Pre:
		r.pre = max(0, r.pre-1)
	case headingLevel(tag) > 0:
		r.heading = 0
	}
	t := r.table()
	switch {
	case t == nil:
		return
	case tag == atom.Table && r.deeper > 0:
		r.deeper--
		return
	}
	switch tag {
	case atom.Td, atom.Th:
		t.endCell()
	case atom.Tr:
		r.endRow(t)
	case atom.Table:
		r.endRow(t)
		r.tables = r.tables[:len(r.tables)-1]
	}
}

// startHidden follows a start tag inside a hidden element, which some elements end without an end tag of their own.
func (r *htmlReader) startHidden(t htmlTag) {
	if t.atom == atom.Img {
		r.page.pixels = append(r.page.pixels, t.src)
	}
	switch {
	case r.nested == 0 && endsWithout(r.skipped, t.atom, false):
		r.skipped = ""
		r.begin(t.atom)
	case t.name == r.skipped && !isVoid(t.atom):
		r.nested++
	}
}

// endsWithout says whether a tag ends an open element whose end tag HTML lets authors leave out.
func endsWithout(open string, tag atom.Atom, isEnd bool) bool {
	switch open {
	case "p":
		return isBlock(tag)
	case "td", "th":
		return tag == atom.Tr || !isEnd && (tag == atom.Td || tag == atom.Th)
	case "tr":
		return !isEnd && tag == atom.Tr || isEnd && tag == atom.Table
	case "li":
		return isEnd && (tag == atom.Ul || tag == atom.Ol)
	}
	return false
}

// endLine closes the present line: it goes to the open cell, or becomes a row.
func (r *htmlReader) endLine() {
	text, label := "", ""
	if len(bytes.TrimSpace(r.line)) > 0 {
		written := r.lines.keep(r.line, r.rest)
		text = oneLine(strings.TrimSpace(written))
		if r.marked > 0 && r.marked < len(written) {
			label = oneLine(written[:r.marked])
		}
	}
	r.rest -= len(r.line)
	r.line, r.marked, r.marks = r.line[:0], 0, 0
	if text == "" {
		return
	}
	r.size += len(text) + 1
	l := line{text, r.heading, r.open, r.linked, label}
	if t := r.table(); t != nil && t.inCell && !t.layout {
		t.cell = append(t.cell, l)
		return
	}
	r.emit(l)
}

func (r *htmlReader) emit(l line) {
	r.page.rows = append(r.page.rows, row{cells: r.page.only(l.text), heading: l.heading, in: l.in, link: l.link, label: l.label})
}
