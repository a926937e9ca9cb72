package oncall

import (
	"strings"
	"sync"
	"time"
)

// A target that hangs must not hold up the others: it gets a few sends side by side, none more while one of them hangs,
// and after failures in a row one a second, until it answers again. Each answer lets one more send stand beside the others,
// so that a target that answers is not held up itself. What finds no place stands in line: it is tried again when a place
// is free at a target that answers, else a few a second. Events, which may wait, are not even tried while a target rests.
const (
	circuitSends    = 4           // at a target that has not answered yet
	circuitMost     = 16          // at one that answers
	circuitHangs    = time.Second // without an answer, while sends run
	circuitFailures = 5
	circuitRest     = 30 * time.Second
	circuitWait     = time.Second      // of what finds no place, and between two tries of a target that fails
	circuitLine     = 15 * time.Second // after the last one that found no place somebody may stand in line
)

// circuits are the targets that have been sent to: as many as there are addresses. The zero value is ready.
type circuits struct {
	mutex   sync.Mutex
	targets map[string]*circuit
	// addresses are those to which the messages for a recipient went last, so that a page need not be claimed to find no
	// place.
	addresses map[string]string
}

type circuit struct {
	sends    []time.Time // when those that run began, in order
	answers  int         // since it failed last, as far as they count
	answered time.Time
	failures int
	failedAt time.Time
	refused  time.Time // the last that found no place
}

// hangs says whether sends run and none was answered for a while.
func (c *circuit) hangs(now time.Time) bool {
	if len(c.sends) == 0 {
		return false
	}
	since := c.sends[0]
	if c.answered.After(since) {
		since = c.answered
	}
	return now.Sub(since) >= circuitHangs
}

// places is how many sends may run side by side at now.
func (c *circuit) places(now time.Time) int {
	switch {
	case c.hangs(now):
		return 0
	case c.failures < circuitFailures:
		return min(circuitSends+c.answers, circuitMost)
	case now.Sub(c.failedAt) < circuitWait:
		return 0
	}
	return 1
}

// refuse says how long it takes until there is a place; 0 where there is one.
func (c *circuit) refuse(isEvent bool, now time.Time) (wait time.Duration) {
	rested := now.Sub(c.failedAt)
	switch {
	case isEvent && c.failures >= circuitFailures && rested < circuitRest:
		wait = max(circuitRest-rested, circuitWait)
	case len(c.sends) >= c.places(now):
		wait = circuitWait
	}
	if wait > 0 {
		c.refused = now
	}
	return wait
}

// answers says whether a target neither hangs nor fails: what finds no place there finds one soon.
func (c *circuits) answers(target string, now time.Time) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	at := c.targets[target]
	return at != nil && at.failures < circuitFailures && !at.hangs(now)
}

// full says how long it takes until there is a place where the messages for a recipient went last; 0 where there is one,
// or nothing is known.
func (c *circuits) full(recipient string, isEvent bool, now time.Time) (wait time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if at := c.targets[c.addresses[recipient]]; at != nil {
		return at.refuse(isEvent, now)
	}
	return 0
}

// enter takes a place for one send to a recipient's target; wait above 0 says that there is none for that long. Targets
// that are no URLs share a provider and have no circuit: leave then does nothing. It returns how many of those in line may
// go now.
func (c *circuits) enter(recipient, target string, isEvent bool, now time.Time) (leave func(failed bool, now time.Time) (next int), wait time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if !strings.Contains(target, "://") {
		delete(c.addresses, recipient)
		return func(bool, time.Time) int { return 0 }, 0
	}
	if c.targets == nil {
		c.targets, c.addresses = map[string]*circuit{}, map[string]string{}
	}
	at := c.targets[target]
	if at == nil {
		at = &circuit{}
		c.targets[target] = at
	}
	c.addresses[recipient] = target
	if wait := at.refuse(isEvent, now); wait > 0 {
		return nil, wait
	}
	at.sends = append(at.sends, now)
	return func(failed bool, left time.Time) int { return c.leave(target, now, failed, left) }, 0
}

func (c *circuits) leave(target string, entered time.Time, failed bool, now time.Time) (next int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	at := c.targets[target]
	for i, began := range at.sends {
		if began.Equal(entered) {
			at.sends = append(at.sends[:i:i], at.sends[i+1:]...)
			break
		}
	}
	if failed {
		at.failures++
		at.failedAt, at.answers = now, 0
		return 0
	}
	at.failures, at.answered, at.answers = 0, now, min(at.answers+1, circuitMost)
	if now.Sub(at.refused) < circuitLine {
		return max(at.places(now)-len(at.sends), 0)
	}
	return 0
}
