package oncalldb_test

import (
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

const quietTeam = `
people:
  - {id: ana, name: Ana, email: ana@example.com, quiet: [{from: "22:00", to: "07:00"}]}
  - {id: ben, name: Ben, email: ben@example.com}
  - {id: nix, name: Nix, contacts: [{id: hook, channel: webhook, to: "https://n.example/x"}]}
policies:
  - {id: security, repeat: 1, last_resort: ["person:nix"], last_resort_every: 20m,
     steps: [{notify: ["person:ana", "person:ben"], wait: {high: 1m, other: 5m}}, {notify: ["person:ana"], wait: 10m}]}
`

// changeMedium is change for a ticket of Medium.
func (r *room) changeMedium(t *testing.T, number int64, kind tickets.ChangeKind) {
	t.Helper()
	if _, err := r.pool.Exec(t.Context(), `
		CREATE FUNCTION medium() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.severity := ''medium''; RETURN NEW; END';
		CREATE TRIGGER medium BEFORE INSERT ON tickets FOR EACH ROW EXECUTE FUNCTION medium()`); err != nil {
		t.Fatal(err)
	}
	r.severity = tickets.Medium
	r.change(t, number, kind)
}

func TestWhoIsQuietIsToldOnceInTheMorningAndHoldsUpNobody(t *testing.T) {
	t.Parallel()
	r := open(t) // at 03:00
	r.apply(t, quietTeam)
	r.changeMedium(t, 1, tickets.ChangeCreated)
	wantEqual(t, "at night", r.states(t, 1), []string{"1.1 ana email queued", "1.1 ben email queued"})
	if len(r.enqueued) != 1 {
		t.Fatalf("enqueued: got %v, want Ben's page alone", r.enqueued)
	}
	r.finish(t, r.enqueued[0], oncall.Outcome{State: oncall.PageFailed, Reason: "gone"})
	r.tick(t, 0) // Ana's page, which waits, does not keep the policy from going on; her own step is passed over
	wantEqual(t, "after the failure", r.states(t, 1)[2:], []string{"2.1 ben email queued"})
	r.finish(t, r.enqueued[len(r.enqueued)-1], oncall.Outcome{State: oncall.PageSent})
	r.tick(t, 5*time.Minute-time.Second)
	if got := len(r.states(t, 1)); got != 3 {
		t.Errorf("a second before the wait's end: got %d pages", got)
	}
	r.tick(t, time.Second)
	wantEqual(t, "the last resort", r.states(t, 1)[3:], []string{"3.0 nix hook queued"})
	r.tick(t, 20*time.Minute)
	wantEqual(t, "the last resort again", r.states(t, 1)[4:], []string{"4.0 nix hook queued"})
	outlook, err := r.Outlook(t.Context(), 1)
	if err != nil || outlook.State != "running" || len(outlook.Next) != 1 || outlook.Next[0] != "Nix" {
		t.Errorf("outlook: got %+v, %v", outlook, err)
	}
	before := len(r.enqueued)
	r.tick(t, 3*time.Hour+34*time.Minute+59*time.Second) // 06:59:59
	r.enqueued = r.enqueued[:before]
	r.tick(t, time.Second)
	dispatch, ok, err := r.ClaimPage(t.Context(), 1)
	if err != nil || !ok || dispatch.Page.Person != "ana" || dispatch.Page.Reason != oncall.QuietReason {
		t.Errorf("in the morning: got %+v, %v, %v", dispatch.Page, ok, err)
	}
}
