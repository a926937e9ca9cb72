package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"afterhours/oncall"
	"afterhours/tickets"
)

// mineCounted is up to how many tickets of one's own are counted.
const mineCounted = 100

type ticketsView struct {
	frame
	Tabs    []tab
	Query   string
	Rows    []row
	Next    string // the address of the next page; empty at the end
	Empty   string
	Intake  string // where to send mail; set where there is no ticket at all
	Heading string
}

// tab is one choice of tickets.
type tab struct {
	Name    string
	URL     string
	Count   string
	Current bool
}

// row is one ticket of the list.
type row struct {
	Number  int64
	URL     string
	Badge   badge
	Title   string
	Times   int // how many mails; shown above 1
	Device  string
	More    int // further devices
	Age     when
	Outlook outlook
	Fake    bool // the sender was not verified
}

// home sends to the tickets.
func (s *Site) home(w http.ResponseWriter, r *http.Request) error {
	redirect(w, r, "/tickets")
	return nil
}

// listTickets is GET /tickets.
func (s *Site) listTickets(w http.ResponseWriter, r *http.Request) error {
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	frame, err := s.frame(r, "Tickets", "tickets")
	if err != nil {
		return err
	}
	query, name := strings.TrimSpace(r.URL.Query().Get("q")), r.URL.Query().Get("tab")
	filter, name, err := tabFilter(name, query, reader.who.ID)
	if err != nil {
		return err
	}
	if filter.Before, err = queryNumber(r, "before"); err != nil {
		return err
	}
	list, err := s.Tickets.List(r.Context(), filter)
	if err != nil {
		return err
	}
	counts, err := s.Tickets.Counts(r.Context())
	if err != nil {
		return err
	}
	mine, err := s.mine(r, reader.who.ID)
	if err != nil {
		return err
	}
	view := ticketsView{frame: frame, Query: query, Tabs: tabsOf(name, query, counts, mine), Heading: headingOfTab(name)}
	if view.Rows, err = s.rows(r, reader, list.Tickets); err != nil {
		return err
	}
	if list.Next != 0 {
		view.Next = listURL(name, query, list.Next)
	}
	if len(view.Rows) == 0 {
		view.Empty = emptyList(name, query)
		if !counts.Any {
			view.Empty, view.Intake = "No mail has come in yet.", s.IntakeAddress
		}
	}
	return s.render(w, http.StatusOK, "tickets", view)
}

// tabFilter is what a tab chooses. A search without a tab looks through all states.
func tabFilter(name, query, who string) (tickets.Filter, string, error) {
	filter := tickets.Filter{Query: query}
	if utf8.RuneCountInString(query) > 500 || !utf8.ValidString(query) {
		return filter, name, &tickets.InvalidError{Field: "search", Reason: "give at most 500 characters"}
	}
	if name == "" {
		name = "open"
		if query != "" {
			name = "all"
		}
	}
	switch name {
	case "open":
		filter.States = []tickets.State{tickets.Open}
	case "mine":
		filter.States, filter.Assignee = []tickets.State{tickets.Open, tickets.Acknowledged}, who
	case "acknowledged":
		filter.States = []tickets.State{tickets.Acknowledged}
	case "resolved":
		filter.States = []tickets.State{tickets.Resolved}
	case "all":
	default:
		return filter, name, &tickets.InvalidError{Field: "tab", Reason: "it is open, mine, acknowledged, resolved or all"}
	}
	return filter, name, nil
}

func (s *Site) mine(r *http.Request, who string) (string, error) {
	filter, _, err := tabFilter("mine", "", who)
	if err != nil {
		return "", err
	}
	filter.Limit = mineCounted
	list, err := s.Tickets.List(r.Context(), filter)
	if err != nil {
		return "", err
	}
	if list.Next != 0 {
		return strconv.Itoa(mineCounted) + "+", nil
	}
	return strconv.Itoa(len(list.Tickets)), nil
}

func tabsOf(current, query string, counts tickets.Counts, mine string) []tab {
	tabs := []tab{
		{Name: "Open", Count: strconv.Itoa(counts.Open)},
		{Name: "Mine", Count: mine},
		{Name: "Acknowledged", Count: strconv.Itoa(counts.Acknowledged)},
		{Name: "Resolved"},
	}
	if current == "all" {
		tabs = append(tabs, tab{Name: "All"})
	}
	for i := range tabs {
		name := strings.ToLower(tabs[i].Name)
		tabs[i].URL, tabs[i].Current = listURL(name, query, 0), name == current
		if query != "" { // the counts are of all tickets
			tabs[i].Count = ""
		}
	}
	return tabs
}

func listURL(tab, query string, before int64) string {
	values := url.Values{"tab": {tab}}
	if query != "" {
		values.Set("q", query)
	}
	if before != 0 {
		values.Set("before", strconv.FormatInt(before, 10))
	}
	return "/tickets?" + values.Encode()
}

func headingOfTab(name string) string {
	if name == "mine" {
		return "My tickets"
	}
	return strings.ToUpper(name[:1]) + name[1:] + " tickets"
}

func emptyList(name, query string) string {
	if query != "" {
		return "No ticket here has all the words of “" + query + "” in its number, title, device, user, ids or mails."
	}
	switch name {
	case "open":
		return "Nothing is open. Somebody has every ticket, or it is resolved."
	case "mine":
		return "Nothing is assigned to you. Acknowledge a ticket and it is yours."
	case "acknowledged":
		return "Nobody is working on a ticket now."
	}
	return "No ticket is resolved yet."
}

func (s *Site) rows(r *http.Request, reader reader, list []tickets.Ticket) ([]row, error) {
	numbers := make([]int64, 0, len(list))
	for _, ticket := range list {
		if ticket.State == tickets.Open {
			numbers = append(numbers, ticket.Number)
		}
	}
	var outlooks map[int64]oncall.Outlook
	if len(numbers) > 0 {
		var err error
		if outlooks, err = s.OnCall.Outlooks(r.Context(), numbers); err != nil {
			return nil, err
		}
	}
	rows := make([]row, len(list))
	for i, ticket := range list {
		rows[i] = row{
			Number: ticket.Number, URL: ticketURL(ticket.Number), Badge: badgeOf(ticket), Title: titleOf(ticket),
			Times: ticket.MessageCount, Age: reader.age(ticket.CreatedAt), Outlook: reader.outlook(ticket, outlooks[ticket.Number]),
			Fake: ticket.Verified == nil || !*ticket.Verified,
		}
		if len(ticket.Devices) > 0 {
			rows[i].Device, rows[i].More = ticket.Devices[0], len(ticket.Devices)-1
		}
	}
	return rows, nil
}

func ticketURL(number int64) string { return "/tickets/" + strconv.FormatInt(number, 10) }
