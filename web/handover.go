package web

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-chi/chi/v5"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/web/auth"
)

// handoverShown is how many hand-over notes one page lists.
const handoverShown = 20

type handoverView struct {
	frame
	ID        string
	Name      string
	MayWrite  bool
	Most      int // characters of a note
	Text      string
	Complaint string
	Notes     []handoverRow
	Next      string
}

// handoverRow is a note as pages show it.
type handoverRow struct {
	Author string
	At     when
	Text   string
}

// actor is who is signed in, as the on-call room knows actors.
func actor(who auth.Identity) oncall.Actor {
	return oncall.Actor{ID: who.ID, Admin: who.Role.Allows(auth.Admin)}
}

// mayHandOver says whether whoever looks may write a schedule's hand-over notes.
func (r reader) mayHandOver(schedule oncall.Schedule) bool {
	return r.who.Role.Allows(auth.Admin) || r.who.Role.Allows(auth.Responder) && schedule.Names(r.who.ID)
}

func (r reader) handoverRow(note oncall.HandoverNote) handoverRow {
	return handoverRow{r.name(note.Author), r.day(note.At), note.Text}
}

// showHandover is GET /oncall/{schedule}/notes.
func (s *Site) showHandover(w http.ResponseWriter, r *http.Request) error {
	return s.renderHandover(w, r, http.StatusOK, "", "")
}

func (s *Site) renderHandover(w http.ResponseWriter, r *http.Request, status int, text, complaint string) error {
	before, err := queryNumber(r, "before")
	if err != nil {
		return err
	}
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	id := chi.URLParam(r, "schedule")
	notes, err := s.OnCall.HandoverNotes(r.Context(), id, handoverShown+1, before)
	if err != nil {
		return err
	}
	schedule, ok := reader.configuration.Schedule(id)
	if !ok && len(notes) == 0 {
		return tickets.ErrNotFound
	}
	schedule.ID = id
	view := handoverView{
		ID: id, Name: nameOf(schedule), MayWrite: ok && reader.mayHandOver(schedule), Most: oncall.MaxHandoverNote, Text: text, Complaint: complaint,
	}
	if view.frame, err = s.frame(r, "Hand-over notes of "+view.Name, "oncall"); err != nil {
		return err
	}
	reader.zone = zone(schedule.Timezone)
	if len(notes) > handoverShown {
		notes = notes[:handoverShown]
		view.Next = "/oncall/" + url.PathEscape(id) + "/notes?before=" + strconv.FormatInt(notes[handoverShown-1].ID, 10)
	}
	for _, note := range notes {
		view.Notes = append(view.Notes, reader.handoverRow(note))
	}
	return s.render(w, status, "handover", view)
}

// writeHandover is POST /oncall/{schedule}/notes.
func (s *Site) writeHandover(w http.ResponseWriter, r *http.Request) error {
	text, err := formValue(r, "text")
	if err != nil {
		return err
	}
	who, _ := identity(r.Context())
	id := chi.URLParam(r, "schedule")
	_, err = s.OnCall.WriteHandoverNote(r.Context(), id, actor(who), text)
	if status, reason := refusal(err); status != 0 {
		return s.renderHandover(w, r, status, text, reason)
	}
	if err != nil {
		return err
	}
	redirect(w, r, "/oncall/"+url.PathEscape(id)+"/notes")
	return nil
}
