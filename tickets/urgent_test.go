package tickets

import (
	"reflect"
	"testing"
)

func TestWhatMayWakeSomebodyIsWrittenBeforeTheRestOfItsBatch(t *testing.T) {
	t.Parallel()
	of := func(severity Severity, keys ...string) Reading {
		return Reading{Alert: Alert{Severity: severity}, Keys: keys}
	}
	low := func(keys ...string) Reading { return of(Low, keys...) }
	for _, c := range []struct {
		name     string
		readings []Reading
		want     [][]int
	}{
		{"nothing urgent", []Reading{low("a"), of(Medium, "b"), of(Informational, "c")}, [][]int{{0, 1, 2}}},
		{"all urgent", []Reading{of(High, "a"), of(SeverityUnknown, "b")}, [][]int{{0, 1}}},
		{"a few", []Reading{low("a"), of(High, "b"), low("c")}, [][]int{{0, 1, 2}}},
		{
			"many",
			[]Reading{low("a"), low("b"), of(High, "c"), low("d"), low("e"), of(SeverityUnknown, "f"), low("g"), low("h")},
			[][]int{{2, 5}, {0, 1, 3, 4, 6, 7}},
		},
		{
			"with what came before under the same keys",
			[]Reading{low("a"), low("b"), low("a", "c"), low("d"), of(High, "c"), low("c"), low("e"), low("f")},
			[][]int{{0, 2, 4}, {1, 3, 5, 6, 7}},
		},
	} {
		if got := urgentFirst(c.readings); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}
