package parser

import (
	"strings"
	"unicode"
)

// maxText bounds shown text, maxLine a single field, in octets.
const (
	maxText = 1 << 20
	maxLine = 2000
)

// invisible are characters that layouts use as padding and that no field means.
func invisible(r rune) bool {
	switch r {
	case '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff', '\u00ad', '\u034f':
		return true
	}
	return unicode.Is(unicode.Bidi_Control, r)
}

// oneLine is text as a field's value: valid, on one line, without controls and padding, single spaces, bounded.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case invisible(r):
			return -1
		case unicode.IsControl(r), unicode.IsSpace(r):
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	text = strings.Join(strings.Fields(text), " ")
	return clip(text, maxLine)
}

// manyLines is text to be read: valid, line feeds kept, at most one empty line in a row, bounded.
func manyLines(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\r\n", "\n")
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\r':
			return '\n'
		case r == '\t' || r == '\u00a0':
			return ' '
		case invisible(r), unicode.IsControl(r):
			return -1
		}
		return r
	}, clip(text, maxText))
	lines := strings.Split(text, "\n")
	kept := lines[:0]
	for _, line := range lines {
		line = strings.TrimRight(line, " ")
		if line == "" && (len(kept) == 0 || kept[len(kept)-1] == "") {
			continue
		}
		kept = append(kept, line)
	}
	return strings.TrimRight(strings.Join(kept, "\n"), "\n ")
}

func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "")
}

// hasWords says whether text says anything.
func hasWords(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
}

// languages are common words by which a text's language is guessed; English is the default.
var languages = map[string][]string{
	"de": {" der ", " die ", " und ", " nicht ", " wurde "},
	"fr": {" le ", " les ", " une ", " dans ", " été "},
	"es": {" el ", " los ", " una ", " para ", " del "},
	"nl": {" het ", " een ", " niet ", " van ", " werd "},
}

func language(text string) string {
	text = " " + strings.ToLower(oneLine(clip(text, 20_000))) + " "
	best, most := "en", 3+strings.Count(text, " the ")+strings.Count(text, " and ")+strings.Count(text, " of ")
	for _, candidate := range []string{"de", "es", "fr", "nl"} {
		count := 0
		for _, word := range languages[candidate] {
			count += strings.Count(text, word)
		}
		if count > most {
			best, most = candidate, count
		}
	}
	return best
}
