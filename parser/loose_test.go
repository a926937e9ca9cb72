package parser

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// loosePattern says what loosely does, slowly.
var loosePattern = regexp.MustCompile(`^(?:\d{1,2}[.)] |[-*•·–] )?\[?([\pL][^=:>\[\]]{1,50}?)(?:\]:?|\s?(?:=>|->|→|=)| [-–—]|\s?\.{2,}:?)\s(.+)$|^(?:\d{1,2}[.)] |[-*•·–] )([\pL][^=:>\[\]]{1,50}?):\s(.+)$`)

func TestLooselyWrittenPairsArePartedAsTheirPatternSays(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 4))
	pieces := []string{
		"1", "22", "333", ".", ")", " ", "-", "*", "•", "·", "–", "—", "[", "]", ":", "=", ">", "→", "..", "....:", "=>", "->", "Severity", "Device", "name",
		"é", "x", "High", "severity", "Impacted", "devices", "ä", "日本", strings.Repeat("long ", 10), strings.Repeat("ab", 24),
	}
	parted := 0
	for range 400_000 {
		var b strings.Builder
		for range 1 + r.IntN(8) {
			b.WriteString(pieces[r.IntN(len(pieces))])
			if r.IntN(2) == 0 {
				b.WriteByte(' ')
			}
		}
		line := oneLine(b.String())
		if line == "" {
			continue
		}
		wantLabel, wantValue := "", ""
		if match := loosePattern.FindStringSubmatch(line); match != nil && meaningOf(match[1]+match[3]) != "" {
			wantLabel, wantValue = match[1]+match[3], match[2]+match[4]
			parted++
		}
		if label, value := loosely(line); label != wantLabel || value != wantValue {
			t.Fatalf("%q: label %q and value %q, want %q and %q", line, label, value, wantLabel, wantValue)
		}
	}
	if parted < 1000 {
		t.Errorf("only %d lines are pairs", parted)
	}
}
