package web

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/web/auth"
)

// personView is a person's contacts, and what was sent to them.
type personView struct {
	frame
	Name      string
	Path      string
	Sleeps    string // why a High alert would not wake the person
	Contacts  []contactRow
	Rows      []sentRow
	Next      string
	Complaint string
	Notice    string
	Load      bool // whoever looks may see how often the person was paged
}

// contactRow is one contact with its verification.
type contactRow struct {
	ID       string
	How      string
	To       string
	Wakes    bool
	Verified *when
	Asked    bool // a code is waited for
}

// sentRow is one message to the person.
type sentRow struct {
	What    string
	Ticket  int64
	How     string
	State   oncall.PageState
	At      when
	Latency string // from its moment to the provider's acceptance
	Attempt int
	Error   string
}

// showPerson is GET /people/{person}: one's own page, or anybody's for an administrator.
func (s *Site) showPerson(w http.ResponseWriter, r *http.Request) error {
	return s.renderPerson(w, r, http.StatusOK, "")
}

// ownPerson is the person of the path, where whoever asks may act for them.
func ownPerson(r *http.Request, c oncall.Configuration) (oncall.Person, error) {
	who, _ := identity(r.Context())
	id := chi.URLParam(r, "person")
	if id != who.ID && !who.Role.Allows(auth.Admin) {
		return oncall.Person{}, tickets.ErrForbidden
	}
	person, ok := c.Person(id)
	if !ok {
		return person, tickets.ErrNotFound
	}
	return person, nil
}

func (s *Site) renderPerson(w http.ResponseWriter, r *http.Request, status int, complaint string) error {
	before, err := queryNumber(r, "before")
	if err != nil {
		return err
	}
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	person, err := ownPerson(r, reader.configuration)
	if err != nil {
		return err
	}
	view := personView{Name: person.Name, Path: "/people/" + person.ID, Complaint: complaint, Sleeps: person.HighPath(reader.watched)}
	view.Load = reader.configuration.ShowsLoad(person.ID, reader.who.ID)
	switch r.URL.Query().Get("done") {
	case "test":
		view.Notice = "The test is on its way; what became of it stands below."
	case "code":
		view.Notice = "A code is on its way. It is good for 15 minutes."
	case "verify":
		view.Notice = "The contact is verified."
	}
	if view.frame, err = s.frame(r, "Contacts of "+person.Name, "people"); err != nil {
		return err
	}
	verifications, err := s.OnCall.Verifications(r.Context())
	if err != nil {
		return err
	}
	for _, contact := range person.EffectiveContacts() {
		view.Contacts = append(view.Contacts, reader.contact(contact, verifications[person.ID][contact.ID]))
	}
	pages, err := s.OnCall.PagesTo(r.Context(), person.ID, deliveriesShown+1, before)
	if err != nil {
		return err
	}
	if len(pages) > deliveriesShown {
		pages = pages[:deliveriesShown]
		view.Next = view.Path + "?before=" + strconv.FormatInt(pages[deliveriesShown-1].ID, 10)
	}
	for _, page := range pages {
		view.Rows = append(view.Rows, reader.sent(page))
	}
	return s.render(w, status, "person", view)
}

func (r reader) contact(contact oncall.Contact, verification oncall.Verification) contactRow {
	row := contactRow{ID: contact.ID, How: channelName(contact.Channel), To: contact.Shown(), Wakes: oncall.Wakes(contact.Channel)}
	if !verification.VerifiedAt.IsZero() {
		at := r.ago(verification.VerifiedAt)
		row.Verified = &at
	}
	row.Asked = !verification.SentAt.IsZero() && r.now.Sub(verification.SentAt) <= oncall.CodeLifetime
	return row
}

// pageName says what kind of message a page of a type is.
func pageName(kind string) string {
	names := map[string]string{
		oncall.PageType: "Page", oncall.SummaryType: "Summary", oncall.TakenType: "Who has it", oncall.ReplyType: "Answer to a reply", oncall.TestType: "Test",
		oncall.MaintenanceType: "Reminder of a maintenance",
		oncall.ShiftBeginsType: "Shift begins", oncall.ShiftEndsType: "Shift ends",
		oncall.ReportType:     "Weekly report",
		oncall.ShiftAskedType: "Request of a shift", oncall.ShiftSettledType: "Answer about a shift",
	}
	return named(names[kind], kind)
}

func (r reader) sent(page oncall.Page) sentRow {
	row := sentRow{
		What: pageName(page.Type), Ticket: page.Ticket, How: strings.TrimSpace(channelName(page.Channel) + " " + page.Contact),
		State: page.State, At: r.ago(page.CreatedAt), Attempt: page.Attempts, Error: page.LastError,
	}
	if page.SentAt != nil {
		row.Latency = max(0, page.SentAt.Sub(page.CreatedAt)).Round(10 * time.Millisecond).String()
	}
	return row
}

// testContact is POST /people/{person}/contacts/{contact}/test.
func (s *Site) testContact(w http.ResponseWriter, r *http.Request) error {
	return s.changeContact(w, r, "test", s.OnCall.TestContact)
}

// sendCode is POST /people/{person}/contacts/{contact}/code.
func (s *Site) sendCode(w http.ResponseWriter, r *http.Request) error {
	return s.changeContact(w, r, "code", s.OnCall.SendCode)
}

// verifyContact is POST /people/{person}/contacts/{contact}/verify.
func (s *Site) verifyContact(w http.ResponseWriter, r *http.Request) error {
	code, err := formValue(r, "code")
	if err != nil {
		return err
	}
	return s.changeContact(w, r, "verify", func(ctx context.Context, person, contact string) error {
		return s.OnCall.VerifyContact(ctx, person, contact, code)
	})
}

func (s *Site) changeContact(w http.ResponseWriter, r *http.Request, what string, change func(ctx context.Context, person, contact string) error) error {
	configuration, err := s.OnCall.Configuration(r.Context())
	if err != nil {
		return err
	}
	person, err := ownPerson(r, configuration)
	if err != nil {
		return err
	}
	err = change(r.Context(), person.ID, chi.URLParam(r, "contact"))
	if status, reason := refusal(err); status != 0 {
		return s.renderPerson(w, r, status, reason)
	}
	if err != nil {
		return err
	}
	redirect(w, r, "/people/"+person.ID+"?done="+what)
	return nil
}
