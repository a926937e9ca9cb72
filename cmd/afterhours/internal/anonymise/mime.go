package anonymise

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message/charset"
)

// maxDepth bounds how deep parts are taken apart; what is deeper is left out.
const maxDepth = 20

// field is one header field, unfolded.
type field struct{ name, value string }

// entity is a message or a part of one, taken apart down to its decoded text.
type entity struct {
	header   []field
	kind     string
	params   map[string]string
	encoding string
	content  string    // of a text, decoded
	parts    []*entity // of a multipart
	inner    *entity   // of an attached message
	file     bool      // its content is left out
	lineEnd  string
}

// split takes a message apart. What is not well formed is taken for text.
func split(raw []byte, depth int) *entity {
	e := &entity{lineEnd: "\n", params: map[string]string{}, kind: "text/plain"}
	if line, _, ok := bytes.Cut(raw, []byte("\n")); ok && bytes.HasSuffix(line, []byte("\r")) {
		e.lineEnd = "\r\n"
	}
	text := strings.ReplaceAll(string(raw), "\r\n", "\n")
	body := e.readHeader(text)
	if value := e.get("Content-Type"); value != "" {
		if kind, params, err := mime.ParseMediaType(value); kind != "" && (err == nil || params != nil) {
			e.kind, e.params = kind, params
		}
	}
	e.encoding = strings.ToLower(strings.TrimSpace(e.get("Content-Transfer-Encoding")))
	disposition := strings.ToLower(e.get("Content-Disposition"))
	boundary := e.params["boundary"]
	switch {
	case depth >= maxDepth:
		e.file = true
	case strings.HasPrefix(e.kind, "multipart/") && boundary != "" && strings.Contains(body, "--"+boundary):
		for _, part := range splitParts(body, boundary) {
			e.parts = append(e.parts, split([]byte(part), depth+1))
		}
	case e.kind == "message/rfc822":
		e.inner = split([]byte(decode(body, e.encoding)), depth+1)
	case strings.HasPrefix(e.kind, "text/") && !strings.HasPrefix(disposition, "attachment"), strings.HasPrefix(e.kind, "multipart/"):
		e.content = toUTF8(decode(body, e.encoding), e.params["charset"])
	default:
		e.file = true
	}
	return e
}

// readHeader reads fields up to the empty line and returns the body.
func (e *entity) readHeader(text string) (body string) {
	for len(text) > 0 {
		line, rest, _ := strings.Cut(text, "\n")
		name, value, ok := strings.Cut(line, ":")
		switch {
		case line == "":
			return rest
		case (line[0] == ' ' || line[0] == '\t') && len(e.header) > 0:
			e.header[len(e.header)-1].value += " " + strings.TrimSpace(line)
		case ok && !strings.ContainsAny(name, " \t"):
			e.header = append(e.header, field{name, strings.TrimSpace(value)})
		case len(e.header) == 0 && strings.HasPrefix(line, "From "): // of an mbox
		default:
			return text // no header, or one that breaks off
		}
		text = rest
	}
	return ""
}

func (e *entity) get(name string) string {
	for _, f := range e.header {
		if strings.EqualFold(f.name, name) {
			return f.value
		}
	}
	return ""
}

func splitParts(body, boundary string) []string {
	var parts []string
	var current []string
	inside := false
	for line := range strings.SplitSeq(body, "\n") {
		switch strings.TrimRight(line, " \t") {
		case "--" + boundary, "--" + boundary + "--":
			if inside {
				parts = append(parts, strings.Join(current, "\n"))
			}
			current, inside = nil, !strings.HasSuffix(strings.TrimRight(line, " \t"), boundary+"--")
			continue
		}
		if inside {
			current = append(current, line)
		}
	}
	if inside && len(current) > 0 {
		parts = append(parts, strings.Join(current, "\n"))
	}
	return parts
}

func decode(body, encoding string) string {
	switch encoding {
	case "base64":
		clean := strings.Map(func(r rune) rune {
			if r <= ' ' {
				return -1
			}
			return r
		}, body)
		decoded, err := base64.StdEncoding.DecodeString(clean)
		if err != nil && len(decoded) == 0 {
			return body
		}
		return string(decoded)
	case "quoted-printable":
		decoded, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(body)))
		if err != nil && len(decoded) == 0 {
			return body
		}
		return string(decoded)
	}
	return body
}

func toUTF8(content, name string) string {
	if name != "" && !strings.EqualFold(name, "utf-8") && !strings.EqualFold(name, "us-ascii") {
		if reader, err := charset.Reader(name, strings.NewReader(content)); err == nil {
			if decoded, err := io.ReadAll(reader); err == nil {
				return string(decoded)
			}
		}
	}
	if utf8.ValidString(content) {
		return content
	}
	reader, err := charset.Reader("windows-1252", strings.NewReader(content))
	if err != nil {
		return strings.ToValidUTF8(content, "\uFFFD")
	}
	decoded, err := io.ReadAll(reader)
	if err != nil {
		return strings.ToValidUTF8(content, "\uFFFD")
	}
	return string(decoded)
}

// texts are all decoded texts of a message, its header fields among them.
func (e *entity) texts() []string {
	var texts []string
	for _, f := range e.header {
		if !slices.Contains(idFields, strings.ToLower(f.name)) { // an id looks like an address, and names nobody before its @
			texts = append(texts, decodedWords(f.value))
		}
	}
	if e.content != "" {
		texts = append(texts, e.content, unescaped(unescaped(e.content)))
	}
	if e.kind == "text/html" {
		texts = append(texts, html.UnescapeString(e.content), html.UnescapeString(tags.ReplaceAllString(e.content, " ")))
	}
	for _, part := range e.parts {
		texts = append(texts, part.texts()...)
	}
	if e.inner != nil {
		texts = append(texts, e.inner.texts()...)
	}
	return texts
}

func decodedWords(value string) string {
	decoder := mime.WordDecoder{CharsetReader: charset.Reader}
	if decoded, err := decoder.DecodeHeader(value); err == nil {
		return decoded
	}
	return value
}

// bytes puts a message together again.
func (e *entity) bytes() []byte { return []byte(strings.ReplaceAll(e.written(), "\n", e.lineEnd)) }

func (e *entity) written() string {
	var out strings.Builder
	for _, f := range e.header {
		out.WriteString(folded(f.name + ": " + f.value))
	}
	out.WriteByte('\n')
	switch {
	case len(e.parts) > 0:
		for _, part := range e.parts {
			fmt.Fprintf(&out, "--%s\n%s\n", e.params["boundary"], part.written())
		}
		fmt.Fprintf(&out, "--%s--\n", e.params["boundary"])
	case e.inner != nil:
		out.WriteString(encode(e.inner.written(), e.encoding))
	default:
		out.WriteString(encode(e.content, e.encoding))
	}
	return out.String()
}

// folded breaks a header field at spaces before it becomes too long for mail servers.
func folded(line string) string {
	var out strings.Builder
	for len(line) > 76 {
		at := strings.LastIndexByte(line[:76], ' ')
		if at <= strings.IndexByte(line, ':')+1 {
			if at = strings.IndexByte(line[76:], ' '); at < 0 {
				break
			}
			at += 76
		}
		out.WriteString(line[:at] + "\n")
		line = line[at:]
	}
	out.WriteString(line + "\n")
	return out.String()
}

func encode(content, encoding string) string {
	switch encoding {
	case "base64":
		text := base64.StdEncoding.EncodeToString([]byte(content))
		var out strings.Builder
		for len(text) > 76 {
			out.WriteString(text[:76] + "\n")
			text = text[76:]
		}
		return out.String() + text + "\n"
	case "quoted-printable":
		var out bytes.Buffer
		writer := quotedprintable.NewWriter(&out)
		_, _ = writer.Write([]byte(content)) // a buffer takes everything
		_ = writer.Close()
		return strings.ReplaceAll(out.String(), "\r\n", "\n")
	}
	return content
}

// addressList reads addresses as strictly as a reader of mails would, else by their look alone.
func addressList(value string) []string {
	if list, err := (&mail.AddressParser{WordDecoder: &mime.WordDecoder{CharsetReader: charset.Reader}}).ParseList(value); err == nil {
		addresses := make([]string, len(list))
		for i, address := range list {
			addresses[i] = address.Address
		}
		return addresses
	}
	return email.FindAllString(value, -1)
}
