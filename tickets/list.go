package tickets

import "time"

// Filter chooses tickets. A zero field does not restrict; Limit is 1 to MaxLimit, 0 means DefaultLimit.
type Filter struct {
	States     []State
	Severities []Severity
	Products   []Product
	Query      string // every word must begin a word of number, title, device, user, id or mail
	Assignee   string
	Since      time.Time // created at or after
	Until      time.Time // created before
	Limit      int
	Before     int64 // the page begins below this number; 0 begins at the newest
}

// The bounds of a list.
const (
	DefaultLimit = 50
	MaxLimit     = 500
)

// List is one page of tickets, newest first. Next is the Before of the page after it, 0 at the end.
type List struct {
	Tickets []Ticket
	Next    int64
}

// Counts says how many tickets are in each unresolved state.
type Counts struct {
	Open, Acknowledged int
	Any                bool // there is a ticket, in whatever state
}
