package parser

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"io"
	"math/bits"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/emersion/go-message/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// toUTF8 decodes content of a charset; unknown and false charsets are read as UTF-8 where that holds, else as
// windows-1252.
func toUTF8(content []byte, name string) string {
	content = clipBytes(content, maxHTML)
	name = strings.ToLower(strings.Trim(name, `"' `))
	if name == "" || name == "us-ascii" {
		name = declared(content)
	}
	switch {
	case name == "utf-8", name == "utf8", isMislabelled(content, name):
	case name == "gb2312", name == "gbk", name == "x-gbk", name == "cp936", name == "euc-cn": // labels that senders put on the superset, too
		return decodeWith(simplifiedchinese.GB18030, content)
	case name == "iso-8859-1", name == "latin1", name == "us-ascii", name == "ascii", name == "windows-1252": // as browsers read it (WHATWG Encoding 4.2)
		return fromWestern(content)
	case name == "utf-7", name == "unicode-1-1-utf-7":
		return fromUTF7(content)
	case name == "iso-2022-kr", name == "csiso2022kr":
		return decodeWith(korean.EUCKR, unshiftKorean(content))
	case name == "iso-2022-jp":
		return fromJapanese(content)
	case name == "utf-16", name == "ucs-2", name == "unicode":
		return decodeWith(unicode.UTF16(guessEndian(content), unicode.UseBOM), content)
	case name != "":
		if reader, err := charset.Reader(name, bytes.NewReader(content)); err == nil {
			if decoded, err := io.ReadAll(reader); err == nil {
				return string(decoded)
			}
		}
	}
	return fromUnknown(content)
}

// isKnownCharset says whether a charset's name is one that toUTF8 reads.
func isKnownCharset(name string) bool {
	name = strings.ToLower(strings.Trim(name, `"' `))
	if ownCharsets[name] {
		return true
	}
	_, err := charset.Reader(name, bytes.NewReader(nil))
	return err == nil
}

// ownCharsets are the names that toUTF8 reads by itself.
var ownCharsets = map[string]bool{
	"": true, "utf-8": true, "utf8": true, "us-ascii": true, "ascii": true, "latin1": true, "gb2312": true, "gbk": true, "x-gbk": true,
	"cp936": true, "euc-cn": true, "utf-7": true, "unicode-1-1-utf-7": true, "iso-2022-kr": true, "csiso2022kr": true, "utf-16": true,
	"ucs-2": true, "unicode": true, "iso-8859-1": true, "windows-1252": true, "iso-2022-jp": true,
}

func fromUnknown(content []byte) string {
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	if utf8.Valid(content) {
		return string(content)
	}
	if isMostlyUTF8(content) {
		return strings.ToValidUTF8(string(content), "\ufffd")
	}
	return fromWestern(content)
}

// isMostlyUTF8 says whether content is UTF-8 with some octets damaged: its characters of several octets outnumber the
// octets that are none, or more than one stands before the first of those.
func isMostlyUTF8(content []byte) bool {
	sound, damaged := 0, 0
	for content = content[asciiHead(content):]; len(content) > 0; content = content[asciiHead(content):] {
		r, size := utf8.DecodeRune(content)
		switch {
		case r == utf8.RuneError && size == 1:
			if damaged == 0 && sound > 1 {
				return true
			}
			damaged++
		default:
			sound++
		}
		content = content[size:]
	}
	return sound > damaged
}

func decodeWith(from encoding.Encoding, content []byte) string {
	decoded, err := from.NewDecoder().Bytes(content)
	if err != nil {
		return strings.ToValidUTF8(string(content), "\ufffd")
	}
	return string(decoded)
}

// fromWestern decodes windows-1252.
func fromWestern(content []byte) string {
	var out strings.Builder
	out.Grow(len(content) + len(content)/8)
	for len(content) > 0 {
		head := asciiHead(content)
		out.Write(content[:head])
		if content = content[head:]; len(content) > 0 {
			out.WriteRune(charmap.Windows1252.DecodeByte(content[0]))
			content = content[1:]
		}
	}
	return out.String()
}

// fromJapanese decodes ISO-2022-JP (RFC 1468), which is ASCII up to its first escape sequence.
func fromJapanese(content []byte) string {
	begin := bytes.IndexByte(content, 0x1b)
	if begin < 0 {
		begin = len(content)
	}
	if hasHighOctets(content[:begin]) {
		begin = 0
	}
	return string(content[:begin]) + decodeWith(japanese.ISO2022JP, content[begin:])
}

// isMislabelled says whether content is UTF-8 although its label says otherwise: text of another charset is valid UTF-8
// by chance only where it has no 8-bit octets, or is UTF-16.
func isMislabelled(content []byte, name string) bool {
	return !strings.HasPrefix(name, "utf-16") && !strings.HasPrefix(name, "utf-32") && hasHighOctets(content) && utf8.Valid(content)
}

func hasHighOctets(content []byte) bool { return asciiHead(content) < len(content) }

// asciiHead is how many octets of ASCII content begins with, looked at eight at once.
func asciiHead(content []byte) int {
	i := 0
	for ; i+8 <= len(content); i += 8 {
		if high := binary.LittleEndian.Uint64(content[i:]) & 0x8080808080808080; high != 0 {
			return i + bits.TrailingZeros64(high)/8
		}
	}
	for i < len(content) && content[i] < utf8.RuneSelf {
		i++
	}
	return i
}

var metaCharset = regexp.MustCompile(`(?i)<meta[^>]{0,200}charset\s*=\s*["']?([a-z0-9_:.-]{2,40})`)

// declared is the charset that content itself declares, by its byte-order mark or by an HTML meta element.
func declared(content []byte) string {
	switch {
	case bytes.HasPrefix(content, []byte("\xff\xfe")), bytes.HasPrefix(content, []byte("\xfe\xff")):
		return "utf-16"
	case !hasHighOctets(content):
		return ""
	}
	if match := metaCharset.FindSubmatch(clipBytes(content, 2048)); match != nil {
		return strings.ToLower(string(match[1]))
	}
	return ""
}

// guessEndian tells the byte order of UTF-16 without a mark by where the zero octets of Latin text stand.
func guessEndian(content []byte) unicode.Endianness {
	even, odd := 0, 0
	for i, c := range clipBytes(content, 512) {
		switch {
		case c != 0:
		case i%2 == 0:
			even++
		default:
			odd++
		}
	}
	if odd > even {
		return unicode.LittleEndian
	}
	return unicode.BigEndian
}

// unshiftKorean turns ISO-2022-KR (RFC 1557) into EUC-KR: between shift-out and shift-in every octet is of KS X 1001.
func unshiftKorean(content []byte) []byte {
	content = bytes.ReplaceAll(content, []byte("\x1b$)C"), nil)
	out := make([]byte, 0, len(content))
	shifted := false
	for _, c := range content {
		switch {
		case c == 0x0e:
			shifted = true
		case c == 0x0f:
			shifted = false
		case shifted && c > ' ' && c < 0x7f:
			out = append(out, c|0x80)
		default:
			out = append(out, c)
		}
	}
	return out
}

// fromUTF7 decodes UTF-7 (RFC 2152); what is no valid run stays as it is.
func fromUTF7(content []byte) string {
	var out strings.Builder
	for len(content) > 0 {
		at := bytes.IndexByte(content, '+')
		if at < 0 {
			break
		}
		out.Write(content[:at])
		content = content[at+1:]
		end := 0
		for end < len(content) && isBase64(content[end]) {
			end++
		}
		run, rest := content[:end], bytes.TrimPrefix(content[end:], []byte("-"))
		if end%4 == 1 {
			run = run[:end-1]
		}
		decoded, err := base64.RawStdEncoding.DecodeString(string(run))
		switch {
		case end == 0 && len(rest) < len(content):
			out.WriteByte('+')
		case err != nil || end == 0:
			out.WriteByte('+')
			out.Write(run)
		default:
			units := make([]uint16, len(decoded)/2)
			for i := range units {
				units[i] = binary.BigEndian.Uint16(decoded[2*i:])
			}
			out.WriteString(string(utf16.Decode(units)))
		}
		content = rest
	}
	out.Write(content)
	return strings.ToValidUTF8(out.String(), "\ufffd")
}

func isBase64(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/'
}

func clipBytes(content []byte, limit int) []byte {
	if len(content) > limit {
		return content[:limit]
	}
	return content
}
