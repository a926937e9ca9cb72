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
	failoverRate     = flag.Float64("failover-rate", 60, "mails a second meanwhile, each of which pages by itself")
	failoverStorm    = flag.Bool("failover-storm", false, "each tenth mail pages by itself, the others by summaries, as in a storm")
)

const (
	failoverPause = 15 * time.Second // the longest of paging
	failoverCalm  = 8 * time.Second  // of load between two faults
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
	configuration := team(ana, ben, "24h")
	if *failoverStorm {
		configuration = stormOfTenths(ana, ben)
	}
	configureDatabase(t, address, configuration)
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
	sessions := max(24, int(*failoverRate/10))
	h.pace, h.tenths = time.Duration(float64(sessions) / *failoverRate * float64(time.Second)), *failoverStorm
	h.open.Store(true)
	h.begin(sessions)
	began := time.Now()
	calm := func() { time.Sleep(failoverCalm) } // load between two faults
	fault := func(what string, do func()) {
		t.Helper()
		at, before := time.Now(), h.answered()
		do()
		calm()
		t.Logf("%s: paging paused for at most %s; %.0f mails/s", what, longestPause(ana, at, time.Now()).Round(10*time.Millisecond), float64(h.answered()-before)/time.Since(at).Seconds())
	}
	back := func(what string) (primary, standby *patroniNode) {
		t.Helper()
		at, before := time.Now(), h.answered()
		primary, standby = postgres.roles()
		t.Logf("%s is a standby again %s after the calm; %.0f mails/s meanwhile", what, time.Since(at).Round(100*time.Millisecond), float64(h.answered()-before)/time.Since(at).Seconds())
		return primary, standby
	}
	calm()
	t.Logf("before the first fault: %.0f mails/s by %d sessions", float64(h.answered())/time.Since(began).Seconds(), sessions)
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
		primary, _ = back("the killed node")
		fault("network of primary "+primary.name+" cut", func() {
			postgres.cut(primary)
			postgres.until("another primary", func() bool { return postgres.other(primary).is("primary") })
			calm()
			postgres.join(primary)
		})
		_, standby := back("the node that was cut off")
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
	if *failoverStorm {
		h.checkSummaries(t, pool, ben, 3*patience)
	}
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
