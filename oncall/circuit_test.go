package oncall

import (
	"testing"
	"time"
)

func TestACircuitLimitsATargetThatFails(t *testing.T) {
	t.Parallel()
	var c circuits
	now := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	const dead, healthy = "https://dead.example/x", "https://healthy.example/x"
	var leaves []func(bool, time.Time) int
	for i := range circuitSends {
		leave, wait := c.enter("webhook:dead", dead, false, now)
		if wait != 0 {
			t.Fatalf("send %d: has to wait %s", i, wait)
		}
		leaves = append(leaves, leave)
	}
	if _, wait := c.enter("webhook:dead", dead, false, now); wait != circuitWait {
		t.Errorf("one more: waits %s, want %s", wait, circuitWait)
	}
	if leave, wait := c.enter("webhook:healthy", healthy, true, now); wait != 0 {
		t.Errorf("another target waits %s", wait)
	} else {
		leave(false, now)
	}
	for _, leave := range leaves {
		leave(true, now)
	}
	leave, _ := c.enter("webhook:dead", dead, false, now)
	leave(true, now)
	if _, wait := c.enter("webhook:dead", dead, false, now); wait != circuitWait {
		t.Errorf("a page just after a failure: waits %s, want %s", wait, circuitWait)
	}
	if _, wait := c.enter("webhook:dead", dead, true, now); wait != circuitRest {
		t.Errorf("an event to a target that rests: waits %s", wait)
	}
	now = now.Add(circuitWait)
	leave, wait := c.enter("webhook:dead", dead, false, now)
	if wait != 0 {
		t.Errorf("a page to a target that rests: waits %s, want a try", wait)
	}
	if _, wait := c.enter("webhook:dead", dead, false, now); wait == 0 {
		t.Error("a second page beside the try: want it to wait")
	}
	if next := leave(false, now); next != circuitSends+1 {
		t.Errorf("after a success: got %d of those in line", next)
	}
	now = now.Add(circuitLine)
	if leave, wait = c.enter("webhook:dead", dead, true, now); wait != 0 {
		t.Errorf("an event after a success: waits %s", wait)
	} else if next := leave(false, now); next != 0 {
		t.Errorf("without a line: got %d more", next)
	}
	if _, wait := c.enter("ana/mail", "ana@example.com", true, now); wait != 0 {
		t.Error("a mail address has no circuit")
	}
}

func TestATargetThatHangsGetsNothingMoreUntilItsSendsEnd(t *testing.T) {
	t.Parallel()
	var c circuits
	began := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	const target = "https://hanging.example/x"
	leave, _ := c.enter("ana/hook", target, false, began)
	if other, wait := c.enter("ana/hook", target, false, began.Add(circuitHangs-1)); wait != 0 {
		t.Errorf("beside a send that is quick so far: waits %s", wait)
	} else if next := other(true, began.Add(circuitHangs-1)); next != 0 {
		t.Errorf("after a failure: got %d more", next)
	}
	later := began.Add(2 * circuitHangs)
	if wait := c.full("ana/hook", false, later); wait != circuitWait {
		t.Errorf("before a page is claimed: waits %s, want %s", wait, circuitWait)
	}
	if wait := c.full("ben/hook", false, later); wait != 0 {
		t.Errorf("a recipient of whom nothing is known: waits %s", wait)
	}
	if _, wait := c.enter("ana/hook", target, false, later); wait != circuitWait {
		t.Errorf("beside a send that hangs: waits %s, want %s", wait, circuitWait)
	}
	if next := leave(false, later); next != circuitSends+1 {
		t.Errorf("after an answer: got %d of those in line, want %d", next, circuitSends+1)
	}
	leave, wait := c.enter("ana/hook", target, false, later)
	if wait != 0 {
		t.Errorf("after an answer: waits %s", wait)
	}
	if next := leave(false, later.Add(circuitLine)); next != 0 {
		t.Errorf("with nothing in line: got %d more", next)
	}
}

func TestATargetThatAnswersGetsMoreAndMoreAtOnceAlsoWhileOneSendIsSlow(t *testing.T) {
	t.Parallel()
	var c circuits
	now := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	const target = "https://healthy.example/x"
	slow, _ := c.enter("ana/hook", target, false, now)
	for range 3 * circuitMost {
		now = now.Add(circuitHangs / 2)
		leave, wait := c.enter("ana/hook", target, false, now)
		if wait != 0 {
			t.Fatalf("beside a slow send, with others answered: waits %s", wait)
		}
		leave(false, now)
	}
	for i := 1; i < circuitMost; i++ {
		if _, wait := c.enter("ana/hook", target, false, now); wait != 0 {
			t.Fatalf("send %d at once: waits %s", i+1, wait)
		}
	}
	if _, wait := c.enter("ana/hook", target, false, now); wait == 0 {
		t.Errorf("send %d at once: want it to wait", circuitMost+1)
	}
	slow(true, now)
	if _, wait := c.enter("ana/hook", target, false, now); wait == 0 {
		t.Error("after a failure: want no more at once than a few")
	}
}
