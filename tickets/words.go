package tickets

import (
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

// SplitWords cuts a text into its runs of letters and digits, in lower case.
func SplitWords(text string) []string { return appendWords(nil, text) }

func appendWords(words []string, text string) []string {
	text = strings.ToLower(text)
	begin := -1
	for i, r := range text {
		switch {
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
