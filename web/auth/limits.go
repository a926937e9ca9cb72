package auth

import (
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// Failed sign-ins that are answered in failureWindow before the next is refused unheard.
const (
	failuresPerAccount = 10
	failuresPerAddress = 50
	failureWindow      = 15 * time.Minute
)

// maxCounted bounds the keys that a limiter remembers.
const maxCounted = 20_000

// LimitError refuses a sign-in because too many failed before it.
type LimitError struct{ RetryAfter time.Duration }

func (e *LimitError) Error() string {
	return fmt.Sprintf("too many failed sign-ins; try again in %d min", int(e.RetryAfter.Minutes())+1)
}

// limiter counts attempts by key in a sliding window, in memory. An attempt counts when it begins, so that attempts side
// by side cannot pass together, and is taken back when it succeeds.
type limiter struct {
	limit  int
	window time.Duration
	mutex  sync.Mutex
	counts map[string][]time.Time
}

func newLimiter(limit int, window time.Duration) *limiter {
	return &limiter{limit: limit, window: window, counts: map[string][]time.Time{}}
}

// begin counts an attempt. A positive wait refuses it.
func (l *limiter) begin(key string, now time.Time) (wait time.Duration) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	recent := l.counts[key]
	for len(recent) > 0 && now.Sub(recent[0]) >= l.window {
		recent = recent[1:]
	}
	if len(recent) >= l.limit {
		l.counts[key] = recent
		return l.window - now.Sub(recent[0])
	}
	if len(l.counts) >= maxCounted {
		l.forgetSome(now)
	}
	l.counts[key] = append(recent, now)
	return 0
}

// takeBack forgets the newest attempt of a key: it did not fail.
func (l *limiter) takeBack(key string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if recent := l.counts[key]; len(recent) > 1 {
		l.counts[key] = recent[:len(recent)-1]
	} else {
		delete(l.counts, key)
	}
}

// clear forgets every attempt of a key.
func (l *limiter) clear(key string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	delete(l.counts, key)
}

// forgetSome makes room: for everything that has left the window, and else for a tenth of the rest.
func (l *limiter) forgetSome(now time.Time) {
	for key, recent := range l.counts {
		if now.Sub(recent[len(recent)-1]) >= l.window {
			delete(l.counts, key)
		}
	}
	for key := range l.counts {
		if len(l.counts) < maxCounted-maxCounted/10 {
			return
		}
		delete(l.counts, key)
	}
}

// senderKey is the part of an address that one sender holds: an IPv4 address, or the /64 of an IPv6 one.
func senderKey(address string) string {
	if at, err := netip.ParseAddrPort(address); err == nil {
		address = at.Addr().String()
	}
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	prefix, err := ip.Prefix(64)
	if err != nil {
		return ip.String()
	}
	return prefix.String()
}
