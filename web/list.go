package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/web/auth"
)

// mineCounted is up to how many tickets of one's own are counted.
const mineCounted = 100

type ticketsView struct {
	frame
	Tabs       []tab
	Selection  selection
	Narrowed   bool // the filter stands open
	Severities []choice
	Products   []choice
	People     []choice
	Classes    []choice
	Saved      []savedFilter
	Groups     []alike
	Next       string // the address of the next page; empty at the end
	Here       string // the address of this page
	Exports    []tab
	MostOut    int // how many tickets an export holds at most
	Empty      string
	Intake     string // where to send mail; set where there is no ticket at all
	Heading    string
	Notice     string // what a bulk action did
	Newest     int64  // the last event that the page knows of
}

// tab is one choice of tickets.
type tab struct {
	Name    string
	URL     string
	Count   string
	Current bool
}

// alike is a ticket of the list with those that say the same: a storm of them is one line that opens.
type alike struct {
	row
	Like []row
}

// leastGroup is how many tickets of one title and severity become a group.
const leastGroup = 4

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
	MayAct  bool
}

// home sends to the tickets.
func (s *Site) home(w http.ResponseWriter, r *http.Request) error {
	redirect(w, r, "/tickets")
	return nil
}

// listTickets is GET /tickets.
func (s *Site) listTickets(w http.ResponseWriter, r *http.Request) error {
	sel, err := readSelection(r.URL.Query())
	if err != nil {
		return err
	}
	view, err := s.ticketsView(r, sel)
	if err != nil {
		return err
	}
	if view.Notice, err = bulkNotice(r.URL.Query()); err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "tickets", view)
}

func (s *Site) ticketsView(r *http.Request, sel selection) (ticketsView, error) {
	view := ticketsView{Selection: sel, Narrowed: sel.narrowed(), Here: sel.URL(), Heading: headingOfTab(sel.Tab)}
	reader, err := s.readerOf(r)
	if err != nil {
		return view, err
	}
	if view.frame, err = s.frame(r, "Tickets", "tickets"); err != nil {
		return view, err
	}
	filter, err := sel.filter(reader.who.ID, reader.zone)
	if err != nil {
		return view, err
	}
	if view.Newest, err = s.Tickets.LastEvent(r.Context()); err != nil { // before the list: what comes meanwhile is shown again
		return view, err
	}
	list, err := s.Tickets.List(r.Context(), filter)
	if err != nil {
		return view, err
	}
	counts, err := s.Tickets.Counts(r.Context())
	if err != nil {
		return view, err
	}
	mine, err := s.mine(r, reader)
	if err != nil {
		return view, err
	}
	if view.Saved, err = s.savedFilters(r, sel); err != nil {
		return view, err
	}
	rows, err := s.rows(r, reader, list.Tickets)
	if err != nil {
		return view, err
	}
	view.Tabs, view.Groups = tabsOf(sel, counts, mine), grouped(rows, sel.Tab)
	view.choices(reader)
	if list.Next != 0 {
		next := sel
		next.Before = list.Next
		view.Next = next.URL()
	}
	if len(rows) == 0 {
		view.Empty = emptyList(sel)
		if !counts.Any {
			view.Empty, view.Intake = "No mail has come in yet.", s.IntakeAddress
		}
	}
	return view, nil
}

// choices fills what the filter and the bulk actions offer.
func (v *ticketsView) choices(reader reader) {
	for _, severity := range tickets.Severities {
		v.Severities = append(v.Severities, choice{string(severity), severity.Word(), slices.Contains(v.Selection.Severities, string(severity))})
	}
	for _, product := range tickets.Products {
		if name := productName(product); name != "" {
			v.Products = append(v.Products, choice{string(product), name, string(product) == v.Selection.Product})
		}
	}
	for _, person := range reader.configuration.People {
		v.People = append(v.People, choice{person.ID, person.Name, person.ID == v.Selection.Assignee})
	}
	for _, class := range tickets.Classifications {
		v.Classes = append(v.Classes, choice{ID: class, Name: classNames[class]})
	}
	v.MostOut = maxExport
	for _, format := range []string{"csv", "json"} {
		v.Exports = append(v.Exports, tab{Name: strings.ToUpper(format), URL: "/tickets/export/" + format + "?" + v.Selection.with(v.Selection.Tab).values().Encode()})
	}
}

// grouped puts tickets that say the same under the newest of them.
func grouped(rows []row, tab string) []alike {
	key := func(r row) string { return string(r.Badge.Severity) + "\x00" + r.Title + "\x00" + r.Outlook.Text }
	count := map[string]int{}
	for _, r := range rows {
		count[key(r)]++
	}
	var groups []alike
	place := map[string]int{}
	for _, r := range rows {
		at, seen := place[key(r)]
		if tab != "mine" && seen && count[key(r)] >= leastGroup {
			groups[at].Like = append(groups[at].Like, r)
			continue
		}
		place[key(r)] = len(groups)
		groups = append(groups, alike{row: r})
	}
	return groups
}

func (s *Site) mine(r *http.Request, reader reader) (string, error) {
	filter, err := selection{Tab: "mine"}.filter(reader.who.ID, reader.zone)
	if err != nil {
		return "", err
	}
	mine, err := s.Tickets.CountUpTo(r.Context(), filter, mineCounted+1)
	if err != nil {
		return "", err
	}
	if mine > mineCounted {
		return strconv.Itoa(mineCounted) + "+", nil
	}
	return strconv.Itoa(mine), nil
}

func tabsOf(sel selection, counts tickets.Counts, mine string) []tab {
	tabs := []tab{
		{Name: "Open", Count: strconv.Itoa(counts.Open)},
		{Name: "Mine", Count: mine},
		{Name: "Acknowledged", Count: strconv.Itoa(counts.Acknowledged)},
		{Name: "Resolved"},
	}
	if sel.Tab == "all" {
		tabs = append(tabs, tab{Name: "All"})
	}
	for i := range tabs {
		name := strings.ToLower(tabs[i].Name)
		tabs[i].URL, tabs[i].Current = sel.with(name).URL(), name == sel.Tab
		if sel.Query != "" || sel.narrowed() { // the counts are of all tickets
			tabs[i].Count = ""
		}
	}
	return tabs
}

func headingOfTab(name string) string {
	if name == "mine" {
		return "My tickets"
	}
	return strings.ToUpper(name[:1]) + name[1:] + " tickets"
}

func emptyList(sel selection) string {
	switch {
	case sel.Query != "":
		return "No ticket here has all the words of “" + sel.Query + "” in its number, title, device, user, ids or mails."
	case sel.narrowed():
		return "No ticket here fits the filter."
	}
	switch sel.Tab {
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
			Fake: ticket.Verified == nil || !*ticket.Verified, MayAct: reader.who.Role.Allows(auth.Responder),
		}
		if len(ticket.Devices) > 0 {
			rows[i].Device, rows[i].More = ticket.Devices[0], len(ticket.Devices)-1
		}
	}
	return rows, nil
}

func ticketURL(number int64) string { return "/tickets/" + strconv.FormatInt(number, 10) }
