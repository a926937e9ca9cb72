package oncalldb_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

const watched = `
webhooks:
  - {id: soc, url: "https://soc.example/in", events: [ticket.created, oncall.changed]}
schedules:
  - {id: days, layers: [{people: [ana, ben], rotation: {every: 1h, start: "2026-03-01T02:30"}}]}
policies:
  - {id: security, steps: [{notify: ["webhook:soc"], wait: 5m}, {notify: ["person:ben"], wait: 5m}]}
`

func TestAWebhookThatIsGoneIsToldNothingUntilItsURLChangesOrItIsEnabled(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, watched)
	r.change(t, 1, tickets.ChangeCreated)
	gone := oncall.Outcome{State: oncall.PageFailed, Gone: true, Reason: "https://soc.example answered 410 Gone"}
	r.finish(t, r.enqueued[0], gone)
	configuration, err := r.Configuration(t.Context())
	if err != nil || configuration.Disabled("soc") != gone.Reason {
		t.Fatalf("disabled: got %q, %v", configuration.Disabled("soc"), err)
	}
	r.change(t, 2, tickets.ChangeCreated)
	wantEqual(t, "the step falls through", r.states(t, 2), []string{"1.2 ben email queued"})
	if got := r.count(t, `SELECT count(*) FROM pages WHERE ticket = 2 AND webhook = 'soc'`); got != 0 {
		t.Errorf("a disabled webhook: got %d deliveries", got)
	}
	if err := r.EnableWebhook(t.Context(), "adm", "soc"); err != nil {
		t.Fatal(err)
	}
	if err := r.EnableWebhook(t.Context(), "adm", "soc"); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("enabled twice: got %v", err)
	}
	r.change(t, 3, tickets.ChangeCreated)
	if got := r.count(t, `SELECT count(*) FROM pages WHERE ticket = 3 AND webhook = 'soc'`); got != 2 {
		t.Errorf("enabled: got %d deliveries, want the page and the event", got)
	}
	r.finish(t, r.enqueued[len(r.enqueued)-1], gone)
	r.apply(t, strings.Replace(watched, "/in", "/other", 1))
	if configuration, err := r.Configuration(t.Context()); err != nil || configuration.Disabled("soc") != "" {
		t.Errorf("with another URL: got %q, %v", configuration.Disabled("soc"), err)
	}
	changes, err := r.AuditLog(t.Context(), 10, 0)
	if err != nil || len(changes) < 4 || !strings.HasPrefix(changes[1].Action, "webhook soc disabled: https://soc.example answered 410") {
		t.Errorf("audit log: got %+v, %v", changes, err)
	}
}

func TestADeliveryIsSentAgainUnderItsId(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, watched)
	r.change(t, 1, tickets.ChangeCreated)
	deliveries, err := r.Deliveries(t.Context(), "soc", 10, 0)
	if err != nil || len(deliveries) != 2 {
		t.Fatalf("deliveries: got %+v, %v", deliveries, err)
	}
	event := deliveries[0]
	if err := r.Redeliver(t.Context(), "soc", event.ID); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("while it waits: got %v, want a conflict", err)
	}
	r.finish(t, event.ID, oncall.Outcome{State: oncall.PageFailed, Reason: "down"})
	r.enqueued = nil
	if err := r.Redeliver(t.Context(), "soc", event.ID); err != nil {
		t.Fatal(err)
	}
	if len(r.enqueued) != 1 || r.enqueued[0] != event.ID {
		t.Fatalf("enqueued: got %v", r.enqueued)
	}
	dispatch, ok, err := r.ClaimPage(t.Context(), event.ID)
	if err != nil || !ok || dispatch.Page.Attempts != 1 || !dispatch.Page.CreatedAt.Equal(event.CreatedAt) || len(dispatch.Page.Payload) == 0 {
		t.Errorf("claimed: got %+v, %v, %v", dispatch.Page, ok, err)
	}
	if err := r.Redeliver(t.Context(), "other", event.ID); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("of another webhook: got %v, want a conflict", err)
	}
}

func TestAChangeOfWhoIsOnCallIsToldOnce(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, watched)
	told := func() (payloads []string) {
		for _, id := range r.enqueued {
			if dispatch, ok, err := r.ClaimPage(t.Context(), id); err != nil {
				t.Fatal(err)
			} else if ok && dispatch.Page.Type == oncall.EventOnCallChanged {
				payloads = append(payloads, string(dispatch.Page.Payload))
			}
		}
		r.enqueued = nil
		return payloads
	}
	r.tick(t, 0)
	r.tick(t, 29*time.Minute+59*time.Second)
	if got := told(); len(got) != 0 {
		t.Errorf("before the hand-off: got %q", got)
	}
	r.tick(t, time.Second)
	r.tick(t, time.Second)
	got := told()
	var data struct{ Schedule, Person, Previous string }
	if len(got) != 1 || json.Unmarshal([]byte(got[0]), &data) != nil || data.Schedule != "days" || data.Person != "ben" || data.Previous != "ana" {
		t.Errorf("at the hand-off: got %q", got)
	}
}
