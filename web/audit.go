package web

import (
	"net/http"
	"strconv"

	"afterhours/oncall"
)

// auditShown is how many changes one page lists.
const auditShown = 50

type auditView struct {
	frame
	Changes []auditRow
	Next    string
}

// auditRow is one change of the configuration or of the accounts.
type auditRow struct {
	ID         int64
	URL        string
	At         when
	Actor      string
	Action     string
	Difference string
	Undoes     *auditLink // the entry that it undid
	UndoneBy   *auditLink // the entry that undid it
	InPart     bool       // something of it was left as it was
	LeftOut    []string   // what that was, in words
	Never      string     // why it cannot be undone; empty where it can
}

// auditLink is another entry of the log.
type auditLink struct {
	ID  int64
	URL string
}

func auditURL(entry int64) string { return "/settings/audit/" + strconv.FormatInt(entry, 10) }

func entryLink(entry int64) *auditLink {
	if entry == 0 {
		return nil
	}
	return &auditLink{entry, auditURL(entry)}
}

func (r reader) auditRow(change oncall.Change) auditRow {
	row := auditRow{
		ID: change.ID, URL: auditURL(change.ID), At: r.ago(change.At), Actor: r.name(change.Actor), Action: change.Action, Difference: change.Difference,
		Undoes: entryLink(change.Undoes), UndoneBy: entryLink(change.UndoneBy), InPart: change.UndoneInPart(), Never: neverUndone(change),
	}
	for _, path := range change.LeftOut {
		row.LeftOut = append(row.LeftOut, thingWords(path))
	}
	return row
}

// listAudit is GET /settings/audit.
func (s *Site) listAudit(w http.ResponseWriter, r *http.Request) error {
	before, err := queryNumber(r, "before")
	if err != nil {
		return err
	}
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	frame, err := s.frame(r, "Audit log", "audit")
	if err != nil {
		return err
	}
	changes, err := s.OnCall.AuditLog(r.Context(), auditShown+1, before)
	if err != nil {
		return err
	}
	view := auditView{frame: frame}
	if len(changes) > auditShown {
		changes = changes[:auditShown]
		view.Next = "/settings/audit?before=" + strconv.FormatInt(changes[auditShown-1].ID, 10)
	}
	for _, change := range changes {
		view.Changes = append(view.Changes, reader.auditRow(change))
	}
	return s.render(w, http.StatusOK, "audit", view)
}

type changeView struct {
	frame
	Entry auditRow
}

// showChange is GET /settings/audit/{change}.
func (s *Site) showChange(w http.ResponseWriter, r *http.Request) error {
	entry, err := pathNumber(r, "change")
	if err != nil {
		return err
	}
	change, err := s.OnCall.Change(r.Context(), entry)
	if err != nil {
		return err
	}
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	frame, err := s.frame(r, "Entry "+strconv.FormatInt(entry, 10)+" of the audit log", "audit")
	if err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "change", changeView{frame, reader.auditRow(change)})
}
