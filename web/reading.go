package web

import (
	"fmt"
	"net/http"
	"strconv"

	"afterhours/tickets"
)

// shownUnrecognised is how many mails that were not understood the page lists.
const shownUnrecognised = 50

// readingView shows how well mails are read.
type readingView struct {
	frame
	Kinds   []kindReading
	Agreed  []agreedReading
	Unknown []unknownRow
	Run     *rereadRun
	Notice  string
}

// kindReading is one kind of mails with the share of each field.
type kindReading struct {
	Name        string
	Now, Before int // mails
	Fields      []fieldReading
}

type fieldReading struct {
	Name        string
	Now, Before string // like 98 %
	Dropped     bool
}

// agreedReading is how often a field reads the same in a mail and in the API.
type agreedReading struct{ Name, Same, Of string }

// unknownRow is a mail that was not understood.
type unknownRow struct {
	Subject, From string
	At            when
	TicketURL     string
	TeachURL      string
}

// rereadRun is a run over stored mails.
type rereadRun struct {
	Since          when
	Mails, Changed int
}

// showReading is GET /settings/reading.
func (s *Site) showReading(w http.ResponseWriter, r *http.Request) error {
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	frame, err := s.frame(r, "How well mails are read", "reading")
	if err != nil {
		return err
	}
	compared, err := s.compared(r.Context())
	if err != nil {
		return err
	}
	view := readingView{frame: frame, Kinds: kindReadings(compared)}
	alerts, err := s.Tickets.ReadTwice(r.Context())
	if err != nil {
		return err
	}
	for _, field := range tickets.Agree(alerts) {
		if field.Both > 0 {
			view.Agreed = append(view.Agreed, agreedReading{field.Field, fmt.Sprintf("%.0f %%", 100*field.Of()), strconv.Itoa(field.Both)})
		}
	}
	mails, err := s.Tickets.Unrecognised(r.Context(), shownUnrecognised)
	if err != nil {
		return err
	}
	for i, row := range reader.mails(mails) {
		view.Unknown = append(view.Unknown, unknownRow{row.Subject, row.From, row.At, ticketURL(mails[i].Ticket), teachURL(row.ID)})
	}
	run, running, err := s.deskRun(r.Context())
	if err != nil {
		return err
	}
	if running {
		view.Run = &rereadRun{reader.ago(run.StartedAt), run.Mails, run.Changed}
	}
	if id := r.URL.Query().Get("taught"); id != "" {
		if _, known := reader.configuration.Place("readings", id); known {
			view.Notice = "The rule " + id + " is in force for mail that comes in. Read the mails that are not recognised again to apply it to those, too."
		}
	}
	return s.render(w, http.StatusOK, "reading", view)
}

func teachURL(mail int64) string { return "/teach/" + strconv.FormatInt(mail, 10) }

// rereadUnrecognised is POST /settings/reading/reparse: every process that serves goes on with the run until it is done.
func (s *Site) rereadUnrecognised(w http.ResponseWriter, r *http.Request) error {
	who, _ := identity(r.Context())
	if _, err := s.Tickets.StartReparse(r.Context(), tickets.ScopeUnrecognised, tickets.RunnerDesk, who.ID, false); err != nil {
		return err
	}
	redirect(w, r, "/settings/reading")
	return nil
}

func kindReadings(compared []tickets.Compared) []kindReading {
	var kinds []kindReading
	for _, row := range compared {
		if len(kinds) == 0 || kinds[len(kinds)-1].Name != row.Kind {
			kinds = append(kinds, kindReading{Name: row.Kind, Now: row.Now.Mails, Before: row.Before.Mails})
		}
		kind := &kinds[len(kinds)-1]
		kind.Fields = append(kind.Fields, fieldReading{row.Field, percent(row.Now), percent(row.Before), row.Dropped()})
	}
	for i := range kinds {
		kinds[i].Name = plain(kinds[i].Name)
	}
	return kinds
}

func percent(share tickets.Share) string {
	if share.Mails == 0 {
		return "—"
	}
	return fmt.Sprintf("%.0f %%", 100*share.Of())
}
