package parser

import "strings"

// maxTables is how many tables can be open at once, maxCells how many cells of tables are read.
const (
	maxTables = 200
	maxCells  = 50_000
)

// table is an open table: the finished cells of its present row and the lines of its present cell.
type table struct {
	cells  [][]line
	cell   []line
	inCell bool
	layout bool // the row holds a table: its cells are no values
}

type line struct {
	text    string
	heading int
	in      *block
	link    bool   // a link is all of it
	label   string // what an element of its own marks as a label before the rest
}

// table is the innermost open table, nil outside of tables.
func (r *htmlReader) table() *table {
	if len(r.tables) == 0 {
		return nil
	}
	return &r.tables[len(r.tables)-1]
}

func (t *table) endCell() {
	if t.inCell && !t.layout {
		t.cells = append(t.cells, t.cell)
	}
	t.cell, t.inCell = nil, false
}

// endRow closes a table's row: two cells and more with words are a row of values, the lines of a single one are rows.
func (r *htmlReader) endRow(t *table) {
	t.endCell()
	said := 0
	for _, cell := range t.cells {
		if len(cell) > 0 {
			said++
		}
	}
	if said < 2 {
		r.spill(t)
		t.layout = false
		return
	}
	shown := row{}
	for _, cell := range t.cells {
		var lines []string
		for _, l := range cell {
			lines = append(lines, l.text)
			shown.heading = max(shown.heading, l.heading)
		}
		text := strings.Join(lines, "\n")
		shown.grid = append(shown.grid, text)
		if text != "" && (len(t.cells) < 3 || !isSeparator(text)) {
			shown.cells = append(shown.cells, text)
		}
	}
	r.page.rows = append(r.page.rows, shown)
	t.cells, t.layout = nil, false
}

// spill turns what a row has so far into rows of their own.
func (r *htmlReader) spill(t *table) {
	for _, cell := range append(t.cells, t.cell) {
		for _, l := range cell {
			r.emit(l)
		}
	}
	t.cells, t.cell, t.layout = nil, nil, true
}

// isSeparator says whether a cell between others only keeps them apart.
func isSeparator(text string) bool {
	return text == ":" || text == "-" || text == "–" || text == "|" || text == "="
}
