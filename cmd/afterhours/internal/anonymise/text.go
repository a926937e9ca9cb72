package anonymise

import (
	"net/netip"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	guidPattern    = `[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`
	ipv6Pattern    = `\b[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{0,4}){2,7}\b` // and many a time of day
	alertIDPattern = `(?:\b[A-Za-z]{2})?\d{15,20}_(?:` + guidPattern + `|-?\d{1,12})`
)

var (
	guidShape = regexp.MustCompile(guidPattern)
	alertID   = regexp.MustCompile(alertIDPattern)
	ipv4      = regexp.MustCompile(`\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b`)
	ipv6      = regexp.MustCompile(ipv6Pattern)
	digest    = regexp.MustCompile(`\b[0-9a-fA-F]{32,128}\b`)
	// token is everything that is replaced by its shape alone, the longest forms first.
	token = regexp.MustCompile(`(` + emailPattern + `)|(` + alertIDPattern + `)|(` + guidPattern + `)|(\b[0-9a-fA-F]{32,128}\b)|` +
		`(\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b)|(` + ipv6Pattern + `)|` +
		`((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24})`)
	webAddress = regexp.MustCompile(`(?i)h(?:tt|xx)ps?(?::|\[:\])//[^\s<>"'|\x{a0}]+`)
)

// text replaces everything in running text: addresses by what they hold, the rest by shape and by the learned words.
func (a *Anonymiser) text(text string) string {
	return replaceAll(webAddress, text, a.url, a.plain)
}

// plain is text without web addresses.
func (a *Anonymiser) plain(text string) string {
	var out strings.Builder
	at := 0
	for _, match := range token.FindAllStringSubmatchIndex(text, -1) {
		out.WriteString(a.learned(text[at:match[0]]))
		found := text[match[0]:match[1]]
		kind := 1
		for match[2*kind] < 0 {
			kind++
		}
		out.WriteString(a.shaped(kind, found))
		at = match[1]
	}
	out.WriteString(a.learned(text[at:]))
	return out.String()
}

// shaped is the replacement of a token of a known form, by the group of the pattern.
func (a *Anonymiser) shaped(kind int, found string) string {
	switch kind {
	case 1:
		return a.addressFor(found)
	case 2: // the two letters name the product
		prefix := ""
		if found[0] > '9' {
			prefix, found = found[:2], found[2:]
		}
		number, rest, _ := strings.Cut(found, "_")
		if guidShape.MatchString(rest) {
			return prefix + a.digits(number) + "_" + a.hex(rest)
		}
		sign := ""
		if strings.HasPrefix(rest, "-") {
			sign, rest = "-", rest[1:]
		}
		return prefix + a.digits(number) + "_" + sign + rest
	case 3, 4:
		return a.hex(found)
	case 5:
		return a.address4(found)
	case 6:
		if isIPv6(found) {
			return a.address6(found)
		}
		return a.learned(found)
	}
	if !isHost(found) {
		return a.learned(found)
	}
	return a.hostFor(found)
}

func isIPv6(text string) bool {
	address, err := netip.ParseAddr(text)
	return err == nil && address.Is6()
}

// learned replaces the learned words where they stand as whole words.
func (a *Anonymiser) learned(text string) string {
	if len(a.words) == 0 || text == "" {
		return text
	}
	folded := strings.ToLower(text)
	if len(folded) != len(text) { // the case of some letter has another length: words go one by one
		return a.wordByWord(text)
	}
	words := a.sortedWords()
	var out strings.Builder
	for at := 0; at < len(text); {
		word := a.wordAt(folded, at, words)
		if word == "" {
			_, width := utf8.DecodeRuneInString(text[at:])
			out.WriteString(text[at : at+width])
			at += width
			continue
		}
		occurrence := text[at : at+len(word)]
		if strings.Trim(word, "0123456789") == "" {
			out.WriteString(a.digits(occurrence))
		} else {
			out.WriteString(a.word(occurrence))
		}
		at += len(word)
	}
	return out.String()
}

func (a *Anonymiser) wordByWord(text string) string {
	return replaceAll(regexp.MustCompile(`[\p{L}\p{M}\d]+`), text, func(word string) string {
		if a.words[strings.ToLower(word)] {
			return a.word(word)
		}
		return word
	}, func(between string) string { return between })
}

// wordAt is the longest learned word that stands at a place as a whole word.
func (a *Anonymiser) wordAt(folded string, at int, words []string) string {
	if at > 0 && !beginsAt(folded, at) {
		return ""
	}
	for _, word := range words {
		if strings.HasPrefix(folded[at:], word) {
			next, _ := utf8.DecodeRuneInString(folded[at+len(word):])
			if at+len(word) == len(folded) || !isWordRune(next) {
				return word
			}
		}
	}
	return ""
}

// beginsAt says whether a word can begin at a place: not inside another one. An escaped character before it, as in
// ana%40contoso or ana-40contoso, is none.
func beginsAt(text string, at int) bool {
	last, _ := utf8.DecodeLastRuneInString(text[:at])
	if !isWordRune(last) {
		return true
	}
	return at >= 3 && (text[at-3] == '%' || text[at-3] == '-') && isHexDigit(text[at-2]) && isHexDigit(text[at-1])
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }

func isHexDigit(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// replaceAll puts what inside makes of each match, and what outside makes of what is between, in their place.
func replaceAll(pattern *regexp.Regexp, text string, inside, outside func(string) string) string {
	var out strings.Builder
	at := 0
	for _, match := range pattern.FindAllStringIndex(text, -1) {
		out.WriteString(outside(text[at:match[0]]))
		out.WriteString(inside(text[match[0]:match[1]]))
		at = match[1]
	}
	out.WriteString(outside(text[at:]))
	return out.String()
}
