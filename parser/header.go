package parser

import (
	"bytes"
	"net/mail"
	"regexp"
	"strings"
	"time"
)

// Bounds of a header.
const (
	maxHeaderLines  = 1000
	maxHeaderOctets = 256 << 10
)

// header holds the raw values of each field under its lower-case name, in order of appearance.
type header map[string][]string

// get is the first value of the field of a lower-case name.
func (h header) get(name string) string {
	if values := h[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// text is a field's first value, decoded (RFC 2047) and on one line.
func (h header) text(name string) string { return oneLine(decodeWords(h.get(name))) }

func firstField(value string) string {
	fields := strings.Fields(value)
	if len(fields) == 0 {
		return ""
	}
	return oneLine(fields[0])
}

// splitHeader reads fields up to the first empty line and returns what follows it. It forgives a byte-order mark, an
// mbox line, lines that are no fields, and any line end. ok is false where there is no header at all.
func splitHeader(raw []byte, left *budget) (h header, body []byte, ok bool) {
	h = header{}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if bytes.IndexByte(raw, '\n') < 0 && bytes.IndexByte(raw, '\r') >= 0 {
		raw = bytes.ReplaceAll(raw, []byte("\r"), []byte("\n")) // lines as the first Macs ended them
	}
	rest, last, read := raw, "", 0
	var values []string // of the field last, which stand together where a header has many
	var kept keeper
	keep := func() {
		if last != "" {
			h[last] = values
		}
	}
	defer keep()
	var broken []byte // from the first line on that is no field
	for lines := 0; len(rest) > 0; lines++ {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		line = bytes.TrimRight(line, "\r")
		if bytes.IndexByte(line, 0) >= 0 {
			line = bytes.ReplaceAll(line, []byte{0}, nil)
		}
		if len(line) == 0 {
			if lines == 0 || len(h) == 0 && lines < 3 {
				rest = after // empty lines before the header
				continue
			}
			if broken != nil && len(bytes.TrimSpace(after)) == 0 {
				after = broken // the empty line came too late: the text began before it
			}
			return h, after, len(h) > 0
		}
		read += len(line)
		if lines > maxHeaderLines || read > maxHeaderOctets {
			left.warn("header-too-long", "the header is longer than its bounds; beyond them only the usual fields were read")
			return h, h.readUsual(rest), len(h) > 0
		}
		name, _, isField := bytes.Cut(line, []byte(":"))
		switch {
		case (line[0] == ' ' || line[0] == '\t') && last != "":
			values[len(values)-1] += " " + string(bytes.TrimSpace(line))
		case lines == 0 && bytes.HasPrefix(line, []byte("From ")), lines == 0 && bytes.HasPrefix(line, []byte(">From ")):
		case isField && isFieldName(bytes.TrimSpace(name)):
			field := kept.keep(line, len(rest)) // of which name and value are parts
			value := strings.TrimSpace(field[len(name)+1:])
			if named := strings.TrimSpace(field[:len(name)]); strings.EqualFold(named, last) {
				values = append(values, value)
			} else {
				keep()
				last = strings.ToLower(named)
				values = append(h[last], value)
				h[last] = values
			}
		case len(h) == 0 && !beginsHeader(rest):
			return h, raw, false // the first line is no field, nor is one near: a body without a header
		default:
			keep()
			last = "" // a broken line, and what is folded under it, says nothing
			if broken == nil {
				broken = rest
			}
		}
		rest = after
	}
	return h, broken, len(h) > 0
}

// mailFields are fields that nearly every header has.
var mailFields = map[string]bool{
	"received": true, "from": true, "to": true, "subject": true, "date": true, "message-id": true, "mime-version": true, "content-type": true,
	"return-path": true, "delivered-to": true, "content-transfer-encoding": true, "content-disposition": true, "reply-to": true, "sender": true,
}

// mailField is the name in lower case of a field that nearly every header has; usual is false for all others.
func mailField(name []byte) (lower string, usual bool) {
	var folded [len("content-transfer-encoding")]byte // the longest of them
	name = bytes.TrimSpace(name)
	if len(name) > len(folded) {
		return "", false
	}
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		folded[i] = c
	}
	if !mailFields[string(folded[:len(name)])] {
		return "", false
	}
	return string(folded[:len(name)]), true
}

// beginsHeader says whether lines that begin with one that is no field are a header all the same: one of the usual fields
// stands near, before the first empty line.
func beginsHeader(lines []byte) bool {
	for range 10 {
		line, after, _ := bytes.Cut(lines, []byte("\n"))
		if len(bytes.TrimRight(line, "\r")) == 0 {
			return false
		}
		if name, _, found := bytes.Cut(clipBytes(line, 100), []byte(":")); found {
			if _, usual := mailField(name); usual {
				return true
			}
		}
		lines = after
	}
	return false
}

// readUsual reads only the first line of each usual field that is not there yet, up to the first empty line, and returns
// what follows that.
func (h header) readUsual(rest []byte) (body []byte) {
	for len(rest) > 0 {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		line = bytes.TrimRight(line, "\r")
		if len(line) == 0 {
			return after
		}
		name, value, _ := bytes.Cut(clipBytes(line, maxLine), []byte(":"))
		if key, usual := mailField(name); usual && len(h[key]) == 0 {
			h[key] = []string{string(bytes.TrimSpace(value))}
		}
		rest = after
	}
	return nil
}

func isFieldName(name []byte) bool {
	if len(name) == 0 || len(name) > 100 {
		return false
	}
	for _, c := range name {
		if c <= ' ' || c > 0x7e {
			return false
		}
	}
	return true
}

var comment = regexp.MustCompile(`\s*\([^()]*\)`)

// dateLayouts are forms of a Date field that net/mail does not take.
var dateLayouts = []string{
	time.RFC3339, "Mon, 2 Jan 2006 15:04:05", "2 Jan 2006 15:04:05", time.RFC850, time.ANSIC, "Mon Jan 2 15:04:05 2006 -0700",
	"Mon Jan 2 15:04:05 MST 2006", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05",
}

// headerDate reads a Date field in UTC; the zero time where it cannot be read.
func headerDate(value string) time.Time {
	if value == "" {
		return time.Time{}
	}
	if at, err := time.Parse("Mon, 2 Jan 2006 15:04:05 -0700", value); err == nil { // as nearly every sender writes it
		return at.UTC()
	}
	if at, err := mail.ParseDate(value); err == nil {
		return at.UTC()
	}
	value = oneLine(comment.ReplaceAllString(clip(value, 200), ""))
	if at, err := mail.ParseDate(value); err == nil {
		return at.UTC()
	}
	for _, layout := range dateLayouts {
		if at, err := time.Parse(layout, value); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}
