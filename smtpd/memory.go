package smtpd

import "time"

// Bounds of the memory for mails that are being received and stored.
const (
	block     = 64 << 10 // how much a growing mail asks for at a time
	largeMail = 1 << 20  // no notification is as large; beyond it a mail needs a place
)

// memory is what one mail holds of the memory for mails in flight. Small mails take it as they grow, so that slow senders
// hold little. A mail costs several times its size until it is stored, so that few large ones are received at a time: the
// others wait, and their senders with them.
type memory struct {
	server *Server
	taken  int64 // octets
	large  bool  // it has one of the places for large mails
}

// grow makes room for one more block of a mail of a size, and says whether there was any.
func (m *memory) grow(size int) bool {
	if size >= largeMail && !m.large {
		select {
		case m.server.large <- struct{}{}:
			m.large = true
		case <-time.After(m.server.config.LargeWait):
			return false
		}
	}
	m.taken += block
	return m.server.inFlight.Add(block) <= m.server.config.MaxInFlight
}

func (m *memory) release() {
	m.server.inFlight.Add(-m.taken)
	if m.large {
		<-m.server.large
	}
}
