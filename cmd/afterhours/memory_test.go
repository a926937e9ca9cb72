package main

import (
	"context"
	"math"
	"runtime/debug"
	"testing"
)

func TestMemoryIsLimitedByWhatLives(t *testing.T) {
	t.Parallel()
	for live, want := range map[uint64]int64{0: memoryLeast, 30 << 20: memoryLeast, 200 << 20: 332 << 20} {
		if got := memoryLimit(live); got != want {
			t.Errorf("%d octets alive: got a limit of %d, want %d", live, got, want)
		}
	}
	if memoryLimit(math.MaxUint64) <= 0 {
		t.Error("the limit overflows")
	}
}

func TestOnesOwnMemoryLimitIsObeyed(t *testing.T) {
	t.Parallel()
	before := debug.SetMemoryLimit(-1)
	limitMemory(context.Background(), []string{"HOME=/", "GOMEMLIMIT=1GiB"})
	if got := debug.SetMemoryLimit(-1); got != before {
		t.Errorf("got a limit of %d, want %d", got, before)
	}
}
