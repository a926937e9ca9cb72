package smtpd

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// conn is a connection whose reads are bounded by its phase. The first failed read is remembered: every later read fails
// at once, so that what a broken connection left behind is never run as commands, and a mail that it cut off is never
// taken for a whole one.
type conn struct {
	net.Conn
	limiter *limiter
	address netip.Addr
	ends    time.Time // of the session

	failedLogins atomic.Int32
	missedEnd    atomic.Bool // go-smtp is to read the end of the data that it missed

	mutex    sync.Mutex
	failure  error
	data     bool      // inside DATA, or between the first and the last BDAT
	began    time.Time // of the data
	received int64     // octets of the data
	heard    time.Time // when some of it came last
	commands commandLines
	inBody   bool // inside DATA: what is read are no commands
	secure   bool // TLS has begun: what is read is not text
	stopping bool
}

// Reasons for which the connection itself ends reading. errStopping is a timeout to go-smtp, which then answers 421.
var (
	errTooSlow  = errors.New("smtpd: data came too slowly")
	errLongLine = errors.New("smtpd: command line too long")
	errStopping = os.ErrDeadlineExceeded
)

// bodyPause is how long DATA can stay silent before its reader looks at what has come (missedLines). errPause wakes that
// reader and fails nothing: as a temporary error, neither TLS nor the buffers in between remember it.
const bodyPause = time.Second

var errPause = &net.OpError{Op: "pause", Err: os.ErrDeadlineExceeded}

// tlsHandshake is the first octet of a TLS client's hello (RFC 8446, 5.1), which begins no SMTP command.
const tlsHandshake = 0x16

func newConn(raw net.Conn, address netip.Addr, l *limiter) *conn {
	return &conn{Conn: raw, limiter: l, address: address, ends: wallClock().Add(l.config.SessionTimeout)}
}

// SetReadDeadline is the connection's own: what go-smtp would set for a whole command or mail is left out.
func (c *conn) SetReadDeadline(time.Time) error { return nil }

// SetDeadline sets the write deadline alone.
func (c *conn) SetDeadline(at time.Time) error { return c.SetWriteDeadline(at) }

func (c *conn) Read(into []byte) (int, error) {
	if c.missedEnd.CompareAndSwap(true, false) {
		return copy(into, ".\r\n"), nil
	}
	if err := c.prepare(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(into)
	return c.examine(into, n, err)
}

// prepare sets the deadline of one read.
func (c *conn) prepare() error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.failure != nil {
		return c.failure
	}
	if c.stopping && !c.data {
		return c.stop()
	}
	timeout := c.limiter.config.CommandTimeout
	if c.data {
		timeout = c.limiter.config.DataTimeout - wallClock().Sub(c.heard)
	}
	if c.inBody {
		timeout = min(timeout, bodyPause)
	}
	deadline := wallClock().Add(timeout)
	if c.ends.Before(deadline) {
		deadline = c.ends
	}
	return c.Conn.SetReadDeadline(deadline)
}

// examine remembers failures and holds the bounds on lines and rate.
func (c *conn) examine(into []byte, n int, err error) (int, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if err != nil {
		if c.stopping && !c.data {
			return 0, c.stop()
		}
		if now := wallClock(); c.inBody && n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && now.Sub(c.heard) < c.limiter.config.DataTimeout && now.Before(c.ends) {
			return 0, errPause
		}
		c.failure = err
		return n, err
	}
	if c.data {
		c.received += int64(n)
		c.heard = wallClock()
		elapsed := c.heard.Sub(c.began)
		if elapsed > rateGrace && c.received < int64(elapsed/time.Second)*c.limiter.config.LeastRate {
			c.failure = errTooSlow
			return 0, c.failure
		}
	}
	if !c.secure && !c.inBody {
		if n > 0 && into[0] == tlsHandshake && c.commands.fresh() {
			c.secure = true // nothing that TLS carries can be measured here
		} else if !c.commands.take(into[:n]) {
			c.failure = errLongLine
			c.tell("500 5.5.2 line too long")
			return 0, net.ErrClosed
		}
	}
	return n, nil
}

// stop ends a connection that waits for a command. In clear text it says so itself; under TLS go-smtp does.
func (c *conn) stop() error {
	if c.failure == nil {
		c.failure = errStopping
		if !c.secure {
			c.failure = net.ErrClosed
			c.tell("421 4.3.2 the server is stopping, try again later")
		}
	}
	return c.failure
}

// tell writes a last line. The connection ends whether or not it arrives.
func (c *conn) tell(line string) { _, _ = c.Conn.Write([]byte(line + "\r\n")) }

// drain wakes a read that waits for a command.
func (c *conn) drain() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.stopping = true
	if !c.data {
		// The read wakes up and sees that the server is stopping; a closed connection needs no waking.
		_ = c.Conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// enterData and leaveData bound what is read between them as a mail's data. Between the chunks of BDAT there are
// commands, inside DATA there are none.
func (c *conn) enterData(chunked bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.data, c.inBody, c.began, c.received = true, !chunked, wallClock(), 0
	c.heard = c.began
}

func (c *conn) leaveData() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.inBody {
		c.commands = commandLines{}
	}
	c.data, c.inBody = false, false
}

// endData lets go-smtp see the end of data that it missed. Where more has come behind it, or under TLS, the connection
// cannot be read in step any more and ends after the reply.
func (c *conn) endData(idle bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if idle && !c.secure {
		c.missedEnd.Store(true)
	} else if c.failure == nil {
		c.failure = net.ErrClosed
	}
}

// broken says whether a read has failed.
func (c *conn) broken() bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.failure != nil
}

// poison makes every further read fail, so that the connection ends after the reply that is written now.
func (c *conn) poison() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.failure == nil {
		c.failure = net.ErrClosed
	}
}

func (c *conn) Close() error {
	c.limiter.release(c)
	return c.Conn.Close()
}

// wallClock is what the deadlines and rates of sockets go by: the kernel knows no other clock, so none is injected.
func wallClock() time.Time {
	return time.Now() //nolint:forbidigo // see above
}
