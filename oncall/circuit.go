package oncall

import (
	"strings"
	"sync"
	"time"
)

// A target that hangs must not hold up the others: it gets a few sends side by side, and after failures in a row one at
// a time, until it answers again. Events, which may wait, are not even tried while it rests.
const (
	circuitSends    = 4
	circuitFailures = 5
	circuitRest     = 30 * time.Second
	circuitWait     = time.Second // of what finds no place
)

// circuits are the targets that are being sent to or have failed of late. The zero value is ready.
type circuits struct {
	mutex   sync.Mutex
	targets map[string]*circuit
}

type circuit struct {
	sending  int
	failures int
	failedAt time.Time
}

// enter takes a place for one send to a target; wait above 0 says that there is none for that long. Targets that are no
// URLs share a provider and have no circuit: leave then does nothing.
func (c *circuits) enter(target string, isEvent bool, now time.Time) (leave func(failed bool, now time.Time), wait time.Duration) {
	if !strings.Contains(target, "://") {
		return func(bool, time.Time) {}, 0
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	at := c.targets[target]
	if at == nil {
		at = &circuit{}
	}
	places := circuitSends
	if at.failures >= circuitFailures {
		places = 1
		if rested := now.Sub(at.failedAt); isEvent && rested < circuitRest {
			return nil, max(circuitRest-rested, circuitWait)
		}
	}
	if at.sending >= places {
		return nil, circuitWait
	}
	if c.targets == nil {
		c.targets = map[string]*circuit{}
	}
	c.targets[target] = at
	at.sending++
	return func(failed bool, now time.Time) { c.leave(target, failed, now) }, 0
}

func (c *circuits) leave(target string, failed bool, now time.Time) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	at := c.targets[target]
	at.sending--
	if failed {
		at.failures++
		at.failedAt = now
		return
	}
	at.failures = 0
	if at.sending == 0 {
		delete(c.targets, target)
	}
}
