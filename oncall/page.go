package oncall

import (
	"encoding/json"
	"time"
)

// PageState is how far a page has come.
type PageState string

// The states of a page. Queued and held pages are the only ones that can still change.
const (
	PageQueued    PageState = "queued"
	PageHeld      PageState = "held" // there is no way out of the house: kept, and readable in the web
	PageSent      PageState = "sent" // a provider accepted it
	PageDelivered PageState = "delivered"
	PageFailed    PageState = "failed"
	PageCancelled PageState = "cancelled"
)

// Lost says whether an attempt that ended so has reached nobody.
func (s PageState) Lost() bool { return s == PageFailed || s == PageHeld }

// Page is one notification to one contact of one person, or to a webhook of the team (Person is empty then). Its JSON
// form is the API's.
type Page struct {
	ID         int64      `json:"id"`
	Ticket     int64      `json:"ticket"`
	Person     string     `json:"person"`
	Webhook    string     `json:"webhook"`
	Contact    string     `json:"contact"`
	Channel    string     `json:"channel"`
	Recipient  string     `json:"recipient"` // the contact's address, without credentials
	Type       string     `json:"type"`
	Generation int        `json:"-"`
	Repetition int        `json:"repetition"` // a push is repeated until somebody acknowledges
	Round      int        `json:"round"`
	Step       int        `json:"step"`
	State      PageState  `json:"state"`
	Attempts   int        `json:"attempts"`
	LastError  string     `json:"last_error"`
	ProviderID string     `json:"provider_id"`
	DueAt      time.Time  `json:"due_at"`
	CreatedAt  time.Time  `json:"created_at"`
	SentAt     *time.Time `json:"sent_at"`
	FinishedAt *time.Time `json:"finished_at"`
	// Bundled says that the page waits for a summary, or went with one.
	Bundled bool `json:"bundled"`
	// Reason is why the page waits, like QuietReason; empty otherwise.
	Reason string `json:"reason"`
	// Cause tells notices of a ticket and a type apart: the same cause makes one.
	Cause string `json:"-"`
	// Intake is the address by which unverified mail came in, by its id: its budget is counted apart.
	Intake string `json:"-"`
	// Bundle bounds the single pages of the page's policy.
	Bundle Bundle `json:"-"`
	// Payload is the data of an event or a summary; nil for a page, whose data is made when it is sent.
	Payload json.RawMessage `json:"-"`
}

// Target names to whom by what a page goes: what has the same target waits in the same line.
func (p Page) Target() string {
	if p.Webhook != "" {
		return "webhook:" + p.Webhook
	}
	return p.Person + "/" + p.Contact
}

// IsEvent says whether this is a delivery of an event to a webhook, and neither a page nor a summary of pages nor a notice
// to a person.
func (p Page) IsEvent() bool { return p.Type != PageType && p.Type != SummaryType && !p.IsNotice() }

// giveUpAfter is how long after its moment a delivery is tried again: a page must make room for the next contact, an
// event may wait for its receiver.
func (p Page) giveUpAfter() time.Duration {
	if p.IsEvent() {
		return eventGiveUpAfter
	}
	return giveUpAfter
}

// GiveUpAt is the moment after which a failed attempt is the last.
func (p Page) GiveUpAt() time.Time { return p.DueAt.Add(p.giveUpAfter()) }

// Bounds of repeated pushes.
const (
	repeatEvery  = time.Minute
	longestCycle = 60
)

// Repeat is the page that follows a push which was sent at now: a phone goes on ringing until somebody acknowledges. ok
// is false for other channels and after an hour.
func Repeat(page Page, now time.Time) (again Page, ok bool) {
	if page.Channel != "push" || page.Type != PageType || page.Repetition >= longestCycle {
		return page, false
	}
	again = page
	again.ID, again.State, again.Attempts, again.LastError, again.ProviderID = 0, PageQueued, 0, "", ""
	again.SentAt, again.FinishedAt = nil, nil
	again.Repetition++
	again.CreatedAt, again.DueAt = now, now.Add(repeatEvery)
	return again, true
}

// Letter is a page as its recipient reads it.
type Letter struct {
	To      string
	Subject string
	Text    string
	HTML    string
	Link    string // the acknowledge link
}

// Invitation is what an acknowledge link stands for: one person asked about one ticket.
type Invitation struct {
	Page   int64
	Ticket int64
	Person string // a person's id; empty where the page went to a webhook of the team
	Name   string // the person's name
}

// Outlook is what happens next to a ticket that nobody acknowledged: the named reason where nothing does.
type Outlook struct {
	State  string // running, stopped, exhausted or waiting; empty where the ticket was never escalated
	Policy string
	Round  int // the round and step that come next, counted from 1; those executed last unless running
	Step   int
	DueAt  time.Time // of the next step, or, waiting, of the acknowledgement's end; zero otherwise
	Next   []string  // names of those whom the next step would notify
	Reason string
}
