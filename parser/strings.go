package parser

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxText bounds shown text, maxLine a single field, in octets.
const (
	maxText = 1 << 20
	maxLine = 2000
)

// invisible are characters that layouts use as padding, that turn text around or that are noncharacters; no field means
// them.
func invisible(r rune) bool {
	if r < 0xad {
		return false
	}
	switch r {
	case '\u00ad', '\u034f', '\u061c', '\u180e', '\ufeff', '\ufffe', '\uffff':
		return true
	}
	return r >= '\u200b' && r <= '\u200f' || r >= '\u202a' && r <= '\u202e' || r >= '\u2060' && r <= '\u206f' || r >= 0xe0000 && r <= 0xe007f
}

// oneLine is text as a field's value: valid, on one line, without controls and padding, single spaces, bounded.
func oneLine(text string) string {
	head := text[:plainHead(text)]
	if strings.IndexFunc(text[len(head):], func(r rune) bool { return !isGap(r) && !invisible(r) }) < 0 { // nothing behind it
		return clip(strings.TrimSuffix(head, " "), maxLine)
	}
	var out strings.Builder
	out.Grow(min(len(text), maxLine+utf8.UTFMax))
	last := byte(' ') // what out ends in, or a space where one is due
	for len(text) > 0 && out.Len() <= maxLine {
		run := plainRun(text, last)
		r, size := rune(0), run
		if run == 0 {
			r, size = utf8.DecodeRuneInString(text)
			switch {
			case isGap(r):
				last, text = ' ', text[size:]
				continue
			case invisible(r):
				text = text[size:]
				continue
			}
		}
		if last == ' ' && out.Len() > 0 {
			out.WriteByte(' ')
		}
		last = text[size-1]
		if run > 0 {
			out.WriteString(strings.TrimSuffix(text[:run], " "))
		} else {
			out.WriteRune(r)
		}
		text = text[size:]
	}
	return clip(out.String(), maxLine)
}

// isGap says whether a character parts words and is none of their characters.
func isGap(r rune) bool { return r <= ' ' || r >= 0x7f && (unicode.IsControl(r) || unicode.IsSpace(r)) }

// plainHead is how many octets at the beginning of text oneLine leaves as they are, the last one of them apart if it is a
// space.
func plainHead(text string) int {
	last := byte(' ')
	i := 0
	for ; i < len(text); last = text[i-1] {
		if n := plainRun(text[i:], last); n > 0 {
			i += n
			continue
		}
		if text[i] == 0xc3 && i+1 < len(text) && text[i+1]&0xc0 == 0x80 { // most letters of western Europe: À to ÿ
			i += 2
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 || isGap(r) || invisible(r) {
			return i
		}
		i += size
	}
	return i
}

// plainRun is how many octets of printable ASCII text begins with, up to the second of two spaces; last is the octet before
// them. It looks at eight octets at once, each of which leaves its highest bit in what is wrong.
func plainRun(text string, last byte) int {
	const each, high = 0x0101010101010101, 0x8080808080808080
	i, before := 0, uint64(0)
	if last == ' ' {
		before = 0x80
	}
	for ; i+8 <= len(text); i += 8 {
		eight := binary.LittleEndian.Uint64([]byte(text[i : i+8]))
		spaces := ^((eight ^ ' '*each) + 0x7f*each)
		wrong := (eight | ^(eight + (0x80-' ')*each) | (eight + each) | spaces&(spaces<<8|before)) & high
		if wrong != 0 {
			return i + bits.TrailingZeros64(wrong)/8
		}
		before = (spaces & high) >> 56
	}
	if i > 0 {
		last = text[i-1]
	}
	for ; i < len(text); i++ {
		c := text[i]
		if c < ' ' || c >= 0x7f || c == ' ' && last == ' ' {
			return i
		}
		last = c
	}
	return i
}

// manyLines is text to be read: valid, line feeds kept, at most one empty line in a row, bounded. Lines that stay as they are
// are copied together, and not at all where every line does.
func manyLines(text string) string {
	text = clip(text, maxText)
	var out strings.Builder
	kept := 0 // where the lines begin that are not in out yet and stay as they are
	empty := true
	for at := 0; at < len(text); {
		end, next := len(text), len(text)
		if size := strings.IndexByte(text[at:], '\n'); size >= 0 {
			end, next = at+size, at+size+1
		}
		line := strings.TrimSuffix(text[at:end], "\r")
		plain := false
		if head := line[:plainHead(line)]; strings.IndexFunc(line[len(head):], func(r rune) bool { return shownRune(r) >= 0 }) < 0 {
			line, plain = strings.TrimSuffix(head, " "), true
		}
		switch {
		case plain && (line != "" || !empty):
			empty = line == ""
			if len(line) < end-at { // but for its end
				out.Grow(len(text) + 1 - out.Len())
				out.WriteString(text[kept : at+len(line)])
				out.WriteByte('\n')
				kept = next
			}
		default:
			out.Grow(len(text) + 1 - out.Len())
			out.WriteString(text[kept:at])
			empty = writeShown(&out, line, empty)
			kept = next
		}
		at = next
	}
	if out.Len() > 0 {
		out.WriteString(text[kept:])
		return clip(strings.TrimRight(out.String(), "\n "), maxText)
	}
	return strings.TrimRight(text[kept:], "\n ")
}

// writeShown writes a line as it is shown, which can be several, and says whether the last of them is empty; empty says that
// of the one before.
func writeShown(out *strings.Builder, line string, empty bool) bool {
	for part := range strings.SplitSeq(shownText(line), "\n") {
		part = strings.TrimRight(part, " ")
		if part != "" || !empty {
			out.WriteString(part)
			out.WriteByte('\n')
		}
		empty = part == ""
	}
	return empty
}

// shownText is text with each character as it is shown; octets that are no character become one mark together.
func shownText(text string) string {
	var out strings.Builder
	out.Grow(len(text))
	broken := false
	for len(text) > 0 {
		if n := plainRun(text, 0); n > 0 {
			out.WriteString(text[:n])
			text, broken = text[n:], false
			continue
		}
		r, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		again := broken
		if broken = r == utf8.RuneError && size == 1; broken && again {
			continue
		}
		if r = shownRune(r); r >= 0 {
			out.WriteRune(r)
		}
	}
	return out.String()
}

// lineFeeds is text with every line end as a line feed.
func lineFeeds(text string) string {
	at := strings.IndexByte(text, '\r')
	if at < 0 {
		return text
	}
	var out strings.Builder
	out.Grow(len(text))
	for ; at >= 0; at = strings.IndexByte(text, '\r') {
		out.WriteString(text[:at])
		if text = text[at+1:]; text == "" || text[0] != '\n' {
			out.WriteByte('\n')
		}
	}
	out.WriteString(text)
	return out.String()
}

// shownRune is a character of text to be read: all that ends a line as a line feed, all that parts words as a space, -1 for
// what is not shown.
func shownRune(r rune) rune {
	switch {
	case r >= ' ' && r < 0x7f:
		return r
	case r == '\r', r == '\u2028', r == '\u2029', r == '\u0085', r == '\f', r == '\v':
		return '\n'
	case r == '\t', r == '\u00a0':
		return ' '
	case invisible(r), unicode.IsControl(r):
		return -1
	}
	return r
}

// clip cuts text to a number of octets, never inside a character.
func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// hasWords says whether text says anything.
func hasWords(text string) bool { return strings.ContainsFunc(text, isWordRune) }

// composed is text whose accents are part of their letters (Unicode Annex 15, form C), as the files of words have them.
func composed(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return r >= 0x300 && unicode.Is(unicode.Mn, r) }) {
		return norm.NFC.String(text)
	}
	return text
}

// lowered appends text in lower case to a buffer, as strings.ToLower has it. Where the buffer has room it costs no memory.
func lowered(buffer []byte, text string) []byte {
	for i, r := range text {
		switch {
		case r >= utf8.RuneSelf:
			buffer = utf8.AppendRune(buffer, unicode.ToLower(r))
		case r >= 'A' && r <= 'Z':
			buffer = append(buffer, text[i]+'a'-'A')
		default:
			buffer = append(buffer, text[i])
		}
	}
	return buffer
}

// beginsFolded says whether text begins with a word in lower case, whatever the case of the text.
func beginsFolded(text, word string) bool {
	return len(text) >= len(word) && strings.EqualFold(text[:len(word)], word)
}

func firstOf(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}

func containsAny(text string, parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}
