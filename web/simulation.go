package web

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

// simulatedPages is how many notifications a simulation lists.
const simulatedPages = 100

type simulationView struct {
	frame
	Mail      string // what was pasted
	To        string
	From      string
	Severity  []choice
	Kind      []choice
	Title     string
	Device    string
	At        string
	Verified  bool
	Complaint string
	Result    *simulated
}

// simulated is what would happen to a ticket that nobody acknowledges.
type simulated struct {
	Facts    []fact // what was read out of the mail
	Route    string // the route that takes it, in words
	RouteURL string
	Policy   string
	Recorded string
	Timeline *timeline // nil where nobody is told
	Pages    []simulatedPage
	More     int
	Skipped  []string
	End      string
}

type simulatedPage struct {
	At   when
	In   string
	Step string
	Who  string
	How  string
}

// showSimulation is GET /oncall/simulate.
func (s *Site) showSimulation(w http.ResponseWriter, r *http.Request) error {
	return s.renderSimulation(w, r, http.StatusOK, simulationView{To: s.IntakeAddress, Verified: true, Title: "Ransomware behavior detected"}, "high", "alert")
}

func (s *Site) renderSimulation(w http.ResponseWriter, r *http.Request, status int, view simulationView, severity, kind string) error {
	var err error
	if view.frame, err = s.frame(r, "Which route takes this mail?", "oncall"); err != nil {
		return err
	}
	view.Severity, view.Kind = severities(), choices(oncall.Kinds()...)
	for i := range view.Severity {
		view.Severity[i].Chosen = view.Severity[i].ID == severity
	}
	for i := range view.Kind {
		view.Kind[i].Chosen = view.Kind[i].ID == kind
	}
	return s.render(w, status, "simulation", view)
}

// simulate is POST /oncall/simulate: it tells nobody and keeps nothing.
func (s *Site) simulate(w http.ResponseWriter, r *http.Request) error {
	mail, err := formValue(r, "mail")
	if err != nil {
		return err
	}
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	get := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	view := simulationView{
		Mail: mail, To: get("to"), From: get("from"), Title: get("title"), Device: get("device"), At: get("at"), Verified: get("verified") != "",
	}
	at := reader.now
	if view.At != "" {
		if at, err = time.ParseInLocation("2006-01-02T15:04", view.At, reader.zone); err != nil {
			view.Complaint = "The moment cannot be read. Write it like 2026-12-24T03:00."
			return s.renderSimulation(w, r, http.StatusBadRequest, view, get("severity"), get("kind"))
		}
	}
	ticket := &tickets.Ticket{Severity: tickets.Severity(get("severity")), Kind: tickets.Kind(get("kind")), Title: view.Title, Verified: &view.Verified, Source: tickets.FromEmail}
	if view.Device != "" {
		ticket.Devices = []string{view.Device}
	}
	facts := oncall.Facts{Ticket: ticket, From: view.From, To: []string{view.To}}
	result := simulated{}
	if strings.TrimSpace(mail) != "" {
		alert := s.Parse([]byte(strings.ReplaceAll(strings.ReplaceAll(mail, "\r\n", "\n"), "\n", "\r\n")))
		*ticket = tickets.Ticket{
			Severity: alert.Severity, Kind: alert.Kind, Product: alert.Product, Title: alert.Title, Category: alert.Category,
			Organisation: alert.Organisation, TenantID: alert.TenantID, Devices: alert.Devices, Users: alert.Users,
			Verified: &view.Verified, Source: tickets.FromEmail,
		}
		facts.Status, facts.From = alert.Status, alert.Message.From
		result.Facts = readFacts(alert)
	}
	reader.explain(&result, facts, at)
	view.Result = &result
	return s.renderSimulation(w, r, http.StatusOK, view, get("severity"), get("kind"))
}

// readFacts are what the parser saw in a pasted mail.
func readFacts(alert tickets.Alert) []fact {
	var facts []fact
	for _, at := range []fact{
		{Label: "Kind", Values: []string{plain(string(alert.Kind))}},
		{Label: "Severity", Values: []string{alert.Severity.Word()}},
		{Label: "Title", Values: []string{alert.Title}},
		{Label: "Device", Values: alert.Devices},
		{Label: "User", Values: alert.Users},
		{Label: "Product", Values: []string{productName(alert.Product)}},
		{Label: "Organisation", Values: []string{alert.Organisation}},
		{Label: "Category", Values: []string{alert.Category}},
		{Label: "From", Values: []string{alert.Message.From}},
		{Label: "Warnings", Values: alert.Warnings},
	} {
		if strings.Join(at.Values, "") != "" {
			facts = append(facts, at)
		}
	}
	return facts
}

// explain fills in which route takes a ticket and whom it would tell, and when.
func (r reader) explain(result *simulated, facts oncall.Facts, at time.Time) {
	route, index, matched := r.configuration.Route(facts, at)
	switch {
	case matched:
		row := routeRows(r)[index]
		result.Route, result.RouteURL = row.Name, "/settings/routes/"+row.Key
	case route.Policy != "":
		result.Route = "no route matches, so the first policy takes it"
	default:
		result.Route = "no route matches, and there is no policy"
	}
	r.tell(result, r.configuration.Simulate(facts, at), at)
}

// stepWords name the step of a notification.
func stepWords(page oncall.Expected) string {
	switch {
	case page.LastResort:
		return "last resort"
	case page.Round > 1:
		return fmt.Sprintf("step %d, round %d", page.Step, page.Round)
	}
	return fmt.Sprintf("step %d", page.Step)
}

// inWords is how long after a ticket's beginning something happens.
func inWords(after time.Duration) string {
	if after > 0 {
		return "after " + written(oncall.Duration(after))
	}
	return "at once"
}
