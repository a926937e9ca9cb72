package tickets

import (
	"slices"
	"strings"
	"testing"
)

func TestATextIsCutIntoItsRunsOfLettersAndDigits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                          nil,
		" -_ ":                      nil,
		"WS-7.contoso":              {"ws", "7", "contoso"},
		"da637_-1":                  {"da637", "1"},
		"İstanbul Ünal, Cafe\u0301": {"istanbul", "ünal", "cafe\u0301"},
		"中文 ٣x":                     {"中文", "٣x"},
		"cut\xffoff\x00\x7fend":     {"cut", "off", "end"},
		"Alert DA1B11B4-6bdd-4744-a2f6-8cbb533e8ee6_1": {"alert", "da1b11b4", "8cbb533e8ee6", "1"},
		"<da1b11b4-6bdd-4744-a2f6-8cbb533e8ee6@x>":     {"da1b11b4", "8cbb533e8ee6", "x"},
		"da1b11b4-6bdd-4744-a2f6-8cbb533e8ee6":         {"da1b11b4", "8cbb533e8ee6"},
		"xda1b11b4-6bdd-4744-a2f6-8cbb533e8ee6":        {"xda1b11b4", "6bdd", "4744", "a2f6", "8cbb533e8ee6"},
		"da1b11b4-6bdd-4744-a2f6-8cbb533e8ee6f":        {"da1b11b4", "6bdd", "4744", "a2f6", "8cbb533e8ee6f"},
		"ws-da1b11b4-6bdd":                             {"ws", "da1b11b4", "6bdd"},
		strings.Repeat("é", 101) + " after":            {strings.Repeat("é", 100), "after"},
	} {
		if got := SplitWords(text); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestAnyBeginningAndEndOfAGUIDFindsIt types a GUID from its beginning, and deletes it from there.
func TestAnyBeginningAndEndOfAGUIDFindsIt(t *testing.T) {
	t.Parallel()
	const guid = "da1b11b4-6bdd-4744-a2f6-8cbb533e8ee6"
	words := SplitWords("Alert " + guid + "_1")
	finds := func(query string) bool {
		for _, asked := range SplitQuery(query) {
			if !slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(word, asked) }) {
				return false
			}
		}
		return true
	}
	for n := 1; n <= len(guid); n++ {
		if !finds(guid[:n]) {
			t.Errorf("%q finds nothing: asks for %q", guid[:n], SplitQuery(guid[:n]))
		}
	}
	for _, end := range []string{"8cbb533e8ee6", "a2f6-8cbb533e8ee6", "4744-a2f6-8cbb533e8ee6", "6bdd-4744-a2f6-8cbb533e8ee6", "6bdd-4744-a2f6-8cbb533e8ee6_1"} {
		if !finds(end) {
			t.Errorf("%q finds nothing: asks for %q", end, SplitQuery(end))
		}
	}
	for query, want := range map[string][]string{
		"Ana 4744":            {"ana", "4744"},
		"host-cafe":           {"host", "cafe"},
		"20261127-desk":       {"20261127", "desk"},
		"DA1B11B4-6BDD alert": {"da1b11b4", "alert"},
	} {
		if got := SplitQuery(query); !slices.Equal(got, want) {
			t.Errorf("%q: asks for %q, want %q", query, got, want)
		}
	}
}
