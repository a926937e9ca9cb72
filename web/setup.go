package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

// setupView is the way from an empty database to an acknowledged page: four steps, each done when it was seen to work.
type setupView struct {
	frame
	Done      bool
	Team      bool // a policy reaches somebody
	Intake    string
	Mail      *setupTicket // the first ticket that a mail made
	Page      *setupPage   // what came of its paging
	Taken     *setupTicket // acknowledged
	Person    setupPerson
	Channels  []choice
	Complaint string
}

type setupTicket struct {
	URL   string
	Title string
	At    when
	Who   string
	Test  bool // Defender's test mail, read as such
}

type setupPage struct {
	To     string
	How    string
	State  oncall.PageState
	Gone   bool // a provider took it
	Error  string
	Letter string // where it can be read, for mail
}

// setupPerson is what the first form asks for.
type setupPerson struct{ Name, Email, Timezone, Channel, To string }

// Reached says whether a provider took a page.
func (v setupView) Reached() bool { return v.Page != nil && v.Page.Gone }

// showSetup is GET /setup.
func (s *Site) showSetup(w http.ResponseWriter, r *http.Request) error {
	view, err := s.setupView(r)
	if err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "setup", view)
}

func (s *Site) setupView(r *http.Request) (setupView, error) {
	reader, err := s.readerOf(r)
	if err != nil {
		return setupView{}, err
	}
	view := setupView{Intake: s.IntakeAddress, Person: setupPerson{Name: reader.who.Name}}
	if view.frame, err = s.frame(r, "Set up", "setup"); err != nil {
		return view, err
	}
	accounts, err := s.Auth.Accounts(r.Context())
	if err != nil {
		return view, err
	}
	for _, account := range accounts {
		if account.ID == reader.who.ID {
			view.Person.Email = account.Email
		}
	}
	view.Channels = choices(oncall.Channels()...)
	view.Team = len(reader.configuration.Policies) > 0
	list, err := s.Tickets.List(r.Context(), tickets.Filter{Limit: 20})
	if err != nil {
		return view, err
	}
	for _, ticket := range slices.Backward(list.Tickets) { // the oldest of them first: the guide is for the first mail
		if ticket.Source != tickets.FromEmail {
			continue
		}
		if view.Mail == nil || !view.Reached() || view.Taken == nil {
			if err := s.followTicket(r.Context(), &view, reader, ticket); err != nil {
				return view, err
			}
		}
	}
	view.Done = view.Team && view.Mail != nil && view.Reached() && view.Taken != nil
	return view, nil
}

// followTicket notes how far a ticket has come.
func (s *Site) followTicket(ctx context.Context, view *setupView, r reader, ticket tickets.Ticket) error {
	pages, err := s.OnCall.Pages(ctx, ticket.Number)
	if err != nil {
		return err
	}
	at := setupTicket{URL: ticketURL(ticket.Number), Title: titleOf(ticket), At: r.ago(ticket.CreatedAt), Test: ticket.Kind == tickets.KindTest}
	if view.Mail == nil || len(pages) > 0 && view.Page == nil {
		view.Mail = &at
	}
	for _, page := range pages {
		if page.State == oncall.PageCancelled {
			continue
		}
		gone := page.State == oncall.PageSent || page.State == oncall.PageDelivered
		if view.Page == nil || gone && !view.Page.Gone {
			view.Page = &setupPage{To: r.name(page.Person), How: channelName(page.Channel), State: page.State, Gone: gone, Error: page.LastError}
			if page.Channel == "email" {
				view.Page.Letter = r.letter(page).URL
			}
		}
	}
	if ticket.AcknowledgedAt != nil && ticket.AcknowledgedBy != tickets.ActorSystem {
		taken := at
		taken.Who, taken.At = r.name(ticket.AcknowledgedBy), r.ago(*ticket.AcknowledgedAt)
		view.Taken = &taken
	}
	return nil
}

// setUp is POST /setup: the first person, a schedule of one, a policy that rings until somebody acknowledges, and a
// route that records what is Low.
func (s *Site) setUp(w http.ResponseWriter, r *http.Request) error {
	name, err := formValue(r, "name")
	if err != nil {
		return err
	}
	get := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	typed := setupPerson{strings.TrimSpace(name), get("email"), get("timezone"), get("channel"), get("to")}
	who, _ := identity(r.Context())
	err = s.OnCall.Apply(r.Context(), who.ID, "set-up guide", func(current oncall.Configuration) (oncall.Configuration, error) {
		if len(current.Policies) > 0 {
			return current, &tickets.ConflictError{Reason: "there is a policy already; change it under Settings"}
		}
		return s.firstTeam(current, who.ID, typed)
	})
	if status, reason := refusal(err); status != 0 {
		view, err := s.setupView(r)
		if err != nil {
			return err
		}
		view.Complaint, view.Person = reason, typed
		return s.render(w, status, "setup", view)
	}
	if err != nil {
		return err
	}
	redirect(w, r, "/setup")
	return nil
}

func (s *Site) firstTeam(current oncall.Configuration, id string, typed setupPerson) (oncall.Configuration, error) {
	person := oncall.Person{ID: id, Name: typed.Name, Email: typed.Email, Timezone: typed.Timezone, Role: "admin"}
	if typed.Email != "" {
		person.Contacts = append(person.Contacts, oncall.Contact{ID: "mail", Channel: "email", To: typed.Email})
	}
	if typed.To != "" {
		person.Contacts = append(person.Contacts, oncall.Contact{ID: "first", Channel: typed.Channel, To: typed.To})
	}
	if len(person.Contacts) == 0 {
		return current, &tickets.InvalidError{Field: "email", Reason: "give an e-mail address or another way to be reached"}
	}
	var start oncall.LocalTime
	if err := start.UnmarshalText([]byte(monday(s.Now(), zone(typed.Timezone)))); err != nil {
		return current, err
	}
	week := oncall.Rotation{Every: oncall.Period{Count: 1, Unit: "w"}, Start: start}
	at, known := current.Place("people", id)
	current.People = slices.Clone(current.People)
	if known {
		current.People[at] = person
	} else {
		current.People = append(current.People, person)
	}
	target := oncall.Target{Kind: oncall.TargetPerson, ID: id}
	if _, taken := current.Place("schedules", "primary"); !taken {
		schedule := oncall.Schedule{ID: "primary", Name: "Primary", Timezone: typed.Timezone, Layers: []oncall.Layer{{Name: "weeks", People: []string{id}, Rotation: week}}}
		current.Schedules = append(slices.Clone(current.Schedules), schedule)
		target = oncall.Target{Kind: oncall.TargetSchedule, ID: "primary"}
	}
	current.Policies = []oncall.Policy{{ID: "security", Repeat: 3, Steps: []oncall.Step{{Notify: []oncall.Target{target}, Wait: oncall.Same(oncall.Duration(5 * time.Minute))}}}}
	if len(current.Routes) == 0 {
		record := oncall.Route{Action: oncall.ActionRecord}
		record.Match.Severity = oncall.Values{string(tickets.Low), string(tickets.Informational)}
		current.Routes = []oncall.Route{record}
	}
	if faults := current.Faults("", s.CheckContact); len(faults) > 0 {
		return current, &tickets.InvalidError{Field: "contact", Reason: strings.Join(faults, "; ")}
	}
	return current, nil
}

// monday is nine o'clock on the Monday of the week before: the hand-off is in the morning, and somebody is on call now.
func monday(now time.Time, in *time.Location) string {
	local := now.In(in)
	back := (int(local.Weekday())+6)%7 + 7
	day := local.AddDate(0, 0, -back)
	return fmt.Sprintf("%sT09:00", day.Format("2006-01-02"))
}
