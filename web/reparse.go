package web

import (
	"errors"
	"net/http"
	"strconv"

	"afterhours/tickets"
)

// reparse is POST /tickets/{number}/reparse: the ticket's mails are read again by the present parser.
func (s *Site) reparse(w http.ResponseWriter, r *http.Request) error {
	number, err := pathNumber(r, "number")
	if err != nil {
		return err
	}
	who, _ := identity(r.Context())
	reread, err := s.Tickets.ReparseTicket(r.Context(), number, who.ID, s.Parse, false)
	var conflict *tickets.ConflictError
	if errors.As(err, &conflict) {
		return s.complain(w, r, number, http.StatusConflict, conflict.Reason)
	}
	if err != nil {
		return err
	}
	to := ticketURL(number)
	if len(reread.Tickets) == 0 { // else the timeline says what changed
		to += "?reread=" + strconv.Itoa(reread.Mails)
	}
	redirect(w, r, to)
	return nil
}

// rereadNotice says that reading again changed nothing. mails is how many there were.
func rereadNotice(mails string) string {
	n, err := strconv.Atoi(mails)
	if err != nil || n < 0 {
		return ""
	}
	return count(n, "mail was", "mails were") + " read again; the ticket stays as it is."
}
