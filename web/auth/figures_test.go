package auth

import (
	"context"
	"errors"
	"flag"
	"net/http"
	"slices"
	"testing"
	"time"
)

var signIns = flag.Int("sign-ins", 20, "how many failed sign-ins of a known and of an unknown address are timed; 500 is the figure, and holds the medians to 10 ms")

// TestAnUnknownAddressTakesAsLongAsAWrongPassword times both in turns, so that a busy moment falls on both.
func TestAnUnknownAddressTakesAsLongAsAWrongPassword(t *testing.T) {
	a, _, now := setup(t)
	a.first(t)
	var took [2][]time.Duration
	for range *signIns {
		for i, email := range []string{"ana@example.com", "nobody@example.com"} {
			begun := time.Now()
			_, _, err := a.signIn(t, email, "wrong password", somewhere)
			took[i] = append(took[i], time.Since(begun))
			if !errors.Is(err, ErrWrongCredentials) {
				t.Fatalf("%s: got %v", email, err)
			}
		}
		now.pass(failureWindow) // the limits are another test's
	}
	for i := range took {
		slices.Sort(took[i])
	}
	known, unknown := took[0][*signIns/2], took[1][*signIns/2]
	t.Logf("medians of %d: known %s, unknown %s, apart by %s", *signIns, known, unknown, (known - unknown).Abs())
	if *signIns >= 500 && (known-unknown).Abs() >= 10*time.Millisecond {
		t.Errorf("medians: %s and %s, want less than 10 ms between them", known, unknown)
	}
}

// TestASessionThatIsEndedElsewhereIsOverWithItsNextRequest ends it by another gateway on the same database.
func TestASessionThatIsEndedElsewhereIsOverWithItsNextRequest(t *testing.T) {
	t.Parallel()
	a, pool, now := setup(t)
	a.first(t)
	_, cookie, err := a.signIn(t, "ana@example.com", password, somewhere)
	if err != nil {
		t.Fatal(err)
	}
	open, err := a.OpenSessions(t.Context(), "ana")
	if err != nil || len(open) == 0 {
		t.Fatalf("sessions: %v, %v", open, err)
	}
	other := New(pool, Options{Now: now.now, Secure: true})
	if err := other.EndSession(t.Context(), open[0].ID, "ana"); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	a.within(t, cookie, func(ctx context.Context) {
		if _, ok, err := a.Current(ctx); ok || err != nil {
			t.Errorf("the next request: got %t, %v", ok, err)
		}
	})
	t.Logf("the first request after the end was refused %s after it", time.Since(begun))
}

// TestHowLongSessionsLastIsSet trusts the sessions' library with the time, which it keeps itself.
func TestHowLongSessionsLastIsSet(t *testing.T) {
	t.Parallel()
	for want, options := range map[[2]time.Duration]Options{
		{12 * time.Hour, 24 * time.Hour}:  {},
		{30 * time.Minute, 8 * time.Hour}: {Idle: 30 * time.Minute, Lifetime: 8 * time.Hour},
	} {
		options.Now = time.Now
		a := New(nil, options)
		if got := [2]time.Duration{a.sessions.IdleTimeout, a.sessions.Lifetime}; got != want || !a.sessions.Cookie.HttpOnly || a.sessions.Cookie.SameSite != http.SameSiteLaxMode {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}
