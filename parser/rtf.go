package parser

import (
	"encoding/binary"
	"html"
	"strconv"
	"strings"
)

// rtfDictionary is what compressed rich text may refer to before it begins ([MS-OXRTFCP] 2.1.2.1).
const rtfDictionary = "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"

// maxRTF bounds rich text, in octets.
const maxRTF = 4 << 20

// decompressRTF reads compressed rich text ([MS-OXRTFCP]) as far as it goes.
func decompressRTF(content []byte) []byte {
	const headerSize, window = 16, 4096
	if len(content) < headerSize {
		return nil
	}
	size := min(int(binary.LittleEndian.Uint32(content[4:])), maxRTF)
	kind := string(content[8:12])
	content = content[headerSize:]
	if kind == "MELA" {
		return content[:min(size, len(content))]
	}
	out := make([]byte, 0, min(size, 16*len(content)))
	var dictionary [window]byte
	at := copy(dictionary[:], rtfDictionary)
	put := func(c byte) {
		out = append(out, c)
		dictionary[at] = c
		at = (at + 1) % window
	}
	for len(content) > 0 && len(out) < size {
		control := content[0]
		content = content[1:]
		for bit := 0; bit < 8 && len(content) > 0 && len(out) < size; bit++ {
			if control>>bit&1 == 0 {
				put(content[0])
				content = content[1:]
				continue
			}
			if len(content) < 2 {
				return out
			}
			reference := int(content[0])<<8 | int(content[1])
			content = content[2:]
			from, length := reference>>4, reference&15+2
			if from == at { // the mark of the end
				return out
			}
			for i := range length {
				put(dictionary[(from+i)%window])
			}
		}
	}
	return out
}

// readRTF is the text of rich text. Where it holds a mail's HTML ([MS-OXRTFEX]), that is taken out again.
func readRTF(rich []byte) (text string, isHTML bool) {
	r := rtfReader{rest: clipBytes(rich, maxRTF), isHTML: strings.Contains(string(clipBytes(rich, 1000)), `\fromhtml`)}
	r.groups = append(r.groups, rtfGroup{})
	for len(r.rest) > 0 && r.out.Len() < maxRTF {
		r.step()
	}
	return r.out.String(), r.isHTML
}

// rtfGroup is what holds between a pair of braces.
type rtfGroup struct{ skipped, tag bool }

type rtfReader struct {
	rest   []byte
	out    strings.Builder
	groups []rtfGroup
	isHTML bool
	rtf    bool // between \htmlrtf and \htmlrtf0: what only a reader of rich text shows
}

// deepestRTF is how many groups are followed; deeper ones are skipped.
const deepestRTF = 200

func (r *rtfReader) step() {
	c := r.rest[0]
	r.rest = r.rest[1:]
	switch c {
	case '{':
		inner := r.groups[len(r.groups)-1]
		if len(r.groups) < deepestRTF {
			r.groups = append(r.groups, inner)
		}
	case '}':
		if len(r.groups) > 1 {
			r.groups = r.groups[:len(r.groups)-1]
		}
	case '\\':
		r.control()
	case '\r', '\n':
	default:
		r.text(string(rune(c)))
	}
}

// text writes shown text; inside a tag it is HTML already.
func (r *rtfReader) text(shown string) {
	group := r.groups[len(r.groups)-1]
	switch {
	case group.skipped, r.rtf && !group.tag:
	case r.isHTML && !group.tag:
		r.out.WriteString(html.EscapeString(shown))
	default:
		r.out.WriteString(shown)
	}
}

func (r *rtfReader) control() {
	if len(r.rest) == 0 {
		return
	}
	c := r.rest[0]
	if c == '\'' && len(r.rest) >= 3 && unhex(r.rest[1]) >= 0 && unhex(r.rest[2]) >= 0 {
		octet := byte(unhex(r.rest[1])<<4 | unhex(r.rest[2]))
		r.rest = r.rest[3:]
		r.text(toUTF8([]byte{octet}, "windows-1252"))
		return
	}
	if !isLetter(c) {
		r.rest = r.rest[1:]
		switch c {
		case '\\', '{', '}':
			r.text(string(rune(c)))
		case '~':
			r.text(" ")
		case '*':
			r.groups[len(r.groups)-1].skipped = true // a destination that a reader may not know
		}
		return
	}
	end := 0
	for end < len(r.rest) && end < 32 && isLetter(r.rest[end]) {
		end++
	}
	word := string(r.rest[:end])
	begin := end
	for end < len(r.rest) && end < begin+11 && (r.rest[end] >= '0' && r.rest[end] <= '9' || end == begin && r.rest[end] == '-') {
		end++
	}
	number, err := strconv.Atoi(string(r.rest[begin:end]))
	hasNumber := err == nil
	r.rest = r.rest[end:]
	if len(r.rest) > 0 && r.rest[0] == ' ' {
		r.rest = r.rest[1:]
	}
	r.word(word, number, hasNumber)
}

func (r *rtfReader) word(word string, number int, hasNumber bool) {
	group := &r.groups[len(r.groups)-1]
	switch word {
	case "fonttbl", "colortbl", "stylesheet", "info", "pict", "listtable", "generator":
		group.skipped = true
	case "htmltag":
		group.skipped, group.tag = false, true
	case "htmlrtf":
		r.rtf = !hasNumber || number != 0
	case "par", "line", "row":
		r.text("\n")
	case "tab", "cell":
		r.text("\t")
	case "u":
		if number < 0 {
			number += 1 << 16
		}
		r.text(string(rune(number)))
		if len(r.rest) > 0 && r.rest[0] == '?' { // what readers show that know no Unicode
			r.rest = r.rest[1:]
		}
	}
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
