package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// historyShown is how much of a schedule's history one page lists.
const historyShown = 28 * 24 * time.Hour

// Shifts is what the pages need of the on-call store beside the configuration: what was, and what people agree upon.
type Shifts interface {
	// OnCallHistory is what was recorded of a schedule, also of one that was removed since.
	OnCallHistory(ctx context.Context, schedule string, from, to time.Time) (oncall.History, error)
	// HandoverNotes are a schedule's, newest first, below the id before; 0 begins at the newest.
	HandoverNotes(ctx context.Context, schedule string, limit int, before int64) ([]oncall.HandoverNote, error)
	// HandoverNote is the newest one that is not older than since; nil where there is none.
	HandoverNote(ctx context.Context, schedule string, since time.Time) (*oncall.HandoverNote, error)
	WriteHandoverNote(ctx context.Context, schedule string, by oncall.Actor, text string) (oncall.HandoverNote, error)
	// ShiftRequests are newest first, below the id before; an empty schedule or state stands for all.
	ShiftRequests(ctx context.Context, schedule, state string, limit int, before int64) ([]oncall.ShiftRequest, error)
	// AskShift settles at once what is waived; who may is the store's to say.
	AskShift(ctx context.Context, by oncall.Actor, request oncall.ShiftRequest, waived bool) (oncall.ShiftRequest, error)
	AnswerShift(ctx context.Context, schedule string, id int64, by oncall.Actor, yes bool) (oncall.ShiftRequest, error)
	WithdrawShift(ctx context.Context, schedule string, id int64, by oncall.Actor) (oncall.ShiftRequest, error)
}

type historyView struct {
	frame
	ID    string
	Name  string
	Zone  string
	From  when
	To    when
	Rows  []historyRow // newest first
	Since *when        // of the first record; nil where there is none
	Older string
	Newer string
}

// historyRow is one recorded stretch; nobody was on call where Who is empty.
type historyRow struct {
	Who           string
	From, To      when
	Length        string
	Source        string // where it is not a layer
	Reconstructed bool
	start         time.Time
}

// showHistory is GET /oncall/{schedule}/history: four weeks, up to a moment.
func (s *Site) showHistory(w http.ResponseWriter, r *http.Request) error {
	id := chi.URLParam(r, "schedule")
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	to := reader.now.UTC()
	if text := r.URL.Query().Get("to"); text != "" {
		if to, err = time.Parse(time.RFC3339, text); err != nil {
			return &tickets.InvalidError{Field: "to", Reason: "it is not a moment like 2026-12-24T03:00:00Z"}
		}
	}
	from := to.Add(-historyShown)
	history, err := s.OnCall.OnCallHistory(r.Context(), id, from, to)
	if err != nil {
		return err
	}
	schedule, _ := reader.configuration.Schedule(id)
	schedule.ID = id // of a removed one the id alone is left
	view := historyView{ID: id, Name: nameOf(schedule), Zone: named(schedule.Timezone, "UTC")}
	if view.frame, err = s.frame(r, "Who was on call in "+view.Name, "oncall"); err != nil {
		return err
	}
	reader.zone = zone(view.Zone)
	view.From, view.To, view.Rows = reader.day(from), reader.day(to), reader.past(history)
	page := func(to time.Time) string {
		return "/oncall/" + url.PathEscape(id) + "/history?to=" + url.QueryEscape(to.UTC().Format(time.RFC3339))
	}
	if !history.From.IsZero() {
		since := reader.day(history.From)
		view.Since = &since
		if history.From.Before(from) {
			view.Older = page(from)
		}
	}
	if to.Before(reader.now) {
		view.Newer = page(to.Add(historyShown))
	}
	return s.render(w, http.StatusOK, "history", view)
}

func (r reader) past(history oncall.History) []historyRow {
	var rows []historyRow
	for _, shift := range history.Shifts {
		rows = append(rows, historyRow{
			Who: r.name(shift.Person), From: r.day(shift.Start), To: r.day(shift.End), Length: length(shift.End.Sub(shift.Start)),
			Reconstructed: shift.Reconstructed, start: shift.Start,
		})
		if shift.Source != oncall.SourceLayer {
			rows[len(rows)-1].Source = shift.Source
		}
	}
	for _, gap := range history.Gaps {
		rows = append(rows, historyRow{
			From: r.day(gap.Start), To: r.day(gap.End), Length: length(gap.End.Sub(gap.Start)), Reconstructed: gap.Reconstructed, start: gap.Start,
		})
	}
	slices.SortFunc(rows, func(a, b historyRow) int { return b.start.Compare(a.start) })
	return rows
}
