package parser

import (
	"bytes"
	"mime"
	"net/mail"
	"net/textproto"
	"regexp"
	"strings"
	"time"

	"github.com/emersion/go-message/charset"
)

// Bounds of a header.
const (
	maxHeaderLines  = 1000
	maxHeaderOctets = 256 << 10
)

// header holds the raw values of each field under its lower-case name, in order of appearance.
type header map[string][]string

func (h header) get(name string) string {
	if values := h[strings.ToLower(name)]; len(values) > 0 {
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
func splitHeader(raw []byte) (h header, body []byte, ok bool) {
	h = header{}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	rest, last, read := raw, "", 0
	var broken []byte // from the first line on that is no field
	for lines := 0; len(rest) > 0; lines++ {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		line = bytes.TrimRight(line, "\r")
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
			return h, afterHeader(rest), len(h) > 0
		}
		name, value, isField := bytes.Cut(line, []byte(":"))
		switch {
		case (line[0] == ' ' || line[0] == '\t') && last != "":
			values := h[last]
			values[len(values)-1] += " " + string(bytes.TrimSpace(line))
		case lines == 0 && bytes.HasPrefix(line, []byte("From ")), lines == 0 && bytes.HasPrefix(line, []byte(">From ")):
		case isField && isFieldName(bytes.TrimSpace(name)):
			last = strings.ToLower(string(bytes.TrimSpace(name)))
			h[last] = append(h[last], string(bytes.TrimSpace(value)))
		case len(h) == 0:
			return h, raw, false // the first line is no field: a body without a header
		default:
			last = "" // a broken line, and what is folded under it, says nothing
			if broken == nil {
				broken = rest
			}
		}
		rest = after
	}
	return h, broken, len(h) > 0
}

func afterHeader(rest []byte) []byte {
	for _, gap := range [][]byte{[]byte("\r\n\r\n"), []byte("\n\n")} {
		if _, after, found := bytes.Cut(rest, gap); found {
			return after
		}
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

var encodedGap = regexp.MustCompile(`\?=\s+=\?`)

// decodeWords decodes encoded words, also where a character was split between two of them, and raw 8-bit text.
func decodeWords(value string) string {
	if !strings.Contains(value, "=?") {
		return toUTF8([]byte(value), "")
	}
	value = encodedGap.ReplaceAllString(value, "?==?")
	decoder := mime.WordDecoder{CharsetReader: charset.Reader}
	decoded, err := decoder.DecodeHeader(joinWords(value))
	if err != nil {
		return toUTF8([]byte(value), "")
	}
	return decoded
}

var neighbours = regexp.MustCompile(`=\?([^?]+)\?([bB])\?([^?]*)\?==\?([^?]+)\?([bB])\?([^?]*)\?=`)

// joinWords puts neighbouring base64 words of one charset together, because some senders cut inside a character.
func joinWords(value string) string {
	for range 100 {
		match := neighbours.FindStringSubmatchIndex(value)
		if match == nil {
			break
		}
		first, second := value[match[6]:match[7]], value[match[12]:match[13]]
		if !strings.EqualFold(value[match[2]:match[3]], value[match[8]:match[9]]) {
			break
		}
		joined := append(looseBase64([]byte(first)), looseBase64([]byte(second))...)
		value = value[:match[0]] + "=?" + value[match[2]:match[3]] + "?B?" + encodeBase64(joined) + "?=" + value[match[1]:]
	}
	return value
}

type address struct{ name, address string }

var bareAddress = regexp.MustCompile(`[^\s<>"',;:()\[\]]+@[^\s<>"',;:()\[\]]+`)

// addresses reads a decoded address list, leniently.
func addresses(value string) []address {
	var found []address
	if list, err := mail.ParseAddressList(value); err == nil {
		for _, item := range list {
			found = append(found, address{item.Name, item.Address})
		}
		return found
	}
	for _, match := range bareAddress.FindAllString(value, 50) {
		found = append(found, address{"", match})
	}
	return found
}

func headerDate(value string) time.Time {
	if at, err := mail.ParseDate(value); err == nil {
		return at.UTC()
	}
	if at, err := time.Parse(time.RFC3339, value); err == nil {
		return at.UTC()
	}
	return time.Time{}
}

// senders are the addresses that Microsoft's security notifications come from, in lower case.
var senders = map[string]bool{
	"defender-noreply@microsoft.com": true, "defendercloudnoreply@microsoft.com": true,
	"mssecurity-noreply@microsoft.com": true, "azure-noreply@microsoft.com": true, "office365alerts@microsoft.com": true,
	"no-reply@cloudappsecurity.com": true, "azureadnotifications@microsoft.com": true,
	"quarantine@messaging.microsoft.com": true, "alerts-noreply@mail.windowsazure.com": true,
	"azureemail-noreply@microsoft.com": true,
}

func isMicrosoft(address string) bool { return senders[strings.ToLower(address)] }

// autoSubmitted says whether a mail is an auto-reply or a bounce (RFC 3834, RFC 3464). Microsoft's own notifications are
// made by machines, too, and are what we wait for.
func autoSubmitted(mail *message, from string) bool {
	if isMicrosoft(from) {
		return false
	}
	h := mail.header
	auto := strings.ToLower(strings.TrimSpace(h.get("Auto-Submitted")))
	auto, _, _ = strings.Cut(auto, ";")
	switch {
	case strings.HasPrefix(auto, "auto-replied"), strings.HasPrefix(auto, "auto-generated") && h.get("In-Reply-To") != "":
		return true
	case h.get("X-Autoreply") != "", h.get("X-Autorespond") != "", h.get("X-Auto-Reply-From") != "":
		return true
	case strings.EqualFold(h.get("Precedence"), "auto_reply"):
		return true
	case isReport(mail):
		return true
	}
	local, _, _ := strings.Cut(strings.ToLower(from), "@")
	return textproto.TrimString(h.get("Return-Path")) == "<>" && (local == "mailer-daemon" || local == "postmaster")
}
