package oncall

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"afterhours/oncall/notify"
	"afterhours/tickets"
)

// Question is a response action that waits for somebody's approval.
type Question struct {
	Run      int64     `json:"run"`
	Playbook string    `json:"playbook"`
	Action   string    `json:"action"`
	Device   string    `json:"device"`
	Until    time.Time `json:"until"`
	URL      string    `json:"url"` // of the desk, which asks to sign in
}

// voice is the channel that can carry no link: nobody can answer from a call, so it asks those alone who have nothing else.
const voice = "voice"

// ApprovalRequests are the messages that ask for approval: to whoever has the ticket, else to whom its policy tells first.
func (c Configuration) ApprovalRequests(ticket tickets.Ticket, question Question, at time.Time) ([]Page, error) {
	var asked []string
	if _, ok := c.Person(ticket.AcknowledgedBy); ok {
		asked = append(asked, ticket.AcknowledgedBy)
	}
	policy, ok := c.Policy(ticket.Policy)
	if !ok && len(c.Policies) > 0 {
		policy = c.Policies[0]
	}
	if len(asked) == 0 && len(policy.Steps) > 0 {
		for _, page := range c.reach(Position{Ticket: ticket.Number, Policy: policy.ID, Round: 1, Severity: ticket.Severity}, policy.Steps[0].Notify, at).pages {
			if page.Person != "" && !slices.Contains(asked, page.Person) {
				asked = append(asked, page.Person)
			}
		}
	}
	payload, err := json.Marshal(map[string]any{"ticket": ticket, "question": question})
	if err != nil {
		return nil, err
	}
	var pages []Page
	for _, id := range asked {
		person, _ := c.Person(id)
		contacts := person.EffectiveContacts()
		written := slices.ContainsFunc(contacts, func(contact Contact) bool { return contact.Channel != voice })
		for _, contact := range contacts {
			if contact.Channel != voice || !written {
				pages = append(pages, Page{
					Ticket: ticket.Number, Person: id, Contact: contact.ID, Channel: contact.Channel, Type: EventApprovalRequested,
					State: PageQueued, DueAt: at, CreatedAt: at, Payload: payload,
				})
			}
		}
	}
	return pages, nil
}

// composeApproval says a question. The link leads to the desk, which asks to sign in, never to an approval: whoever forwards
// the message or scans it approves nothing, and no button, key or reply of any channel answers it.
func composeApproval(d Dispatch, links Links) (notify.Message, error) {
	var said struct {
		Question Question `json:"question"`
	}
	if err := json.Unmarshal(d.Page.Payload, &said); err != nil {
		return notify.Message{}, fmt.Errorf("compose approval %d: %w", d.Page.ID, err)
	}
	q := said.Question
	message := notify.Message{
		ID: links.MessageID(d.Page.ID, d.Page.CreatedAt), Type: d.Page.Type, At: d.Page.CreatedAt, Severity: string(d.Ticket.Severity),
		Ticket: d.Ticket.Number, Subject: fmt.Sprintf("Approve? %s on %s (#%d)", actionWords(q.Action), q.Device, d.Ticket.Number),
		Link: q.URL, SignIn: true, Data: d.Page.Payload,
	}
	facts := []notify.Fact{
		{Label: "Playbook", Value: q.Playbook},
		{Label: "Ticket", Value: subject(d.Ticket, false)},
		{Label: "Answer before", Value: q.Until.In(location(d.Person.Timezone)).Format("2 Jan 2006 15:04 MST")},
	}
	if d.Person.Detail == DetailMinimal {
		message.Subject, facts = fmt.Sprintf("Approve? A response to ticket #%d", d.Ticket.Number), nil
		data, err := json.Marshal(map[string]any{"ticket": map[string]any{"number": d.Ticket.Number, "severity": d.Ticket.Severity}, "question": map[string]any{"run": q.Run, "url": q.URL}})
		if err != nil {
			return message, fmt.Errorf("compose approval %d: %w", d.Page.ID, err)
		}
		message.Data = data
	}
	message.Facts = facts
	const button = notify.SignInLabel
	message.Text = plainLetter(message.Subject, button, q.URL, facts)
	var err error
	if message.HTML, err = htmlLetter(message.Subject, button, q.URL, facts); err != nil {
		return message, fmt.Errorf("compose approval %d: %w", d.Page.ID, err)
	}
	return message, nil
}

func actionWords(action string) string {
	switch action {
	case "isolate_device":
		return "Isolate the device"
	case "release_device":
		return "Release the device"
	case "antivirus_scan":
		return "Run an antivirus scan"
	case "restrict_apps":
		return "Restrict programs"
	case "collect_package":
		return "Collect an investigation package"
	case "tag_device":
		return "Tag the device"
	}
	return action
}
