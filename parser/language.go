package parser

import (
	"strings"
	"unicode"
)

// tongue is a language with common words by which it is told; a word is as it stands between spaces.
type tongue struct {
	code  string
	words []string
}

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
	counts, labelled := map[string]int{}, map[string]int{}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
		counts[word]++
	}
	for line := range strings.Lines(text) {
		label, _, _ := strings.Cut(labelPart(line), "  ")
		if code := words().tongues[strings.TrimSpace(label)]; code != "" {
			labelled[code] += 2
		}
	}
	best, most := "en", 3+labelled["en"]+counts["the"]+counts["and"]+counts["of"]+counts["to"]+counts["is"]
	for _, t := range words().common {
		count := labelled[t.code]
		for _, word := range t.words {
			count += counts[word]
		}
		if count > most {
			best, most = t.code, count
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
