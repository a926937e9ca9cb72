package parser

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
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
	parts   int
	crossed bool
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
	inner     *message // of a message/rfc822 part
	warnings  []warning
}

type warning struct{ code, text string }

// readMessage takes a message apart. What is broken becomes a warning of the message, and what could be read is kept.
func readMessage(raw []byte, depth int, left *budget) *message {
	h, body, ok := splitHeader(raw)
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
	if kind := h.get("Content-Type"); kind != "" {
		m.mediaType, m.params = mediaType(kind)
	}
	disposition, params := mediaType(h.get("Content-Disposition"))
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
		for _, part := range splitParts(body, m.params["boundary"]) {
			if left.parts >= maxParts {
				left.crossed = true
				break
			}
			partHeader, partBody, ok := splitHeader(part)
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
	m.content = decodeBody(body, h.get("Content-Transfer-Encoding"))
	if m.mediaType == "message/rfc822" || strings.HasSuffix(strings.ToLower(m.filename), ".eml") {
		m.inner = readMessage(m.content, depth+1, left)
	}
	return m
}

// mediaType reads a Content-Type or Content-Disposition, leniently.
func mediaType(value string) (kind string, params map[string]string) {
	kind, params, err := mime.ParseMediaType(value)
	if err == nil || kind != "" && params != nil {
		return knownKind(strings.ToLower(kind)), params
	}
	params = map[string]string{}
	fields := strings.Split(value, ";")
	for _, field := range fields[1:] {
		name, text, _ := strings.Cut(field, "=")
		params[strings.ToLower(strings.TrimSpace(name))] = strings.Trim(strings.TrimSpace(text), `"`)
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
// the first line that looks like one.
func splitParts(body []byte, boundary string) [][]byte {
	if boundary == "" || !bytes.Contains(body, []byte("--"+boundary)) {
		boundary = guessBoundary(body)
	}
	if boundary == "" {
		return nil
	}
	mark := []byte("--" + boundary)
	var parts [][]byte
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
					return parts
				}
			}
		}
		at = next
	}
	if begin >= 0 && begin < len(body) {
		parts = append(parts, body[begin:])
	}
	return parts
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

func decodeBody(body []byte, encoding string) []byte {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "quoted-printable":
		decoded, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(body)))
		if err != nil {
			return looseQuotedPrintable(body)
		}
		return decoded
	case "base64":
		if isProse(body) {
			return body
		}
		return looseBase64(body)
	}
	return body
}

// looseQuotedPrintable decodes what is well formed and keeps the rest as it is.
func looseQuotedPrintable(body []byte) []byte {
	var out bytes.Buffer
	for i := 0; i < len(body); i++ {
		if body[i] != '=' {
			out.WriteByte(body[i])
			continue
		}
		rest := body[i+1:]
		switch {
		case bytes.HasPrefix(rest, []byte("\r\n")):
			i += 2
		case bytes.HasPrefix(rest, []byte("\n")):
			i++
		case len(rest) >= 2 && unhex(rest[0]) >= 0 && unhex(rest[1]) >= 0:
			out.WriteByte(byte(unhex(rest[0])<<4 | unhex(rest[1])))
			i += 2
		default:
			out.WriteByte('=')
		}
	}
	return out.Bytes()
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

// looseBase64 leaves out what is no base64 and decodes as far as it goes.
func looseBase64(body []byte) []byte {
	whole := make([]byte, base64.StdEncoding.DecodedLen(len(body)))
	if n, err := base64.StdEncoding.Decode(whole, bytes.TrimSpace(body)); err == nil { // which also skips line ends
		return whole[:n]
	}
	clean := make([]byte, 0, len(body))
	for _, c := range body {
		switch {
		case c == '-':
			clean = append(clean, '+')
		case c == '_':
			clean = append(clean, '/')
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '+', c == '/':
			clean = append(clean, c)
		}
	}
	if len(clean)%4 == 1 {
		clean = clean[:len(clean)-1]
	}
	decoded := make([]byte, base64.RawStdEncoding.DecodedLen(len(clean)))
	n, _ := base64.RawStdEncoding.Decode(decoded, clean) // every character is of the alphabet
	return decoded[:n]
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
			name = m.inner.header.text("Subject") + ".eml"
		}
		return []tickets.Attachment{{Filename: name, ContentType: oneLine(m.mediaType), Size: len(m.content)}}
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
