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
	if isPlain(text) {
		return clip(text, maxLine)
	}
	out := make([]byte, 0, min(len(text), maxLine+utf8.UTFMax))
	last := byte(' ') // what out ends in, and a space where one is due
	for len(text) > 0 && len(out) <= maxLine {
		if n := plainRun(text, last); n > 0 {
			if last == ' ' && len(out) > 0 {
				out = append(out, ' ')
			}
			if last = text[n-1]; last == ' ' {
				out, text = append(out, text[:n-1]...), text[n:]
			} else {
				out, text = append(out, text[:n]...), text[n:]
			}
			continue
		}
		r, size := rune(text[0]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text)
		}
		text = text[size:]
		switch {
		case r <= ' ', r == 0x7f, r >= 0x80 && (unicode.IsControl(r) || unicode.IsSpace(r)):
			last = ' '
			continue
		case invisible(r):
			continue
		}
		if last == ' ' && len(out) > 0 {
			out = append(out, ' ')
		}
		out = utf8.AppendRune(out, r)
		last = out[len(out)-1]
	}
	return clip(string(out), maxLine)
}

// isPlain says whether oneLine has nothing to do but to clip.
func isPlain(text string) bool {
	last := byte(' ')
	for i := 0; i < len(text); last = text[i-1] {
		if n := plainRun(text[i:], last); n > 0 {
			i += n
			continue
		}
		if text[i] == 0xc3 && i+1 < len(text) && text[i+1]&0xc0 == 0x80 { // most letters of western Europe: À to ÿ
			i += 2
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if r < utf8.RuneSelf || r == utf8.RuneError && size == 1 || unicode.IsControl(r) || unicode.IsSpace(r) || invisible(r) {
			return false
		}
		i += size
	}
	return last != ' ' || text == ""
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

// manyLines is text to be read: valid, line feeds kept, at most one empty line in a row, bounded.
func manyLines(text string) string {
	text = clip(text, maxText)
	var out strings.Builder
	out.Grow(len(text) + 1)
	empty := true
	write := func(line string) {
		line = strings.TrimRight(line, " ")
		if line != "" || !empty {
			out.WriteString(line)
			out.WriteByte('\n')
		}
		empty = line == ""
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSuffix(line, "\r"); isPlain(line) {
			write(line)
			continue
		}
		for part := range strings.SplitSeq(shownText(line), "\n") {
			write(part)
		}
	}
	return clip(strings.TrimRight(out.String(), "\n "), maxText)
}

// shownText is text with each character as it is shown; octets that are no character become one mark together.
func shownText(text string) string {
	out := make([]byte, 0, len(text))
	broken := false
	for len(text) > 0 {
		if n := plainRun(text, 0); n > 0 {
			out, text, broken = append(out, text[:n]...), text[n:], false
			continue
		}
		r, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		again := broken
		if broken = r == utf8.RuneError && size == 1; broken && again {
			continue
		}
		if r = shownRune(r); r >= 0 {
			out = utf8.AppendRune(out, r)
		}
	}
	return string(out)
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
