package tickets

import (
	"math"
	"testing"
	"time"
)

func TestASpreadKnowsItsQuantilesToWithinATenth(t *testing.T) {
	t.Parallel()
	spread := Spread{}
	for minutes := 1; minutes <= 1000; minutes++ {
		spread.Add(Spread{int(math.Log2(float64(minutes*60)) * SpansADoubling): 1})
	}
	if spread.Count() != 1000 {
		t.Fatalf("got %d", spread.Count())
	}
	for part, want := range map[float64]time.Duration{0.5: 500 * time.Minute, 0.9: 900 * time.Minute, 1: 1000 * time.Minute} {
		got := spread.Quantile(part)
		if off := math.Abs(float64(got-want)) / float64(want); off > 0.1 {
			t.Errorf("%v: got %s, want about %s", part, got, want)
		}
	}
	if got := (Spread{}).Quantile(0.5); got != 0 {
		t.Errorf("of none: got %s", got)
	}
	if got := (Spread{LastSpan: 2}).Quantile(0.9); got < 50*24*time.Hour {
		t.Errorf("beyond the end: got %s", got)
	}
}
