package parser

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// maxFields bounds how many labels of one mail are read, maxValues how many values of one meaning are kept.
const (
	maxFields = 2000
	maxValues = 200
)

// field is a label's meaning with the value beside it.
type field struct {
	meaning, label, value string
	more                  []string // further items of a list below the value
}

// fields are what the rows of a mail say, in order.
type fields []field

// first is the first value of a meaning.
func (f fields) first(meaning string) string {
	for _, field := range f {
		if value := oneLine(field.value); field.meaning == meaning && value != "" && !isNothing(value) {
			return value
		}
	}
	return ""
}

// values are the values of a meaning as they stand.
func (f fields) values(meaning string) []string {
	var values []string
	for _, field := range f {
		if value := oneLine(field.value); field.meaning == meaning && value != "" && len(values) < maxValues {
			values = append(values, value)
		}
	}
	return values
}

// all are the values of a meaning, lists taken apart, each once whatever its case.
func (f fields) all(meaning string) []string {
	values := []string{}
	seen := map[string]bool{}
	for _, field := range f {
		if field.meaning != meaning {
			continue
		}
		for _, value := range splitList(strings.Join(append([]string{field.value}, field.more...), "\n")) {
			if key := strings.ToLower(value); !seen[key] && len(values) < maxValues {
				seen[key] = true
				values = append(values, value)
			}
		}
	}
	return values
}

var (
	listSeparator = regexp.MustCompile(`\s*(?:\n|;|；|、|，|,\s|,$|•|·|\s\|\s)\s*`)
	nameSeparator = regexp.MustCompile(`,\s*|\s+(?:and|und|et|y|e|&)\s+`)
	count         = regexp.MustCompile(`^(?:and |\+ ?)?\d{1,6}(?: (?:more|others?|devices?|users?|machines?|accounts?|assets?|entities))*$`)
)

func splitList(value string) []string {
	items := []string{value}
	if strings.ContainsAny(value, "\n;；、，,•·|") { // one of them is in every separator: looking for them is cheaper
		items = listSeparator.Split(value, maxValues)
	}
	var list []string
	for _, item := range items {
		item = oneLine(strings.Trim(item, "-*\" "))
		if item != "" && !isNothing(item) {
			list = append(list, item)
		}
	}
	return list
}

// names are the values of a meaning that names devices or users: lists are taken apart further, and counts name nothing.
func (f fields) names(meaning string) []string {
	names := []string{}
	for _, value := range f.all(meaning) {
		parts := []string{value}
		// A distinguished name has commas of its own; what has neither comma nor space is one name.
		if !strings.Contains(value, "=") && strings.ContainsAny(value, ", \t\n\f\r") {
			parts = nameSeparator.Split(value, maxValues)
		}
		for _, name := range parts {
			name = strings.TrimSpace(name)
			if name != "" && !count.MatchString(name) && !isSentence(name) && len(names) < maxValues && !slices.ContainsFunc(names, func(known string) bool { return strings.EqualFold(known, name) }) {
				names = append(names, name)
			}
		}
	}
	return names
}

// isSentence says whether a value says something instead of naming something.
func isSentence(value string) bool {
	return strings.Count(value, " ") > 2 && strings.HasSuffix(value, ".")
}

func isNothing(value string) bool {
	switch strings.ToLower(value) {
	case "-", "--", "–", "—", "n/a", "na", "none", "not available", "not applicable", "unknown", "null":
		return true
	}
	return false
}

// fieldReader walks over rows and collects fields.
type fieldReader struct {
	rows     []row
	found    fields
	inline   int  // labels with their values on one line
	stacked  int  // labels above their values
	doubtful int  // of inline ones: those below a lone label
	below    bool // values stand below their labels
	marked   bool // labels are told from their values on the same line by elements alone
}

// leastMarked is how many different labels elements must mark off, before what they mark off is taken for labels: one
// alone can be a stressed word.
const leastMarked = 3

// areMarked says whether elements mark labels off.
func areMarked(rows []row) bool {
	meanings := map[string]bool{}
	for _, r := range rows {
		if label, _, ok := r.pair(); ok {
			meanings[meaningOf(label)] = true
		}
	}
	delete(meanings, labelOther)
	return len(meanings) >= leastMarked
}

// pair is a line whose beginning an element of its own marks off as a known label, without a colon.
func (r row) pair() (label, value string, ok bool) {
	if r.label == "" || len(r.cells) != 1 || meaningOf(r.label) == "" || strings.ContainsAny(r.label, ":：") {
		return "", "", false
	}
	rest, ok := strings.CutPrefix(r.cells[0], r.label)
	value = strings.TrimSpace(rest)
	if !ok || value == "" || strings.HasPrefix(value, ":") || strings.HasPrefix(value, "：") {
		return "", "", false
	}
	return r.label, value, true
}

// readFields finds labels and their values: in neighbouring cells, in the row below, or after a colon. Nothing below the
// footer is read.
func readFields(rows []row) fields {
	rows = rows[:min(len(rows), maxRows)]
	if end := slices.IndexFunc(rows, func(r row) bool { return isFooter(r.text()) }); end >= 0 {
		rows = rows[:end]
	}
	marked := areMarked(rows)
	r := fieldReader{rows: rows, marked: marked}
	r.read()
	if r.doubtful > 0 && r.inline <= r.doubtful && r.stacked > 0 {
		r = fieldReader{rows: rows, below: true, marked: marked}
		r.read()
	}
	return r.found
}

func (r *fieldReader) read() {
	for i := 0; i < len(r.rows) && len(r.found) < maxFields; {
		if len(r.rows[i].cells) > 1 {
			i += r.cells(i)
		} else {
			i += r.line(i)
		}
	}
}

func (r *fieldReader) add(label, value string) {
	if strings.ContainsAny(label, "*_") { // emphasis as plain text has it
		value = strings.Trim(value, "*_ ")
	}
	r.found = append(r.found, field{meaning: meaningOf(label), label: label, value: strings.TrimSpace(value)})
}

// cells reads a row of several cells and returns how many rows it took.
func (r *fieldReader) cells(i int) int {
	if taken := r.columns(i); taken > 0 {
		return taken
	}
	cells := r.rows[i].cells
	for k := 0; k < len(cells); {
		switch {
		case meaningOf(cells[k]) != "" && k+1 < len(cells) && (meaningOf(cells[k+1]) == "" || len(cells) == 2):
			r.add(cells[k], cells[k+1])
			k += 2
		default: // each cell can be a card of its own: a label with its value below or beside it
			r.card(cells[k])
			k++
		}
	}
	return 1
}

// columns reads a row of labels above rows of values, and returns how many rows that were, 0 where it is none.
func (r *fieldReader) columns(i int) int {
	labels := r.rows[i].cells
	if slices.ContainsFunc(labels, func(cell string) bool { return meaningOf(cell) == "" }) {
		return 0
	}
	taken := 1
	for ; i+taken < len(r.rows) && len(r.found) < maxFields; taken++ {
		values := r.rows[i+taken].grid
		if len(values) != len(r.rows[i].grid) || len(values) == 0 {
			values = r.rows[i+taken].cells
		}
		if len(values) < len(labels) || slices.ContainsFunc(values, func(cell string) bool { return meaningOf(cell) != "" }) {
			break
		}
		if len(r.rows[i].grid) == len(values) {
			labels = r.rows[i].grid
		}
		for k, label := range labels {
			if meaningOf(label) != "" {
				r.add(label, values[k])
			}
		}
	}
	if taken == 1 {
		return 0
	}
	return taken
}

// card reads a cell of several lines as label and value, or a cell "label: value".
func (r *fieldReader) card(cell string) {
	lines := strings.Split(cell, "\n")
	for k := 0; k < len(lines); k++ {
		before, after, ok := cutColon(lines[k])
		switch {
		case ok && after != "" && meaningOf(before) != "":
			r.add(before, after)
		case meaningOf(lines[k]) != "" && k+1 < len(lines) && meaningOf(labelPart(lines[k+1])) == "":
			r.add(lines[k], lines[k+1])
			k++
		}
	}
}

// line reads a row of one cell and returns how many rows it took.
func (r *fieldReader) line(i int) int {
	text := r.rows[i].cells[0]
	before, after, ok := cutColon(text)
	if label, value, marked := r.rows[i].pair(); marked && r.marked {
		r.add(label, value)
		return 1
	}
	switch {
	case ok && meaningOf(before) != "" && strings.Trim(after, "*_ ") != "":
		if meaningOf(before) != labelOther {
			r.inline++
		}
		if rest, more := r.pairs(before, after); more {
			r.found = append(r.found, rest...)
			return 1
		}
		r.add(before, after)
		return 1
	case !ok && isButton(text), !ok && r.rows[i].heading > 0 && familyOf(text) != nil, meaningOf(before) == "", strings.Trim(after, "*_ ") != "":
		return 1
	}
	if i+1 >= len(r.rows) || len(r.rows[i+1].cells) != 1 || !r.isValue(i+1) {
		return 1
	}
	value := r.rows[i+1].cells[0]
	taken := 2
	for r.goesOn(i + taken) {
		value += "\n" + r.rows[i+taken].cells[0]
		taken++
	}
	r.stacked++
	r.add(before, value)
	for holder := r.rows[i+1].in.holder(r.rows[i].in); holder != nil && r.isHeld(i+taken, holder); taken++ {
		last := &r.found[len(r.found)-1]
		last.more = append(last.more, r.rows[i+taken].cells[0])
	}
	return taken
}

// isValue says whether the row below a lone label is its value. Where all values of a mail stand below their labels, one
// that reads like a label with a value is a value.
func (r *fieldReader) isValue(i int) bool {
	text := r.rows[i].cells[0]
	if r.rows[i].link && leads(text) {
		return false
	}
	before, after, ok := cutColon(text)
	if meaningOf(before) == "" {
		return true
	}
	if !ok || strings.Trim(after, "*_ ") == "" {
		return false
	}
	r.doubtful++
	return r.below
}

// isHeld says whether a row is a further line of the value in a block.
func (r *fieldReader) isHeld(i int, holder *block) bool {
	return i < len(r.rows) && len(r.rows[i].cells) == 1 && r.rows[i].in.within(holder) && meaningOf(labelPart(r.rows[i].cells[0])) == ""
}

// goesOn says whether a row is a further item of the list that the rows above it began: of plain text, without an empty
// line before it, marked as an item.
func (r *fieldReader) goesOn(i int) bool {
	return i < len(r.rows) && len(r.rows[i].cells) == 1 && r.rows[i].plain && !r.rows[i].gap && listMark.MatchString(r.rows[i].cells[0]) &&
		meaningOf(labelPart(r.rows[i].cells[0])) == ""
}

var furtherPair = regexp.MustCompile(`(\s?[|;,–•·/]\s|\s)([A-Z][A-Za-z]*(?: [A-Za-z]+){0,2})\s?:\s`)

// pairs reads several labels with their values from one line, where separators or several known labels show that it is
// such a line and no title with a colon.
func (r *fieldReader) pairs(label, rest string) (found fields, more bool) {
	separated := false
	for len(found) < 20 {
		at := furtherPair.FindStringSubmatchIndex(rest)
		if at == nil || meaningOf(rest[at[4]:at[5]]) == "" {
			break
		}
		separated = separated || strings.TrimSpace(rest[at[2]:at[3]]) != ""
		found = append(found, field{meaning: meaningOf(label), label: label, value: strings.TrimSpace(rest[:at[0]])})
		label, rest = rest[at[4]:at[5]], rest[at[1]:]
	}
	if len(found) == 0 || !separated && len(found) < 2 {
		return nil, false
	}
	return append(found, field{meaning: meaningOf(label), label: label, value: strings.TrimSpace(rest)}), true
}

// isButton says whether a line is a link's words although they are a label, too.
func isButton(text string) bool {
	return beginsFolded(text, "view ") || beginsFolded(text, "go to ") || beginsFolded(text, "new ") || beginsFolded(text, "see ")
}

// leads says whether a link's words tell what it is for, and not what something is called.
func leads(text string) bool {
	for _, verb := range []string{"view ", "go to ", "open ", "see ", "review ", "investigate ", "manage ", "learn ", "click ", "show "} {
		if beginsFolded(text, verb) {
			return true
		}
	}
	return false
}

var footer = regexp.MustCompile(`(?i)^(?:this (?:message|e-?mail|notification) from microsoft |microsoft respects your privacy|microsoft corporation\b|one\s+microsoft way|(?:©|\(c\)|copyright)\s.{0,20}microsoft|you(?:'|’)?(?:re| are) receiving this (?:e-?mail|message|notification)|privacy statement|unsubscribe$)`)

// footerHeads are how footers begin, in lower case, by their first letter: looking for them is cheaper than for footers.
var footerHeads = map[rune][]string{
	't': {"this "}, 'm': {"microsoft "}, 'o': {"one"}, '©': {"©"}, '(': {"(c)"}, 'c': {"copyright"}, 'y': {"you"}, 'p': {"privacy"}, 'u': {"unsubscribe"},
}

func isFooter(text string) bool {
	if text == "" || text[0] == '_' || !isWordOctet(text[0]) {
		text = strings.TrimLeft(text, " \u200b\u00a0*_>-")
	}
	if len(text) < 8 {
		return false
	}
	begins := func(head string) bool { return beginsFolded(text, head) }
	first := unicode.ToLower(firstRune(text))
	if slices.ContainsFunc(words().footers[first], begins) {
		return true
	}
	return slices.ContainsFunc(footerHeads[first], begins) && footer.MatchString(oneLine(clip(text, 200)))
}
