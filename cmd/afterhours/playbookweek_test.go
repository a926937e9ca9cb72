package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"afterhours/cmd/afterhours/internal/fakedefender"
	"afterhours/tickets/playbook"
)

// TestAWeekOfWindowsWithAClockChange runs alerts on four devices at a time through the week in which Madrid's clocks go
// forward, and through the one in which they go back: each run asks, goes by itself or does nothing as the windows say, the
// excluded device is never touched, and no more than two go by themselves within an hour.
func TestAWeekOfWindowsWithAClockChange(t *testing.T) {
	t.Parallel()
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	for _, begin := range []time.Time{time.Date(2026, 3, 26, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 22, 0, 0, 0, 0, time.UTC)} {
		t.Run(begin.Format("January"), func(t *testing.T) {
			t.Parallel()
			p := isolating(t, `, per_hour: 2, expires: 20m, approval: [{days: [sat, sun], from: "00:00", to: "06:00", timezone: Europe/Madrid, mode: "off"},
    {days: [mon, tue, wed, thu, fri], from: "08:00", to: "18:00", timezone: Europe/Madrid, mode: ask}], otherwise: automatic, exclude: {tag: [critical]}`)
			p.advance(begin.Sub(p.clock()))
			step := weekStep()
			rounds := int(7 * 24 * time.Hour / step)
			counts := map[playbook.State]int{}
			var alone []time.Time // when a run went by itself
			for i := range rounds {
				p.burst(i)
				p.poll(t)
				p.respond(t, 5*time.Second)
				now := p.clock()
				local := now.In(madrid)
				weekend := local.Weekday() == time.Saturday || local.Weekday() == time.Sunday
				want := map[playbook.State]int{playbook.Skipped: 1}
				switch {
				case weekend && local.Hour() < 6:
					want[playbook.Skipped] = 4
				case !weekend && local.Hour() >= 8 && local.Hour() < 18:
					want[playbook.Waiting] = 3
				default:
					spent := 0
					for _, at := range alone {
						if now.Sub(at) < time.Hour {
							spent++
						}
					}
					want[playbook.Approved] = 2 - spent
					want[playbook.Waiting] = 1 + spent
				}
				for range want[playbook.Approved] {
					alone = append(alone, now)
				}
				p.checkBurst(t, i, local, want, counts)
				p.respond(t, 20*time.Second)
				p.advance(step - time.Minute - 25*time.Second)
			}
			for _, action := range p.Actions() {
				if strings.HasPrefix(action.DNSName, "critical-") {
					t.Errorf("the excluded device %s was isolated", action.DNSName)
				}
			}
			if len(p.Actions()) != len(alone) {
				t.Errorf("got %d actions, want the %d that went by themselves", len(p.Actions()), len(alone))
			}
			t.Logf("%d runs: %d by themselves, %d asked, %d did nothing", 4*rounds, counts[playbook.Approved], counts[playbook.Waiting], counts[playbook.Skipped])
		})
	}
}

// burst is four alerts on four devices, one of them excluded.
func (p *portal) burst(round int) {
	for k := range 4 {
		alert := ransom()
		number := 4*round + k
		alert.ID, alert.IncidentID = fmt.Sprintf("da%018d_%d", 637551227677560000+number, number), nil
		machine := fakedefender.Machine{ID: fmt.Sprintf("%040x", number+1), DNSName: fmt.Sprintf("ws-%d", number)}
		if k == 0 {
			machine.DNSName, machine.Tags = fmt.Sprintf("critical-%d", number), []string{"Critical"}
		}
		alert.MachineID, alert.ComputerDNSName = machine.ID, machine.DNSName
		p.AddMachine(machine)
		p.Add(alert)
	}
}

// checkBurst compares the states of a burst's runs, the newest four, with those that are wanted.
func (p *portal) checkBurst(t *testing.T, round int, local time.Time, want, counts map[playbook.State]int) {
	t.Helper()
	runs, err := p.rooms.playbooks.Runs(t.Context(), playbook.Filter{Limit: 4})
	if err != nil || len(runs) != 4 {
		t.Fatalf("got %d runs, %v", len(runs), err)
	}
	got := map[playbook.State]int{}
	for _, run := range runs {
		got[run.State]++
		counts[run.State]++
		if strings.HasPrefix(run.DeviceName(), "critical-") && run.State != playbook.Skipped {
			t.Errorf("round %d: the run on the excluded device is %s (%s)", round, run.State, run.Reason)
		}
	}
	for _, state := range []playbook.State{playbook.Approved, playbook.Waiting, playbook.Skipped} {
		if got[state] != want[state] {
			t.Errorf("round %d, %s: got %v, want %v", round, local, got, want)
			return
		}
	}
}
