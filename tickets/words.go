package tickets

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what is searched: words of one ticket that one mail adds, and the length of a word in characters.
const (
	maxWords      = 400
	maxWordLength = 100
)

// Words are what a ticket is found by: its number, facts and ids, and the subject, sender and Message-ID of mails that
// belong to it. Each is a run of letters and digits in lower case, once, in order.
func Words(ticket Ticket, alerts ...Alert) []string {
	texts := []string{
		strconv.FormatInt(ticket.Number, 10), ticket.Title, ticket.IncidentID, ticket.Category, ticket.Organisation, ticket.TenantID,
		string(ticket.Product),
	}
	for _, alert := range alerts {
		texts = append(texts, alert.Title, alert.IncidentID, alert.Message.Subject, alert.Message.From, alert.Message.MessageID)
	}
	texts = slices.Concat(texts, ticket.AlertIDs, ticket.Devices, ticket.Users)
	for _, alert := range alerts {
		texts = append(texts, alert.Files...)
	}
	most := maxWords * max(1, len(alerts))
	words := make([]string, 0, 64)
	seen := make(map[string]bool, 48)
	var buffer [32]string
	for _, text := range texts {
		for _, word := range appendWords(buffer[:0], text) {
			if !seen[word] && len(words) < most {
				seen[word] = true
				words = append(words, word)
			}
		}
	}
	return words
}

// SplitWords cuts a text into its runs of letters and digits, in lower case. Of a GUID it leaves out the three short ones in the
// middle: the first and the last tell it from any other, and each short one that stands in an index of millions costs a
// write at random.
func SplitWords(text string) []string { return appendWords(nil, text) }

// SplitQuery cuts what is looked for like SplitWords, also where it is a part of a GUID only.
func SplitQuery(text string) []string {
	text = strings.ReplaceAll(strings.ToLower(text), "_", " ") // which a pattern takes for a part of a word
	return SplitWords(partOfGUID.ReplaceAllString(text, "$1 $2"))
}

// partOfGUID is the beginning or the end of a GUID, its short groups included, of which the last may not be whole.
var partOfGUID = regexp.MustCompile(`\b(?:([0-9a-f]{8})(?:-[0-9a-f]{4}){0,2}-[0-9a-f]{1,4}|(?:[0-9a-f]{4}-){1,3}([0-9a-f]{12}))\b`)

func appendWords(words []string, text string) []string {
	text = strings.ToLower(text)
	begin, next := -1, 0
	for i, r := range text {
		if i < next {
			continue
		}
		switch {
		case begin < 0 && startsWithGUID(text[i:]):
			words = append(words, text[i:i+8], text[i+24:i+36])
			next = i + 36
		case isOfWord(r) && begin < 0:
			begin = i
		case !isOfWord(r) && begin >= 0:
			words = append(words, clipWord(text[begin:i]))
			begin = -1
		}
	}
	if begin >= 0 {
		words = append(words, clipWord(text[begin:]))
	}
	return words
}

// startsWithGUID says whether a text in lower case starts with a GUID that is a word of its own.
func startsWithGUID(text string) bool {
	if len(text) < 36 || text[8] != '-' {
		return false
	}
	for i, c := range []byte(text[:36]) {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	after, _ := utf8.DecodeRuneInString(text[36:])
	return !isOfWord(after)
}

// isOfWord says whether a character in lower case is part of a word.
func isOfWord(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || '0' <= r && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

func clipWord(word string) string {
	if len(word) <= maxWordLength {
		return word
	}
	if runes := []rune(word); len(runes) > maxWordLength {
		return string(runes[:maxWordLength])
	}
	return word
}
