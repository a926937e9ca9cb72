package web

import (
	"bytes"
	"net/http"
	"strings"

	"afterhours/tickets"
)

// maxShown bounds what one page shows of a mail, in octets; the whole is in the download.
const maxShown = 256 << 10

type mailView struct {
	frame
	Number  int64
	URL     string // of the ticket
	Mail    mailRow
	View    string // text, html or headers
	Shown   string
	Frame   mailFrame
	Cut     bool
	To      string
	Files   []string
	Notices []string
	Sender  fact   // who sent it, and what that stands on
	Teach   string // where an administrator can teach how the mail is read
}

// showMail is GET /tickets/{number}/mails/{id}; view=html shows the HTML made safe, view=headers the header.
func (s *Site) showMail(w http.ResponseWriter, r *http.Request) error {
	number, err := pathNumber(r, "number")
	if err != nil {
		return err
	}
	id, err := pathNumber(r, "id")
	if err != nil {
		return err
	}
	mail, err := s.mailOf(r, number, id)
	if err != nil {
		return err
	}
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	rows := reader.mails([]tickets.Mail{mail})
	frame, err := s.frame(r, rows[0].Subject, "tickets")
	if err != nil {
		return err
	}
	view := mailView{frame: frame, Number: number, URL: ticketURL(number), Mail: rows[0], Shown: rows[0].Text, To: strings.Join(mail.Envelope.To, ", ")}
	view.Sender = senderFact(tickets.Ticket{
		Source: tickets.FromEmail, Verified: mail.Envelope.Verified, Authentication: mail.Envelope.Authentication,
	})
	if mail.Alert != nil {
		view.Notices = mail.Alert.Warnings
		if frame.Admin && (tickets.Thin(*mail.Alert) || tickets.Taught(*mail.Alert)) {
			view.Teach = teachURL(mail.ID)
		}
		for _, file := range mail.Alert.Attachments {
			view.Files = append(view.Files, file.Filename+" ("+file.ContentType+", "+size(file.Size)+")")
		}
	}
	if view.View, err = mailTab(r); err != nil {
		return err
	}
	if view.View != "text" {
		raw, err := s.Tickets.Raw(r.Context(), id)
		if err != nil {
			return err
		}
		if view.View == "headers" {
			view.Shown = header(raw)
		} else {
			source, pictures := s.HTML(raw)
			view.Frame = s.frameMail(w, source, pictures)
			view.Shown, view.Cut = "", view.Frame.Cut
		}
	}
	if len(view.Shown) > maxShown {
		view.Shown, view.Cut = strings.ToValidUTF8(view.Shown[:maxShown], ""), true
	}
	return s.render(w, http.StatusOK, "mail", view)
}

// mailTab is how the mail is to be shown.
func mailTab(r *http.Request) (string, error) {
	switch view := r.URL.Query().Get("view"); view {
	case "":
		return "text", nil
	case "text", "html", "headers":
		return view, nil
	}
	return "", &tickets.InvalidError{Field: "view", Reason: "it is text, html or headers"}
}

// mailOf returns a mail if it is one of a ticket's.
func (s *Site) mailOf(r *http.Request, number, id int64) (tickets.Mail, error) {
	mails, err := s.Tickets.Mails(r.Context(), number)
	if err != nil {
		return tickets.Mail{}, err
	}
	for _, mail := range mails {
		if mail.ID == id {
			return mail, nil
		}
	}
	return tickets.Mail{}, tickets.ErrNotFound
}

// header is a mail up to its first empty line, as text that a page can show.
func header(raw []byte) string {
	raw = bytes.ReplaceAll(raw[:min(len(raw), 2*maxShown)], []byte("\r\n"), []byte("\n"))
	if end := bytes.Index(raw, []byte("\n\n")); end >= 0 {
		raw = raw[:end]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(string(raw), "\uFFFD"), "\x00", "\uFFFD")
}
