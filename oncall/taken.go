package oncall

import (
	"encoding/json"
	"fmt"
	"time"

	"afterhours/oncall/notify"
	"afterhours/tickets"
)

// TakenType is the type of a notice that somebody else has a ticket, or that it is done.
const TakenType = "page.taken"

// A person gets so many notices of TakenType within this time; those that follow go together, TakenWait later.
const (
	TakenSingles = 5
	TakenWithin  = 5 * time.Minute
	TakenWait    = time.Minute
)

// Taken is what a notice of TakenType says. Also are tickets that were taken while it waited.
type Taken struct {
	By       string    `json:"by"` // a person's id, "token:NAME" or "system"
	ByName   string    `json:"by_name"`
	At       time.Time `json:"at"`
	Resolved bool      `json:"resolved"`
	From     string    `json:"from,omitempty"` // who had it before
	Also     []int64   `json:"also,omitempty"`
}

// Told is somebody who was told of a ticket, by the contact that reached them last.
type Told struct {
	Ticket     int64
	Person     string
	Contact    string
	Channel    string
	Generation int
}

// TakenNotice tells one person who has a ticket; ok is false where that person did it. One goes to a person for each time
// that the ticket's policy started, however often the ticket changes hands.
func (c Configuration) TakenNotice(told Told, change tickets.Change) (notice Page, ok bool) {
	if told.Person == change.Actor {
		return Page{}, false
	}
	cause := fmt.Sprintf("%d/%s", told.Generation, told.Person)
	if told.Person == change.Owner {
		cause += "/" + change.At.UTC().Format(time.RFC3339Nano)
	}
	taken := Taken{
		By: change.Actor, ByName: c.Name(change.Actor), At: change.At.UTC(), Resolved: change.Kind == tickets.ChangeResolved, From: change.Owner,
	}
	payload, err := json.Marshal(taken)
	if err != nil { // plain texts can always be written
		return Page{}, false
	}
	return Page{
		Ticket: told.Ticket, Person: told.Person, Contact: told.Contact, Channel: told.Channel, Type: TakenType, Cause: cause,
		Generation: told.Generation, State: PageQueued, DueAt: change.At, CreatedAt: change.At, Payload: payload,
	}, true
}

// composeTaken says who has a ticket. A person with detail "minimal" gets the numbers and the link alone.
func composeTaken(d Dispatch, links Links) (notify.Message, error) {
	message := noticeMessage(d, links)
	var taken Taken
	if err := json.Unmarshal(d.Page.Payload, &taken); err != nil {
		return message, fmt.Errorf("compose notice %d: %w", d.Page.ID, err)
	}
	minimal := d.Person.Detail == DetailMinimal
	verb := "has"
	if taken.Resolved {
		verb = "resolved"
	}
	who := taken.ByName
	if minimal {
		who = "Somebody"
	}
	message.Subject = fmt.Sprintf("%s %s #%d", who, verb, d.Ticket.Number)
	if !minimal {
		message.Subject += ": " + title(d.Ticket)
	}
	said := "You need not do anything."
	if taken.From != "" && taken.From == d.Person.ID {
		said = "The ticket was yours; it was taken over."
	}
	for _, number := range taken.Also {
		said += fmt.Sprintf("\nAlso taken: #%d", number)
	}
	if taken.Also == nil {
		taken.Also = []int64{} // receivers get a list, also an empty one
	}
	data := map[string]any{"person": d.Page.Person, "ticket": d.Ticket, "by": taken.By, "at": taken.At, "resolved": taken.Resolved, "also": taken.Also}
	if minimal {
		data["ticket"] = map[string]any{"number": d.Ticket.Number, "severity": d.Ticket.Severity}
	}
	return message, sayNotice(&message, said, data)
}
