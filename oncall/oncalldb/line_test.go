package oncalldb_test

import (
	"slices"
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

func TestPagesInLineAreReleasedAFewAtATimeAndAtOnceWhenTheirTargetAnswers(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, `policies: [{id: security, steps: [{notify: ["person:ana"], wait: 5m}], bundle: {after: 0}}]`)
	const many = 10
	for ticket := range int64(many) {
		_, err := r.pool.Exec(t.Context(), `
			INSERT INTO tickets (number, severity, kind, product, title, source, verified, created_at, updated_at)
			OVERRIDING SYSTEM VALUE VALUES ($1, 'high', 'alert', 'endpoint', 'Ransomware', 'email', true, $2, $2)`, ticket+1, r.now)
		if err != nil {
			t.Fatal(err)
		}
		r.change(t, ticket+1, tickets.ChangeCreated)
	}
	hanging := slices.Clone(r.enqueued)
	if len(hanging) != many {
		t.Fatalf("got %d pages, want %d", len(hanging), many)
	}
	inLine := oncall.Outcome{State: oncall.PageQueued, RetryAt: r.now.Add(10 * time.Second), Untried: true, Reason: oncall.LineReason}
	for _, page := range hanging[:many/2] {
		r.finish(t, page, inLine)
	}
	for _, page := range hanging[many/2:] { // known before they are claimed
		if ok, err := r.StandInLine(t.Context(), page, inLine.RetryAt); err != nil || !ok {
			t.Fatalf("stand in line: %v, %v", ok, err)
		}
		if ok, err := r.StandInLine(t.Context(), page, inLine.RetryAt); err != nil || ok {
			t.Errorf("a page that is not due: %v, %v", ok, err)
		}
	}
	if got := r.count(t, `SELECT count(*) FROM pages WHERE attempts > 0`); got != 0 {
		t.Errorf("in line: got %d pages with an attempt", got)
	}

	r.enqueued = nil
	r.tick(t, 10*time.Second)
	if !slices.Equal(r.enqueued, hanging[:4]) {
		t.Errorf("%s: got %v, want %v", "released by a tick", r.enqueued, hanging[:4])
	}
	r.enqueued = nil
	page := oncall.Page{Person: "ana", Contact: "hook"}
	if got, err := r.ReleaseLine(t.Context(), page, 3); err != nil || got != 3 {
		t.Fatalf("release the line: got %d, %v", got, err)
	}
	if !slices.Equal(r.enqueued, hanging[4:7]) {
		t.Errorf("%s: got %v, want %v", "released when the target answered", r.enqueued, hanging[4:7])
	}
	r.enqueued = nil
	if got, err := r.ReleaseLine(t.Context(), oncall.Page{Person: "ana", Contact: "phone"}, 3); err != nil || got != 0 {
		t.Errorf("the line of another target: got %d, %v", got, err)
	}

	if ok, err := r.StandInLine(t.Context(), hanging[9], r.now.Add(time.Hour)); err != nil || ok {
		t.Errorf("beyond its time: %v, %v", ok, err)
	}
	r.tick(t, time.Minute) // their time is over: all go, to end as failed
	slices.Sort(r.enqueued)
	for _, id := range hanging[7:] {
		if !slices.Contains(r.enqueued, id) {
			t.Errorf("page %d, whose time is over, was not released: got %v", id, r.enqueued)
		}
	}
}
