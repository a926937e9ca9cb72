package web

import (
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// deliveriesShown is how many deliveries one page lists.
const deliveriesShown = 50

type deliveriesView struct {
	frame
	Webhook   string
	Path      string
	Disabled  string // why; empty where it is told
	Rows      []deliveryRow
	Next      string
	Complaint string
}

// deliveryRow is one message to a webhook.
type deliveryRow struct {
	ID       int64
	Type     string
	Ticket   int64 // 0 where it is of none
	State    oncall.PageState
	At       when
	Attempts int
	Error    string
	Again    bool // it is over, and can be sent once more
}

// listDeliveries is GET /settings/webhooks/{webhook}/deliveries.
func (s *Site) listDeliveries(w http.ResponseWriter, r *http.Request) error {
	return s.showDeliveries(w, r, http.StatusOK, "")
}

func (s *Site) showDeliveries(w http.ResponseWriter, r *http.Request, status int, complaint string) error {
	before, err := queryNumber(r, "before")
	if err != nil {
		return err
	}
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	id := chi.URLParam(r, "webhook")
	if _, ok := reader.configuration.Webhook(id); !ok {
		return tickets.ErrNotFound
	}
	view := deliveriesView{Webhook: id, Path: "/settings/webhooks/" + id, Disabled: reader.configuration.Disabled(id), Complaint: complaint}
	if view.frame, err = s.frame(r, "Deliveries to "+id, "webhooks"); err != nil {
		return err
	}
	pages, err := s.OnCall.Deliveries(r.Context(), id, deliveriesShown+1, before)
	if err != nil {
		return err
	}
	if len(pages) > deliveriesShown {
		pages = pages[:deliveriesShown]
		view.Next = view.Path + "/deliveries?before=" + strconv.FormatInt(pages[deliveriesShown-1].ID, 10)
	}
	for _, page := range pages {
		over := page.State == oncall.PageSent || page.State == oncall.PageDelivered || page.State == oncall.PageFailed
		view.Rows = append(view.Rows, deliveryRow{
			ID: page.ID, Type: page.Type, Ticket: page.Ticket, State: page.State, At: reader.ago(page.CreatedAt),
			Attempts: page.Attempts, Error: page.LastError, Again: over,
		})
	}
	return s.render(w, status, "deliveries", view)
}

// redeliver is POST /settings/webhooks/{webhook}/deliveries/{id}/again.
func (s *Site) redeliver(w http.ResponseWriter, r *http.Request) error {
	id, err := pathNumber(r, "id")
	if err != nil {
		return err
	}
	err = s.OnCall.Redeliver(r.Context(), chi.URLParam(r, "webhook"), id)
	if status, reason := refusal(err); status != 0 {
		return s.showDeliveries(w, r, status, reason)
	}
	if err != nil {
		return err
	}
	redirect(w, r, "/settings/webhooks/"+chi.URLParam(r, "webhook")+"/deliveries")
	return nil
}

// enableWebhook is POST /settings/webhooks/{webhook}/enable.
func (s *Site) enableWebhook(w http.ResponseWriter, r *http.Request) error {
	who, _ := identity(r.Context())
	if err := s.OnCall.EnableWebhook(r.Context(), who.ID, chi.URLParam(r, "webhook")); err != nil {
		return err
	}
	redirect(w, r, "/settings/webhooks/"+chi.URLParam(r, "webhook")+"/deliveries")
	return nil
}
