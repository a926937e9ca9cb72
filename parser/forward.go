package parser

import (
	"slices"
	"strings"
)

// source is what is read: the mail itself, or the original inside a forward.
type source struct {
	subject   string
	bare      string // the subject without marks and tags
	from      string
	page      page
	text      string
	forwarded bool
}

// original decides what is read: the attached or quoted original of a forward, else the mail itself.
func original(m *message) source {
	plain, html, attached := m.shown()
	s := bodies(plain, html)
	s.subject = m.subject()
	bare, marked, replied := readSubject(s.subject)
	s.bare = bare
	if from := addresses(m.header.get("from")); len(from) > 0 {
		s.from = from[0]
	}
	if isMicrosoft(s.from) {
		return withoutBanner(s)
	}
	if inner, ok := attachedOriginal(m, attached, marked || len(s.text) < shortNote); ok {
		inner.text = join(s.text, inner.text)
		return inner
	}
	if q, ok := chooseQuote(quotes(s.page.rows), replied && !marked); ok {
		s.from, s.subject, s.bare, s.page, s.forwarded = q.from, q.subject, bareSubject(q.subject), s.page.below(q.begin, q.rest), true
		return withoutBanner(s)
	}
	s.forwarded = marked
	return withoutBanner(s)
}

// shortNote is the longest text, in octets, that can be a note on an attached message rather than a mail of its own.
const shortNote = 2000

// attachedOriginal reads the attached message that is the original: Microsoft's, else the first where the mail around it
// says little.
func attachedOriginal(m *message, attached []*message, plausible bool) (source, bool) {
	if isReport(m) {
		return source{}, false
	}
	var first *source
	for _, inner := range attached {
		s := original(inner)
		s.forwarded = true
		if isMicrosoft(s.from) {
			return s, true
		}
		if first == nil {
			first = &s
		}
	}
	if first == nil || !plausible {
		return source{}, false
	}
	return *first, true
}

// bodies chooses what is shown: the text part where that has words, else the HTML. Fields and links come from the HTML
// where there is one, because it tells cells, headings and links apart.
func bodies(plain, html string) source {
	plain = clip(plain, maxText)
	if html == "" {
		return source{page: plainPage(plain), text: plain}
	}
	s := source{page: htmlPage(html)}
	s.text = s.page.text()
	if !hasWords(plain) {
		return s
	}
	s.text = plain
	if text := plainPage(plain); len(s.page.rows) < 3 {
		s.page.rows = append(s.page.rows, text.rows...)
		s.page.addLinks(text.links...)
	} else if len(s.page.links) == 0 {
		s.page.addLinks(text.links...)
	}
	return s
}

// quote is a quoted header with what stands below it.
type quote struct {
	from, subject string
	begin         int // the row of its header
	rest          []row
}

// chooseQuote takes the first quoted mail of Microsoft's, however deep; else the outermost one, unless the mail around it
// is only a reply.
func chooseQuote(found []quote, onlyReply bool) (quote, bool) {
	at := slices.IndexFunc(found, func(q quote) bool { return isMicrosoft(q.from) })
	switch {
	case at >= 0:
		return found[at], true
	case len(found) == 0 || onlyReply:
		return quote{}, false
	}
	return found[0], true
}

const (
	longestQuote = 14 // rows of a quoted header at most
	maxQuotes    = 20 // quoted headers that are looked at
)

// quotes finds quoted headers: neighbouring rows with the labels of a header in any of the known languages, a sender and
// a subject among them in any order. A sender of Microsoft's beside a known subject is a header in every language.
func quotes(rows []row) []quote {
	var found []quote
	rows = rows[:min(len(rows), maxRows)]
	for i := 0; i < len(rows) && len(found) < maxQuotes; i++ {
		q, next, ok := readQuote(rows, i)
		if ok {
			found = append(found, q)
			i = next - 1
		}
	}
	return found
}

// readQuote reads the quoted header that begins with a row; next is the row after it.
func readQuote(rows []row, begin int) (q quote, next int, ok bool) {
	kind, _ := headerLabel(rows[begin])
	if kind == "" {
		return foreignQuote(rows, begin)
	}
	sender, subject := "", ""
	hasFrom, hasSubject := false, false
	next = begin
	for i, stray := begin, 0; i < len(rows) && i < begin+longestQuote; i++ {
		kind, value := headerLabel(rows[i])
		if kind == "" {
			if stray++; stray > 2 || hasFrom && hasSubject {
				break
			}
			continue // a long value goes on
		}
		if kind == "from" && hasFrom || kind == "subject" && hasSubject {
			break // the next header
		}
		stray = 0
		if value == "" && i+1 < len(rows) {
			if below, _ := headerLabel(rows[i+1]); below == "" {
				i++
				value = rowText(rows[i])
			}
		}
		switch kind {
		case "from":
			sender, hasFrom = lastAddress(value), true
		case "subject":
			subject, hasSubject = oneLine(value), true
			if len(value) >= brokenAt && i+1 < len(rows) && len(rows[i+1].cells) == 1 && !rows[i+1].gap && rows[i].wrapped() {
				if below, _ := headerLabel(rows[i+1]); below == "" && continues(rows[i+1].cells[0]) {
					i++
					subject += " " + rows[i].cells[0]
				}
			}
		}
		next = i + 1
	}
	if !hasFrom || !hasSubject {
		return quote{}, 0, false
	}
	return quote{from: strings.ToLower(sender), subject: subject, begin: begin, rest: rows[next:]}, next, true
}

// foreignQuote reads a quoted header in a language that is not known: a labelled row with a sender of Microsoft's, and
// near it a labelled row with a subject that is known.
func foreignQuote(rows []row, at int) (q quote, next int, ok bool) {
	text := rowText(rows[at])
	if !strings.Contains(text, "@") {
		return quote{}, 0, false
	}
	sender := lastAddress(text)
	if _, _, labelled := cutColon(text); !labelled || !isMicrosoft(sender) {
		return quote{}, 0, false
	}
	for i := max(0, at-5); i < min(len(rows), at+8); i++ {
		_, value, labelled := cutColon(rowText(rows[i]))
		if labelled && familyOf(bareSubject(value)) != nil {
			next = max(i, at) + 1
			return quote{from: strings.ToLower(sender), subject: oneLine(value), begin: min(i, at), rest: rows[next:]}, next, true
		}
	}
	return quote{}, 0, false
}

// headerLabel is what a row says in a quoted header: "from", "subject", "other", or "" for no such row.
func headerLabel(r row) (kind, value string) {
	if len(r.cells) > 2 || r.heading > 0 {
		return "", ""
	}
	before, after, labelled := cutColon(r.cells[0])
	if len(r.cells) == 2 && (!labelled || after == "") {
		after, labelled = r.cells[1], true
	}
	if !labelled || len(before) > longestLabel {
		return "", ""
	}
	var buffer [longestLabel]byte
	if kind = words().quoted[string(lowered(buffer[:0], oneLine(strings.TrimFunc(before, isQuoteEdge))))]; kind == "" {
		return "", ""
	}
	return kind, strings.Trim(after, "*_ \u00a0")
}

// isQuoteEdge says whether a character can stand around a label of a quoted header.
func isQuoteEdge(r rune) bool { return r == '*' || r == '_' || r == ' ' || r == '\u00a0' || r == '>' }

// rowText is a row as one line, with its label and value parted by a colon.
func rowText(r row) string {
	if len(r.cells) == 2 && !strings.HasSuffix(r.cells[0], ":") {
		return r.cells[0] + ": " + r.cells[1]
	}
	return strings.Join(r.cells, " ")
}
