package tickets

import (
	"slices"
	"strings"
	"testing"
)

func TestATextIsCutIntoItsRunsOfLettersAndDigits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                                  nil,
		" -_ ":                              nil,
		"WS-7.contoso":                      {"ws", "7", "contoso"},
		"da637_-1":                          {"da637", "1"},
		"İstanbul Ünal, Cafe\u0301":         {"istanbul", "ünal", "cafe\u0301"},
		"中文 ٣x":                             {"中文", "٣x"},
		"cut\xffoff\x00\x7fend":             {"cut", "off", "end"},
		strings.Repeat("é", 101) + " after": {strings.Repeat("é", 100), "after"},
	} {
		if got := SplitWords(text); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
