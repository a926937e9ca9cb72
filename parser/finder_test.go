package parser

import "testing"

func TestAFinderFindsWordsAtEveryPlace(t *testing.T) {
	t.Parallel()
	f := newFinder("caution", "case", "社外", "ab")
	for text, want := range map[string]bool{"caution": true, "x caution": true, "cautio": false, "cacase": true, "ca": false, "": false, "c": false, "これは社外": true, "xab": true, "a b": false} {
		if got := f.in([]byte(text)); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}
