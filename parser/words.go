package parser

import (
	"regexp"
	"strings"
)

// encodedWord is one encoded word (RFC 2047, section 2), with a language tag (RFC 2231, section 5) and question marks
// inside forgiven.
var encodedWord = regexp.MustCompile(`=\?([A-Za-z0-9_.:+-]{1,60})(?:\*[A-Za-z0-9-]{0,20})?\?([bBqQ])\?(.*?)\?=`)

// decodeWords decodes encoded words and raw 8-bit text. Neighbouring words of one charset are decoded as one, because
// some senders cut inside a character.
func decodeWords(value string) string {
	if !strings.Contains(value, "=?") {
		return toUTF8([]byte(value), "")
	}
	value = clip(value, maxHeaderOctets)
	var out strings.Builder
	var pending []byte // decoded octets of a charset that waits for its neighbours
	var charset string
	flush := func() {
		out.WriteString(toUTF8(pending, charset))
		pending = pending[:0]
	}
	at := 0
	for _, match := range encodedWord.FindAllStringSubmatchIndex(value, -1) {
		between := value[at:match[0]]
		name := strings.ToLower(value[match[2]:match[3]])
		apart := at == 0 || strings.TrimSpace(between) != ""
		if apart || name != charset {
			flush()
		}
		if apart {
			out.WriteString(toUTF8([]byte(between), ""))
		}
		charset = name
		text := value[match[6]:match[7]]
		if value[match[4]]|0x20 == 'b' {
			octets, _ := looseBase64([]byte(text))
			pending = append(pending, octets...)
		} else {
			pending = append(pending, looseQuotedPrintable([]byte(strings.ReplaceAll(text, "_", " ")))...)
		}
		at = match[1]
	}
	flush()
	out.WriteString(toUTF8([]byte(value[at:]), ""))
	return out.String()
}
