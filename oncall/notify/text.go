package notify

import (
	"strings"
	"unicode"
)

// OneLine makes any text a line: no controls, no marks that change the direction of reading, single spaces.
func OneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), r == '\u2028', r == '\u2029':
			return ' '
		case unicode.Is(unicode.Bidi_Control, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	return strings.Join(strings.Fields(text), " ")
}

// Cut shortens text to at most limit characters; what is cut off shows as an ellipsis.
func Cut(text string, limit int) string {
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	return strings.TrimRight(string(runes[:max(limit-1, 0)]), " ") + "…"
}
