// Package api is the HTTP API under /api/v1 and its OpenAPI 3.1 description.
//
// It promises JSON without nulls where lists belong, times in RFC 3339, keyset cursors that are opaque and URL-safe, and
// one form of error, application/problem+json (RFC 9457): malformed parameters and bodies are 400, a missing or wrong
// token 401, a role that is too small 403, what is not there 404, what the state forbids 409. An empty parameter counts
// as absent.
//
// Who asks is told by a bearer token; a signed-in session may read as well. Parameters and bodies are read here and not
// by the framework, which would answer 422.
package api

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/tickets/playbook"
	"afterhours/web/auth"
)

// Prefix is the path under which everything here stands.
const Prefix = "/api/v1"

// Tickets is what the API needs of the tickets' store.
type Tickets interface {
	List(ctx context.Context, filter tickets.Filter) (tickets.List, error)
	Get(ctx context.Context, number int64) (tickets.Ticket, error)
	Timeline(ctx context.Context, number int64) ([]tickets.Event, error)
	Mails(ctx context.Context, number int64) ([]tickets.Mail, error)
	Raw(ctx context.Context, id int64) ([]byte, error)
	Acknowledge(ctx context.Context, number int64, actor string) (tickets.Ticket, error)
	TakeOver(ctx context.Context, number int64, actor string) (tickets.Ticket, error)
	UndoAcknowledge(ctx context.Context, number int64, actor string) (tickets.Ticket, error)
	Resolve(ctx context.Context, number int64, actor, classification string) (tickets.Ticket, error) // classification "" leaves it
	Reopen(ctx context.Context, number int64, actor string) (tickets.Ticket, error)
	Note(ctx context.Context, number int64, actor, text string) (tickets.Ticket, error)
	Assign(ctx context.Context, number int64, actor, person string) (tickets.Ticket, error)
	Hold(ctx context.Context, number int64, actor, reason string) (tickets.Ticket, error)
	Release(ctx context.Context, number int64, actor string) (tickets.Ticket, error)
}

// OnCall is what the API needs of the on-call store.
type OnCall interface {
	Configuration(ctx context.Context) (oncall.Configuration, error)
	Pages(ctx context.Context, ticket int64) ([]oncall.Page, error)
	Escalate(ctx context.Context, ticket int64, actor string) error
	Snooze(ctx context.Context, ticket int64, actor string, until time.Time) error
	// OnCallHistory is tickets.ErrNotFound where no such schedule ever was.
	OnCallHistory(ctx context.Context, schedule string, from, to time.Time) (oncall.History, error)
	HandoverNotes(ctx context.Context, schedule string, limit int, before int64) ([]oncall.HandoverNote, error) // newest first
	WriteHandoverNote(ctx context.Context, schedule string, by oncall.Actor, text string) (oncall.HandoverNote, error)
	// ShiftRequests are newest first; an empty state stands for all.
	ShiftRequests(ctx context.Context, schedule, state string, limit int, before int64) ([]oncall.ShiftRequest, error)
	AskShift(ctx context.Context, by oncall.Actor, request oncall.ShiftRequest, waived bool) (oncall.ShiftRequest, error)
	AnswerShift(ctx context.Context, schedule string, id int64, by oncall.Actor, yes bool) (oncall.ShiftRequest, error)
	WithdrawShift(ctx context.Context, schedule string, id int64, by oncall.Actor) (oncall.ShiftRequest, error)
}

// Playbooks is what the API needs of response actions. Nothing here approves one: that takes a signed-in person.
type Playbooks interface {
	Runs(ctx context.Context, filter playbook.Filter) ([]playbook.Run, error) // newest first
	Run(ctx context.Context, id int64) (playbook.Run, []playbook.Step, error)
}

// Options are the settings of Mount.
type Options struct {
	Tickets   Tickets
	OnCall    OnCall
	Playbooks Playbooks
	// Polls are how the polls of the configured tenants go, by our ids.
	Polls   func(ctx context.Context) (map[string]tickets.TenantStatus, error)
	Auth    *auth.Auth
	Log     *slog.Logger
	Now     func() time.Time
	Version string // of the program, for the description
}

type service struct {
	Options
	description []byte
}

// Mount adds every route of the API to a router. The caller's middleware puts the session of auth.Auth.Sessions around
// them.
func Mount(router chi.Router, options Options) error {
	s := &service{Options: options}
	router.Get(Prefix+"/openapi.json", s.describe)
	var err error
	router.Group(func(router chi.Router) {
		router.Use(s.readable, s.authorise)
		described := humachi.New(router, configuration(options.Version))
		s.routes(described)
		s.description, err = description(described)
	})
	return err
}

// routes is the whole API.
func (s *service) routes(to huma.API) {
	add(s, to, http.MethodGet, "/tickets", "listTickets", "Tickets, newest first", s.list)
	add(s, to, http.MethodGet, "/tickets/{number}", "getTicket", "One ticket", s.get)
	add(s, to, http.MethodGet, "/tickets/{number}/timeline", "getTimeline", "What happened to a ticket, oldest first", s.timeline)
	add(s, to, http.MethodGet, "/tickets/{number}/messages", "listMessages", "The mails behind a ticket, oldest first", s.messages)
	add(s, to, http.MethodGet, "/messages/{id}/raw", "getRawMessage", "A mail, byte for byte as it was received", s.raw)
	add(s, to, http.MethodGet, "/pages", "listPages", "Notifications: a ticket's, oldest first, or the newest of all", s.pages)
	add(s, to, http.MethodGet, "/oncall", "getOnCall", "Who is on call, by schedule", s.onCall)
	add(s, to, http.MethodGet, "/schedules/{id}/shifts", "listShifts", "A schedule's shifts and gaps by the present configuration", s.shifts)
	add(s, to, http.MethodGet, "/schedules/{id}/history", "listHistory", "A schedule's shifts and gaps as they really were", s.history)
	add(s, to, http.MethodGet, "/schedules/{id}/notes", "listHandoverNotes", "A schedule's hand-over notes, newest first", s.handoverNotes)
	add(s, to, http.MethodPost, "/schedules/{id}/notes", "addHandoverNote", "Leave a note for whoever comes on call next", s.writeHandoverNote)
	add(s, to, http.MethodGet, "/schedules/{id}/requests", "listShiftRequests", "Requests that shifts change hands, newest first", s.shiftRequests)
	add(s, to, http.MethodPost, "/schedules/{id}/requests", "askShift", "Let a shift change hands, or two be swapped", s.askShift)
	add(s, to, http.MethodPost, "/schedules/{id}/requests/{request}/accept", "acceptShift", "Say yes to a request: the override is written", s.acceptShift)
	add(s, to, http.MethodPost, "/schedules/{id}/requests/{request}/decline", "declineShift", "Say no to a request", s.declineShift)
	add(s, to, http.MethodPost, "/schedules/{id}/requests/{request}/withdraw", "withdrawShift", "Take a request back", s.withdrawShift)
	add(s, to, http.MethodGet, "/tenants", "listTenants", "The tenants whose Defender is polled, and how their polls go", s.tenants)
	add(s, to, http.MethodGet, "/runs", "listRuns", "Runs of playbooks, newest first", s.runs)
	add(s, to, http.MethodGet, "/runs/{run}", "getRun", "One run of a playbook with its audit, oldest first", s.run)
	add(s, to, http.MethodPost, "/tickets/{number}/acknowledge", "acknowledgeTicket", "Take an open ticket", s.acknowledge)
	add(s, to, http.MethodPost, "/tickets/{number}/take-over", "takeOver", "Take a ticket over that somebody else has acknowledged", s.takeOver)
	add(s, to, http.MethodPost, "/tickets/{number}/undo-acknowledge", "undoAcknowledge", "Take an acknowledgement back within a minute", s.undoAcknowledge)
	add(s, to, http.MethodPost, "/tickets/{number}/resolve", "resolveTicket", "End a ticket", s.resolve)
	add(s, to, http.MethodPost, "/tickets/{number}/reopen", "reopenTicket", "Open a resolved ticket again", s.reopen)
	add(s, to, http.MethodPost, "/tickets/{number}/assign", "assignTicket", "Give a ticket to a person, or to nobody", s.assign)
	add(s, to, http.MethodPost, "/tickets/{number}/notes", "addNote", "Add a note to a ticket", s.note)
	add(s, to, http.MethodPost, "/tickets/{number}/escalate", "escalateTicket", "Bring the next step forward to now", s.escalate)
	add(s, to, http.MethodPost, "/tickets/{number}/snooze", "snoozeTicket", "Silence a ticket until a moment in the next 24 hours", s.snooze)
	add(s, to, http.MethodPost, "/tickets/{number}/hold", "holdTicket", "Keep a ticket and its mails beyond every retention", s.hold)
	add(s, to, http.MethodPost, "/tickets/{number}/release", "releaseTicket", "End a hold, which administrators may", s.release)
}

func (s *service) describe(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(s.description) // the reader has gone; there is nobody to tell
}

func description(of huma.API) ([]byte, error) {
	for _, schema := range of.OpenAPI().Components.Schemas.Map() {
		for _, property := range schema.Properties {
			if property.Type == huma.TypeArray {
				property.Nullable = false // lists are empty, never null
			}
		}
	}
	text, err := json.Marshal(of.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("describe the API: %w", err)
	}
	return text, nil
}
