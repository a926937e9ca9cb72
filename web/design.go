package web

import (
	"net/http"
	"time"

	"afterhours/tickets"
)

// designView shows every part of which pages are made, to look at after a change of the style sheet; docs/design.md
// describes them.
type designView struct {
	frame
	Tokens   []designToken
	Badges   []badge
	Whens    []when
	Outlooks []outlook
	Events   []entry
	Fields   []field
	States   []string // of pages and runs
	Note     string
}

// designToken is one colour of the style sheet; Class names the swatch that shows it.
type designToken struct{ Class, Name, Use string }

// showDesign is GET /design.
func (s *Site) showDesign(w http.ResponseWriter, r *http.Request) error {
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	frame, err := s.frame(r, "The parts of a page", "design")
	if err != nil {
		return err
	}
	soon, past := reader.in(reader.now.Add(2*time.Minute)), reader.ago(reader.now.Add(-18*time.Minute))
	view := designView{
		frame: frame,
		Tokens: []designToken{
			{"ink", "ink", "words"},
			{"soft", "soft", "what stands beside"},
			{"accent", "accent", "links, the main button, focus"},
			{"bad", "bad", "nobody is told, it failed"},
			{"good", "good", "somebody has it, it is done"},
			{"raised", "raised", "bars and buttons"},
			{"tone0", "tone 0", "people in calendars"},
			{"tone1", "tone 1", "people in calendars"},
			{"tone2", "tone 2", "people, and what is new"},
			{"tone3", "tone 3", "people in calendars"},
		},
		Whens: []when{past, reader.at(reader.now), reader.day(reader.now), soon, reader.age(reader.now.Add(-3 * time.Hour))},
		Outlooks: []outlook{
			{Mark: "→", Text: "Ana, Ben next", At: &soon},
			{Mark: "✓", Text: "Ben Okafor", At: &past, Tone: "good"},
			{Mark: "!", Text: "Nobody is left to tell", Tone: "bad"},
			{Text: "Recorded; nobody is paged"},
		},
		Events: []entry{
			{When: past, Text: "Opened by a mail", Detail: "High severity alert"},
			{When: past, Text: "Ben Okafor acknowledged", Tone: "good"},
			{When: past, Text: "The page to Ana Ruiz by SMS failed", Detail: "the number is not in service", Tone: "bad"},
			{When: past, Text: "Ben Okafor noted", Note: "Looks **real**. See the [runbook](https://wiki.example):\n\n1. isolate `srv-sql-07`\n2. ask the owner"},
		},
		Fields: []field{
			{Name: "design-text", Label: "Text", Kind: "text", Help: "with a help", Hint: "a hint"},
			{Name: "design-fault", Label: "With a fault", Kind: "text", Value: "25:00", Fault: "There is no such time; write 00:00 to 23:59."},
			{Name: "design-select", Label: "One of several", Kind: "select", Options: []choice{{"a", "Ana Ruiz", false}, {"b", "Ben Okafor", true}}},
			{Name: "design-time", Label: "Time", Kind: "time", Value: "18:00"},
			{Name: "design-lines", Label: "Lines", Kind: "lines", Value: "one\ntwo"},
			{Name: "design-checks", Label: "Any of several", Kind: "checks", Options: []choice{{"mo", "Monday", true}, {"tu", "Tuesday", false}}},
		},
		States: []string{"due", "sent", "delivered", "held", "failed", "run-waiting", "run-succeeded", "run-failed"},
		Note:   "Notes are *Markdown*: `code`, **bold**,\n\n> and quotes.",
	}
	for _, state := range []tickets.State{tickets.Open, tickets.Acknowledged, tickets.Resolved} {
		for _, severity := range []tickets.Severity{tickets.High, tickets.Medium, tickets.Low, tickets.Informational, tickets.SeverityUnknown} {
			view.Badges = append(view.Badges, badgeOf(tickets.Ticket{Severity: severity, State: state}))
		}
	}
	return s.render(w, http.StatusOK, "design", view)
}
