package parser

import (
	"bytes"
	"encoding/base64"
	"mime"
	"slices"
	"strings"

	"afterhours/tickets"
)

// Bounds of one message.
const (
	maxDepth = 20
	maxParts = 500
)

// budget is what is left of the bounds that a whole message shares.
type budget struct {
	parts    int
	crossed  bool
	warnings []warning // of what is broken anywhere in the message, one of each code
}

func (b *budget) warn(code, text string) {
	if !slices.ContainsFunc(b.warnings, func(known warning) bool { return known.code == code }) {
		b.warnings = append(b.warnings, warning{code, text})
	}
}

// message is one MIME entity: a whole message or a part of one. Content is decoded.
type message struct {
	header    header
	mediaType string
	params    map[string]string
	filename  string
	inline    bool
	content   []byte
	parts     []*message
	inner     *message   // of a message/rfc822 part
	unpacked  []*message // of a winmail.dat
	warnings  []warning
	title     string // what subject found
}

type warning struct{ code, text string }

// readMessage takes a message apart. What is broken becomes a warning of the message, and what could be read is kept.
func readMessage(raw []byte, depth int, left *budget) *message {
	h, body, ok := splitHeader(raw, left)
	m := readEntity(h, body, depth, left)
	switch {
	case len(bytes.TrimSpace(raw)) == 0:
		m.warnings = append(m.warnings, warning{"empty", "the message is empty"})
	case !ok:
		m.warnings = append(m.warnings, warning{"no-header", "the message has no header; all of it is taken for its text"})
	case bytes.IndexByte(raw, 0) >= 0:
		m.warnings = append(m.warnings, warning{"binary", "the message holds NUL octets"})
	}
	if left.crossed {
		m.warnings = append(m.warnings, warning{"too-many-parts", "parts beyond the bounds of depth or number were not read"})
	}
	return m
}

func readEntity(h header, body []byte, depth int, left *budget) *message {
	m := &message{header: h, mediaType: "text/plain", params: map[string]string{}}
	left.parts++
	if kind := h.get("content-type"); kind != "" {
		m.mediaType, m.params = mediaType(kind)
	}
	disposition, params := mediaType(h.get("content-disposition"))
	m.inline = disposition != "attachment"
	m.filename = oneLine(decodeWords(params["filename"]))
	if m.filename == "" {
		m.filename = oneLine(decodeWords(m.params["name"]))
	}
	if depth >= maxDepth || left.parts >= maxParts {
		left.crossed = true
		return m
	}
	if strings.HasPrefix(m.mediaType, "multipart/") {
		parts, closed := splitParts(body, m.params["boundary"])
		if !closed {
			left.warn("unclosed-multipart", "the end of a part is missing; the message may have been cut off")
		}
		for _, part := range parts {
			if left.parts >= maxParts {
				left.crossed = true
				break
			}
			partHeader, partBody, ok := splitHeader(part, left)
			if !ok {
				partHeader, partBody = header{}, bytes.TrimLeft(part, "\r\n")
			}
			m.parts = append(m.parts, readEntity(partHeader, partBody, depth+1, left))
		}
		if len(m.parts) == 0 { // no boundary was found: what is there is shown
			m.content = body
			m.mediaType = "text/plain"
			if looksLikeHTML(body) {
				m.mediaType = "text/html"
			}
		}
		return m
	}
	m.content = decodeBody(body, h.get("content-transfer-encoding"), left)
	if name := m.params["charset"]; name != "" && !isKnownCharset(name) && strings.HasPrefix(m.mediaType, "text/") {
		left.warn("unknown-charset", "the charset "+clip(oneLine(name), 40)+" is not known; the text was read as UTF-8 or windows-1252")
	}
	if m.mediaType == "message/rfc822" || strings.HasSuffix(strings.ToLower(m.filename), ".eml") {
		m.inner = readMessage(m.content, depth+1, left)
	}
	if m.mediaType == "application/ms-tnef" || isTNEF(m.content) {
		var whole bool
		if m.unpacked, whole = readTNEF(m.content, depth, left); !whole {
			left.warn("tnef", "an attachment in Outlook's own format (winmail.dat) is damaged or ends early; what could be read of it was")
		}
	}
	return m
}

// mediaType reads a Content-Type or Content-Disposition, leniently.
func mediaType(value string) (kind string, params map[string]string) {
	if value == "" {
		return knownKind(""), map[string]string{}
	}
	kind, params, err := mime.ParseMediaType(value)
	if err == nil || kind != "" && params != nil {
		return knownKind(strings.ToLower(kind)), params
	}
	params = map[string]string{}
	fields := strings.Split(value, ";")
	for _, field := range fields[1:] {
		name, text, _ := strings.Cut(field, "=")
		if name = strings.ToLower(strings.TrimSpace(name)); params[name] == "" { // the first of several counts
			params[name] = strings.Trim(strings.TrimSpace(text), `"`)
		}
	}
	return knownKind(strings.ToLower(strings.TrimSpace(fields[0]))), params
}

// knownKind is a media type or disposition; a word that is neither stands for text (RFC 2045, 5.2).
func knownKind(kind string) string {
	if !strings.Contains(kind, "/") && kind != "attachment" && kind != "inline" {
		return "text/plain"
	}
	return kind
}

// splitParts cuts a body at its boundary lines; a missing end is forgiven, a wrong or missing boundary is guessed from
// the first line that looks like one. closed says that the end was there.
func splitParts(body []byte, boundary string) (parts [][]byte, closed bool) {
	if boundary == "" || !bytes.Contains(body, []byte("--"+boundary)) {
		boundary = guessBoundary(body)
	}
	if boundary == "" {
		return nil, false
	}
	mark := []byte("--" + boundary)
	begin := -1
	for at := 0; at < len(body) && len(parts) <= maxParts; {
		end := bytes.IndexByte(body[at:], '\n')
		next := len(body)
		if end >= 0 {
			next = at + end + 1
		}
		if line := bytes.TrimRight(body[at:next], " \t\r\n"); bytes.HasPrefix(line, mark) {
			tail := line[len(mark):]
			if len(tail) == 0 || bytes.Equal(tail, []byte("--")) {
				if begin >= 0 {
					parts = append(parts, bytes.TrimSuffix(bytes.TrimSuffix(body[begin:at], []byte("\n")), []byte("\r")))
				}
				begin = next
				if len(tail) > 0 {
					return parts, true
				}
			}
		}
		at = next
	}
	if begin >= 0 && begin < len(body) {
		parts = append(parts, body[begin:])
	}
	return parts, false
}

func guessBoundary(body []byte) string {
	for _, line := range bytes.SplitN(body, []byte("\n"), 50) {
		line = bytes.TrimRight(line, " \t\r")
		if len(line) > 6 && bytes.HasPrefix(line, []byte("--")) && !bytes.Contains(line, []byte(" ")) && bytes.Trim(line, "-=_") != nil {
			return string(line[2:])
		}
	}
	return ""
}

// decodeBody takes off a transfer encoding as far as it goes.
func decodeBody(body []byte, encoding string, left *budget) []byte {
	switch encoding = strings.ToLower(strings.Trim(keyword(encoding), `"' `)); encoding {
	case "quoted-printable":
		return looseQuotedPrintable(body)
	case "base64":
		if isProse(body) {
			return body
		}
		decoded, whole := looseBase64(body)
		if !whole {
			left.warn("broken-base64", "a part in base64 ends early or is damaged; what could be decoded of it was")
		}
		return decoded
	case "", "7bit", "8bit", "binary":
	case "x-uuencode", "uuencode", "x-uue", "uue":
		return uudecode(body)
	default:
		left.warn("unknown-encoding", "the transfer encoding "+clip(oneLine(encoding), 40)+" is not known; the text was read as it stands")
	}
	return body
}

// uudecode decodes what stands between begin and end (POSIX uuencode), and returns the body as it is where there is no such.
func uudecode(body []byte) []byte {
	_, rest, found := bytes.Cut(body, []byte("begin "))
	if !found {
		return body
	}
	var out []byte
	_, rest, _ = bytes.Cut(rest, []byte("\n"))
	for len(rest) > 0 {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		rest = after
		line = bytes.TrimRight(line, "\r")
		if len(line) == 0 || bytes.Equal(line, []byte("end")) {
			break
		}
		size, begin := int(line[0]-' ')&63, len(out)
		for at := 1; at+3 < len(line) && len(out)-begin < size; at += 4 {
			a, b, c, d := (line[at]-' ')&63, (line[at+1]-' ')&63, (line[at+2]-' ')&63, (line[at+3]-' ')&63
			out = append(out, a<<2|b>>4, b<<4|c>>2, c<<6|d)
		}
		out = out[:min(len(out), begin+size)]
	}
	return out
}

// looseQuotedPrintable decodes what is well formed and keeps the rest as it is; a soft break may have white space after it
// (RFC 2045, 6.7).
func looseQuotedPrintable(body []byte) []byte {
	out := make([]byte, 0, len(body))
	for {
		at := bytes.IndexByte(body, '=')
		if at < 0 {
			return append(out, body...)
		}
		out = append(out, body[:at]...)
		body = body[at+1:]
		if len(body) >= 2 && unhex(body[0]) >= 0 && unhex(body[1]) >= 0 {
			out = append(out, byte(unhex(body[0])<<4|unhex(body[1])))
			body = body[2:]
			continue
		}
		end := 0
		for end < len(body) && (body[end] == ' ' || body[end] == '\t' || body[end] == '\r') {
			end++
		}
		switch {
		case end < len(body) && body[end] == '\n':
			body = body[end+1:]
		case end == len(body): // cut off after the mark
			return out
		default:
			out = append(out, '=')
		}
	}
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// isProse says whether a body that claims to be base64 is plain words: base64 has no spaces inside its lines.
func isProse(body []byte) bool {
	head := bytes.TrimSpace(clipBytes(body, 4096))
	return bytes.Count(head, []byte(" ")) > len(head)/30
}

// looseBase64 leaves out what is no base64 and decodes as far as it goes. whole is false where it was damaged.
func looseBase64(body []byte) (decoded []byte, whole bool) {
	strict := make([]byte, len(body)/4*3+3)
	if n, err := base64.StdEncoding.Decode(strict, bytes.TrimSpace(body)); err == nil { // which also skips line ends
		return strict[:n], true
	}
	var clean [4096]byte
	at, size := 0, 0
	for _, c := range body {
		switch {
		case c == '-':
			c = '+'
		case c == '_':
			c = '/'
		case !isBase64(c):
			continue
		}
		clean[at] = c
		if at++; at == len(clean) {
			n, _ := base64.RawStdEncoding.Decode(strict[size:], clean[:]) // every character is of the alphabet
			at, size = 0, size+n
		}
	}
	if at%4 == 1 {
		at--
	}
	n, _ := base64.RawStdEncoding.Decode(strict[size:], clean[:at])
	return strict[:size+n], false
}

// subject is the subject as it is shown. Several stages ask for it, and it is decoded once.
func (m *message) subject() string {
	if m.title == "" {
		m.title = m.header.text("subject")
	}
	return m.title
}

// text is a part's content in UTF-8.
func (m *message) text() string {
	text := toUTF8(m.content, m.params["charset"])
	if strings.EqualFold(m.params["format"], "flowed") && m.mediaType == "text/plain" {
		text = unflow(text, strings.EqualFold(m.params["delsp"], "yes"))
	}
	return text
}

// unflow joins the soft lines of flowed text (RFC 3676).
func unflow(text string, deleteSpace bool) string {
	if !deleteSpace {
		return text // the space at the end is the space between the words; plainPage joins what is broken
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), " \n", "")
}

func looksLikeHTML(body []byte) bool {
	head := bytes.ToLower(clipBytes(body, 2000))
	return bytes.Contains(head, []byte("<html")) || bytes.Contains(head, []byte("<table")) || bytes.Contains(head, []byte("<body"))
}

// contains says whether any part is of a media type.
func (m *message) contains(kind string) bool {
	if m.mediaType == kind {
		return true
	}
	for _, part := range m.parts {
		if part.contains(kind) {
			return true
		}
	}
	return false
}

// attachments names every part that is a file or an attached message.
func (m *message) attachments() []tickets.Attachment {
	if len(m.parts) == 0 {
		if m.filename == "" && m.inline && m.inner == nil {
			return nil
		}
		name := m.filename
		if name == "" && m.inner != nil {
			name = m.inner.subject() + ".eml"
		}
		list := []tickets.Attachment{{Filename: name, ContentType: oneLine(m.mediaType), Size: len(m.content)}}
		for _, part := range m.unpacked {
			list = append(list, part.attachments()...)
		}
		return list
	}
	var list []tickets.Attachment
	for _, part := range m.parts {
		list = append(list, part.attachments()...)
	}
	return list
}

// shown is what a reader of a message sees, and the messages that are attached to it.
type shown struct {
	plain, html         []string
	plainSize, htmlSize int
	attached            []*message
}

// shown collects the text and HTML bodies up to their bounds, and the attached messages.
func (m *message) shown() (plain, html string, attached []*message) {
	var s shown
	s.collect(m)
	return strings.Join(s.plain, "\n\n"), strings.Join(s.html, "\n\n"), s.attached
}

func (s *shown) collect(m *message) {
	switch {
	case m.inner != nil:
		s.attached = append(s.attached, m.inner)
	case len(m.unpacked) > 0:
		for _, part := range m.unpacked {
			s.collect(part)
		}
	case len(m.parts) > 0:
		for _, part := range m.parts {
			s.collect(part)
		}
	case !m.inline && m.filename != "":
	case m.mediaType == "text/html", m.mediaType == "text/plain" && looksLikeHTML(m.content):
		if s.htmlSize < maxHTML {
			text := m.text()
			s.html, s.htmlSize = append(s.html, text), s.htmlSize+len(text)
		}
	case strings.HasPrefix(m.mediaType, "text/") && m.mediaType != "text/calendar", len(m.header) == 0:
		if text := m.text(); s.plainSize < maxText && text != "" {
			s.plain, s.plainSize = append(s.plain, text), s.plainSize+len(text)
		}
	}
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "\n\n" + b
}
