package smtpd

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

const refusalTimeout = 2 * time.Second

// limiter knows every connection: it refuses those above the limits and ends them at a stop.
type limiter struct {
	config   *Config
	mutex    sync.Mutex
	open     map[*conn]struct{}
	from     map[netip.Addr]int
	draining bool
}

func newLimiter(config *Config) *limiter {
	return &limiter{config: config, open: map[*conn]struct{}{}, from: map[netip.Addr]int{}}
}

func (l *limiter) listen(inner net.Listener) net.Listener { return &listener{inner, l} }

// listener hands on the connections that the limiter admits, wrapped.
type listener struct {
	net.Listener
	limiter *limiter
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if admitted, reason := l.limiter.admit(raw); admitted != nil {
			return admitted, nil
		} else {
			go refuse(raw, reason)
		}
	}
}

func refuse(raw net.Conn, reason string) {
	defer raw.Close()
	// A client that does not read its refusal loses nothing else.
	_ = raw.SetDeadline(wallClock().Add(refusalTimeout))
	_, _ = raw.Write([]byte("421 4.7.0 " + reason + "\r\n"))
}

func (l *limiter) admit(raw net.Conn) (admitted *conn, refusal string) {
	address := remoteAddr(raw)
	l.mutex.Lock()
	defer l.mutex.Unlock()
	switch {
	case l.draining:
		return nil, "the server is stopping, try again later"
	case len(l.open) >= l.config.MaxConnections:
		return nil, "too many connections, try again later"
	case !address.IsLoopback() && l.from[address] >= l.config.MaxPerAddress:
		return nil, "too many connections from your address, try again later"
	}
	c := newConn(raw, address, l)
	l.open[c] = struct{}{}
	l.from[address]++
	return c, ""
}

func (l *limiter) release(c *conn) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if _, ok := l.open[c]; !ok {
		return
	}
	delete(l.open, c)
	if l.from[c.address]--; l.from[c.address] == 0 {
		delete(l.from, c.address)
	}
}

// drain refuses new connections and wakes those that wait for a command, which end with 421.
func (l *limiter) drain() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.draining = true
	for c := range l.open {
		c.drain()
	}
}

func (l *limiter) closeAll() {
	l.mutex.Lock()
	var left []*conn
	for c := range l.open {
		left = append(left, c)
	}
	l.mutex.Unlock()
	for _, c := range left {
		// What is cut here gets no 250, so the sender keeps it.
		_ = c.Close()
	}
}

func remoteAddr(raw net.Conn) netip.Addr {
	if tcp, ok := raw.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
