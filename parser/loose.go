package parser

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// longestLoose is how long a label is at most that a line has loosely, in characters.
const longestLoose = 51

// loosely parts a line into a known label and its value as people and scripts type them: "1. Label: value", "- Label - value",
// "Label = value", "Label -> value", "Label ....: value", "[Label] value". The first mark after the label decides.
func loosely(line string) (label, value string) {
	if !hasMark(line) {
		return "", ""
	}
	rest, listed := withoutListMark(line)
	rest, bracket := strings.CutPrefix(rest, "[")
	if !unicode.IsLetter(firstRune(rest)) {
		return "", ""
	}
	characters := 0
	for i, r := range rest {
		if characters > longestLoose {
			return "", ""
		}
		if characters >= 2 && beginsMark(r) {
			if mark := markOfLabel(rest[i:], listed && !bracket); mark > 0 {
				if label, value = rest[:i], rest[i+mark:]; meaningOf(label) == "" {
					return "", ""
				}
				return label, value
			}
		}
		switch r {
		case '=', ':', '>', '[', ']':
			return "", ""
		}
		characters++
	}
	return "", ""
}

// hasMark says whether a line can have a mark near its beginning; most have none. A dash is one only behind a space or before
// an angle, and longer dashes and arrows begin with the octet that every one of them begins with.
func hasMark(line string) bool {
	characters := 0
	for i := range len(line) {
		switch c := line[i]; {
		case c > ']' && c < utf8.RuneSelf: // most letters
		case c == '=', c == ']', c == ':', c == "→"[0]:
			return true
		case c == '-' && (i > 0 && line[i-1] == ' ' || i+1 < len(line) && line[i+1] == '>'):
			return true
		case c == '.' && i+1 < len(line) && line[i+1] == '.':
			return true
		case c&0xc0 == 0x80: // inside a character
			continue
		}
		if characters++; characters > longestLoose+len("100. [ ->") {
			return false
		}
	}
	return false
}

func beginsMark(r rune) bool {
	switch r {
	case ' ', ']', ':', '.', '=', '-', '→':
		return true
	}
	return false
}

// withoutListMark takes a number or a bullet off the beginning of a line.
func withoutListMark(line string) (rest string, listed bool) {
	digits := 0
	for digits < len(line) && digits < 3 && line[digits] >= '0' && line[digits] <= '9' {
		digits++
	}
	if digits > 0 {
		rest = line[digits:]
		if digits < 3 && (strings.HasPrefix(rest, ". ") || strings.HasPrefix(rest, ") ")) {
			return rest[2:], true
		}
		return line, false
	}
	if line == "" || isLetter(line[0]) {
		return line, false
	}
	for _, bullet := range []string{"- ", "* ", "• ", "· ", "– "} {
		if rest, listed = strings.CutPrefix(line, bullet); listed {
			return rest, true
		}
	}
	return line, false
}

// markOfLabel is how many octets the mark takes that text begins with, the space after it included; 0 where it begins with
// none, or with the end of the line. A colon is one in lists alone: everywhere else it parts label and value anyway.
func markOfLabel(text string, listed bool) int {
	ends := func(mark int) int {
		if len(text) > mark+1 && text[mark] == ' ' {
			return mark + 1
		}
		return 0
	}
	spaced := 0
	switch text[0] {
	case ' ':
		spaced = 1
	case ']':
		return ends(1 + len(text[1:]) - len(strings.TrimPrefix(text[1:], ":")))
	case ':':
		if listed {
			return ends(1)
		}
		return 0
	}
	head := text[spaced:]
	if head == "" {
		return 0
	}
	switch head[0] {
	case '.':
		dots := len(head) - len(strings.TrimLeft(head, "."))
		if dots < 2 {
			return 0
		}
		return ends(spaced + dots + len(head[dots:]) - len(strings.TrimPrefix(head[dots:], ":")))
	case '=', '-', "→"[0]:
	default:
		return 0
	}
	for _, arrow := range []string{"=>", "->", "→", "="} {
		if strings.HasPrefix(head, arrow) {
			return ends(spaced + len(arrow))
		}
	}
	for _, dash := range []string{"-", "–", "—"} {
		if spaced > 0 && strings.HasPrefix(head, dash) {
			return ends(spaced + len(dash))
		}
	}
	return 0
}
