package web

import (
	"net/http"
	"strconv"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/web/auth"
)

// outgoingShown is how many letters one page lists.
const outgoingShown = 50

type outgoingView struct {
	frame
	Letters []letterRow
	Next    string
}

// letterRow is one page that goes out as a mail.
type letterRow struct {
	ID       int64
	URL      string
	To       string
	Address  string
	Ticket   int64  // 0 where it is about none, or about many
	What     string // kind of message
	State    oncall.PageState
	At       when
	Attempts int
	Error    string
}

// listOutgoing is GET /settings/outgoing.
func (s *Site) listOutgoing(w http.ResponseWriter, r *http.Request) error {
	before, err := queryNumber(r, "before")
	if err != nil {
		return err
	}
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	frame, err := s.frame(r, "Outgoing mail", "outgoing")
	if err != nil {
		return err
	}
	pages, err := s.OnCall.Outgoing(r.Context(), outgoingShown+1, before)
	if err != nil {
		return err
	}
	view := outgoingView{frame: frame}
	if len(pages) > outgoingShown {
		pages = pages[:outgoingShown]
		view.Next = "/settings/outgoing?before=" + strconv.FormatInt(pages[outgoingShown-1].ID, 10)
	}
	for _, page := range pages {
		view.Letters = append(view.Letters, reader.letter(page))
	}
	return s.render(w, http.StatusOK, "outgoing", view)
}

func (r reader) letter(page oncall.Page) letterRow {
	row := letterRow{
		ID: page.ID, URL: "/settings/outgoing/" + strconv.FormatInt(page.ID, 10), To: r.name(page.Person), Address: page.Recipient,
		Ticket: page.Ticket, What: pageName(page.Type), State: page.State, At: r.ago(page.CreatedAt), Attempts: page.Attempts, Error: page.LastError,
	}
	if page.Type == oncall.SummaryType { // it hangs on the worst of its tickets
		row.Ticket = 0
	}
	return row
}

type letterView struct {
	frame
	Row     letterRow
	To      string
	Subject string
	Text    string
	Link    string // the acknowledge link, or where a notice leads
}

// showLetter is GET /settings/outgoing/{id}: a page as its recipient reads it.
func (s *Site) showLetter(w http.ResponseWriter, r *http.Request) error {
	id, err := pathNumber(r, "id")
	if err != nil {
		return err
	}
	pages, err := s.OnCall.Outgoing(r.Context(), 1, id+1)
	if err != nil {
		return err
	}
	if len(pages) == 0 || pages[0].ID != id {
		return tickets.ErrNotFound
	}
	who, _ := identity(r.Context())
	if pages[0].Type == oncall.TestType && who.ID != pages[0].Person && !who.Role.Allows(auth.Admin) {
		s.showError(w, r, http.StatusForbidden, "This mail can carry the code that verifies a contact, so only its recipient and administrators can read it.")
		return nil
	}
	letter, err := s.OnCall.Letter(r.Context(), id)
	if err != nil {
		return err
	}
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	frame, err := s.frame(r, letter.Subject, "outgoing")
	if err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "letter", letterView{
		frame: frame, Row: reader.letter(pages[0]), To: letter.To, Subject: letter.Subject, Text: letter.Text, Link: letter.Link,
	})
}
