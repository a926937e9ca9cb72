package parser

import (
	"syscall"
	"time"
)

// processorTime is what the present thread has used: other work on the machine does not count.
func processorTime() time.Duration {
	const thread = 1 // RUSAGE_THREAD
	var use syscall.Rusage
	if err := syscall.Getrusage(thread, &use); err != nil {
		panic(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
