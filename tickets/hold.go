package tickets

import "time"

// Hold keeps a ticket, its timeline and its mails from being forgotten, for as long as somebody needs them.
type Hold struct {
	Reason string    `json:"reason"`
	By     string    `json:"by"` // a person's id, "token:NAME" or ActorSystem
	At     time.Time `json:"at"`
}

// MaxHoldReason bounds a hold's reason, in characters.
const MaxHoldReason = 500
