package main

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// A Postgres whose host died or whose network was cut says nothing more. Its connections end soon enough for a failover to
// be noticed while replies to senders are held, not after the quarter of an hour that TCP takes by itself.
const (
	connectWithin = 3 * time.Second        // with each host of a URL that names several and has no connect_timeout
	knockWithin   = 500 * time.Millisecond // at a host that was silent when it was called last
	silentAfter   = 8 * time.Second        // what was sent and is not acknowledged
	mostSilent    = 100                    // addresses that are remembered
)

// awaited is asked of a connection on which an answer is awaited: it ends 9 s after the other side fell silent.
var awaited = net.KeepAliveConfig{Enable: true, Idle: 3 * time.Second, Interval: 2 * time.Second, Count: 3}

// databaseLine calls the hosts of a Postgres URL. One that is silent keeps nobody waiting for long who then comes to the
// next, whatever the order in the URL.
type databaseLine struct {
	call   func(ctx context.Context, network, address string) (net.Conn, error)
	mutex  sync.Mutex
	silent map[string]bool
}

// watchLine makes connections notice that the other side is gone.
func watchLine(config *pgconn.Config) {
	if config.ConnectTimeout == 0 && len(config.Fallbacks) > 0 {
		config.ConnectTimeout = connectWithin
	}
	dialer := net.Dialer{KeepAliveConfig: awaited, Control: endUnacknowledged}
	config.DialFunc = newDatabaseLine(dialer.DialContext).dial
}

func newDatabaseLine(call func(ctx context.Context, network, address string) (net.Conn, error)) *databaseLine {
	return &databaseLine{call: call, silent: map[string]bool{}}
}

func (l *databaseLine) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if l.isSilent(address) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, knockWithin)
		defer cancel()
	}
	conn, err := l.call(ctx, network, address)
	l.note(address, err)
	return conn, err
}

func (l *databaseLine) isSilent(address string) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.silent[address]
}

// note remembers who was silent: a host that refuses, or a router that knows no way to it, answers at once.
func (l *databaseLine) note(address string, err error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	var failed net.Error
	switch {
	case err == nil:
		delete(l.silent, address)
	case errors.As(err, &failed) && failed.Timeout():
		if len(l.silent) >= mostSilent {
			clear(l.silent)
		}
		l.silent[address] = true
	}
}
