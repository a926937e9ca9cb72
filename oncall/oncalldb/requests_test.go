package oncalldb_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/oncall/oncalldb"
	"afterhours/tickets"
)

const shared = `
people:
  - {id: ana, name: Ana, email: ana@example.com}
  - {id: ben, name: Ben, email: ben@example.com}
  - {id: chi, name: Chi, email: chi@example.com}
schedules:
  - {id: days, timezone: Europe/Madrid, layers: [{people: [ana, ben, chi], rotation: {every: 12h, start: "2026-03-01T03:00"}}]}
policies:
  - {id: security, steps: [{notify: ["schedule:days"], wait: 5m}]}
`

var ana, ben, chi, clerk = oncall.Actor{ID: "ana"}, oncall.Actor{ID: "ben"}, oncall.Actor{ID: "chi"}, oncall.Actor{ID: "clerk", Admin: true}

// shift is a request about the shift that begins so many half days after Ana's first, at 02:00 UTC on 1 March.
func shift(giver, taker oncall.Actor, number int) oncall.ShiftRequest {
	start := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC).Add(time.Duration(number) * 12 * time.Hour)
	return oncall.ShiftRequest{Schedule: "days", Giver: giver.ID, Taker: taker.ID, Start: start, End: start.Add(12 * time.Hour)}
}

func (r *room) ask(t *testing.T, by oncall.Actor, request oncall.ShiftRequest, waived bool) oncall.ShiftRequest {
	t.Helper()
	asked, err := r.AskShift(t.Context(), by, request, waived)
	if err != nil {
		t.Fatal(err)
	}
	return asked
}

// turns are who is on call in the half days after Ana's first.
func (r *room) turns(t *testing.T, count int) string {
	t.Helper()
	configuration, err := r.Configuration(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	schedule, _ := configuration.Schedule("days")
	var names []string
	for i := range count {
		person, _, _ := schedule.At(shift(ana, ben, i).Start.Add(time.Hour))
		names = append(names, person)
	}
	return strings.Join(names, " ")
}

func TestAShiftChangesHandsWithConsent(t *testing.T) {
	t.Parallel()
	r := open(t) // at 03:00: Ana is on call
	r.apply(t, shared)
	asked := r.ask(t, ana, shift(ana, ben, 3), false)
	if got := r.turns(t, 4); got != "ana ben chi ana" {
		t.Errorf("before consent: got %s", got)
	}
	for _, refused := range []oncall.Actor{ana, chi, {ID: "token:bot"}} {
		if _, err := r.AnswerShift(t.Context(), "days", asked.ID, refused, true); !errors.Is(err, tickets.ErrForbidden) {
			t.Errorf("consent of %s: got %v", refused.ID, err)
		}
	}
	if _, err := r.AnswerShift(t.Context(), "other", asked.ID, ben, true); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("of another schedule: got %v", err)
	}
	r.now = r.now.Add(time.Hour)
	agreed, err := r.AnswerShift(t.Context(), "days", asked.ID, ben, true)
	if err != nil || agreed.State != oncall.RequestAgreed || agreed.SettledBy != "ben" || !agreed.SettledAt.Equal(r.now) {
		t.Fatalf("agreed: got %+v, %v", agreed, err)
	}
	if got := r.turns(t, 4); got != "ana ben chi ben" {
		t.Errorf("after consent: got %s", got)
	}
	exported, err := r.Export(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := exported.Export()
	if err != nil || !strings.Contains(string(text), "      - person: ben\n        start: 2026-03-02T15:00\n        end: 2026-03-03T03:00\n") {
		t.Errorf("export: got %s, %v", text, err)
	}
	log, err := r.AuditLog(t.Context(), 1, 0)
	if err != nil || log[0].Actor != "ben" || log[0].Action != "ben takes the shift of ana in schedule days, asked by ana" || !strings.Contains(log[0].Difference, "+      - person: ben") {
		t.Errorf("audit log: got %+v, %v", log, err)
	}
	if _, err := r.AnswerShift(t.Context(), "days", asked.ID, ben, true); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("twice: got %v", err)
	}
	wantEqual(t, "told", r.short(t), []string{"ben shift.asked", "ana shift.settled", "ben shift.settled"})
	kept, err := r.ShiftRequests(t.Context(), "days", oncall.RequestAgreed, 10, 0)
	if err != nil || len(kept) != 1 || fmt.Sprint(kept[0].Start, kept[0].End, *kept[0].SettledAt, kept[0].State) != fmt.Sprint(agreed.Start, agreed.End, *agreed.SettledAt, agreed.State) {
		t.Errorf("kept: got %+v, %v, want %+v", kept, err, agreed)
	}
}

// short are the notices of requests that were queued.
func (r *room) short(t *testing.T) []string {
	t.Helper()
	found := []string{}
	for _, notice := range r.notices(t) {
		found = append(found, strings.SplitN(notice, " ", 2)[1])
	}
	return found
}

func TestShiftsAreSwappedAtOnceOrNotAtAll(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, shared)
	swap := shift(ana, ben, 3)
	other := shift(ben, ana, 4)
	swap.OtherStart, swap.OtherEnd = &other.Start, &other.End
	asked := r.ask(t, ben, swap, false) // Ben asks, Ana consents
	if _, err := r.AnswerShift(t.Context(), "", asked.ID, ben, true); !errors.Is(err, tickets.ErrForbidden) {
		t.Errorf("consent of whoever asked: got %v", err)
	}
	if _, err := r.AnswerShift(t.Context(), "", asked.ID, ana, true); err != nil {
		t.Fatal(err)
	}
	if got := r.turns(t, 6); got != "ana ben chi ben ana chi" {
		t.Errorf("got %s", got)
	}
	again := r.ask(t, ben, shift(ben, chi, 3), false)
	swap.Giver, swap.Taker = "ben", "ana" // back again
	back := r.ask(t, ana, swap, false)
	if _, err := r.AnswerShift(t.Context(), "", again.ID, chi, true); err != nil {
		t.Fatal(err)
	}
	_, err := r.AnswerShift(t.Context(), "", back.ID, ben, true)
	if !errors.Is(err, tickets.ErrConflict) || !strings.Contains(err.Error(), "Chi is on call, not Ben") {
		t.Errorf("after the schedule has changed: got %v", err)
	}
	if got := r.turns(t, 6); got != "ana ben chi chi ana chi" {
		t.Errorf("after the refusal: got %s", got)
	}
	if kept, err := r.ShiftRequests(t.Context(), "", oncall.RequestOutdated, 10, 0); err != nil || len(kept) != 1 || kept[0].ID != back.ID || kept[0].Reason == "" {
		t.Errorf("kept: got %+v, %v", kept, err)
	}
}

func TestAnOfferToEverybodyGoesToTheFirstWhoAgrees(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, shared)
	offer := shift(ana, oncall.Actor{}, 3)
	asked := r.ask(t, ana, offer, false)
	wantEqual(t, "told", r.short(t), []string{"ben shift.asked", "chi shift.asked"})
	if _, err := r.AnswerShift(t.Context(), "", asked.ID, oncall.Actor{ID: "auditor"}, true); !errors.Is(err, tickets.ErrForbidden) {
		t.Errorf("of nobody who can be paged: got %v", err)
	}
	replicas := []*oncalldb.Store{r.Store, oncalldb.New(r.Options)}
	var agreed, refused atomic.Int32
	var group sync.WaitGroup
	for i, who := range []oncall.Actor{ben, chi, ben, chi} {
		group.Go(func() {
			switch _, err := replicas[i%2].AnswerShift(t.Context(), "", asked.ID, who, true); {
			case err == nil:
				agreed.Add(1)
			case errors.Is(err, tickets.ErrConflict):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	if agreed.Load() != 1 || refused.Load() != 3 {
		t.Errorf("got %d agreements and %d refusals, want 1 and 3", agreed.Load(), refused.Load())
	}
	if got := r.count(t, `SELECT jsonb_array_length(definition -> 'overrides') FROM schedules WHERE id = 'days'`); got != 1 {
		t.Errorf("got %d overrides, want 1", got)
	}
}

func TestRequestsAreDeclinedWithdrawnAndExpire(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, shared)
	declined, withdrawn, late := r.ask(t, ana, shift(ana, ben, 3), false), r.ask(t, ana, shift(ana, chi, 3), false), r.ask(t, chi, shift(ben, chi, 1), false)
	if _, err := r.AskShift(t.Context(), ana, shift(ana, ben, 3), false); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("the same again: got %v", err)
	}
	if _, err := r.AnswerShift(t.Context(), "", declined.ID, ben, false); err != nil {
		t.Fatal(err)
	}
	if _, err := r.WithdrawShift(t.Context(), "", withdrawn.ID, chi); !errors.Is(err, tickets.ErrForbidden) {
		t.Errorf("withdrawn by whoever is asked: got %v", err)
	}
	if _, err := r.WithdrawShift(t.Context(), "", withdrawn.ID, ana); err != nil {
		t.Fatal(err)
	}
	r.now = late.ExpiresAt
	if _, err := r.AnswerShift(t.Context(), "", late.ID, ben, true); !errors.Is(err, tickets.ErrConflict) || !strings.Contains(err.Error(), "expired") {
		t.Errorf("too late: got %v", err)
	}
	for range 2 {
		if err := (&oncall.Escalator{Store: r.Store}).Tick(t.Context(), r.now); err != nil {
			t.Fatal(err)
		}
	}
	states := map[int64]string{}
	kept, err := r.ShiftRequests(t.Context(), "", "", 10, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, request := range kept {
		states[request.ID] = request.State
	}
	if states[declined.ID] != oncall.RequestDeclined || states[withdrawn.ID] != oncall.RequestWithdrawn || states[late.ID] != oncall.RequestExpired {
		t.Errorf("got %v", states)
	}
	if got := r.turns(t, 4); got != "ana ben chi ana" {
		t.Errorf("the schedule: got %s", got)
	}
	wantEqual(t, "told", r.short(t), []string{
		"ben shift.asked", "chi shift.asked", "ben shift.asked", "ana shift.settled", "chi shift.settled", "chi shift.settled",
	})
}

func TestWhoMayChangeAShiftWithoutConsent(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, shared)
	for name, one := range map[string]struct {
		by      oncall.Actor
		request oncall.ShiftRequest
		waived  bool
		want    error
	}{
		"a stranger":                   {chi, shift(ana, ben, 3), false, tickets.ErrForbidden},
		"a token":                      {oncall.Actor{ID: "token:bot"}, shift(ana, ben, 3), true, tickets.ErrForbidden},
		"whoever gives, waived":        {ana, shift(ana, ben, 3), true, tickets.ErrForbidden},
		"whoever takes later, waived":  {ben, shift(ana, ben, 3), true, tickets.ErrForbidden},
		"an administrator to nobody":   {clerk, shift(ana, oncall.Actor{}, 3), true, tickets.ErrInvalid},
		"too many words":               {ana, with(shift(ana, ben, 3), strings.Repeat("x", 501)), false, tickets.ErrInvalid},
		"a schedule that is not there": {ana, in(shift(ana, ben, 3), "none"), false, tickets.ErrNotFound},
	} {
		if _, err := r.AskShift(t.Context(), one.by, one.request, one.waived); !errors.Is(err, one.want) {
			t.Errorf("%s: got %v, want %v", name, err, one.want)
		}
	}
	if got := r.count(t, `SELECT count(*) FROM shift_requests`); got != 0 {
		t.Errorf("got %d requests of those", got)
	}
	now := shift(ana, ben, 0)
	now.Start, now.End = r.now, r.now.Add(2*time.Hour) // "I take over for two hours"
	if taken := r.ask(t, ben, now, true); taken.State != oncall.RequestAgreed {
		t.Errorf("taken over: got %+v", taken)
	}
	r.ask(t, clerk, shift(chi, ana, 2), false) // who is neither of the two cannot ask on their behalf
	if got := r.turns(t, 4); got != "ben ben ana ana" {
		t.Errorf("got %s", got)
	}
	configuration, err := r.Configuration(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	schedule, _ := configuration.Schedule("days")
	if person, source, _ := schedule.At(r.now); person != "ben" || source != oncall.SourceOverride {
		t.Errorf("now: got %s by %s", person, source)
	}
	wantEqual(t, "told", r.short(t), []string{"ana shift.settled", "ben shift.settled", "chi shift.settled", "ana shift.settled"})
}

func with(r oncall.ShiftRequest, words string) oncall.ShiftRequest { r.Says = words; return r }

func in(r oncall.ShiftRequest, schedule string) oncall.ShiftRequest { r.Schedule = schedule; return r }
