package oncalldb_test

import (
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

// patching is on from three to five.
func patching(end string) string {
	return `
maintenance:
  - {id: patching, match: {}, start: "2026-03-01T03:00", end: "` + end + `", reason: Patches, notify: ["person:ben"]}
`
}

func TestWhatMaintenanceHeldBackPagesAtItsEnd(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, patching("2026-03-01T05:00"))
	r.change(t, 1, tickets.ChangeCreated)
	r.change(t, 2, tickets.ChangeCreated)
	r.severity = tickets.Low
	r.change(t, 3, tickets.ChangeCreated)
	r.tick(t, time.Hour)
	r.change(t, 2, tickets.ChangeAcknowledged)
	r.tick(t, time.Hour-time.Second)
	for ticket := int64(1); ticket <= 3; ticket++ {
		if got := r.states(t, ticket); len(got) != 0 {
			t.Errorf("during it ticket %d got %q", ticket, got)
		}
	}
	if outlook, err := r.Outlook(t.Context(), 1); err != nil || outlook.State != "running" || len(outlook.Next) != 1 || outlook.Next[0] != "Ana" || !outlook.DueAt.Equal(r.now.Add(time.Second)) {
		t.Errorf("got the outlook %+v, %v", outlook, err)
	}
	r.tick(t, time.Second)
	wantEqual(t, "at its end", r.states(t, 1), []string{"1.1 ana hook queued", "1.1 ana phone queued"})
	wantEqual(t, "what somebody had", r.states(t, 2), []string{})
	wantEqual(t, "what is not High", r.states(t, 3), []string{})
	r.tick(t, 5*time.Minute)
	if got := r.states(t, 1); len(got) != 3 {
		t.Errorf("its policy goes on: got %q", got)
	}
}

func TestWhatIsHeldBackFollowsTheEndOfItsMaintenance(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, patching("2026-03-01T05:00"))
	r.change(t, 1, tickets.ChangeCreated)
	r.apply(t, patching("2026-03-01T06:00"))
	r.tick(t, 2*time.Hour)
	wantEqual(t, "made longer", r.states(t, 1), []string{})
	r.apply(t, patching("2026-03-01T05:30"))
	r.tick(t, 30*time.Minute)
	wantEqual(t, "made shorter", r.states(t, 1), []string{"1.1 ana hook queued", "1.1 ana phone queued"})

	r.now = time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)
	r.apply(t, patching("2026-03-01T05:00"))
	r.change(t, 2, tickets.ChangeCreated)
	r.apply(t, "maintenance: []\n")
	r.tick(t, time.Second)
	wantEqual(t, "taken away", r.states(t, 2), []string{"1.1 ana hook queued", "1.1 ana phone queued"})
}

func TestSomebodyCanEscalateWhatIsHeldBack(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, patching("2026-03-01T05:00"))
	r.change(t, 1, tickets.ChangeCreated)
	r.tick(t, time.Minute)
	if err := r.Escalate(t.Context(), 1, "ana"); err != nil {
		t.Fatal(err)
	}
	r.tick(t, time.Second)
	wantEqual(t, "escalated", r.states(t, 1), []string{"1.1 ana hook queued", "1.1 ana phone queued"})
}

func TestTheReminderOfAMaintenancesEndIsSentOnceForAnEnd(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, patching("2026-03-01T05:00"))
	reminded := func() (to []string) {
		t.Helper()
		if err := r.RemindOfMaintenance(t.Context(), r.now); err != nil {
			t.Fatal(err)
		}
		pages, err := r.PagesTo(t.Context(), "ben", 10, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range pages {
			to = append(to, page.Type+" "+page.Channel)
		}
		return to
	}
	r.now = r.now.Add(89 * time.Minute)
	wantEqual(t, "too early", reminded(), nil)
	r.now = r.now.Add(time.Minute)
	wantEqual(t, "half an hour before", reminded(), []string{oncall.MaintenanceType + " email"})
	r.now = r.now.Add(time.Minute)
	wantEqual(t, "later", reminded(), []string{oncall.MaintenanceType + " email"})
	r.apply(t, patching("2026-03-01T05:20"))
	wantEqual(t, "of another end, not yet", reminded(), []string{oncall.MaintenanceType + " email"})
	r.now = r.now.Add(20 * time.Minute)
	wantEqual(t, "of another end", reminded(), []string{oncall.MaintenanceType + " email", oncall.MaintenanceType + " email"})
	dispatch, ok, err := r.ClaimPage(t.Context(), r.enqueued[len(r.enqueued)-1])
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	message, err := oncall.Compose(dispatch, oncall.Links{BaseURL: "https://desk.example"})
	if err != nil || message.Subject != "Maintenance patching ends at 05:20 UTC" {
		t.Errorf("got %q, %v", message.Subject, err)
	}
}
