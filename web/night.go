package web

import (
	"errors"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/web/auth"
)

// nightView is the page behind an acknowledge link: one thing, huge, in the dark.
type nightView struct {
	bare
	Base      string // the path to which its forms post
	Number    int64
	Badge     badge
	Age       when
	Heading   string
	Where     string // device and organisation
	Whose     string // user and product
	Verified  string
	Suspect   bool
	Told      []told
	Next      outlook
	Person    string // on whose behalf the page acts
	State     tickets.State
	Holder    string // who acknowledged
	Yours     bool
	HeldSince when
	CanUndo   bool // for a minute
	Portal    *portal
	Runbook   string
	CanRush   bool
	Notice    string
	Complaint string
	Note      string
}

// told is somebody who was told, and when.
type told struct {
	Name string
	At   when
	Held bool // it could not leave the house
}

// night answers whoever has an acknowledge link. One that is unknown, forged or expired gets the same page.
func (s *Site) night(answer func(w http.ResponseWriter, r *http.Request, caller nightCaller) error) http.HandlerFunc {
	return s.open(func(w http.ResponseWriter, r *http.Request) error {
		caller, err := s.caller(r)
		if errors.Is(err, tickets.ErrNotFound) {
			return s.render(w, http.StatusNotFound, "deadlink", s.bare("This link does not work", true))
		}
		if err != nil {
			return err
		}
		if caller.forbidden {
			s.showError(w, r, http.StatusForbidden, "Acting on this ticket needs the role responder. An administrator can give it to you.")
			return nil
		}
		if caller.mustSignIn {
			if r.Method == http.MethodPost {
				s.showError(w, r, http.StatusForbidden, "The policy of this ticket asks you to sign in first. Open the link again and sign in.")
				return nil
			}
			redirect(w, r, signInURL(r.URL.Path))
			return nil
		}
		return answer(w, r, caller)
	})
}

// nightCaller is who holds a link, and to what.
type nightCaller struct {
	base       string
	actor      string
	person     string // the name
	ticket     tickets.Ticket
	mustSignIn bool // its policy asks for it, and nobody has
	forbidden  bool // who signed in may not act
	reader
}

func (s *Site) caller(r *http.Request) (nightCaller, error) {
	token := chi.URLParam(r, "token")
	invitation, err := s.OnCall.Invitation(r.Context(), token)
	if err != nil {
		return nightCaller{}, err
	}
	ticket, err := s.Tickets.Get(r.Context(), invitation.Ticket)
	if err != nil {
		return nightCaller{}, err
	}
	configuration, err := s.OnCall.Configuration(r.Context())
	if err != nil {
		return nightCaller{}, err
	}
	viewing, err := s.Auth.ViewingOf(r.Context(), invitation.Person) // of the account that is the same human
	if err != nil {
		return nightCaller{}, err
	}
	caller := nightCaller{
		base: "/ack/" + token, actor: invitation.Person, person: invitation.Name, ticket: ticket,
		reader: reader{configuration: configuration, clock: s.clockOf(configuration, invitation.Person, viewing)},
	}
	if caller.actor == "" { // the link went to a webhook of the team
		caller.actor = tickets.ActorSystem
	}
	if caller.person == "" {
		caller.person = caller.name(caller.actor)
	}
	if policy, ok := configuration.Policy(ticket.Policy); !ok || policy.AckLink != "login" {
		return caller, nil
	}
	who, ok, err := s.Auth.Current(r.Context())
	if err != nil {
		return nightCaller{}, err
	}
	caller.mustSignIn, caller.forbidden = !ok, ok && !who.Role.Allows(auth.Responder)
	caller.actor, caller.person, caller.who = who.ID, who.Name, who
	return caller, nil
}

// showNight is GET /ack/{token}. It changes nothing, however often and by whatever it is opened.
func (s *Site) showNight(w http.ResponseWriter, r *http.Request, caller nightCaller) error {
	view, err := s.nightView(r, caller)
	if err != nil {
		return err
	}
	switch r.URL.Query().Get("done") {
	case "escalated":
		view.Notice = "Escalated: the next ones are being told now."
	case "snoozed":
		view.Notice = "Snoozed. The paging begins again when the time is over."
	case "taken":
		view.Notice = "You have it now; who had it is told."
	case "undone":
		view.Notice = "Taken back: the ticket is open, and its policy begins again."
	case "noted":
		view.Notice = "The note is in the timeline."
	}
	return s.render(w, http.StatusOK, "night", view)
}

func (s *Site) nightView(r *http.Request, caller nightCaller) (nightView, error) {
	ticket := caller.ticket
	pages, err := s.OnCall.Pages(r.Context(), ticket.Number)
	if err != nil {
		return nightView{}, err
	}
	next, err := s.OnCall.Outlook(r.Context(), ticket.Number)
	if err != nil {
		return nightView{}, err
	}
	view := nightView{
		bare: s.bare(ticket.Severity.Word()+": "+titleOf(ticket), true), Base: caller.base, Number: ticket.Number,
		Badge: badgeOf(ticket), Age: caller.ago(ticket.CreatedAt), Heading: titleOf(ticket), Person: caller.person,
		Where: joined(few(ticket.Devices), ticket.Organisation),
		Whose: joined(few(ticket.Users), productName(ticket.Product)),
		Told:  caller.told(pages), Next: caller.outlook(ticket, next), State: ticket.State,
		CanRush: ticket.State == tickets.Open && next.State == "running",
	}
	view.Verified, view.Suspect = senderOf(ticket)
	if links := portals(ticket.Links); len(links) > 0 {
		view.Portal = &links[0]
	}
	if webLink(ticket.Runbook) {
		view.Runbook = ticket.Runbook
	}
	switch {
	case ticket.State == tickets.Acknowledged && ticket.AcknowledgedAt != nil:
		view.Holder, view.Yours = caller.name(ticket.AcknowledgedBy), ticket.AcknowledgedBy == caller.actor
		view.HeldSince = caller.ago(*ticket.AcknowledgedAt)
		view.CanUndo = view.Yours && undoable(ticket, caller.now)
	case ticket.State == tickets.Resolved && ticket.ResolvedAt != nil:
		view.HeldSince = caller.ago(*ticket.ResolvedAt)
	}
	return view, nil
}

// told lists everybody once, in the order in which they were first told.
func (r reader) told(pages []oncall.Page) []told {
	var list []told
	place := map[string]int{}
	for _, page := range pages {
		gone := page.State == oncall.PageSent || page.State == oncall.PageDelivered
		if page.Person == "" || !gone && page.State != oncall.PageHeld {
			continue
		}
		at := page.CreatedAt
		if page.SentAt != nil {
			at = *page.SentAt
		}
		i, known := place[page.Person]
		if !known {
			place[page.Person] = len(list)
			list = append(list, told{r.name(page.Person), r.at(at), !gone})
		} else if gone && list[i].Held {
			list[i] = told{r.name(page.Person), r.at(at), false}
		}
	}
	return list
}

// few are the first names of a list, and how many more there are.
func few(values []string) string {
	const shown = 2
	if len(values) <= shown {
		return strings.Join(values, ", ")
	}
	return strings.Join(values[:shown], ", ") + " and " + count(len(values)-shown, "more", "more")
}

// joined puts a dot between what is there.
func joined(parts ...string) string {
	var there []string
	for _, part := range parts {
		if part != "" {
			there = append(there, part)
		}
	}
	return strings.Join(there, " · ")
}
