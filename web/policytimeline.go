package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

type policyView struct {
	frame
	ID        string
	Severity  []choice
	At        string
	Zone      string
	Complaint string
	Result    *simulated
}

// showPolicy is GET /policies/{policy}: what a policy does for a ticket that nobody acknowledges, from a moment on.
func (s *Site) showPolicy(w http.ResponseWriter, r *http.Request) error {
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	policy, ok := reader.configuration.Policy(chi.URLParam(r, "policy"))
	if !ok {
		return tickets.ErrNotFound
	}
	view := policyView{ID: policy.ID, Severity: severities(), At: strings.TrimSpace(r.URL.Query().Get("at")), Zone: reader.zone.String()}
	if view.frame, err = s.frame(r, "Policy "+policy.ID, "oncall"); err != nil {
		return err
	}
	severity, at, status := tickets.High, reader.now, http.StatusOK
	if asked := tickets.Severity(r.URL.Query().Get("severity")); asked != "" {
		if !asked.Valid() {
			return &tickets.InvalidError{Field: "severity", Reason: "write high, medium, low, informational or unknown"}
		}
		severity = asked
	}
	for i := range view.Severity {
		view.Severity[i].Chosen = view.Severity[i].ID == string(severity)
	}
	if view.At != "" {
		if at, err = time.ParseInLocation(inputLayout, view.At, reader.zone); err != nil {
			view.Complaint, at, status = "The moment cannot be read. Write it like 2026-12-24T03:00.", reader.now, http.StatusBadRequest
		}
	}
	result := simulated{}
	reader.tell(&result, reader.configuration.SimulatePolicy(policy.ID, severity, at), at)
	view.Result = &result
	return s.render(w, status, "policy", view)
}

// tell fills in whom a simulation tells, and when.
func (r reader) tell(result *simulated, simulation oncall.Simulation, at time.Time) {
	result.Policy, result.Recorded, result.Skipped, result.End = simulation.Policy, simulation.Recorded, simulation.Skipped, simulation.End
	pages := simulation.Pages
	if len(pages) > simulatedPages {
		result.More = len(pages) - simulatedPages
		pages = pages[:simulatedPages]
	}
	for _, page := range pages {
		how := strings.TrimSpace(channelName(page.Channel) + " " + page.Contact)
		if page.Quiet {
			how += ", after quiet hours"
		}
		result.Pages = append(result.Pages, simulatedPage{r.day(at.Add(page.After)), inWords(page.After), stepWords(page), r.recipientOf(page), how})
	}
	result.Timeline = r.timelineOf(pages)
}
