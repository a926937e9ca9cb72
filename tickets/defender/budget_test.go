package defender

import (
	"sync"
	"testing"
	"time"

	"afterhours/migrations/pgtest"
)

// TestTheLimitsHoldInEveryWindow asks as fast as it may for two hours and looks at every minute and every hour of what was
// let through.
func TestTheLimitsHoldInEveryWindow(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 3, 0, 0, 123, time.UTC)
	store := NewStore(pgtest.New(t), func() time.Time { return now }, nil)
	var taken []time.Time
	end := now.Add(2 * time.Hour)
	for now.Before(end) {
		until, err := store.Take(t.Context(), "contoso", string(endpointAPI), true)
		if err != nil {
			t.Fatal(err)
		}
		if until.IsZero() {
			taken = append(taken, now)
			now = now.Add(70 * time.Millisecond)
			continue
		}
		if !until.After(now) {
			t.Fatalf("at %s there is no room until %s", now, until)
		}
		now = until
	}
	for span, most := range map[time.Duration]int{time.Minute: 100, time.Hour: 1500} {
		from := 0
		for at, moment := range taken {
			for moment.Sub(taken[from]) >= span {
				from++
			}
			if got := at - from + 1; got > most {
				t.Fatalf("%d requests within %s before %s, Microsoft allows %d", got, span, moment, most)
			}
		}
	}
	if len(taken) < 2900 {
		t.Errorf("got %d requests in two hours, want nearly all of the 3000 that are allowed", len(taken))
	}
}

func TestPollsLeaveRoomForWhatIsUrgent(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	store := NewStore(pgtest.New(t), func() time.Time { return now }, nil)
	take := func(tenant string, of service, urgent bool) bool {
		t.Helper()
		until, err := store.Take(t.Context(), tenant, string(of), urgent)
		if err != nil {
			t.Fatal(err)
		}
		return until.IsZero()
	}
	polled := 0
	for take("contoso", endpointAPI, false) {
		polled++
	}
	urgent := 0
	for take("contoso", endpointAPI, true) {
		urgent++
	}
	if polled != 85 || urgent != 15 {
		t.Errorf("got %d polls and %d urgent requests within the minute, want 85 and 15", polled, urgent)
	}
	if !take("fabrikam", endpointAPI, false) || !take("contoso", xdrAPI, false) {
		t.Error("another tenant, or another API, has no room")
	}
	if err := store.Block(t.Context(), "fabrikam", string(endpointAPI), now.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if take("fabrikam", endpointAPI, true) {
		t.Error("a tenant that Microsoft has throttled was asked")
	}
	now = now.Add(time.Minute)
	if !take("fabrikam", endpointAPI, true) {
		t.Error("the block did not end")
	}
}

func TestReplicasCountTogether(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	pool := pgtest.New(t)
	var mutex sync.Mutex
	var group sync.WaitGroup
	granted := 0
	for range 4 {
		store := NewStore(pool, func() time.Time { return now }, nil)
		group.Go(func() {
			for range 40 {
				until, err := store.Take(t.Context(), "contoso", string(xdrAPI), false)
				if err != nil {
					t.Errorf("take: %v", err)
					return
				}
				if until.IsZero() {
					mutex.Lock()
					granted++
					mutex.Unlock()
				}
			}
		})
	}
	group.Wait()
	if granted != 50 {
		t.Errorf("got %d requests for incidents within a minute, want 50", granted)
	}
}
