package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/tickets/playbook"
)

type ticketView struct {
	frame
	Number      int64
	URL         string
	Badge       badge
	Heading     string
	State       tickets.State
	Portal      *portal
	Links       []portal // the others
	Facts       []fact
	Text        string // the description
	Timeline    []entry
	Outlook     outlook
	Step        string
	CanRush     bool // the policy runs, so that its next step can be brought forward
	Pages       []pageRow
	Mails       []mailRow
	People      []choice
	Classes     []choice
	CanTakeOver bool // somebody else has it
	CanUndo     bool // an acknowledgement of less than a minute ago
	Mute        muteForm
	Complaint   string // why an action was not possible
	Notice      string // what an action came to, where the timeline does not say it
	Note        string // a note that was refused
	Age         when
	Hold        *holdRow

	responses
}

// responses are what the API, playbooks and other tickets add to a ticket's page.
type responses struct {
	Evidence []evidenceRow
	Runs     []runRow
	Related  []relatedRow
}

// relatedRow is another ticket of the same device or user.
type relatedRow struct {
	Number int64
	URL    string
	Badge  badge
	Title  string
	State  tickets.State
	Age    when
	Shared string // the names that both have
}

// Related tickets that a page shows, and how far back they are looked for.
const (
	relatedShown  = 5
	relatedWithin = 30 * 24 * time.Hour
)

// choice is one person that a ticket can be assigned to.
type choice struct {
	ID, Name string
	Chosen   bool
}

// classNames are the classifications in words.
var classNames = map[string]string{
	"TruePositive": "true positive", "FalsePositive": "false positive", "InformationalExpectedActivity": "expected activity",
}

func undoable(ticket tickets.Ticket, now time.Time) bool {
	return ticket.State == tickets.Acknowledged && ticket.AcknowledgedAt != nil && now.Sub(*ticket.AcknowledgedAt) <= tickets.UndoWithin
}

// portal is one link into Microsoft's portals.
type portal struct{ Text, URL string }

// fact is one value of a ticket, or several; URL makes the first a link.
type fact struct {
	Label  string
	Values []string
	URL    string
	At     *when
	Tone   string
}

// pageRow is one notification.
type pageRow struct {
	To      string
	How     string
	State   oncall.PageState
	At      when
	Attempt int
	Error   string
	Step    int
	Bundled bool // it goes, or went, with a summary
}

// holdRow says who keeps a ticket from being forgotten, and why.
type holdRow struct {
	Reason, By string
	At         when
}

type mailRow struct {
	ID      int64
	Subject string
	From    string
	At      when
	Size    string
	Text    string
}

// showTicket is GET /tickets/{number}.
func (s *Site) showTicket(w http.ResponseWriter, r *http.Request) error {
	number, err := pathNumber(r, "number")
	if err != nil {
		return err
	}
	view, err := s.ticketView(r, number)
	if err != nil {
		return err
	}
	if r.URL.Query().Has("reread") {
		view.Notice = rereadNotice(r.URL.Query().Get("reread"))
	}
	return s.render(w, http.StatusOK, "ticket", view)
}

func (s *Site) ticketView(r *http.Request, number int64) (ticketView, error) {
	ctx := r.Context()
	ticket, err := s.Tickets.Get(ctx, number)
	if err != nil {
		return ticketView{}, err
	}
	reader, err := s.readerOf(r)
	if err != nil {
		return ticketView{}, err
	}
	events, err := s.Tickets.Timeline(ctx, number)
	if err != nil {
		return ticketView{}, err
	}
	mails, err := s.Tickets.Mails(ctx, number)
	if err != nil {
		return ticketView{}, err
	}
	pages, err := s.OnCall.Pages(ctx, number)
	if err != nil {
		return ticketView{}, err
	}
	next, err := s.OnCall.Outlook(ctx, number)
	if err != nil {
		return ticketView{}, err
	}
	heading := titleOf(ticket)
	frame, err := s.frame(r, "#"+strconv.FormatInt(number, 10)+" "+heading, "tickets")
	if err != nil {
		return ticketView{}, err
	}
	links := portals(ticket.Links)
	view := ticketView{
		frame: frame, Number: number, URL: ticketURL(number), Badge: badgeOf(ticket), Heading: heading, State: ticket.State,
		Facts: reader.facts(ticket), Text: ticket.Description, Timeline: reader.timeline(events),
		Outlook: reader.outlook(ticket, next), Step: stepOf(next), CanRush: ticket.State == tickets.Open && next.State == "running",
		Pages: reader.pages(pages), Mails: reader.mails(mails), Age: reader.ago(ticket.CreatedAt),
	}
	for _, person := range reader.configuration.People {
		view.People = append(view.People, choice{person.ID, person.Name, person.ID == ticket.Assignee})
	}
	for _, class := range tickets.Classifications {
		view.Classes = append(view.Classes, choice{class, classNames[class], class == ticket.Classification})
	}
	if ticket.Hold != nil {
		view.Hold = &holdRow{Reason: ticket.Hold.Reason, By: reader.name(ticket.Hold.By), At: reader.at(ticket.Hold.At)}
	}
	view.CanUndo = undoable(ticket, reader.now)
	view.CanTakeOver = ticket.State == tickets.Acknowledged && ticket.AcknowledgedBy != reader.who.ID
	view.Mute.Title = ticket.Title
	view.Evidence = evidence(ticket)
	runs, err := s.Playbooks.Runs(ctx, playbook.Filter{Ticket: number, Limit: runsShown})
	if err != nil {
		return ticketView{}, err
	}
	view.Runs = reader.runs(runs)
	others, err := s.Tickets.Related(ctx, ticket, reader.now.Add(-relatedWithin), relatedShown)
	if err != nil {
		return ticketView{}, err
	}
	view.Related = reader.related(ticket, others)
	if len(links) > 0 {
		view.Portal, view.Links = &links[0], links[1:]
	}
	return view, nil
}

func (r reader) related(ticket tickets.Ticket, others []tickets.Ticket) []relatedRow {
	names := slices.Concat(ticket.Devices, ticket.Users)
	rows := make([]relatedRow, 0, len(others))
	for _, other := range others {
		shared := slices.DeleteFunc(slices.Concat(other.Devices, other.Users), func(name string) bool { return !slices.Contains(names, name) })
		rows = append(rows, relatedRow{
			other.Number, ticketURL(other.Number), badgeOf(other), titleOf(other), other.State, r.ago(other.CreatedAt), strings.Join(shared, ", "),
		})
	}
	return rows
}

func stepOf(next oncall.Outlook) string {
	if next.State != "running" || next.Step == 0 {
		return ""
	}
	step := "step " + strconv.Itoa(next.Step) + " of " + next.Policy
	if next.Round > 1 {
		step += ", round " + strconv.Itoa(next.Round)
	}
	return step
}

// portals are a ticket's links, the one that leads straight to the matter first.
func portals(links []tickets.Link) []portal {
	order := []string{tickets.RelAlert, tickets.RelIncident, tickets.RelReport, tickets.RelPortal, tickets.RelDevice}
	rank := func(link tickets.Link) int {
		if at := slices.Index(order, link.Rel); at >= 0 {
			return at
		}
		return len(order)
	}
	sorted := slices.Clone(links)
	slices.SortStableFunc(sorted, func(a, b tickets.Link) int { return rank(a) - rank(b) })
	texts := map[string]string{
		tickets.RelAlert: "Open the alert in Defender", tickets.RelIncident: "Open the incident in Defender",
		tickets.RelReport: "Open the report in Defender", tickets.RelDevice: "Open the device in Defender",
	}
	var found []portal
	for _, link := range sorted {
		if !webLink(link.URL) {
			continue
		}
		text := texts[link.Rel]
		if text == "" {
			text = "Open in Defender"
		}
		found = append(found, portal{text, link.URL})
	}
	return found
}

func webLink(address string) bool {
	parsed, err := url.Parse(address)
	return err == nil && parsed.Host != "" && (parsed.Scheme == "https" || parsed.Scheme == "http")
}

// facts are what a ticket knows, in the order in which they are asked for.
func (r reader) facts(ticket tickets.Ticket) []fact {
	var facts []fact
	add := func(label string, values ...string) {
		values = slices.DeleteFunc(slices.Clone(values), func(value string) bool { return value == "" })
		if len(values) > 0 {
			facts = append(facts, fact{Label: label, Values: values})
		}
	}
	add("Device", ticket.Devices...)
	add("User", ticket.Users...)
	add("Organisation", ticket.Organisation)
	if ticket.Runbook != "" {
		runbook := fact{Label: "Runbook", Values: []string{ticket.Runbook}}
		if webLink(ticket.Runbook) {
			runbook.URL = ticket.Runbook
		}
		facts = append(facts, runbook)
	}
	if ticket.Assignee != "" {
		add("Assigned to", r.name(ticket.Assignee))
	}
	if ticket.Source == tickets.FromAPI {
		facts = append(facts, fact{Label: "Sender", Values: []string{"the Defender API"}, Tone: "good"})
	} else {
		facts = append(facts, senderFact(ticket))
	}
	add("Product", productName(ticket.Product))
	add("Kind", plain(string(ticket.Kind)))
	add("Category", ticket.Category)
	add("Techniques", ticket.Techniques...)
	for _, machine := range ticket.Machines {
		add("Device group", machine.Group)
	}
	add("Classification", classNames[ticket.Classification])
	add("Incident", ticket.IncidentID)
	add("Alert", ticket.AlertIDs...)
	add("Tenant", ticket.TenantID)
	add("Policy", ticket.Policy)
	add("Came in by", string(ticket.Source))
	created, updated := r.ago(ticket.CreatedAt), r.ago(ticket.UpdatedAt)
	return append(facts, fact{Label: "Opened", At: &created}, fact{Label: "Changed", At: &updated})
}

// senderFact says who sent the ticket's first mail, and what that stands on.
func senderFact(ticket tickets.Ticket) fact {
	words, suspect := senderOf(ticket)
	sender := fact{Label: "Sender", Values: []string{strings.TrimPrefix(words, "sender ")}, Tone: "good"}
	if suspect {
		sender.Tone = "bad"
		if found := ticket.Authentication; ticket.Verified != nil && (found == nil || !found.Spoof) {
			sender.Values[0] = "failed verification"
		}
	}
	if found := ticket.Authentication.String(); found != "" {
		sender.Values = append(sender.Values, found)
	}
	return sender
}

func (r reader) pages(pages []oncall.Page) []pageRow {
	rows := make([]pageRow, len(pages))
	for i, page := range pages {
		at := page.DueAt
		if page.FinishedAt != nil {
			at = *page.FinishedAt
		}
		if page.SentAt != nil {
			at = *page.SentAt
		}
		to := "webhook " + page.Webhook
		if page.Person != "" {
			to = r.name(page.Person)
		}
		rows[i] = pageRow{
			To: to, How: channelName(page.Channel), State: page.State, At: r.at(at), Attempt: page.Attempts,
			Error: page.LastError, Step: page.Step, Bundled: page.Bundled,
		}
	}
	return rows
}

func (r reader) mails(mails []tickets.Mail) []mailRow {
	rows := make([]mailRow, len(mails))
	for i, mail := range mails {
		rows[i] = mailRow{ID: mail.ID, Subject: mail.Subject, From: mail.Envelope.From, At: r.ago(mail.ReceivedAt), Size: size(mail.Size)}
		if strings.TrimSpace(mail.Subject) == "" {
			rows[i].Subject = "(no subject)"
		}
		if mail.Alert != nil {
			rows[i].Text = mail.Alert.Text
			if from := mail.Alert.Message.From; from != "" {
				rows[i].From = from
			}
		}
	}
	return rows
}

// size is a number of octets in words.
func size(octets int) string {
	switch {
	case octets < 1000:
		return count(octets, "octet", "octets")
	case octets < 1_000_000:
		return strconv.Itoa((octets+500)/1000) + " kB"
	}
	return strconv.FormatFloat(float64(octets)/1e6, 'f', 1, 64) + " MB"
}
