package main

import (
	"context"
	"math"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"time"
)

// A gateway at work keeps some 30 MiB alive. Go would collect whenever the heap has grown to twice what lives; here it is to
// three times that, as far as the limit lets it, which is memoryRoom and half as much again as lives, and memoryLeast at
// least: a burst does not leave the process large. What lives for longer, as a mail of 20 MiB while it is read, raises the
// limit with the next look, so that nothing is collected in vain.
const (
	memoryGrowth = 200 // percent
	memoryLeast  = 80 << 20
	memoryRoom   = 32 << 20
	memoryLooks  = 250 * time.Millisecond
)

// limitMemory keeps the limit until ctx ends. Where the environment has one of Go's own variables, that is obeyed instead.
func limitMemory(ctx context.Context, vars []string) {
	if slices.ContainsFunc(vars, func(v string) bool { return strings.HasPrefix(v, "GOMEMLIMIT=") || strings.HasPrefix(v, "GOGC=") }) {
		return
	}
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	tick := time.NewTicker(memoryLooks)
	defer tick.Stop()
	defer debug.SetMemoryLimit(math.MaxInt64)
	defer debug.SetGCPercent(debug.SetGCPercent(memoryGrowth))
	for {
		metrics.Read(sample)
		debug.SetMemoryLimit(memoryLimit(sample[0].Value.Uint64()))
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// memoryLimit is the limit while so many octets were alive at the last collection.
func memoryLimit(live uint64) int64 {
	return max(memoryLeast, int64(min(live, math.MaxInt64/4))*3/2+memoryRoom)
}
