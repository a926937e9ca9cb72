// Package tickets is the domain: what an alert says, what a ticket is, which alerts belong together, and the use
// case that turns accepted mails into tickets. It knows neither SQL nor mail nor HTTP and imports the standard
// library alone; every other room speaks in its types.
//
// The correlation (keys.go, correlate.go) is pure: given what is stored and what was read, it returns a plan; the
// store executes the plan in one transaction. Nothing here asks the clock or the network.
package tickets

import (
	"strings"
	"time"
)

// State is where a ticket stands in its life.
type State string

// The states: open pages people, acknowledged has an owner, resolved is done.
const (
	Open         State = "open"
	Acknowledged State = "acknowledged"
	Resolved     State = "resolved"
)

// Valid says whether s is one of the three states.
func (s State) Valid() bool { return s == Open || s == Acknowledged || s == Resolved }

// UndoWithin is how long an acknowledgement can be taken back.
const UndoWithin = time.Minute

// Classifications are what a resolved ticket can turn out to be, in the words of Microsoft's API.
var Classifications = [...]string{"TruePositive", "FalsePositive", "InformationalExpectedActivity"}

// ParseClassification reads a classification in any case; an empty one is none.
func ParseClassification(text string) (classification string, ok bool) {
	for _, known := range Classifications {
		if strings.EqualFold(known, text) {
			return known, true
		}
	}
	return "", text == ""
}

// Source is the way by which a ticket came in.
type Source string

// The ways in.
const (
	FromEmail  Source = "email"
	FromAPI    Source = "api"
	FromImport Source = "import"
	FromManual Source = "manual"
)

// ActorSystem is the actor of everything that no person and no token did.
const ActorSystem = "system"

// Ticket is one matter that somebody has to look at. Its JSON form is the API's (times RFC 3339 UTC). AlertIDs,
// Devices and Users are in order of appearance, each once. AcknowledgedBy and Assignee hold a person's id,
// "token:NAME" or ActorSystem.
type Ticket struct {
	Number         int64      `json:"number"`
	State          State      `json:"state"`
	Severity       Severity   `json:"severity"`
	Kind           Kind       `json:"kind"`
	Product        Product    `json:"product"`
	Title          string     `json:"title"`
	Description    string     `json:"description"`
	Category       string     `json:"category"`
	Organisation   string     `json:"organisation"`
	TenantID       string     `json:"tenant_id"`
	IncidentID     string     `json:"incident_id"`
	AlertIDs       []string   `json:"alert_ids"`
	Devices        []string   `json:"devices"`
	Users          []string   `json:"users"`
	Links          []Link     `json:"links"`
	Classification string     `json:"classification"`
	Assignee       string     `json:"assignee"`
	Policy         string     `json:"policy"`
	CreatedAt      time.Time  `json:"created_at"`
	UpdatedAt      time.Time  `json:"updated_at"`
	AcknowledgedAt *time.Time `json:"acknowledged_at"`
	AcknowledgedBy string     `json:"acknowledged_by"`
	ResolvedAt     *time.Time `json:"resolved_at"`
	MessageCount   int        `json:"message_count"`
	// Verified is nil when the sender of the first mail was neither authenticated nor refused.
	Verified *bool `json:"verified"`
	// Authentication is what Verified stands on; nil where nothing was looked at.
	Authentication *Authentication `json:"authentication,omitempty"`

	Runbook string `json:"runbook"`
	Source  Source `json:"source"`
	// Machines, Techniques and Evidence are what the API adds; empty where it said nothing.
	Machines   []Machine  `json:"machines"`
	Techniques []string   `json:"techniques"`
	Evidence   []Evidence `json:"evidence"`
	// Hold keeps the ticket from being forgotten; nil where nobody holds it, and then JSON leaves it out.
	Hold *Hold `json:"hold,omitempty"`
}

// Event is one entry of a ticket's timeline, which is append-only. Data is a JSON object whose keys depend on Type.
type Event struct {
	At    time.Time      `json:"at"`
	Type  EventType      `json:"type"`
	Actor string         `json:"actor"`
	Data  map[string]any `json:"data"`
}

// EventType names what happened.
type EventType string

// The events of a ticket's timeline.
const (
	EventCreated       EventType = "created"
	EventUpdated       EventType = "updated"
	EventRaised        EventType = "severity_raised"
	EventMerged        EventType = "merged"
	EventReopened      EventType = "reopened"
	EventAcknowledged  EventType = "acknowledged"
	EventResolved      EventType = "resolved"
	EventNote          EventType = "note"
	EventSnoozed       EventType = "snoozed"
	EventAssigned      EventType = "assigned"
	EventReread        EventType = "reread"     // its mails were read again, by a better parser or a new rule
	EventRecorded      EventType = "recorded"   // a route decided that nobody is paged
	EventEscalated     EventType = "escalated"  // a step of the policy was executed
	EventTakenOver     EventType = "taken_over" // another person has it now
	EventReply         EventType = "reply"      // a mail that answers a page, where it is no note
	EventDeferred      EventType = "deferred"   // the policy waits for the end of quiet or closed hours
	EventExhausted     EventType = "exhausted"  // the policy has no further step
	EventPageSent      EventType = "page_sent"
	EventPageDelivered EventType = "page_delivered" // the provider says so
	EventPageHeld      EventType = "page_held"
	EventPageFailed    EventType = "page_failed"
	EventPagesStopped  EventType = "pages_cancelled"
	EventHeld          EventType = "held"     // it is kept beyond every retention
	EventReleased      EventType = "released" // it is not any more
)
