package parser

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestTheUsualTimeIsReadAsAnyOther(t *testing.T) {
	t.Parallel()
	usual := 0
	for range 20_000 {
		value := fmt.Sprintf([]string{"%d/%d/%d %d:%02d:%02d %s UTC", "%02d/%02d/%d %02d:%02d:%02d %s UTC", "%d/%d/%d  %d:%d:%d %s  UTC", "%d/%d/%d %d:%02d:%02d.5 %s UTC"}[rand.IntN(4)],
			rand.IntN(15), rand.IntN(33), []int{1969, 1970, 1971, 2024, 2026, 10000}[rand.IntN(6)], rand.IntN(15), rand.IntN(62), rand.IntN(62),
			[]string{"AM", "PM", "pm"}[rand.IntN(3)])
		at, ok := usualTime(value)
		if !ok {
			continue
		}
		usual++
		if other, known := anyTime(strings.ToLower(oneLine(value))); !known || !other.Equal(at) || other.Location() != at.Location() {
			t.Errorf("%q: got %v, want %v", value, at, other)
		}
	}
	if usual < 1000 {
		t.Errorf("%d times were usual, want some thousands", usual)
	}
}
