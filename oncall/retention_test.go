package oncall

import (
	"reflect"
	"testing"
	"time"

	"afterhours/tickets"
)

func TestWhatASeverityDoesNotSayIsKeptLikeTheRest(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	document, err := ParseFile("team.yaml", []byte(`
retention:
  tickets: 730d
  severities:
    high: {tickets: 0s}
    informational: {tickets: 30d, unresolved: 90d}
    low: {unresolved: 90d}
`))
	if err != nil {
		t.Fatal(err)
	}
	c, err := Merge(Configuration{}, func(_, _, _ string) error { return nil }, document)
	if err != nil {
		t.Fatal(err)
	}
	want := []Age{
		{[]tickets.Severity{tickets.Medium, tickets.Low, tickets.SeverityUnknown}, 730 * day},
		{[]tickets.Severity{tickets.Informational}, 30 * day},
	}
	if got := c.Retention.Resolved(); !reflect.DeepEqual(got, want) {
		t.Errorf("resolved: got %v, want %v", got, want)
	}
	want = []Age{{[]tickets.Severity{tickets.Low, tickets.Informational}, 90 * day}}
	if got := c.Retention.Abandoned(); !reflect.DeepEqual(got, want) {
		t.Errorf("unresolved: got %v, want %v", got, want)
	}
	if got := (Retention{Raw: Duration(30 * day)}).Abandoned(); len(got) != 0 {
		t.Errorf("without an age: got %v, want none", got)
	}
}
