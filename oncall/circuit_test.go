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
	var leaves []func(bool, time.Time)
	for i := range circuitSends {
		leave, wait := c.enter(dead, false, now)
		if wait != 0 {
			t.Fatalf("send %d: has to wait %s", i, wait)
		}
		leaves = append(leaves, leave)
	}
	if _, wait := c.enter(dead, false, now); wait != circuitWait {
		t.Errorf("one more: waits %s, want %s", wait, circuitWait)
	}
	if leave, wait := c.enter(healthy, true, now); wait != 0 {
		t.Errorf("another target waits %s", wait)
	} else {
		leave(false, now)
	}
	for _, leave := range leaves {
		leave(true, now)
	}
	leave, _ := c.enter(dead, false, now)
	leave(true, now)
	if _, wait := c.enter(dead, true, now); wait != circuitRest {
		t.Errorf("an event to a target that rests: waits %s", wait)
	}
	leave, wait := c.enter(dead, false, now)
	if wait != 0 {
		t.Errorf("a page to a target that rests: waits %s, want a try", wait)
	}
	if _, wait := c.enter(dead, false, now); wait == 0 {
		t.Error("a second page beside the try: want it to wait")
	}
	leave(false, now)
	if len(c.targets) != 0 {
		t.Errorf("after a success: got %d targets", len(c.targets))
	}
	if _, wait := c.enter("ana@example.com", true, now); wait != 0 {
		t.Error("a mail address has no circuit")
	}
}
