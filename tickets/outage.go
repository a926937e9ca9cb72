package tickets

import "time"

// Spooled is a mail that was kept outside of the database while that was away. ID is the same however often the mail is
// handed over. Stored is the mail's id where the database has the mail already, but could not make a ticket of it, else 0.
type Spooled struct {
	ID       string
	Stored   int64
	Envelope Envelope
	Raw      []byte
	Events   []OutageEvent // oldest first
}

// OutageEvent is one thing that was done about a mail while the database was away: somebody was told, or acknowledged.
type OutageEvent struct {
	At      time.Time       `json:"at"`
	Type    OutageEventType `json:"type"`
	Person  string          `json:"person,omitempty"`
	Webhook string          `json:"webhook,omitempty"`
	Contact string          `json:"contact,omitempty"`
	Channel string          `json:"channel,omitempty"`
	Detail  string          `json:"detail,omitempty"`
	Token   []byte          `json:"token,omitempty"` // the hash of the acknowledge link that was sent
}

// OutageEventType names what was done.
type OutageEventType string

// The things that are done while the database is away.
const (
	OutageTold         OutageEventType = "told"
	OutageFailed       OutageEventType = "failed"
	OutageAcknowledged OutageEventType = "acknowledged"
)

// OutageAck is an acknowledgement from the time of an outage.
type OutageAck struct {
	Ticket int64
	Actor  string
	At     time.Time
}
