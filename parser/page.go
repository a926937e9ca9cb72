package parser

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxAddresses bounds how many addresses of one body are looked at.
const maxAddresses = 2000

// maxRows bounds how many rows are searched for quoted headers and fields, maxShownRows how many are read at all.
const (
	maxRows      = 10_000
	maxShownRows = 50_000
)

// row is one line of a shown mail: the cells of a table's row, or a single cell.
type row struct {
	cells   []string
	grid    []string // of a table's row: the cells with the empty ones among them
	heading int      // 1 to 4 inside a heading, else 0
	gap     bool     // of plain text: an empty line stands before it
	plain   bool     // it is a line of plain text
	link    bool     // a link is all that it is, or a line of plain text that holds one
	in      *block   // of HTML: the block that it stands in
	label   string   // of HTML: its beginning, where an element of its own marks that off from the rest
}

// wrapped says whether a mail program can have broken the row's line.
func (r row) wrapped() bool { return r.plain }

func (r row) text() string { return strings.Join(r.cells, "  ") }

// page is a body as its reader sees it.
type page struct {
	rows   []row
	links  []string // every address that can be followed, in order
	places []int    // of each of them, how many rows stand before it
	pixels []string // the addresses of images, which can be trackers
	single []string // room for the only cells of rows that are still to come
}

// mostSingles is for how many rows room is made at once.
const mostSingles = 500

// only is text as a row's only cell. Most rows have one: those of many rows stand together.
func (p *page) only(text string) []string {
	if len(p.single) == cap(p.single) {
		p.single = make([]string, 0, min(2*cap(p.single)+4, mostSingles))
	}
	p.single = append(p.single, text)
	return p.single[len(p.single)-1:][:1:1]
}

// addLinks takes addresses that stand in the row that is being read.
func (p *page) addLinks(addresses ...string) {
	for _, address := range addresses {
		p.links, p.places = append(p.links, address), append(p.places, len(p.rows))
	}
}

// below is what stands from a row on: the rows behind it, and the addresses that are not above it. Where none is below, the
// addresses above count.
func (p page) below(begin int, rows []row) page {
	at, _ := slices.BinarySearch(p.places, begin)
	below := page{rows: rows, links: p.links[at:], places: p.places[at:], pixels: p.pixels}
	if !slices.ContainsFunc(below.links, leadsToPortal) {
		below.links, below.places = p.links, p.places
	}
	return below
}

// text is the page's rows as lines.
func (p page) text() string {
	size := 0
	for _, r := range p.rows {
		for _, cell := range r.cells {
			size += len(cell) + len("  ")
		}
	}
	var out strings.Builder
	out.Grow(size)
	for i, r := range p.rows {
		if i > 0 {
			out.WriteByte('\n')
		}
		for k, cell := range r.cells {
			if k > 0 {
				out.WriteString("  ")
			}
			out.WriteString(cell)
		}
	}
	return out.String()
}

// plainPage cuts plain text into rows; tabs, pipes and wide gaps after a label part cells. Marks of quoting are left
// out, and lines that a mail program broke are put together again.
func plainPage(text string) page {
	text = mendURLs(clip(text, maxText))
	p := page{rows: make([]row, 0, min(strings.Count(text, "\n")+1, maxShownRows))}
	gap, wrapped, length := false, false, 0
	for line := range strings.SplitSeq(text, "\n") {
		if len(p.rows) > maxShownRows {
			break
		}
		whole := len(line)
		line = unquote(line)
		linked := strings.IndexByte(line, '/') >= 0
		if linked && len(p.links) < maxAddresses {
			p.addLinks(addressesIn(line)...)
		}
		shown := oneLine(line)
		if shown == "" {
			gap, wrapped = true, false
			continue
		}
		last := len(p.rows) - 1
		cells := p.split(line, shown)
		if wrapped && len(cells) == 1 && isBroken(length, shown) && (unicode.IsLower(firstRune(shown)) || isLabelled(p.rows[last])) && continues(shown) {
			above := p.rows[last].cells
			if end := len(above) - 1; len(above[end]) < maxLine {
				above[end] += " " + shown
			}
		} else {
			if len(cells) == 0 {
				continue
			}
			p.rows = append(p.rows, row{cells: cells, gap: gap, plain: true, link: linked && strings.Contains(line, "://")})
			last++
		}
		gap, length = false, whole
		wrapped = length > brokenAt/2 && (len(p.rows[last].cells) == 1 || isLabelled(p.rows[last])) && (last > bannerRows || !isBanner(shown))
	}
	return p
}

// brokenAt is how long a line is at least that goes on below, in octets.
const brokenAt = 60

var listMark = regexp.MustCompile(`^(?:[-*•·–]|\d+[.)-])\s`)

// isBroken says whether a mail program can have broken a line of a length before the next one: its first word had no room.
func isBroken(length int, next string) bool {
	word, _, _ := strings.Cut(next, " ")
	return length >= brokenAt || length+1+len(word) > brokenAt+8
}

// continues says whether a line can be the rest of the one above it.
func continues(line string) bool {
	if _, _, labelled := cutColon(line); labelled {
		return false
	}
	return (meaningOf(line) == "" || unicode.IsLower(firstRune(line))) && !listMark.MatchString(line) && !strings.HasPrefix(line, "--") && !strings.Contains(line, "://") &&
		strings.ContainsFunc(line, isWordRune) && !isFooter(line) && !isBanner(line)
}

// isLabelled says whether a row is a known label with its value, or a line of a quoted header.
func isLabelled(r row) bool {
	kind, _ := headerLabel(r)
	return kind != "" || meaningOf(labelPart(r.cells[0])) != ""
}

func firstRune(text string) rune {
	r, _ := utf8.DecodeRuneInString(text)
	return r
}

func unquote(line string) string {
	return strings.TrimLeftFunc(line, func(r rune) bool { return r == '>' || r == ' ' || r == '\u00a0' })
}

var wideGap = regexp.MustCompile(`[ \x{a0}]{2,}`)

// split parts a line, of which shown is the shown form, into cells.
func (p *page) split(line, shown string) []string {
	var pieces []string
	piped := strings.IndexByte(line, '|')
	switch {
	case piped < 0 && line == shown: // it has neither tabs nor gaps
	case strings.Contains(line, "\t") && strings.Contains(strings.TrimSpace(line), "\t"):
		pieces = strings.Split(line, "\t")
	case piped == 0:
		pieces = strings.Split(line, "|")
	case piped > 0 && meaningOf(line[:piped]) != "":
		pieces = strings.Split(line, "|")
	case strings.Contains(line, "  "), strings.Contains(line, "\u00a0"):
		if gap := wideGap.FindStringIndex(line); gap != nil && meaningOf(line[:gap[0]]) != "" {
			pieces = []string{line[:gap[0]], line[gap[1]:]}
		}
	}
	if pieces == nil {
		if label, value := loosely(shown); label != "" {
			return []string{label, value}
		}
		return p.only(shown)
	}
	var cells []string
	for _, piece := range pieces {
		if piece = oneLine(piece); piece != "" {
			cells = append(cells, piece)
		}
	}
	return cells
}
