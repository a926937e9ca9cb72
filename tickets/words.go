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
	words := make([]string, 0, 32)
	seen := make(map[string]bool, cap(words))
	for _, text := range texts {
		for _, word := range SplitWords(text) {
			if !seen[word] && len(words) < most {
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
		if len(word) <= maxWordLength {
			continue
		}
		if runes := []rune(word); len(runes) > maxWordLength {
			words[i] = string(runes[:maxWordLength])
		}
	}
	return words
}
