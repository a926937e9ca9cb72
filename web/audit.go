package web

import (
	"net/http"
	"strconv"
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
	At         when
	Actor      string
	Action     string
	Difference string
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
		view.Changes = append(view.Changes, auditRow{reader.ago(change.At), reader.name(change.Actor), change.Action, change.Difference})
	}
	return s.render(w, http.StatusOK, "audit", view)
}
