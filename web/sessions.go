package web

import (
	"errors"
	"net/http"

	"github.com/go-chi/chi/v5"

	"afterhours/tickets"
	"afterhours/web/auth"
)

type sessionsView struct {
	frame
	Rows []sessionRow
	All  bool // everybody's
}

type sessionRow struct {
	ID      string
	Name    string
	Since   when
	Seen    when
	Address string
	Agent   string
	This    bool // the one that asks
}

// listSessions is GET /sessions: one's own, or, for an administrator who asks for all, everybody's.
func (s *Site) listSessions(w http.ResponseWriter, r *http.Request) error {
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	view := sessionsView{All: r.URL.Query().Has("all") && reader.who.Role.Allows(auth.Admin)}
	title, whose := "Your sessions", reader.who.ID
	if view.All {
		title, whose = "Everybody's sessions", ""
	}
	if view.frame, err = s.frame(r, title, "sessions"); err != nil {
		return err
	}
	open, err := s.Auth.OpenSessions(r.Context(), whose)
	if err != nil {
		return err
	}
	current := s.Auth.CurrentSession(r.Context())
	for _, session := range open {
		view.Rows = append(view.Rows, sessionRow{
			ID: session.ID, Name: session.Name, Since: reader.at(session.At), Seen: reader.ago(session.SeenAt),
			Address: session.Address, Agent: session.Agent, This: session.ID == current,
		})
	}
	return s.render(w, http.StatusOK, "sessions", view)
}

// endSession is POST /sessions/{session}/end: of one's own, or of anybody's for an administrator.
func (s *Site) endSession(w http.ResponseWriter, r *http.Request) error {
	who, _ := identity(r.Context())
	whose, back := who.ID, "/sessions"
	if who.Role.Allows(auth.Admin) {
		whose = ""
	}
	if all, err := formValue(r, "all"); err == nil && all != "" {
		back = "/sessions?all=1"
	}
	err := s.Auth.EndSession(r.Context(), chi.URLParam(r, "session"), whose)
	if err != nil && !errors.Is(err, tickets.ErrNotFound) { // it is over already
		return err
	}
	redirect(w, r, back)
	return nil
}
