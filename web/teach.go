package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"afterhours/oncall"
	"afterhours/tickets"
)

// maxTeachLines bounds the lines of a mail that can be chosen; what stands below is rarely what an alert says.
const maxTeachLines = 150

// wholeSubject is the choice of a line that stands for the subject.
const wholeSubject = "subject"

// teachView is a mail that is not understood, what can be marked in it, and what a rule of it does to the mails of its
// sender.
type teachView struct {
	frame
	Path      string
	TicketURL string
	Subject   string
	From      string
	Lines     []teachLine
	ID        string
	Glob      string
	Mark      string // words of the layout
	Kinds     []choice
	Products  []choice
	Fields    []teachField
	Faults    []string
	Tried     bool
	Rule      string // as the configuration writes it
	Tries     []tryRow
	Applied   int // of the tries
}

type teachLine struct {
	Number int // from 0
	Text   string
}

// Place is the line's number as people count.
func (l teachLine) Place() int { return l.Number + 1 }

// teachField is one fact that can be marked.
type teachField struct {
	Name          string
	Label         string
	Lines         []choice
	Value         string // the part of the line that was marked
	After, Before string
	In            string
	Means         []choice // of a severity
	Found         string   // in this mail
	Fault         string
}

// tryRow is what a rule makes of a stored mail.
type tryRow struct {
	URL     string
	Subject string
	Applied bool
	Says    []string
}

// teachable are the facts that the page offers; the configuration knows more.
var teachable = [...]struct{ name, label string }{
	{"title", "Title"}, {"severity", "Severity"}, {"device", "Device"}, {"user", "User"}, {"incident_id", "Incident id"}, {"alert_id", "Alert id"}, {"category", "Category"},
}

// showTeach is GET /teach/{id}.
func (s *Site) showTeach(w http.ResponseWriter, r *http.Request) error {
	mail, err := s.teachMail(r)
	if err != nil {
		return err
	}
	configuration, err := s.OnCall.Configuration(r.Context())
	if err != nil {
		return err
	}
	form := url.Values{"id": {freeID(configuration, mail.Alert.Message.From)}, "kind": {string(tickets.KindAlert)}}
	view, err := s.teachView(r, mail, form, nil)
	if err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "teach", view)
}

// teach is POST /teach/{id}: it tries the rule of what was marked on the stored mails of the sender, and with save it puts
// the rule into force.
func (s *Site) teach(w http.ResponseWriter, r *http.Request) error {
	if _, err := formValue(r, "id"); err != nil {
		return err
	}
	mail, err := s.teachMail(r)
	if err != nil {
		return err
	}
	form := r.PostForm
	rule, faults := ruleOf(form, *mail.Alert)
	if len(rule.Fields) == 0 && len(faults) == 0 {
		faults[""] = "nothing is marked: choose the line of a title, a severity or another fact"
	}
	if len(faults) == 0 && form.Has("save") {
		err := s.saveReading(r.Context(), rule)
		var invalid *tickets.InvalidError
		switch {
		case errors.As(err, &invalid):
			faults[""] = invalid.Reason
		case err != nil:
			return err
		default:
			redirect(w, r, "/settings/reading?taught="+url.QueryEscape(rule.ID))
			return nil
		}
	}
	view, err := s.teachView(r, mail, form, faults)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if len(faults) > 0 {
		status = http.StatusBadRequest
	} else if err := s.try(r.Context(), &view, rule); err != nil {
		return err
	}
	return s.render(w, status, "teach", view)
}

// teachMail is the mail of the path, which must have been read.
func (s *Site) teachMail(r *http.Request) (tickets.Mail, error) {
	id, err := pathNumber(r, "id")
	if err != nil {
		return tickets.Mail{}, err
	}
	mail, err := s.Tickets.Mail(r.Context(), id)
	if err == nil && (mail.Alert == nil || mail.Alert.Message.From == "") {
		err = &tickets.InvalidError{Field: "id", Reason: "this mail has not been read, or has no sender that a rule could be for"}
	}
	return mail, err
}

// ruleOf is the rule of what was marked: of a chosen line, else of the words before and after a value. Afterwards the form
// holds the words, so that they can be changed by hand.
func ruleOf(form url.Values, alert tickets.Alert) (rule tickets.ReadingRule, faults map[string]string) {
	faults = map[string]string{}
	rule = tickets.ReadingRule{
		ID: strings.TrimSpace(form.Get("id")), From: alert.Message.From, Subject: strings.TrimSpace(form.Get("subject")), Text: strings.TrimSpace(form.Get("text")),
		Kind: tickets.Kind(form.Get("kind")), Product: tickets.Product(form.Get("product")),
	}
	for _, known := range teachable {
		name := known.name
		taught := tickets.TaughtField{Field: name, After: strings.TrimSpace(form.Get("after-" + name)), Before: strings.TrimSpace(form.Get("before-" + name)), In: form.Get("in-" + name)}
		value := strings.TrimSpace(form.Get("value-" + name))
		switch line := form.Get("line-" + name); line {
		case "":
		case wholeSubject:
			taught = tickets.TaughtField{Field: name, In: tickets.InSubject}
			if value != "" {
				marked, err := tickets.Mark(name, alert.Message.Subject, 0, value)
				if err != nil {
					faults[name] = reasonOf(err)
					continue
				}
				taught.After, taught.Before = marked.After, marked.Before
			}
		default:
			at, err := strconv.Atoi(line)
			if err != nil {
				at = -1 // Mark refuses it
			}
			if taught, err = tickets.Mark(name, alert.Text, at, value); err != nil {
				faults[name] = reasonOf(err)
				continue
			}
		}
		if taught.After == "" && taught.Before == "" && taught.In == "" {
			continue
		}
		found := taught.Find(alert)
		if found == "" {
			faults[name] = "these words find nothing in this mail; choose a line, or copy the words from it"
			continue
		}
		if means := tickets.Severity(form.Get("means")); name == "severity" && means != "" {
			taught.Words = []tickets.TaughtWord{{Word: found, Means: means}}
		}
		form.Set("line-"+name, "")
		form.Set("value-"+name, "")
		form.Set("after-"+name, taught.After)
		form.Set("before-"+name, taught.Before)
		form.Set("in-"+name, taught.In)
		rule.Fields = append(rule.Fields, taught)
	}
	return rule, faults
}

func reasonOf(err error) string {
	var invalid *tickets.InvalidError
	if errors.As(err, &invalid) {
		return invalid.Reason
	}
	return err.Error()
}

// saveReading puts a rule before all others of its sender, or in the place of the one with its id.
func (s *Site) saveReading(ctx context.Context, rule tickets.ReadingRule) error {
	who, _ := identity(ctx)
	return s.OnCall.Apply(ctx, who.ID, "taught the reading of mails of "+rule.From, func(current oncall.Configuration) (oncall.Configuration, error) {
		current.Readings = slices.Clone(current.Readings)
		at := slices.IndexFunc(current.Readings, func(other tickets.ReadingRule) bool { return other.ID == rule.ID })
		switch {
		case at < 0:
			at = 0
			current.Readings = append([]tickets.ReadingRule{rule}, current.Readings...)
		case current.Readings[at].From != rule.From:
			return current, &tickets.InvalidError{Field: "id", Reason: "the id " + rule.ID + " is a rule for " + current.Readings[at].From + "; choose another"}
		default:
			current.Readings[at] = rule
		}
		if faults := current.Faults(fmt.Sprintf("readings[%d]", at), s.CheckContact); len(faults) > 0 {
			return current, &tickets.InvalidError{Field: "reading", Reason: strings.Join(faults, "; ")}
		}
		return current, nil
	})
}

// try shows what a rule makes of the stored mails of its sender.
func (s *Site) try(ctx context.Context, view *teachView, rule tickets.ReadingRule) error {
	mails, err := s.Tickets.RawOf(ctx, rule.From)
	if err != nil {
		return err
	}
	text, err := oncall.Configuration{Readings: []tickets.ReadingRule{rule}}.Export()
	if err != nil {
		return err
	}
	view.Tried, view.Rule = true, string(text)
	for _, mail := range mails {
		alert, applied := s.ReadBy(rule, mail.Raw)
		row := tryRow{URL: ticketURL(mail.Ticket), Subject: named(mail.Subject, "(no subject)"), Applied: applied}
		if applied {
			view.Applied++
			row.Says = append(row.Says, alert.Severity.Word()+": "+alert.Title)
			for _, more := range []struct {
				label  string
				values []string
			}{{"device", alert.Devices}, {"user", alert.Users}, {"incident", []string{alert.IncidentID}}, {"alert", alert.AlertIDs}, {"category", []string{alert.Category}}} {
				if value := strings.Join(more.values, ", "); value != "" {
					row.Says = append(row.Says, more.label+" "+value)
				}
			}
		}
		view.Tries = append(view.Tries, row)
	}
	return nil
}

func (s *Site) teachView(r *http.Request, mail tickets.Mail, form url.Values, faults map[string]string) (teachView, error) {
	frame, err := s.frame(r, "Teach how this mail is read", "reading")
	if err != nil {
		return teachView{}, err
	}
	alert := *mail.Alert
	view := teachView{
		frame: frame, Path: r.URL.Path, TicketURL: ticketURL(mail.Ticket), Subject: named(alert.Message.Subject, "(no subject)"), From: alert.Message.From,
		ID: form.Get("id"), Glob: form.Get("subject"), Mark: form.Get("text"),
		Kinds: chosen(choices(oncall.Kinds()...), form.Get("kind")), Products: chosen(append([]choice{{Name: "as the parser says"}}, choices(oncall.Products()...)...), form.Get("product")),
	}
	for number, line := range strings.Split(alert.Text, "\n") {
		if strings.TrimSpace(line) != "" && len(view.Lines) < maxTeachLines {
			view.Lines = append(view.Lines, teachLine{number, line})
		}
	}
	for _, known := range teachable {
		view.Fields = append(view.Fields, view.field(known.name, known.label, form, faults, alert))
	}
	if fault := faults[""]; fault != "" {
		view.Faults = append(view.Faults, sentenceOf(fault))
	}
	return view, nil
}

// longestChoice bounds a line in a choice, in characters.
const longestChoice = 80

func (v teachView) field(name, label string, form url.Values, faults map[string]string, alert tickets.Alert) teachField {
	f := teachField{
		Name: name, Label: label, Value: form.Get("value-" + name), After: form.Get("after-" + name), Before: form.Get("before-" + name), In: form.Get("in-" + name), Fault: sentenceIf(faults[name]),
		Lines: []choice{{Name: "not in this mail"}, {ID: wholeSubject, Name: "the subject"}},
	}
	if f.After != "" || f.Before != "" || f.In != "" {
		f.Lines[0].Name = "by the words below"
		f.Found = tickets.TaughtField{Field: name, In: f.In, After: f.After, Before: f.Before}.Find(alert)
	}
	for _, line := range v.Lines {
		text := []rune(strings.TrimSpace(line.Text))
		if len(text) > longestChoice {
			text = append(text[:longestChoice], '…')
		}
		f.Lines = append(f.Lines, choice{ID: strconv.Itoa(line.Number), Name: strconv.Itoa(line.Place()) + ". " + string(text)})
	}
	f.Lines = chosen(f.Lines, form.Get("line-"+name))
	if name == "severity" {
		f.Means = chosen(append([]choice{{Name: "as the parser reads the word"}}, severities()...), form.Get("means"))
	}
	return f
}

func sentenceIf(text string) string {
	if text == "" {
		return ""
	}
	return sentenceOf(text)
}

func chosen(options []choice, id string) []choice {
	for i := range options {
		options[i].Chosen = options[i].ID == id
	}
	return options
}

var noID = regexp.MustCompile(`[^a-z0-9]+`)

// freeID is an id for a rule of a sender that no rule has.
func freeID(c oncall.Configuration, sender string) string {
	base := strings.Trim(noID.ReplaceAllString(strings.ToLower(sender), "-"), "-")
	base = named(base[:min(len(base), 50)], "reading")
	id := base
	for n := 2; ; n++ {
		if _, taken := c.Place("readings", id); !taken {
			return id
		}
		id = base + "-" + strconv.Itoa(n)
	}
}
