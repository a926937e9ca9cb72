package tickets

import (
	"net/netip"
	"time"
)

// Envelope is what the way in knows of a mail beside its bytes.
type Envelope struct {
	From       string
	To         []string
	Remote     netip.Addr // the zero Addr where there was no connection
	Helo       string
	TLS        bool
	ReceivedAt time.Time
	// Verified is nil where the sender was neither authenticated nor refused.
	Verified *bool
}

// Mail is one accepted mail, without its body. Ticket is 0 and Alert nil until it is read.
type Mail struct {
	ID         int64
	Envelope   Envelope
	Size       int // of the raw body, in octets
	State      MailState
	Ticket     int64
	ReadAt     *time.Time
	MessageID  string
	Subject    string
	Alert      *Alert
	ReceivedAt time.Time
	Imported   bool // it came from a file
}

// source is the way by which the mail came in.
func (m Mail) source() Source {
	if m.Imported {
		return FromImport
	}
	return FromEmail
}

// MailState is how far an accepted mail has come.
type MailState string

// The states of a mail.
const (
	MailAccepted MailState = "accepted" // committed, not yet read
	MailRead     MailState = "read"     // read into its ticket
	MailRepeated MailState = "repeated" // an exact repeat of a mail that was read: it changed nothing
	MailAnswered MailState = "answered" // it answers one of ours, or is one of ours that came back: no ticket of its own
)
