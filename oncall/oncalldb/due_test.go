package oncalldb_test

import (
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

// wantDue compares what a tick would do at the room's now, schedules aside.
func (r *room) wantDue(t *testing.T, when string, want oncall.Due) {
	t.Helper()
	got, err := r.Due(t.Context(), r.now)
	if got.OnCall, got.Shifts = false, false; err != nil || got != want {
		t.Errorf("%s: got %+v, %v, want %+v", when, got, err, want)
	}
}

func TestALookTellsWhatATickFinds(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, `policies: [{id: security, ack_expires: 1h, bundle: {after: 1, within: 10m}, steps: [{notify: ["person:ana"], wait: 5m}]}]`)
	r.wantDue(t, "without a ticket", oncall.Due{})
	r.change(t, 1, tickets.ChangeCreated)
	r.wantDue(t, "while a job has the page", oncall.Due{})
	r.now = r.now.Add(oncall.ClaimLease)
	r.wantDue(t, "when its lease has ended", oncall.Due{Pages: true})
	r.finish(t, r.enqueued[0], oncall.Outcome{State: oncall.PageSent})
	r.wantDue(t, "when it was sent", oncall.Due{})
	r.change(t, 2, tickets.ChangeCreated)
	r.wantDue(t, "with a page in a bundle", oncall.Due{Summaries: true})
	r.change(t, 2, tickets.ChangeResolved)
	r.now = r.now.Add(5*time.Minute - oncall.ClaimLease - time.Microsecond)
	r.wantDue(t, "just before the next step", oncall.Due{Pages: true}) // the later rule's
	r.now = r.now.Add(time.Microsecond)
	r.wantDue(t, "at the next step", oncall.Due{Steps: true, Pages: true})
	r.change(t, 1, tickets.ChangeAcknowledged)
	r.now = r.now.Add(time.Hour)
	r.wantDue(t, "when the acknowledgement ends", oncall.Due{Acknowledgements: true})
	r.change(t, 1, tickets.ChangeResolved)
	r.apply(t, patching("2026-03-01T23:00"))
	r.change(t, 3, tickets.ChangeCreated)
	r.wantDue(t, "with a ticket that a maintenance holds back", oncall.Due{Steps: true, Held: true})
}

func TestALookTellsWhetherSchedulesAskForAnything(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, `schedules: [{id: empty, layers: [{people: [ana, ben], rotation: {every: 1d, start: "2026-01-01T08:00"}}]}]`)
	r.now = time.Date(2026, 3, 1, 7, 50, 0, 0, time.UTC)
	want := func(when string, onCall bool) {
		t.Helper()
		if due, err := r.Due(t.Context(), r.now); err != nil || due.OnCall != onCall {
			t.Errorf("%s: got %+v, %v", when, due, err)
		}
	}
	want("before the first record", true)
	r.tick(t, 0)
	if due, err := r.Due(t.Context(), r.now); err != nil || due != (oncall.Due{}) {
		t.Errorf("just after a tick: got %+v, %v", due, err)
	}
	r.now = r.now.Add(29 * time.Second)
	want("while nothing changes", false)
	r.now = r.now.Add(time.Second)
	want("when it is time to write how far the history goes", true)
	r.tick(t, 9*time.Minute+29*time.Second)
	r.now = r.now.Add(time.Second)
	want("when a turn begins", true)
	r.tick(t, 0)
	r.apply(t, `schedules: [{id: empty, layers: [{people: [ben], rotation: {every: 1d, start: "2026-01-01T08:00"}}]}]`)
	r.now = r.now.Add(time.Second)
	want("after an apply", true)
	if due, err := r.Due(t.Context(), r.now); err != nil || !due.Shifts {
		t.Errorf("shifts after an apply: got %+v, %v", due, err)
	}
}
