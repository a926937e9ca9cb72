package tickets

import (
	"net/netip"
	"strings"
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
	// Authentication is what that verdict stands on; nil where nothing was looked at.
	Authentication *Authentication
}

// Authentication is what was found out about who sent a mail. SPF, DKIM and DMARC are words of RFC 8601 (pass, fail,
// none, temperror, …), empty where they were not looked at.
type Authentication struct {
	Author string `json:"author,omitempty"` // the domain that From claims
	SPF    string `json:"spf,omitempty"`
	DKIM   string `json:"dkim,omitempty"`
	DMARC  string `json:"dmarc,omitempty"`
	ARC    string `json:"arc,omitempty"`   // what the newest ARC set claims: recorded, never believed
	Relay  string `json:"relay,omitempty"` // a trusted relay's own words; ours are not asked for then
	Spoof  bool   `json:"spoof,omitempty"` // From claims to be Microsoft, and DMARC fails
	Loop   string `json:"loop,omitempty"`  // why the mail goes in a circle; empty where it does not
}

// String lists what was looked at, like "spf=pass dkim=pass dmarc=pass".
func (a *Authentication) String() string {
	if a == nil {
		return ""
	}
	var parts []string
	for _, part := range [...]struct{ name, value string }{
		{"spf", a.SPF}, {"dkim", a.DKIM}, {"dmarc", a.DMARC}, {"arc", a.ARC},
	} {
		if part.value != "" {
			parts = append(parts, part.name+"="+part.value)
		}
	}
	if a.Relay != "" {
		parts = append(parts, "relay: "+a.Relay)
	}
	return strings.Join(parts, " ")
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

// Stored is a stored mail with its body.
type Stored struct {
	ID, Ticket int64
	Subject    string
	Raw        []byte
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
