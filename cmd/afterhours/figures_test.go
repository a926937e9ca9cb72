package main

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"afterhours/oncall"
)

const figureTeam = `
people: [{id: ana, name: Ana, contacts: [{id: mail, channel: email, to: ana@x.example}]}, {id: ben, name: Ben, contacts: [{id: mail, channel: email, to: ben@x.example}]}]
policies: [{id: security, bundle: {after: 0}, steps: [{notify: ["person:ana"], wait: 5m}, {notify: ["person:ben"], wait: 24h}]}]
`

// dueAtOnce is a month in which a second step is due for so many tickets at once; their first was sent.
func dueAtOnce(t *testing.T, steps int) *month {
	t.Helper()
	m := newMonth(t, figureTeam, 0)
	for from := 1; from <= steps; from += 100 {
		m.burst(from, min(100, steps-from+1))
	}
	m.work()
	m.now = m.now.Add(5 * time.Minute)
	return m
}

// told counts the pages that Ben got.
func (m *month) told(t *testing.T) (told int) {
	t.Helper()
	if err := m.pool.QueryRow(t.Context(), `SELECT count(*) FROM pages WHERE person = 'ben' AND state = 'sent'`).Scan(&told); err != nil {
		t.Fatal(err)
	}
	return told
}

func TestTwoReplicasExecuteWhatIsDueOnce(t *testing.T) {
	t.Parallel()
	m := dueAtOnce(t, *figureSteps)
	began := time.Now()
	m.work()
	if got := m.told(t); got != *figureSteps || m.doubles() != 0 || len(m.accepted) != 2**figureSteps {
		t.Errorf("got %d of %d steps told, %d doubles, %d messages", got, *figureSteps, m.doubles(), len(m.accepted))
	}
	t.Logf("%d due steps by two replicas: %d told, %d doubles, in %s", *figureSteps, m.told(t), m.doubles(), time.Since(began).Round(time.Millisecond))
}

// TestAReplicaTakesOverFromOneThatDies lets one replica execute steps and claim pages; it dies with some of them sent and
// not recorded, and all others in its memory.
func TestAReplicaTakesOverFromOneThatDies(t *testing.T) {
	t.Parallel()
	m := dueAtOnce(t, *figureSteps)
	dead, alive := m.replicas[0], m.replicas[1]
	if err := (&oncall.Escalator{Store: dead.oncall}).Tick(t.Context(), m.clock()); err != nil {
		t.Fatal(err)
	}
	if len(dead.jobs) != *figureSteps {
		t.Fatalf("the replica holds %d jobs, want %d", len(dead.jobs), *figureSteps)
	}
	half := *figureSteps / 2
	rest := dead.jobs[half:]
	dead.jobs = dead.jobs[:half]
	dead.send()
	dead.jobs, dead.dying = rest[:min(20, len(rest))], true
	dead.send()
	m.replicas = []*replica{alive}
	died := m.now
	for m.told(t) < *figureSteps && m.now.Sub(died) < time.Minute {
		m.now = m.now.Add(time.Second)
		m.work()
	}
	takeover := m.now.Sub(died)
	if got := m.told(t); got != *figureSteps || takeover > 30*time.Second || m.doubles() > m.killed {
		t.Errorf("got %d of %d told after %s, %d doubles of %d in flight", got, *figureSteps, takeover, m.doubles(), m.killed)
	}
	t.Logf("%d due steps, a replica killed half way: all told after %s, %d doubles with the same id of %d sends in flight", *figureSteps, takeover, m.doubles(), m.killed)
}

// TestAReplicaThatStandsStillForAMinuteIsReplaced stops one replica in the midst of its sends, as SIGSTOP or a frozen
// machine does, and lets it go on a minute later with what it had in its hands and in its memory.
func TestAReplicaThatStandsStillForAMinuteIsReplaced(t *testing.T) {
	t.Parallel()
	const sends = 5
	m := dueAtOnce(t, *figureSteps)
	still, alive := m.replicas[0], m.replicas[1]
	if err := (&oncall.Escalator{Store: still.oncall}).Tick(t.Context(), m.clock()); err != nil {
		t.Fatal(err)
	}
	still.goesOn = make(chan struct{})
	var group sync.WaitGroup
	for range sends {
		group.Go(still.send)
	}
	eventually(t, "it stands still", func() bool { return m.inFlight() == sends })
	m.replicas = []*replica{alive}
	stood := m.now
	var takeover time.Duration
	for m.now.Sub(stood) < time.Minute {
		m.mutex.Lock()
		m.now = m.now.Add(time.Second)
		m.mutex.Unlock()
		m.work()
		if takeover == 0 && m.told(t) == *figureSteps {
			takeover = m.now.Sub(stood)
		}
	}
	close(still.goesOn)
	group.Wait()
	m.replicas = append(m.replicas, still)
	m.work()
	if got := m.told(t); got != *figureSteps || takeover == 0 || takeover > 30*time.Second || m.doubles() > sends {
		t.Errorf("got %d of %d told, all after %s, %d doubles of %d in flight", got, *figureSteps, takeover, m.doubles(), sends)
	}
	t.Logf("%d due steps, a replica that stood still for a minute: all told after %s, %d doubles with the same id of %d sends in flight", *figureSteps, takeover, m.doubles(), sends)
}

// TestAJumpOfTheWallClockMovesNoStep runs an escalation while the clock of the machine jumps back and forth by an hour and
// by a day.
func TestAJumpOfTheWallClockMovesNoStep(t *testing.T) {
	t.Parallel()
	for _, jump := range []time.Duration{time.Hour, -time.Hour, 24 * time.Hour, -24 * time.Hour} {
		t.Run(fmt.Sprint(jump), func(t *testing.T) {
			t.Parallel()
			ana, ben := newHook(t), newHook(t)
			var wall jumping
			app := serveTestAt(t, trusting, wall.now)
			app.configure(t, team(ana, ben, "3s"))
			mustSend(t, app.smtpAddr, vouched(alertMail("High", "Ransomware", "pc1", "da1111111111111111_1", "1@example")))
			eventually(t, "Ana is told", func() bool { return len(ana.deliveries()) == 1 })
			wall.jump(jump)
			eventually(t, "Ben is told", func() bool { return len(ben.deliveries()) == 1 })
			after := ben.deliveries()[0].at.Sub(ana.deliveries()[0].at)
			if after < 2*time.Second {
				t.Errorf("the second step came after %s, want 3s", after)
			}
			wall.jump(-jump)
			quiet := time.After(2 * time.Second) // what would come twice comes within the next ticks
			<-quiet
			if a, b := len(ana.deliveries()), len(ben.deliveries()); a != 1 || b != 1 {
				t.Errorf("after the jump and back: Ana was told %d times, Ben %d times", a, b)
			}
			t.Logf("jump of %s: the step of 3 s came after %s, once", jump, after.Round(10*time.Millisecond))
		})
	}
}
