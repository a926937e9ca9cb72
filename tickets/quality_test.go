package tickets_test

import (
	"testing"
	"time"

	"afterhours/tickets"
)

func TestADropBeyondChanceIsToldAndNoiseIsNot(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, beforeOf, now, nowOf int
		want                         bool
	}{
		"all to none":                   {50, 50, 12, 0, true},
		"all to half":                   {400, 400, 40, 20, true},
		"a field that was never there":  {400, 0, 400, 0, false},
		"it got better":                 {400, 100, 400, 400, false},
		"too few mails to tell":         {9, 9, 9, 0, false},
		"a drop that does not matter":   {100_000, 99_000, 100_000, 95_000, false},
		"a drop that can be chance":     {20, 16, 20, 13, false},
		"the same share, fewer of them": {500, 400, 50, 40, false},
	} {
		compared := tickets.Compared{
			Before: tickets.Share{Mails: c.before, Found: c.beforeOf}, Now: tickets.Share{Mails: c.now, Found: c.nowOf},
		}
		if got := compared.Dropped(); got != c.want {
			t.Errorf("%s: got %t, want %t", name, got, c.want)
		}
	}
}

func TestWeeksBeginOnMondayInUTC(t *testing.T) {
	t.Parallel()
	monday := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for _, at := range []time.Time{monday, monday.Add(time.Hour), monday.AddDate(0, 0, 7).Add(-time.Second), monday.In(time.FixedZone("", -9*3600))} {
		if got := tickets.Week(at); !got.Equal(monday) {
			t.Errorf("%s: got %s, want %s", at, got, monday)
		}
	}
	shares := []tickets.Share{
		{Kind: "alert", Field: "title", Week: monday, Mails: 4, Found: 2},
		{Kind: "alert", Field: "title", Week: monday.AddDate(0, 0, -7), Mails: 8, Found: 8},
		{Kind: "digest", Field: "title", Week: monday.AddDate(0, 0, -14), Mails: 1, Found: 1},
	}
	compared := tickets.Compare(shares, monday.AddDate(0, 0, 3))
	if len(compared) != 1 || compared[0].Now.Of() != 0.5 || compared[0].Before.Of() != 1 {
		t.Errorf("got %+v, want the title of alerts alone", compared)
	}
}
