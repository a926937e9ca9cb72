package oncalldb_test

import (
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

func TestLoadCountsTellingsAndHowLongAcknowledgementsTook(t *testing.T) {
	t.Parallel()
	r := open(t)
	begin := r.now
	r.change(t, 1, tickets.ChangeCreated)
	r.tick(t, 0)
	for i, page := range r.queued(t, 1) { // the second rule comes after three minutes
		r.now = begin.Add(10*time.Second + time.Duration(i)*3*time.Minute)
		r.finish(t, page, oncall.Outcome{State: oncall.PageSent})
	}
	r.now = begin.Add(4 * time.Minute)
	_, err := r.pool.Exec(t.Context(), `INSERT INTO ticket_events (ticket, at, type, actor) VALUES (1, $1, 'acknowledged', 'ana'), (1, $1, 'acknowledged', 'ben')`, r.now)
	if err != nil {
		t.Fatal(err)
	}
	loads, err := r.Loads(t.Context(), "", begin.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	ana := loads["ana"]
	if len(ana.Paged) != 1 || !ana.Paged[0].Equal(begin.Add(10*time.Second)) {
		t.Errorf("two contacts of one step: got %v, want one telling at the first", ana.Paged)
	}
	if len(ana.Acks) != 1 || ana.Acks[0].Took != 3*time.Minute+50*time.Second {
		t.Errorf("got %v", ana.Acks)
	}
	if _, told := loads["ben"]; told {
		t.Errorf("ben was never told: got %v", loads["ben"])
	}
	if loads, err = r.Loads(t.Context(), "ana", r.now); err != nil || len(loads["ana"].Paged) != 0 || len(loads["ana"].Acks) != 1 {
		t.Errorf("since now: got %v, %v", loads, err)
	}
}

// queued are the ids of a ticket's queued pages.
func (r *room) queued(t *testing.T, ticket int64) (ids []int64) {
	t.Helper()
	pages, err := r.Pages(t.Context(), ticket)
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		if page.State == oncall.PageQueued {
			ids = append(ids, page.ID)
		}
	}
	return ids
}
