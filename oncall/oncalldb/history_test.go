package oncalldb_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/oncall/oncalldb"
	"afterhours/tickets"
)

const hourly = `
schedules:
  - {id: days, layers: [{people: [ana, ben], rotation: {every: 1h, start: "2026-03-01T02:30"}}]}
policies:
  - {id: security, steps: [{notify: ["person:ben"], wait: 5m}]}
`

func (r *room) past(t *testing.T, schedule string, from, to time.Time) []string {
	t.Helper()
	history, err := r.OnCallHistory(t.Context(), schedule, from, to)
	if err != nil {
		t.Fatal(err)
	}
	short := []string{}
	add := func(who string, start, end time.Time, reconstructed bool) {
		mark := ""
		if reconstructed {
			mark = " reconstructed"
		}
		short = append(short, fmt.Sprintf("%s %s-%s%s", who, start.Format("15:04"), end.Format("15:04"), mark))
	}
	for _, shift := range history.Shifts {
		add(shift.Person+" by "+shift.Source, shift.Start, shift.End, shift.Reconstructed)
	}
	for _, gap := range history.Gaps {
		add("nobody", gap.Start, gap.End, gap.Reconstructed)
	}
	return short
}

func TestTheHistoryKeepsWhatWasAndNotWhatTheScheduleSaysNow(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, hourly)
	began := r.now
	r.tick(t, 0)
	r.tick(t, 30*time.Minute)
	r.tick(t, 20*time.Minute)
	r.apply(t, strings.Replace(hourly, "[ana, ben]", "[ana]", 1))
	r.tick(t, time.Second)
	r.tick(t, 10*time.Minute)
	wantEqual(t, "history", r.past(t, "days", began, r.now), []string{"ana by layer 03:00-03:30", "ben by layer 03:30-03:50", "ana by layer 03:50-04:00"})
	wantEqual(t, "a part of it", r.past(t, "days", began.Add(40*time.Minute), began.Add(55*time.Minute)), []string{"ben by layer 03:40-03:50", "ana by layer 03:50-03:55"})
	wantEqual(t, "the future", r.past(t, "days", r.now, r.now.Add(time.Hour)), []string{})
	then, err := r.OnCallThen(t.Context(), began.Add(40*time.Minute))
	if err != nil || then["days"].Person != "ben" {
		t.Errorf("at 03:40: got %+v, %v, want ben", then, err)
	}
	if then, err := r.OnCallThen(t.Context(), r.now.Add(time.Hour)); err != nil || len(then) != 0 {
		t.Errorf("in the future: got %+v, %v", then, err)
	}
	r.apply(t, "schedules: []")
	r.tick(t, time.Second)
	r.tick(t, 10*time.Minute)
	wantEqual(t, "of a removed schedule", r.past(t, "days", began.Add(45*time.Minute), r.now), []string{"ben by layer 03:45-03:50", "ana by layer 03:50-04:00"})
	for _, id := range []string{"none", "a\x00b", ""} {
		if _, err := r.OnCallHistory(t.Context(), id, began, r.now); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("of a schedule %q that never was: got %v", id, err)
		}
	}
}

func TestTheHistoryIsFilledFromTheSchedulesThatWereInForceWhileNobodyLooked(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, hourly)
	began := r.now
	r.tick(t, 0)
	for _, people := range []string{"[ben]", "[ana, ana, ben]"} { // two changes while nothing ticks
		r.now = r.now.Add(45 * time.Minute)
		r.apply(t, strings.Replace(hourly, "[ana, ben]", people, 1))
	}
	r.tick(t, 4*time.Hour)
	wantEqual(t, "history", r.past(t, "days", began, r.now), []string{
		"ana by layer 03:00-03:30", "ben by layer 03:30-05:30 reconstructed",
		"ana by layer 05:30-07:30 reconstructed", "ben by layer 07:30-08:30 reconstructed",
	})
}

func TestTheHistoryCannotBeChanged(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, hourly)
	r.tick(t, 0)
	for _, table := range []string{"on_call_history", "schedule_versions"} {
		for _, statement := range []string{"UPDATE " + table + " SET schedule = 'other'", "DELETE FROM " + table, "TRUNCATE " + table} {
			if _, err := r.pool.Exec(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: got %v, want a refusal", statement, err)
			}
		}
	}
}

func TestAFormerVersionsChangeOfTheScheduleIsRecorded(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, hourly)
	r.tick(t, 0)
	r.now = r.now.Add(10 * time.Minute)
	_, err := r.pool.Exec(t.Context(), `UPDATE schedules SET definition = jsonb_set(definition, '{layers,0,people}', '["ben"]') WHERE id = 'days'`)
	if err == nil {
		_, err = r.pool.Exec(t.Context(), `UPDATE configuration SET version = version + 1, applied_at = $1`, r.now)
	}
	if err != nil {
		t.Fatal(err)
	}
	r.tick(t, time.Second)
	wantEqual(t, "history", r.past(t, "days", r.now.Add(-time.Hour), r.now), []string{"ana by layer 03:00-03:10", "ben by layer 03:10-03:10"})
}

// TestTwoReplicasWriteOneHistory lets several stores tick at once while the schedule changes, and asks every recorded
// second what the schedule in force said.
func TestTwoReplicasWriteOneHistory(t *testing.T) {
	t.Parallel()
	r := open(t)
	replicas := []*oncalldb.Store{r.Store, oncalldb.New(r.Options), oncalldb.New(r.Options)}
	random := rand.New(rand.NewPCG(5, 21))
	type version struct {
		from     time.Time
		schedule oncall.Schedule
	}
	var versions []version
	began := r.now
	for range 12 {
		r.apply(t, strings.Replace(hourly, "[ana, ben]", []string{"[ana, ben]", "[ben]", "[ana]", "[nix, ben, ana]"}[random.IntN(4)], 1))
		configuration, err := r.Configuration(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		schedule, _ := configuration.Schedule("days")
		versions = append(versions, version{r.now, schedule})
		for range 1 + random.IntN(3) {
			var group sync.WaitGroup
			for _, replica := range replicas {
				group.Go(func() {
					if err := replica.RecordOnCall(t.Context(), r.now); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			r.now = r.now.Add(time.Duration(1+random.IntN(5400)) * time.Second)
		}
	}
	if err := r.RecordOnCall(t.Context(), r.now); err != nil {
		t.Fatal(err)
	}
	history, err := r.OnCallHistory(t.Context(), "days", began, r.now)
	if err != nil {
		t.Fatal(err)
	}
	at := began
	for i, shift := range history.Shifts {
		if !shift.Start.Equal(at) || i > 0 && shift.Person == history.Shifts[i-1].Person {
			t.Errorf("shift %d: got %+v, want one from %s of somebody else than before", i, shift, at)
		}
		at = shift.End
	}
	if !at.Equal(r.now) || len(history.Shifts) < 10 {
		t.Errorf("got %d shifts until %s, want more until %s", len(history.Shifts), at, r.now)
	}
	held := 0
	for at := began; at.Before(r.now); at = at.Add(30 * time.Second) {
		for held+1 < len(versions) && !versions[held+1].from.After(at) {
			held++
		}
		want, _, _ := versions[held].schedule.At(at)
		got := ""
		for _, shift := range history.Shifts {
			if !at.Before(shift.Start) && at.Before(shift.End) {
				got = shift.Person
			}
		}
		if got != want {
			t.Fatalf("at %s: got %q, want %q", at, got, want)
		}
	}
}
