package api

import (
	"context"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"afterhours/oncall"
	"afterhours/tickets"
)

type byNumber struct {
	Number string `path:"number" doc:"The ticket's number"`
}

type ticketAnswer struct{ Body tickets.Ticket }

func answer(ticket tickets.Ticket) *ticketAnswer { return &ticketAnswer{complete(ticket)} }

// complete makes lists of a ticket empty where they are nil, and times UTC.
func complete(ticket tickets.Ticket) tickets.Ticket {
	ticket.AlertIDs, ticket.Devices, ticket.Users = list(ticket.AlertIDs), list(ticket.Devices), list(ticket.Users)
	ticket.Links, ticket.Machines, ticket.Techniques, ticket.Evidence = list(ticket.Links), list(ticket.Machines), list(ticket.Techniques), list(ticket.Evidence)
	ticket.CreatedAt, ticket.UpdatedAt = ticket.CreatedAt.UTC(), ticket.UpdatedAt.UTC()
	return ticket
}

// list is values, but never nil: JSON writes that as null.
func list[T any](values []T) []T {
	if values == nil {
		return []T{}
	}
	return values
}

type listQuery struct {
	State    []string `query:"state,explode" nullable:"false" doc:"open, acknowledged or resolved; several with commas"`
	Severity []string `query:"severity,explode" nullable:"false" doc:"high, medium, low, informational or unknown; several with commas"`
	Product  []string `query:"product,explode" nullable:"false" doc:"Several with commas"`
	Query    string   `query:"q" doc:"Every word must begin a word of number, title, device, user, id or mail"`
	Assignee string   `query:"assignee" doc:"A person's id"`
	Since    string   `query:"since" doc:"Created at or after, RFC 3339"`
	Until    string   `query:"until" doc:"Created before, RFC 3339"`
	Limit    string   `query:"limit" doc:"1 to 500, default 50"`
	Cursor   string   `query:"cursor" doc:"The next_cursor of the page before"`
}

type listAnswer struct {
	Body struct {
		Tickets    []tickets.Ticket `json:"tickets"`
		NextCursor string           `json:"next_cursor" doc:"Empty at the end"`
	}
}

func (q *listQuery) filter() (filter tickets.Filter, err error) {
	filter.Query, filter.Assignee = q.Query, q.Assignee
	if utf8.RuneCountInString(q.Query) > maxQuery {
		return filter, invalid("q", "give at most %d characters", maxQuery)
	}
	if filter.States, err = choices("state", q.State, tickets.State.Valid); err != nil {
		return filter, err
	}
	if filter.Severities, err = choices("severity", q.Severity, tickets.Severity.Valid); err != nil {
		return filter, err
	}
	if filter.Products, err = choices("product", q.Product, tickets.Product.Valid); err != nil {
		return filter, err
	}
	if filter.Since, err = moment("since", q.Since); err != nil {
		return filter, err
	}
	if filter.Until, err = moment("until", q.Until); err != nil {
		return filter, err
	}
	if filter.Limit, err = limit(q.Limit); err != nil {
		return filter, err
	}
	filter.Before, err = readCursor(q.Cursor)
	return filter, err
}

func (s *service) list(ctx context.Context, in *listQuery) (*listAnswer, error) {
	filter, err := in.filter()
	if err != nil {
		return nil, err
	}
	found, err := s.Tickets.List(ctx, filter)
	if err != nil {
		return nil, err
	}
	out := &listAnswer{}
	out.Body.Tickets = make([]tickets.Ticket, len(found.Tickets))
	for i, ticket := range found.Tickets {
		out.Body.Tickets[i] = complete(ticket)
	}
	out.Body.NextCursor = cursor(found.Next)
	return out, nil
}

func (s *service) get(ctx context.Context, in *byNumber) (*ticketAnswer, error) {
	n, err := number("number", in.Number)
	if err != nil {
		return nil, err
	}
	ticket, err := s.Tickets.Get(ctx, n)
	if err != nil {
		return nil, err
	}
	return answer(ticket), nil
}

type timelineAnswer struct {
	Body struct {
		Events []tickets.Event `json:"events"`
	}
}

func (s *service) timeline(ctx context.Context, in *byNumber) (*timelineAnswer, error) {
	n, err := number("number", in.Number)
	if err != nil {
		return nil, err
	}
	if _, err := s.Tickets.Get(ctx, n); err != nil {
		return nil, err
	}
	events, err := s.Tickets.Timeline(ctx, n)
	if err != nil {
		return nil, err
	}
	out := &timelineAnswer{}
	out.Body.Events = list(slices.Clone(events))
	for i := range out.Body.Events {
		event := &out.Body.Events[i]
		event.At = event.At.UTC()
		if event.Data == nil {
			event.Data = map[string]any{}
		}
	}
	return out, nil
}

type pagesQuery struct {
	Ticket string `query:"ticket" doc:"A ticket's number; without it the newest 200 of all tickets"`
}

type pagesAnswer struct {
	Body struct {
		Pages []oncall.Page `json:"pages"`
	}
}

func (s *service) pages(ctx context.Context, in *pagesQuery) (*pagesAnswer, error) {
	out := &pagesAnswer{}
	out.Body.Pages = []oncall.Page{}
	var of int64
	if in.Ticket != "" {
		n, err := number("ticket", in.Ticket)
		if err != nil {
			return nil, err
		}
		if n == 0 { // the store's word for all
			return out, nil
		}
		of = n
	}
	pages, err := s.OnCall.Pages(ctx, of)
	if err != nil {
		return nil, err
	}
	out.Body.Pages = list(pages)
	return out, nil
}

type onCallQuery struct {
	At string `query:"at" doc:"RFC 3339; default: now"`
}

type onCallAnswer struct {
	Body struct {
		At        time.Time        `json:"at"`
		Schedules []onCallSchedule `json:"schedules"`
	}
}

type onCallSchedule struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Timezone   string     `json:"timezone"`
	Person     *string    `json:"person" doc:"A person's id; null in a gap"`
	PersonName string     `json:"person_name"`
	Source     string     `json:"source" doc:"layer, temporary, override, or empty in a gap"`
	Until      *time.Time `json:"until" doc:"The end of this stretch; null beyond the coming four weeks"`
}

// horizon is how far the end of a stretch is looked for.
const horizon = 28 * 24 * time.Hour

func (s *service) onCall(ctx context.Context, in *onCallQuery) (*onCallAnswer, error) {
	at, err := moment("at", in.At)
	if err != nil {
		return nil, err
	}
	if at.IsZero() {
		at = s.Now().UTC()
	}
	configuration, err := s.OnCall.Configuration(ctx)
	if err != nil {
		return nil, err
	}
	out := &onCallAnswer{}
	out.Body.At = at
	out.Body.Schedules = []onCallSchedule{}
	for _, schedule := range configuration.Schedules {
		out.Body.Schedules = append(out.Body.Schedules, onCallIn(configuration, schedule, at))
	}
	return out, nil
}

func onCallIn(configuration oncall.Configuration, schedule oncall.Schedule, at time.Time) onCallSchedule {
	found := onCallSchedule{ID: schedule.ID, Name: schedule.Name, Timezone: schedule.Timezone}
	if found.Name == "" {
		found.Name = schedule.ID
	}
	if found.Timezone == "" {
		found.Timezone = "UTC"
	}
	if person, source, ok := schedule.At(at); ok {
		found.Person, found.PersonName, found.Source = &person, configuration.Name(person), source
	}
	end := at.Add(horizon)
	shifts, gaps := schedule.Shifts(at, end)
	for _, shift := range shifts {
		if shift.Start.Equal(at) && shift.End.Before(end) {
			found.Until = &shift.End
		}
	}
	for _, gap := range gaps {
		if gap.Start.Equal(at) && gap.End.Before(end) {
			found.Until = &gap.End
		}
	}
	return found
}

type byID struct {
	ID string `path:"id" doc:"The mail's id"`
}

type rawAnswer struct {
	ContentType        string `header:"Content-Type"`
	ContentDisposition string `header:"Content-Disposition"`
	Body               []byte
}

func (s *service) raw(ctx context.Context, in *byID) (*rawAnswer, error) {
	id, err := number("id", in.ID)
	if err != nil {
		return nil, err
	}
	raw, err := s.Tickets.Raw(ctx, id)
	if err != nil {
		return nil, err
	}
	return &rawAnswer{
		ContentType:        "message/rfc822",
		ContentDisposition: `attachment; filename="mail-` + strconv.FormatInt(id, 10) + `.eml"`,
		Body:               raw,
	}, nil
}
