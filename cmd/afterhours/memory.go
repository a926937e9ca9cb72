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

// A gateway at work keeps some 30 MiB alive, and Go lets the heap grow to twice that before it collects. What a burst adds
// is collected earlier, so that it does not leave the process large: the limit is memoryRoom and half as much again as
// lives, and memoryLeast at least. What lives for longer, as a mail of 20 MiB while it is read, raises it with the next look,
// so that nothing is collected in vain.
const (
	memoryLeast = 80 << 20
	memoryRoom  = 32 << 20
	memoryLooks = 250 * time.Millisecond
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
