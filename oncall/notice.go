package oncall

import (
	"encoding/json"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"afterhours/oncall/notify"
)

// The types of notices to one person beside TakenType.
const (
	ReplyType = "page.reply" // what became of the person's reply by mail
	TestType  = "page.test"  // a test of a contact, or the code that verifies it
)

// IsNotice says whether a page tells a person something that needs no answer: nothing falls through where it fails.
func (p Page) IsNotice() bool {
	return slices.Contains(noticeTypes, p.Type)
}

// noticeTypes are all types of notices to one person.
var noticeTypes = []string{TakenType, ReplyType, TestType, MaintenanceType, ShiftBeginsType, ShiftEndsType, ShiftAskedType, ShiftSettledType, ReportType}

// Notice is the text of a page of every notice's type but TakenType.
type Notice struct {
	Subject string `json:"subject,omitempty"`
	Text    string `json:"text,omitempty"`
	Path    string `json:"path,omitempty"` // of the desk, where it leads
	Code    bool   `json:"code,omitempty"` // it carries the code that verifies its contact, and says nothing else
}

// noticePage is a notice to one contact, to be sent once for its cause.
func noticePage(kind, cause string, to Page, notice Notice) Page {
	payload, err := json.Marshal(notice)
	if err != nil { // plain texts can always be written
		payload = []byte(`{}`)
	}
	to.ID, to.Type, to.Cause, to.State, to.Payload = 0, kind, cause, PageQueued, payload
	to.Round, to.Step, to.Repetition, to.Attempts, to.LastError, to.ProviderID, to.Reason = 0, 0, 0, 0, "", "", ""
	to.SentAt, to.FinishedAt, to.Bundled = nil, nil, false
	return to
}

// noticeMessage is the frame of a notice's message. Its link opens the ticket as the person; a test has none.
func noticeMessage(d Dispatch, links Links) notify.Message {
	message := notify.Message{
		ID: links.MessageID(d.Page.ID, d.Page.CreatedAt), Type: d.Page.Type, At: d.Page.CreatedAt, Holder: d.Holder,
	}
	if d.Page.Ticket != 0 {
		describe(&message, d, d.Person.Detail == DetailMinimal)
		message.Link = links.URL(d.Page.ID, d.Page.CreatedAt)
	}
	if links.Domain != "" && d.Page.Ticket != 0 {
		message.ReplyTo = links.ReplyAddress(d.Page.ID)
	}
	return message
}

// sayNotice fills in every form of a notice: its subject, what it says below it, and the data of a webhook's body.
func sayNotice(message *notify.Message, said string, data map[string]any) error {
	button := openTicket
	if message.Ticket == 0 {
		button = openDesk
	}
	message.Text = message.Subject + "\n\n" + said + "\n"
	if message.Link != "" {
		message.Text += "\n" + button + ": " + message.Link + "\n"
	}
	var html strings.Builder
	err := noticeLetter.Execute(&html, struct {
		Subject, Button, Link string
		Lines                 []string
	}{message.Subject, button, message.Link, strings.Split(said, "\n")})
	if err != nil {
		return fmt.Errorf("compose notice %s: %w", message.ID, err)
	}
	message.HTML = html.String()
	if message.Data, err = json.Marshal(data); err != nil {
		return fmt.Errorf("compose notice %s: %w", message.ID, err)
	}
	return nil
}

// What the button of a notice says.
const (
	openTicket = "Open the ticket"
	openDesk   = "Open the desk"
)

var noticeLetter = template.Must(template.New("notice").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Subject}}</title></head>
<body style="font-family:system-ui,sans-serif;font-size:15px;line-height:1.5;color:#1b1f24">
<h1 style="font-size:18px">{{.Subject}}</h1>
<p>{{range $i, $line := .Lines}}{{if $i}}<br>{{end}}{{$line}}{{end}}</p>
{{with .Link}}<p><a href="{{.}}" style="color:#1565c0">{{$.Button}}</a></p>{{end}}
</body></html>
`))

// composeNotice says a notice whose words were made when it was queued.
func composeNotice(d Dispatch, links Links) (notify.Message, error) {
	message := noticeMessage(d, links)
	var notice Notice
	if err := json.Unmarshal(d.Page.Payload, &notice); err != nil {
		return message, fmt.Errorf("compose notice %d: %w", d.Page.ID, err)
	}
	if notice.Code {
		notice.Subject = links.Code(d.Page.ID, d.Page.CreatedAt) + " is your code for afterhours"
		notice.Text = "Type it in at the desk, where you asked for it. If you did not, somebody else wrote down this address as theirs: tell your administrator."
	}
	message.Subject = notice.Subject
	if notice.Path != "" {
		message.Link = strings.TrimSuffix(links.BaseURL, "/") + notice.Path
		message.Facts = []notify.Fact{{Label: "Shift", Value: notice.Text}} // for what shows no text
	}
	data := map[string]any{"person": d.Page.Person, "subject": notice.Subject, "text": notice.Text}
	return message, sayNotice(&message, notice.Text, data)
}
