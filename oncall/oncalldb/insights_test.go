package oncalldb_test

import (
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

func TestPagesCountByTheHourOfTheReaderAndByWhatTheyLedTo(t *testing.T) {
	t.Parallel()
	r := open(t)
	begin := r.now // a Sunday, 03:00 in UTC
	for _, ticket := range []int64{1, 2} {
		r.change(t, ticket, tickets.ChangeCreated)
	}
	r.tick(t, 0)
	for _, ticket := range []int64{1, 2} {
		for i, page := range r.queued(t, ticket) { // two contacts of one person are told once
			r.now = begin.Add(time.Duration(i) * 3 * time.Minute)
			r.finish(t, page, oncall.Outcome{State: oncall.PageSent})
		}
	}
	if _, err := r.pool.Exec(t.Context(), `
		INSERT INTO ticket_events (ticket, at, type, actor) VALUES (1, $1, 'page_sent', 'system'), (2, $2, 'note', 'ben')`,
		begin.Add(time.Minute), begin.Add(25*time.Hour)); err != nil {
		t.Fatal(err)
	}
	figures := func() oncall.PageInsights {
		t.Helper()
		if more, err := r.TendInsights(t.Context(), r.now); err != nil || more {
			t.Fatalf("tend: %t, %v", more, err)
		}
		found, err := r.PageInsights(t.Context(), begin.AddDate(0, 0, -1), begin.AddDate(0, 0, 1), time.FixedZone("Asia/Kolkata", 5*3600+1800))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	found := figures()
	if found.Told != 2 || found.Acted != 0 {
		t.Errorf("got %d told and %d that led to something, want 2 and 0: a note after a day is too late", found.Told, found.Acted)
	}
	if len(found.Hours) != 1 || found.Hours[0] != (oncall.PageHour{Weekday: time.Sunday, Hour: 8, Told: 2}) {
		t.Errorf("hours: got %+v, want 08:00 in India", found.Hours)
	}
	if _, err := r.pool.Exec(t.Context(), `INSERT INTO ticket_events (ticket, at, type, actor) VALUES (1, $1, 'acknowledged', 'ben')`, begin.Add(23*time.Hour)); err != nil {
		t.Fatal(err)
	}
	r.now = begin.Add(24 * time.Hour)
	former, err := r.PagesCounted(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if found = figures(); found.Told != 2 || found.Acted != 1 {
		t.Errorf("got %d told and %d that led to something, want 2 and 1", found.Told, found.Acted)
	}
	if next, err := r.PagesCounted(t.Context()); err != nil || next == former {
		t.Errorf("the next count has the name of the former, %q; %v", next, err)
	}
	r.now = begin.AddDate(0, 3, 0) // after a long rest
	for more := true; more; {
		var err error
		if more, err = r.TendInsights(t.Context(), r.now); err != nil {
			t.Fatal(err)
		}
	}
	if found = figures(); found.Told != 2 || found.Acted != 1 {
		t.Errorf("after a rest: got %+v", found)
	}
}
