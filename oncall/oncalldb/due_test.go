package oncalldb_test

import (
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

// wantDue compares what a tick would do at the room's now.
func (r *room) wantDue(t *testing.T, when string, want oncall.Due) {
	t.Helper()
	if got, err := r.Due(t.Context(), r.now); err != nil || got != want {
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
	r.wantDue(t, "with a ticket that a maintenance holds back", oncall.Due{Steps: true})
}
