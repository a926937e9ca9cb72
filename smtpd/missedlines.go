package smtpd

import (
	"bytes"
	"errors"
	"io"
)

// missedLines reads DATA behind go-smtp's reader and mends what that one misses: after a line that ends with CR CR LF, as
// some programs and filters write them, it does not see that a new line begins. It would leave that line's stuffed dot, and
// wait for ever for the end of a mail whose last line ends so.
type missedLines struct {
	from    io.Reader
	crs     int    // CRs just before the present octet
	begins  bool   // a line begins here that was missed
	dot     bool   // it began with a dot, which is left out
	dotCR   bool   // and a CR, which is held back
	pending []byte // mended, and not read yet
	failure error  // of the reader, once that is read
	ended   bool   // by CR LF . CR LF that was missed
	idle    bool   // nothing followed that end: the sender waits for its answer
}

func (m *missedLines) Read(into []byte) (n int, err error) {
	for len(m.pending) == 0 {
		switch {
		case m.ended:
			return 0, io.EOF
		case m.failure != nil:
			return 0, m.failure
		}
		n, err = m.from.Read(into)
		m.idle = errors.Is(err, errPause) // nothing more comes for now: what is here may be all
		if m.idle {
			err = nil
		}
		if m.sound(into[:n]) {
			if n > 0 || err != nil {
				return n, err
			}
			continue
		}
		m.failure = err
		m.mend(into[:n])
	}
	n = copy(into, m.pending)
	m.pending = m.pending[n:]
	return n, nil
}

// sound says whether nothing was missed in what was read, and keeps count of the CRs at its end.
func (m *missedLines) sound(read []byte) bool {
	if m.begins || m.dot || m.crs > 0 && len(read) > 0 && (read[0] == '\r' || m.crs > 1) || bytes.Contains(read, []byte("\r\r")) {
		return false
	}
	if len(read) > 0 {
		m.crs = 0
		if read[len(read)-1] == '\r' {
			m.crs = 1
		}
	}
	return true
}

func (m *missedLines) mend(read []byte) {
	for i, c := range read {
		switch {
		case m.dotCR:
			m.dot, m.dotCR = false, false
			if c == '\n' {
				m.ended, m.idle = true, m.idle && i == len(read)-1
				return
			}
			m.pending = append(m.pending, '\r')
			m.crs = 1
		case m.dot:
			if c == '\r' {
				m.dotCR = true
				continue
			}
			m.dot = false
		case m.begins:
			m.begins = false
			if c == '.' {
				m.dot = true
				m.crs = 0
				continue
			}
		}
		m.pending = append(m.pending, c)
		switch c {
		case '\r':
			m.crs++
		case '\n':
			m.begins = m.crs > 0 && m.crs%2 == 0 // of an odd number go-smtp sees the last one
			m.crs = 0
		default:
			m.crs = 0
		}
	}
}
