package auth

import (
	"errors"
	"testing"

	"afterhours/tickets"
)

func TestAnAccountKeepsHowTimesAreShown(t *testing.T) {
	t.Parallel()
	a, _, _ := setup(t)
	a.first(t)
	if got, err := a.ViewingOf(t.Context(), "nobody"); err != nil || got != (Viewing{}) {
		t.Errorf("before: got %+v, %v", got, err)
	}
	for _, want := range []Viewing{{"America/New_York", "month", true}, {"", "iso", false}} {
		if err := a.SetViewing(t.Context(), "ana", want); err != nil {
			t.Fatal(err)
		}
		if got, err := a.ViewingOf(t.Context(), "ana"); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	for _, bad := range []Viewing{{"Local", "day", false}, {"Mars/Olympus", "day", false}, {"../etc/passwd", "day", false}, {"Europe/Madrid\x00", "day", false}, {"", "year", false}, {"", "", false}} {
		var invalid *tickets.InvalidError
		if err := a.SetViewing(t.Context(), "ana", bad); !errors.As(err, &invalid) {
			t.Errorf("%+v: got %v", bad, err)
		}
	}
}
