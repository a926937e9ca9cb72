package parser

import (
	"regexp"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// row is one line of a shown mail: the cells of a table's row, or a single cell.
type row struct {
	cells   []string
	heading int // 1 to 6 inside a heading, else 0
}

func (r row) text() string { return strings.Join(r.cells, "  ") }

// page is a body as its reader sees it.
type page struct {
	rows  []row
	links []string // every address, in order
}

// text is the page as readable text.
func (p page) text() string {
	lines := make([]string, len(p.rows))
	for i, r := range p.rows {
		lines[i] = r.text()
	}
	return manyLines(strings.Join(lines, "\n"))
}

var bareURL = regexp.MustCompile(`(?i)\bh(?:tt|xx)ps?:/{1,2}[^\s<>"']+`)

// plainPage cuts plain text into rows; tabs, pipes and wide gaps after a label part cells. Marks of quoting are left out.
func plainPage(text string) page {
	var p page
	for line := range strings.SplitSeq(strings.ReplaceAll(clip(text, maxText), "\r", "\n"), "\n") {
		line = strings.TrimLeft(line, "> ")
		p.links = append(p.links, bareURL.FindAllString(line, -1)...)
		var cells []string
		for _, cell := range splitLine(line) {
			if cell = oneLine(cell); cell != "" {
				cells = append(cells, cell)
			}
		}
		if len(cells) > 0 {
			p.rows = append(p.rows, row{cells: cells})
		}
	}
	return p
}

var wideGap = regexp.MustCompile(` {2,}`)

func splitLine(line string) []string {
	switch {
	case strings.Contains(strings.TrimSpace(line), "\t"):
		return strings.Split(line, "\t")
	case strings.HasPrefix(line, "|"):
		return strings.Split(line, "|")
	}
	if label, _, piped := strings.Cut(line, "|"); piped && meaningOf(label) != "" {
		return strings.Split(line, "|")
	}
	if gap := wideGap.FindStringIndex(line); gap != nil && meaningOf(line[:gap[0]]) != "" {
		return []string{line[:gap[0]], line[gap[1]:]}
	}
	return []string{line}
}

// htmlPage walks an HTML body as its reader sees it: hidden elements are left out, the cells of a table's row stay
// apart, and a table inside a cell is read by itself.
func htmlPage(source string) page {
	root, err := html.Parse(strings.NewReader(clip(source, 8*maxText)))
	if err != nil {
		return plainPage(source)
	}
	w := walker{}
	w.walk(root, 0)
	w.flush(0)
	return w.page
}

type walker struct {
	page page
	line strings.Builder
	size int
}

// flush ends a line.
func (w *walker) flush(heading int) {
	text := oneLine(w.line.String())
	w.line.Reset()
	if text == "" || w.size > maxText {
		return
	}
	w.size += len(text)
	w.page.rows = append(w.page.rows, row{cells: []string{text}, heading: heading})
}

func (w *walker) walk(n *html.Node, heading int) {
	switch n.Type {
	case html.TextNode:
		w.line.WriteString(n.Data)
		w.page.links = append(w.page.links, bareURL.FindAllString(n.Data, 20)...)
		return
	case html.ElementNode:
		if hidden(n) {
			return
		}
	}
	if level := headingLevel(n); level > 0 {
		heading = level
	}
	switch {
	case n.DataAtom == atom.A:
		w.page.links = append(w.page.links, attribute(n, "href"))
	case n.DataAtom == atom.Br:
		w.flush(heading)
	case n.DataAtom == atom.Tr && !holdsTable(n):
		w.flush(heading)
		w.tableRow(n, heading)
		return
	}
	block := isBlock(n)
	if block {
		w.flush(heading)
	}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		w.walk(child, heading)
	}
	if block {
		w.flush(heading)
	}
}

// tableRow reads the cells of a row that holds no further table.
func (w *walker) tableRow(tr *html.Node, heading int) {
	var cells []string
	for cell := tr.FirstChild; cell != nil; cell = cell.NextSibling {
		if cell.DataAtom != atom.Td && cell.DataAtom != atom.Th || hidden(cell) {
			continue
		}
		inner := walker{size: w.size}
		inner.walk(cell, heading)
		inner.flush(heading)
		w.page.links = append(w.page.links, inner.page.links...)
		var lines []string
		for _, r := range inner.page.rows {
			lines = append(lines, r.text())
			heading = max(heading, r.heading)
		}
		if len(lines) > 0 {
			cells = append(cells, strings.Join(lines, "\n"))
		}
	}
	switch len(cells) {
	case 0:
	case 1: // a layout cell: its lines are rows
		for line := range strings.SplitSeq(cells[0], "\n") {
			w.page.rows = append(w.page.rows, row{cells: []string{line}, heading: heading})
		}
	default:
		w.page.rows = append(w.page.rows, row{cells: cells, heading: heading})
	}
	for _, cell := range cells {
		w.size += len(cell)
	}
}

func holdsTable(n *html.Node) bool {
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		if child.DataAtom == atom.Table || holdsTable(child) {
			return true
		}
	}
	return false
}

func headingLevel(n *html.Node) int {
	switch n.DataAtom {
	case atom.H1:
		return 1
	case atom.H2:
		return 2
	case atom.H3:
		return 3
	case atom.H4, atom.H5, atom.H6:
		return 4
	}
	return 0
}

func isBlock(n *html.Node) bool {
	switch n.DataAtom {
	case atom.P, atom.Div, atom.Table, atom.Tbody, atom.Thead, atom.Tr, atom.Td, atom.Th, atom.Ul, atom.Ol, atom.Li, atom.Dl,
		atom.Dt, atom.Dd, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Blockquote, atom.Pre, atom.Hr, atom.Section,
		atom.Article, atom.Header, atom.Footer, atom.Center, atom.Body, atom.Form:
		return true
	}
	return false
}

var hiddenStyle = regexp.MustCompile(`(?i)(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|font-size\s*:\s*0(?:px|pt|em)?\s*(?:;|!|$))`)

// hidden says whether an element is not shown.
func hidden(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Script, atom.Style, atom.Head, atom.Title, atom.Template, atom.Noscript, atom.Svg:
		return true
	}
	for _, a := range n.Attr {
		if a.Key == "hidden" || a.Key == "style" && hiddenStyle.MatchString(a.Val) {
			return true
		}
	}
	return strings.Contains(strings.ToLower(attribute(n, "class")), "preheader")
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return strings.TrimSpace(a.Val)
		}
	}
	return ""
}
