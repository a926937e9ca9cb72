package oncall

import (
	"encoding/json"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"afterhours/oncall/notify"
	"afterhours/tickets"
)

// maxTitle bounds the title inside a message's subject, in characters.
const maxTitle = 200

// Dispatch is everything that is needed to send one page.
type Dispatch struct {
	Page    Page
	Ticket  tickets.Ticket
	Person  Person         // the zero Person where the page goes to a webhook of the team
	Contact notify.Contact // with its credential
	Told    []string       // names of those who were told before, in order
	Holder  string         // the name of who acknowledged the ticket
	GiveUp  time.Time      // after this a failed attempt is the last
	Standby string         // the spooled mail that it is about, where the database is away: it has no id and no ticket yet
	Notes   []string       // what whoever is told must know beside the ticket
	Urgent  string         // the first words of such a note, which stand before the title; empty otherwise
}

// Compose says a page in every form that a channel may need. A person with detail "minimal" gets severity, number and
// link alone.
func Compose(d Dispatch, links Links) (notify.Message, error) {
	if d.Page.Type == UpdateType {
		return composeUpdate(d, links)
	}
	if d.Page.Type == EventApprovalRequested && d.Page.Person != "" {
		return composeApproval(d, links)
	}
	if d.Page.IsEvent() {
		return composeEvent(d, links), nil
	}
	switch d.Page.Type {
	case SummaryType:
		return composeSummary(d, links)
	case TakenType:
		return composeTaken(d, links)
	case ReportType:
		return composeReport(d, links)
	}
	if d.Page.IsNotice() {
		return composeNotice(d, links)
	}
	minimal := d.Person.Detail == DetailMinimal
	link, id := links.URL(d.Page.ID, d.Page.CreatedAt), links.MessageID(d.Page.ID, d.Page.CreatedAt)
	if d.Standby != "" {
		who := d.Page.Person + d.Page.Webhook
		link, id = links.StandbyURL(d.Standby, who, d.Page.Contact), links.StandbyMessageID(d.Standby, who, d.Page.Contact)
	}
	message := notify.Message{
		ID: id, Type: d.Page.Type, At: d.Page.CreatedAt,
		Link: link, Holder: d.Holder,
	}
	describe(&message, d, minimal)
	if d.Standby == "" { // a page without an id can be answered by its link alone
		message.Token = links.CallbackToken(d.Page.ID)
	}
	if links.Domain != "" && d.Page.Person != "" && d.Standby == "" {
		message.ReplyTo = links.ReplyAddress(d.Page.ID)
	}
	message.Text = plainLetter(message.Subject, haveIt, link, message.Facts)
	var err error
	if message.HTML, err = htmlLetter(message.Subject, haveIt, link, message.Facts); err != nil {
		return message, fmt.Errorf("compose page %d: %w", d.Page.ID, err)
	}
	if message.Data, err = webhookData(d, minimal, link); err != nil {
		return message, fmt.Errorf("compose page %d: %w", d.Page.ID, err)
	}
	return message, nil
}

// composeEvent says an event to a webhook of the team: its data was made when it happened.
func composeEvent(d Dispatch, links Links) notify.Message {
	message := notify.Message{
		ID: links.MessageID(d.Page.ID, d.Page.CreatedAt), Type: d.Page.Type, At: d.Page.CreatedAt, Subject: d.Page.Type, Data: d.Page.Payload,
	}
	if d.Ticket.Number != 0 {
		describe(&message, d, false)
		message.Link = strings.TrimSuffix(links.BaseURL, "/") + "/tickets/" + strconv.FormatInt(d.Ticket.Number, 10)
	}
	return message
}

// composeUpdate says a page anew, in the place of what was written.
func composeUpdate(d Dispatch, links Links) (notify.Message, error) {
	var update Update
	if err := json.Unmarshal(d.Page.Payload, &update); err != nil {
		return notify.Message{}, fmt.Errorf("compose update %d: %w", d.Page.ID, err)
	}
	minimal := d.Person.Detail == DetailMinimal
	message := notify.Message{
		ID: links.MessageID(d.Page.ID, d.Page.CreatedAt), Type: d.Page.Type, At: d.Page.CreatedAt,
		Link: links.URL(update.Page, update.CreatedAt), Token: links.CallbackToken(update.Page), Holder: d.Holder, Replaces: update.Replaces,
	}
	describe(&message, d, minimal)
	return message, nil
}

// describe fills in what a message says of its ticket.
func describe(message *notify.Message, d Dispatch, minimal bool) {
	message.Severity, message.Ticket, message.State = string(d.Ticket.Severity), d.Ticket.Number, string(d.Ticket.State)
	message.Subject = subject(d.Ticket, minimal)
	message.Facts = letterFacts(d, minimal)
	if minimal {
		return
	}
	message.Title = title(d.Ticket)
	if d.Urgent != "" {
		message.Title = d.Urgent + ". " + message.Title
		word := d.Ticket.Severity.Word() + ": "
		message.Subject = word + d.Urgent + ". " + strings.TrimPrefix(message.Subject, word)
	}
	if len(d.Ticket.Devices) > 0 {
		message.Device = d.Ticket.Devices[0]
	}
}

func subject(ticket tickets.Ticket, minimal bool) string {
	number := ""
	if ticket.Number != 0 {
		number = fmt.Sprintf(" (#%d)", ticket.Number)
	}
	if minimal {
		return ticket.Severity.Word() + " alert" + number
	}
	title := title(ticket)
	if len(ticket.Devices) > 0 && !strings.Contains(strings.ToLower(title), strings.ToLower(ticket.Devices[0])) {
		title += " on " + ticket.Devices[0]
	}
	return ticket.Severity.Word() + ": " + title + number
}

func title(ticket tickets.Ticket) string {
	title := notify.Cut(ticket.Title, maxTitle)
	if ticket.Kind == tickets.KindUnrecognised {
		title = fmt.Sprintf("Unrecognised: “%s”", title)
	}
	return title
}

func letterFacts(d Dispatch, minimal bool) []notify.Fact {
	if minimal {
		return nil
	}
	var facts []notify.Fact
	add := func(label, value string) {
		if value != "" {
			facts = append(facts, notify.Fact{Label: label, Value: value})
		}
	}
	for _, note := range d.Notes {
		add("Note", note)
	}
	add("Devices", strings.Join(d.Ticket.Devices, ", "))
	add("Users", strings.Join(d.Ticket.Users, ", "))
	add("Organisation", d.Ticket.Organisation)
	add("Category", d.Ticket.Category)
	add("Since", d.Ticket.CreatedAt.In(location(d.Person.Timezone)).Format("2 Jan 2006 15:04 MST"))
	add("Told before you", strings.Join(d.Told, ", "))
	add("Sender", sender(d.Ticket))
	add("Runbook", d.Ticket.Runbook)
	for _, link := range d.Ticket.Links {
		add("In Defender", link.URL)
		break
	}
	return facts
}

// haveIt is what the button of a page says.
const haveIt = "I have it (acknowledge)"

func plainLetter(subject, button, link string, facts []notify.Fact) string {
	var text strings.Builder
	text.WriteString(subject + "\n\n" + button + ": " + link + "\n")
	if len(facts) > 0 {
		text.WriteString("\n")
	}
	for _, fact := range facts {
		text.WriteString(fact.Label + ": " + fact.Value + "\n")
	}
	return text.String()
}

func htmlLetter(subject, button, link string, facts []notify.Fact) (string, error) {
	var html strings.Builder
	err := letter.Execute(&html, struct {
		Subject, Button, Link string
		Facts                 []notify.Fact
	}{subject, button, link, facts})
	return html.String(), err
}

var letter = template.Must(template.New("letter").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Subject}}</title></head>
<body style="font-family:system-ui,sans-serif;font-size:15px;line-height:1.5;color:#1b1f24">
<h1 style="font-size:18px">{{.Subject}}</h1>
<p><a href="{{.Link}}" style="display:inline-block;padding:12px 20px;border-radius:6px;background:#1565c0;color:#ffffff;text-decoration:none;font-weight:600">{{.Button}}</a></p>
{{if .Facts}}<table style="border-collapse:collapse">{{range .Facts}}
<tr><td style="padding:2px 16px 2px 0;color:#57606a;vertical-align:top">{{.Label}}</td><td>{{.Value}}</td></tr>{{end}}
</table>{{end}}
</body></html>
`))

// webhookData is the "data" object of a page's webhook body.
func webhookData(d Dispatch, minimal bool, link string) (json.RawMessage, error) {
	data := struct {
		Person *string `json:"person"`
		Ticket any     `json:"ticket"`
		AckURL string  `json:"ack_url"`
		Step   int     `json:"step"`
	}{Ticket: d.Ticket, AckURL: link, Step: d.Page.Step}
	if d.Page.Person != "" {
		data.Person = &d.Page.Person
	}
	if minimal {
		data.Ticket = struct {
			Number   int64            `json:"number"`
			Severity tickets.Severity `json:"severity"`
		}{d.Ticket.Number, d.Ticket.Severity}
	}
	return json.Marshal(data)
}

func location(name string) *time.Location {
	if at, err := time.LoadLocation(name); err == nil {
		return at
	}
	return time.UTC
}

// sender says who sent the mail behind a ticket, where that needs saying.
func sender(ticket tickets.Ticket) string {
	found := ticket.Authentication
	switch {
	case ticket.Verified != nil && *ticket.Verified || ticket.Source == tickets.FromManual:
		return ""
	case found != nil && found.Spoof:
		return "FORGED: it claims to come from Microsoft and does not (" + found.String() + ")"
	case found != nil && found.String() != "":
		return "not verified (" + found.String() + ")"
	}
	return "not verified"
}
