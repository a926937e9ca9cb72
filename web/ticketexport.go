package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"afterhours/tickets"
)

// maxExport bounds the tickets of one download; the name of one that leaves any out says so.
const maxExport = 20_000

// exportTickets is GET /tickets/export/{format}: the list's selection as CSV or JSON, newest first.
func (s *Site) exportTickets(w http.ResponseWriter, r *http.Request) error {
	format := chi.URLParam(r, "format")
	if format != "csv" && format != "json" {
		return tickets.ErrNotFound
	}
	sel, err := readSelection(r.URL.Query())
	if err != nil {
		return err
	}
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	filter, err := sel.filter(reader.who.ID, reader.zone)
	if err != nil {
		return err
	}
	var found []tickets.Ticket
	for filter.Limit = tickets.MaxLimit; len(found) < maxExport; {
		list, err := s.Tickets.List(r.Context(), filter)
		if err != nil {
			return err
		}
		found = append(found, list.Tickets...)
		if filter.Before = list.Next; list.Next == 0 {
			break
		}
	}
	name := "tickets-" + reader.now.In(reader.zone).Format(dayForm)
	if filter.Before != 0 {
		name += fmt.Sprintf("-newest-%d", len(found))
	}
	name += "." + format
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	if format == "json" {
		w.Header().Set("Content-Type", "application/json")
		return json.NewEncoder(w).Encode(map[string]any{"tickets": found, "cut": filter.Before != 0})
	}
	return writeCSV(w, ticketLines(found))
}

var exportColumns = []string{
	"number", "state", "severity", "kind", "product", "title", "category", "organisation", "devices", "users", "incident_id", "alert_ids",
	"classification", "assignee", "policy", "created_at", "acknowledged_at", "acknowledged_by", "resolved_at", "message_count", "verified", "source",
}

func ticketLines(found []tickets.Ticket) [][]string {
	lines := [][]string{exportColumns}
	for _, t := range found {
		verified := ""
		if t.Verified != nil {
			verified = strconv.FormatBool(*t.Verified)
		}
		lines = append(lines, []string{
			strconv.FormatInt(t.Number, 10), string(t.State), string(t.Severity), string(t.Kind), string(t.Product), t.Title, t.Category,
			t.Organisation, strings.Join(t.Devices, " "), strings.Join(t.Users, " "), t.IncidentID, strings.Join(t.AlertIDs, " "), t.Classification,
			t.Assignee, t.Policy, moment(&t.CreatedAt), moment(t.AcknowledgedAt), t.AcknowledgedBy, moment(t.ResolvedAt),
			strconv.Itoa(t.MessageCount), verified, string(t.Source),
		})
	}
	return lines
}

func moment(at *time.Time) string {
	if at == nil {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}
