package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/cmd/afterhours/internal/fakedefender"
	"afterhours/migrations/pgtest"
	"afterhours/tickets/playbook"
)

// maxResident is what a process may hold while it reads a backlog, in MiB.
const maxResident = 150

// raced says whether this binary carries the race detector, which holds several times the memory.
func raced() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// childPortal is a portal that a process of its own polls, on the machine's clock. serve starts that process, also again
// after it was killed.
func childPortal(t *testing.T, tenant string) (p *portal, serve func() *served) {
	t.Helper()
	database, data := pgtest.URL(t), t.TempDir()
	pool, err := pgxpool.New(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	p = &portal{pool: pool}
	p.open(t, tenant)
	return p, func() *served {
		t.Helper()
		return serveChild(t, append(commandVars(database), "AFTERHOURS_DATA_DIR="+data, "AFTERHOURS_ALLOW_PRIVATE_WEBHOOKS=true", "AFTERHOURS_LOG_LEVEL=warn")...)
	}
}

// TestAKilledProcessReadsItsActionBackAndIsolatesOnce kills the process with SIGKILL between the request for an isolation
// and its answer: once after Microsoft has taken the request, once before. The process that follows reads back what the
// device was told.
func TestAKilledProcessReadsItsActionBackAndIsolatesOnce(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]fakedefender.Fault{"the request had arrived": {CutAfter: true}, "the request was lost": {Cut: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, serve := childPortal(t, ", poll: 1s")
			p.configure(t, "playbooks: [{id: isolate, match: {severity: high}, action: isolate_device, otherwise: automatic}]")
			p.AddMachine(fakedefender.Machine{ID: machineID, DNSName: "srv-sql-07.contoso.example"})
			var child *served
			killed := make(chan struct{})
			var once sync.Once
			p.Change(func(s *fakedefender.Server) {
				s.ActionTakes = time.Second
				s.Faults = func(_ int, r *http.Request) (found *fakedefender.Fault) {
					if r.Method == http.MethodPost {
						once.Do(func() {
							found = &fakedefender.Fault{Cut: fault.Cut, CutAfter: fault.CutAfter, Then: func() {
								child.kill()
								close(killed)
							}}
						})
					}
					return found
				}
			})
			child = serve()
			p.Add(ransom())
			<-killed
			if run := p.run(t); run.State != playbook.Requesting {
				t.Fatalf("the process died and left the run %s (%s), want it to be asked for", run.State, run.Reason)
			}
			died := time.Now()
			serve()
			for p.run(t).State != playbook.Succeeded && time.Since(died) < 5*patience {
				time.Sleep(50 * time.Millisecond) // the pace of polling
			}
			if run := p.run(t); run.State != playbook.Succeeded || len(p.Actions()) != 1 || !p.Machine(machineID).Isolated {
				t.Errorf("got %s (%s) after %d actions, isolated %t; want it done by one", run.State, run.Reason, len(p.Actions()), p.Machine(machineID).Isolated)
			}
			t.Logf("isolated by %d action, %s after the death", len(p.Actions()), time.Since(died).Round(time.Millisecond))
		})
	}
}

// TestAProcessReadsABacklogThroughFaultsAndDeaths lets a process of its own read a backlog while the API throttles, breaks
// and breaks off, and kills it twice in the middle of a poll.
func TestAProcessReadsABacklogThroughFaultsAndDeaths(t *testing.T) {
	longTest(t)
	t.Parallel()
	total := backlogSize()
	p, serve := childPortal(t, ", poll: 1s")
	now := p.clock()
	for i := range total {
		alert := ransom()
		alert.ID, alert.IncidentID, alert.Severity = fmt.Sprintf("da%018d_%d", 630000000000000000+i, i), nil, []string{"High", "Medium", "Low", "Informational"}[i%4]
		alert.MachineID, alert.ComputerDNSName = fmt.Sprintf("%040x", i%500), fmt.Sprintf("ws-%04d.contoso.example", i%500)
		alert.UpdatedAt = now.Add(-time.Duration(i%1500) * time.Second) // within the hour that a first poll looks back, for as long as it takes
		alert.CreatedAt = alert.UpdatedAt.Add(-2 * time.Hour)
		p.Add(alert)
	}
	var child *served
	running := make(chan *served, 1) // the one to kill
	var mutex sync.Mutex
	random := rand.New(rand.NewPCG(3, 4))
	deaths, faults, worst := make(chan struct{}, 2), 0, 0.0
	every := total/3000 + 5 // a death after so many requests
	p.Change(func(s *fakedefender.Server) {
		s.Duplicates = 50
		if total < 20_000 { // pages enough to break
			s.MaxPage, s.NextLink = total/20, true
		}
		s.Faults = func(n int, _ *http.Request) *fakedefender.Fault {
			mutex.Lock()
			defer mutex.Unlock()
			if child != nil {
				worst = max(worst, child.memory("VmHWM"))
			}
			if n == every || n == 2*every {
				return &fakedefender.Fault{CutAfter: true, Then: func() {
					(<-running).kill()
					deaths <- struct{}{}
				}}
			}
			fault := map[int]fakedefender.Fault{0: {Status: 429, RetryAfter: 1}, 1: {Status: 500}, 2: {Cut: true}, 3: {CutAfter: true}}
			if found, ok := fault[random.IntN(20)]; ok {
				faults++
				return &found
			}
			return nil
		}
	})
	began := time.Now()
	begin := func() {
		fresh := serve()
		mutex.Lock()
		defer mutex.Unlock()
		child = fresh
		running <- fresh
	}
	begin()
	limit := time.After(5*patience + time.Duration(total)*10*time.Millisecond)
	polled, restarts := false, 0
	for !polled {
		select {
		case <-deaths:
			restarts++
			begin()
		case <-time.After(200 * time.Millisecond):
			polled = p.status(t).PolledAt != nil && restarts == 2
		case <-limit:
			t.Fatalf("the backlog is not read; %d of %d alerts are tickets after %d restarts, status %+v", p.count(t, `SELECT count(*) FROM tickets`), total, restarts, p.status(t))
		}
	}
	took := time.Since(began)
	worst = max(worst, child.memory("VmHWM"))
	if _, err := child.terminate(); err != nil {
		t.Errorf("the process did not end well: %v", err)
	}
	if got := p.count(t, `SELECT count(*) FROM tickets`); got != total {
		t.Errorf("got %d tickets of %d alerts, want one each", got, total)
	}
	if got := p.count(t, `SELECT count(*) FROM ticket_events WHERE type IN ('updated', 'merged', 'reopened')`); got != 0 {
		t.Errorf("%d alerts counted twice", got)
	}
	if got := p.count(t, `SELECT count(*) FROM pages`); got != 0 {
		t.Errorf("a backlog paged %d times", got)
	}
	if p.WorstMinute() > fakedefender.PerMinute {
		t.Errorf("got %d requests within a minute, Microsoft allows %d", p.WorstMinute(), fakedefender.PerMinute)
	}
	if worst > maxResident && !raced() {
		t.Errorf("the process held %.0f MiB, want at most %d", worst, maxResident)
	}
	t.Logf("%d alerts in %s: %d requests, at most %d a minute, %d of them broken, %d deaths, %.0f MiB at most", total, took.Round(time.Second), p.Requests(), p.WorstMinute(), faults, restarts, worst)
}
