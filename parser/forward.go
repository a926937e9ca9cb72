package parser

import (
	"regexp"
	"strings"
)

// source is what is read: the mail itself, or the original inside a forward.
type source struct {
	subject   string
	from      string
	page      page
	text      string
	forwarded bool
}

// prefix is one reply or forward mark, or one tag in brackets, at a subject's beginning, in the languages of common mail
// programs.
var prefix = regexp.MustCompile(`(?i)^\s*(?:(?:fw|fwd|wg|tr|rv|re|aw|antw|sv|vs|vb|enc|i|r|doorst|转发|回复|轉寄|答复)\s*(?:\[\d+\])?\s*[:：]|\[[^\]]{1,30}\])\s*`)

var forwardMark = regexp.MustCompile(`(?i)^\s*(?:\[[^\]]{1,30}\]\s*)*(?:fw|fwd|wg|tr|rv|vb|enc|i|doorst|转发|轉寄)\s*[:：]`)

// bareSubject is a subject without such marks and tags.
func bareSubject(subject string) string {
	subject = oneLine(subject)
	for {
		rest := prefix.ReplaceAllString(subject, "")
		if rest == subject || rest == "" {
			return subject
		}
		subject = rest
	}
}

// original decides what is read: the attached or quoted original of a forward, else the mail itself.
func original(m *message) source {
	plain, html, attached := m.shown()
	s := bodies(plain, html)
	s.subject = m.header.text("Subject")
	if from := addresses(m.header.text("From")); len(from) > 0 {
		s.from = from[0].address
	}
	if attached != nil && !isMicrosoft(s.from) && !isReport(m) && (forwardMark.MatchString(s.subject) || len(oneLine(s.text)) < 2000) {
		inner := original(attached)
		inner.forwarded = true
		inner.text = join(s.text, inner.text)
		return inner
	}
	if isMicrosoft(s.from) {
		return s
	}
	if from, subject, rest, ok := quoted(s.page); ok {
		s.from, s.subject, s.page.rows, s.forwarded = from, subject, rest, true
		if deeper, deeperSubject, deeperRest, ok := quoted(s.page); ok && isMicrosoft(deeper) {
			s.from, s.subject, s.page.rows = deeper, deeperSubject, deeperRest
		}
		return s
	}
	if forwardMark.MatchString(s.subject) {
		s.forwarded = true
	}
	return s
}

// isReport says whether a mail is a bounce, whose attached message is its own cause and no forward.
func isReport(m *message) bool {
	return m.mediaType == "multipart/report" || m.contains("message/delivery-status")
}

// bodies chooses what is shown: the text part where that has words; fields and links come from the richer HTML.
func bodies(plain, html string) source {
	var s source
	switch {
	case html != "":
		s.page = htmlPage(html)
		s.text = s.page.text()
		if hasWords(plain) {
			s.text = manyLines(plain)
			s.page.links = append(s.page.links, plainPage(plain).links...)
			if len(s.page.rows) < 3 {
				s.page.rows = append(s.page.rows, plainPage(plain).rows...)
			}
		}
	default:
		s.page = plainPage(plain)
		s.text = manyLines(plain)
	}
	return s
}

// The labels of a quoted header, in the languages of common mail programs.
var (
	fromLabel    = label("from", "von", "de", "da", "van", "från", "fra", "od", "寄件者", "发件人", "差出人")
	subjectLabel = label("subject", "betreff", "asunto", "objet", "oggetto", "onderwerp", "assunto", "ämne", "emne", "temat", "主旨", "主题", "件名")
)

func label(words ...string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)^\s*[*_]*(?:` + strings.Join(words, "|") + `)\s*[*_]*\s*[:：]\s*[*_]*\s*(.*)$`)
}

// longestQuote is how many rows a quoted header takes at most.
const longestQuote = 12

// quoted finds the first quoted header and returns its sender, its subject and the rows after it.
func quoted(p page) (from, subject string, rest []row, ok bool) {
	for i := range p.rows {
		match := fromLabel.FindStringSubmatch(rowText(p.rows[i]))
		if match == nil {
			continue
		}
		for k := i + 1; k < len(p.rows) && k < i+longestQuote; k++ {
			found := subjectLabel.FindStringSubmatch(rowText(p.rows[k]))
			if found == nil {
				continue
			}
			sender := bareAddress.FindString(match[1])
			subject = found[1]
			if subject == "" && k+1 < len(p.rows) {
				subject = rowText(p.rows[k+1])
			}
			return strings.TrimPrefix(strings.ToLower(sender), "mailto:"), oneLine(subject), p.rows[k+1:], true
		}
	}
	return "", "", nil, false
}

// rowText is a row as one line, with its label and value parted by a colon.
func rowText(r row) string {
	if len(r.cells) == 2 && !strings.HasSuffix(r.cells[0], ":") {
		return r.cells[0] + ": " + r.cells[1]
	}
	return strings.Join(r.cells, " ")
}
