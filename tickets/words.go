package tickets

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Bounds of what is searched: words of one ticket that one mail adds, and the length of a word in characters.
const (
	maxWords      = 400
	maxWordLength = 100
)

// Words are what a ticket is found by: its number, facts and ids, and the subject, sender and Message-ID of a mail that
// belongs to it. Each is a run of letters and digits in lower case, once, in order.
func Words(ticket Ticket, alert Alert) []string {
	texts := []string{
		strconv.FormatInt(ticket.Number, 10), ticket.Title, ticket.IncidentID, ticket.Category, ticket.Organisation, ticket.TenantID,
		string(ticket.Product), alert.Title, alert.IncidentID, alert.Message.Subject, alert.Message.From, alert.Message.MessageID,
	}
	texts = slices.Concat(texts, ticket.AlertIDs, ticket.Devices, ticket.Users, alert.Files)
	seen := map[string]bool{}
	words := []string{}
	for _, text := range texts {
		for _, word := range SplitWords(text) {
			if !seen[word] && len(words) < maxWords {
				seen[word] = true
				words = append(words, word)
			}
		}
	}
	return words
}

// SplitWords cuts a text into its runs of letters and digits, in lower case.
func SplitWords(text string) []string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
	for i, word := range words {
		if runes := []rune(word); len(runes) > maxWordLength {
			words[i] = string(runes[:maxWordLength])
		}
	}
	return words
}
