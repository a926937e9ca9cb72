package ticketdb_test

import (
	"errors"
	"testing"
	"time"

	"afterhours/tickets"
)

func TestRawMailsAreForgottenByMonthAndTheirTicketsStay(t *testing.T) {
	t.Parallel()
	r := open(t)
	march := r.now
	if err := r.PrepareMonths(t.Context(), march); err != nil {
		t.Fatal(err)
	}
	old := r.accept(t, "high Old da1")[0]
	r.now = march.AddDate(-1, 0, 0) // a month without a partition
	older := r.accept(t, "high Older da2")[0]
	r.now = march.AddDate(0, 1, 0)
	young := r.accept(t, "high Young da3")[0]
	forget := func(before time.Time) {
		t.Helper()
		if err := r.ForgetRaw(t.Context(), before); err != nil {
			t.Fatal(err)
		}
	}
	forget(march.AddDate(0, 1, 0))
	if _, err := r.Raw(t.Context(), old); err != nil {
		t.Errorf("an unread mail was forgotten: %v", err)
	}
	r.read(t, alertOf)
	forget(march.AddDate(0, 0, 20)) // March is not over
	if _, err := r.Raw(t.Context(), old); err != nil {
		t.Errorf("a month was forgotten before its end: %v", err)
	}
	forget(march.AddDate(0, 1, 0))
	for id, gone := range map[int64]bool{old: true, older: true, young: false} {
		if _, err := r.Raw(t.Context(), id); errors.Is(err, tickets.ErrNotFound) != gone {
			t.Errorf("mail %d: got %v, want it gone: %v", id, err, gone)
		}
	}
	if list, err := r.List(t.Context(), tickets.Filter{}); err != nil || len(list.Tickets) != 3 {
		t.Errorf("tickets: got %d, %v, want all three", len(list.Tickets), err)
	}
}
