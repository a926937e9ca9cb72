package oncall

import (
	"strings"
	"testing"

	"afterhours/tickets"
)

func TestASimulationEndsAtTheLastResortAndNamesWhatWaits(t *testing.T) {
	t.Parallel()
	c, err := load(t, persons+`routes: [{match: {severity: high}, policy: resort}, {match: {}, policy: night}]`)
	if err != nil {
		t.Fatal(err)
	}
	high := c.Simulate(Facts{Ticket: &tickets.Ticket{Severity: tickets.High}}, instant(t, "2026-01-07T22:00:00Z"))
	last := high.Pages[len(high.Pages)-1]
	if !last.LastResort || last.Person != "chi" || !strings.Contains(high.End, "again every 20m") || !strings.Contains(strings.Join(high.Skipped, ";"), "step 1: outside of its hours") {
		t.Errorf("High: got %+v", high)
	}
	medium := c.Simulate(Facts{Ticket: &tickets.Ticket{Severity: tickets.Medium}}, instant(t, "2026-01-10T02:00:00Z"))
	if len(medium.Pages) == 0 || medium.Pages[0].After.Hours() != 4 || !strings.Contains(strings.Join(medium.Skipped, ";"), "the ticket waits until 2026-01-10T06:00:00Z") {
		t.Errorf("Medium while everybody is quiet: got %+v", medium)
	}
}
