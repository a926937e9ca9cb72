package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// jumping is a wall clock that a test sets. It has no monotonic reading.
type jumping struct {
	mutex sync.Mutex
	by    time.Duration
}

func (j *jumping) now() time.Time {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return time.Now().Round(0).Add(j.by)
}

func (j *jumping) jump(by time.Duration) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.by += by
}

func TestTheClockFollowsTheDatabaseBeyondTwoSeconds(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	var elapsed, drift time.Duration
	var failure error
	c := &clock{
		elapsed: func() time.Duration { return elapsed },
		read:    func(context.Context) (time.Time, error) { return start.Add(elapsed + drift), failure },
	}
	c.anchor.Store(&anchor{start, 0})
	var log strings.Builder
	correct := func() {
		if err := c.correct(t.Context(), slog.New(slog.NewTextHandler(&log, nil))); !errors.Is(err, failure) {
			t.Fatal(err)
		}
	}
	elapsed = time.Minute
	drift = 1900 * time.Millisecond
	correct()
	if got := c.Now(); !got.Equal(start.Add(time.Minute)) || log.Len() > 0 {
		t.Errorf("within two seconds: got %s, logged %q", got, log.String())
	}
	drift = -time.Hour
	correct()
	if got := c.Now(); !got.Equal(start.Add(time.Minute-time.Hour)) || !strings.Contains(log.String(), "clock corrected") {
		t.Errorf("an hour apart: got %s, logged %q", got, log.String())
	}
	elapsed += time.Second
	failure = errors.New("away")
	correct()
	if got := c.Now(); !got.Equal(start.Add(time.Minute - time.Hour + time.Second)) {
		t.Errorf("while the database is away: got %s", got)
	}
}
