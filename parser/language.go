package parser

import (
	"strings"
	"unicode"
)

// scripts tell languages that are written in letters of their own.
var scripts = []struct {
	code  string
	table *unicode.RangeTable
}{
	{"ja", unicode.Hiragana},
	{"ja", unicode.Katakana},
	{"ko", unicode.Hangul},
	{"zh", unicode.Han},
	{"ru", unicode.Cyrillic},
	{"el", unicode.Greek},
	{"he", unicode.Hebrew},
	{"ar", unicode.Arabic},
	{"th", unicode.Thai},
}

// looked is how much of a text is looked at to guess its language, in octets.
const looked = 8 << 10

// language is the best guess at a text's language, "en" where nothing speaks against it.
func language(text string) string {
	text = strings.ToLower(clip(text, looked))
	if code := languageOfScript(text); code != "" {
		return code
	}
	counts := map[string]int{}
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
		for _, code := range words().common[word] {
			counts[code]++
		}
	}
	for line := range strings.Lines(text) {
		label, _, _ := strings.Cut(labelPart(line), "  ")
		if code := words().tongues[strings.TrimSpace(label)]; code != "" {
			counts[code] += 2
		}
	}
	best, most := "en", 3+counts["en"]
	for _, code := range words().codes {
		if counts[code] > most {
			best, most = code, counts[code]
		}
	}
	return best
}

// languageOfScript is the language whose letters make up at least a fifth of a text's, "" where the text is Latin.
func languageOfScript(text string) string {
	letters := 0
	counts := make([]int, len(scripts))
	for _, r := range text {
		if !unicode.IsLetter(r) {
			continue
		}
		letters++
		if r < 0x370 {
			continue
		}
		for i, s := range scripts {
			if unicode.Is(s.table, r) {
				counts[i]++
				break
			}
		}
	}
	han := counts[3]
	for i, s := range scripts {
		count := counts[i]
		if s.code == "ja" && count > 0 {
			count += han // kana among Chinese characters are Japanese
		}
		if count*5 > letters && count > 4 {
			return s.code
		}
	}
	return ""
}
