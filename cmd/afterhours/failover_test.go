package main

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

var (
	failoverRounds   = flag.Int("failover", 0, "kill gateways and the primary of a replicated Postgres and cut its network so many times; needs root, Patroni and etcd")
	failoverGateways = flag.Int("failover-gateways", 3, "gateways on it")
	failoverRate     = flag.Float64("failover-rate", 60, "mails a second meanwhile, each of which pages")
)

const (
	failoverSessions = 24
	failoverPause    = 15 * time.Second // the longest of paging
	failoverCalm     = 8 * time.Second  // of load between two faults
)

// TestPagingOutlivesItsHosts sends through three gateways on a replicated Postgres while a gateway, then the primary are
// killed, and the network of the primary, then of the standby is cut: of every mail with a 250 none is lost, none has two
// effects, each pages, and paging never pauses for longer than 15 s.
func TestPagingOutlivesItsHosts(t *testing.T) {
	if *failoverRounds == 0 {
		t.Skip("only where a number is given: -failover 1")
	}
	postgres := startReplicated(t, 2)
	ana, ben := newHook(t), newHook(t)
	address := postgres.url("afterhours", "afterhours")
	configureDatabase(t, address, team(ana, ben, "24h"))
	gateways, dirs := make([]*served, *failoverGateways), make([]string, *failoverGateways)
	serve := func(i int) {
		gateways[i] = serveChild(t, gatewayVariables(address, dirs[i])...)
	}
	var h history
	known := func() {
		addresses := make([]string, len(gateways))
		for i, gateway := range gateways {
			addresses[i] = gateway.smtp
		}
		h.at(addresses...)
	}
	for i := range gateways {
		dirs[i] = t.TempDir()
		serve(i)
	}
	known()
	h.pace = time.Duration(float64(failoverSessions) / *failoverRate * float64(time.Second))
	h.open.Store(true)
	h.begin(failoverSessions)
	began := time.Now()
	calm := func() { time.Sleep(failoverCalm) } // load between two faults
	fault := func(what string, do func()) {
		t.Helper()
		at := time.Now()
		do()
		calm()
		t.Logf("%s: paging paused for at most %s", what, longestPause(ana, at, time.Now()).Round(10*time.Millisecond))
	}
	calm()
	for round := range *failoverRounds {
		i := round % len(gateways)
		fault(fmt.Sprintf("gateway %d killed", i+1), func() {
			gateways[i].kill()
			calm()
			serve(i)
			known()
		})
		primary, _ := postgres.roles()
		fault("primary "+primary.name+" killed", func() {
			postgres.kill(primary)
			postgres.until("another primary", func() bool { return postgres.other(primary).is("primary") })
			calm()
			postgres.start(primary)
		})
		primary, _ = postgres.roles()
		fault("network of primary "+primary.name+" cut", func() {
			postgres.cut(primary)
			postgres.until("another primary", func() bool { return postgres.other(primary).is("primary") })
			calm()
			postgres.join(primary)
		})
		_, standby := postgres.roles()
		fault("network of standby "+standby.name+" cut", func() {
			postgres.cut(standby)
			calm()
			calm()
			postgres.join(standby)
		})
		postgres.roles()
	}
	ended := time.Now()
	h.end()
	pool, err := pgxpool.New(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	drained(t, dirs...)
	(&gatewayAlone{pool: pool}).settled(t, 10*patience)
	h.check(t, pool)
	h.checkPages(t, ana, 3*patience)
	pause := longestPause(ana, began.Add(failoverCalm), ended)
	t.Logf("%d rounds in %s, %.0f mails/s: paging paused for at most %s", *failoverRounds, ended.Sub(began).Round(time.Second), float64(len(h.promised))/ended.Sub(began).Seconds(), pause.Round(10*time.Millisecond))
	if pause > failoverPause {
		t.Errorf("paging paused for %s, want at most %s", pause.Round(10*time.Millisecond), failoverPause)
	}
	for _, gateway := range gateways {
		if took, err := gateway.terminate(); err != nil {
			t.Errorf("stop: %v", err)
		} else {
			within(t, "a gateway stops", took, 30*time.Second)
		}
	}
}

// longestPause is the longest time between two arrivals, and before the first and after the last.
func longestPause(told *hook, from, to time.Time) (longest time.Duration) {
	last := from
	for _, delivery := range told.deliveries() {
		if delivery.at.After(from) && delivery.at.Before(to) {
			longest, last = max(longest, delivery.at.Sub(last)), delivery.at
		}
	}
	return max(longest, to.Sub(last))
}
