package oncalldb_test

import (
	"fmt"
	"testing"
	"time"

	"afterhours/tickets"
)

// TestWhatWasDueDuringAnOutageRunsLateOnceAndInOrder lets every gateway be away while the steps of tickets come due, some of
// them several times over.
func TestWhatWasDueDuringAnOutageRunsLateOnceAndInOrder(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, `
policies:
  - {id: security, bundle: {after: 0}, steps: [{notify: ["person:ben"], wait: 5m}, {notify: ["person:ana"], wait: 10m}, {notify: ["person:ben"], wait: 1h}]}`)
	for ticket := range int64(3) {
		r.change(t, 3-ticket, tickets.ChangeCreated) // the newest number is due first
		r.now = r.now.Add(time.Minute)
	}
	r.enqueued = nil
	r.tick(t, time.Hour) // the third step would have been due, too
	late := r.now
	for ticket := range int64(3) {
		pages, err := r.Pages(t.Context(), ticket+1)
		if err != nil {
			t.Fatal(err)
		}
		steps := map[string]int{}
		for _, page := range pages {
			steps[fmt.Sprintf("%d %s %s", page.Step, page.Person, page.Contact)]++
		}
		if steps["2 ana hook"] != 1 || steps["3 ben email"] != 0 {
			t.Errorf("ticket %d, at the first tick after the outage: got %v, want the second step once", ticket+1, steps)
		}
	}
	if got := r.count(t, `SELECT count(*) FROM pages a JOIN pages b ON a.step = 2 AND b.step = 2 AND a.contact = 'hook' AND b.contact = 'hook' AND a.ticket > b.ticket AND a.id > b.id`); got != 0 {
		t.Errorf("got %d pairs of pages out of the order in which they were due", got)
	}
	r.tick(t, 0)
	r.tick(t, 10*time.Minute-time.Second)
	if got := r.count(t, `SELECT count(*) FROM pages WHERE step = 3`); got != 0 {
		t.Errorf("before its wait from %s is over the third step made %d pages", late.Format(time.TimeOnly), got)
	}
	r.tick(t, time.Second)
	if got := r.count(t, `SELECT count(*) FROM pages WHERE step = 3 AND person = 'ben'`); got != 3 {
		t.Errorf("a wait after the late step: got %d pages of the third step, want 3", got)
	}
	t.Logf("3 tickets, an outage of an hour over their second steps: each late, once and in order, the third a whole wait later")
}
