package web

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

const goodToken = "Zm9yIGFuYSBvbmx5LCBhdCBuaWdodA"

// sample is a small house: three people, two schedules and tickets in every state.
type sample struct {
	now           time.Time
	configuration oncall.Configuration
	tickets       []tickets.Ticket // newest first
	events        []tickets.Event
	mails         []tickets.Mail
	pages         []oncall.Page
	outlook       oncall.Outlook
}

func newSample(t *testing.T) sample {
	t.Helper()
	team, err := oncall.ParseFile("team.yaml", []byte(`
people:
  - {id: ana, name: Ana Ruiz, email: ana@example.com, timezone: Europe/Madrid, role: responder}
  - {id: ben, name: Ben Okafor, email: ben@example.com, timezone: Europe/London, role: responder}
  - {id: chi, name: Chi Nguyen, email: chi@example.com}
schedules:
  - id: primary
    timezone: Europe/Madrid
    layers:
      - {name: weeks, people: [ana, ben, chi], rotation: {every: 1d, start: "2026-01-05T09:00"}}
  - id: nights
    name: Nights
    timezone: Europe/London
    layers:
      - {name: nights, people: [ben], rotation: {every: 1d, start: "2026-01-05T18:00"}, hours: [{from: "18:00", to: "08:00"}]}
    holidays: [2026-11-27 Black Friday]
    temporary:
      - {start: "2027-12-24T18:00", end: "2027-12-26T18:00", shifts: [{person: chi, start: "2027-12-24T18:00", end: "2027-12-25T18:00"}]}
    overrides: [{person: chi, start: "2026-11-26T18:00", end: "2026-11-27T08:00"}]
policies:
  - {id: security, repeat: 2, steps: [{notify: ["schedule:primary"], wait: 5m}, {notify: ["person:ben"], wait: 5m}]}
  - {id: strict, ack_link: login, steps: [{notify: ["person:ana"], wait: 5m}]}
load: {visible_to: team}
maintenance:
  - {id: patching, match: {device: "lab-*"}, start: "2026-11-30T20:00", end: "2026-11-30T23:00", timezone: Europe/Madrid, reason: Patches, notify: ["person:ana"]}
webhooks:
  - {id: soc, url: "https://soc.example.com/path-is-secret", secret: whsec_c2VjcmV0, events: [ticket.created]}
`))
	if err != nil {
		t.Fatal(err)
	}
	var s sample
	s.now = time.Date(2026, 11, 24, 2, 15, 0, 0, time.UTC)
	if s.configuration, err = oncall.Merge(oncall.Configuration{}, func(string, string, string) error { return nil }, team); err != nil {
		t.Fatal(err)
	}
	yes := true
	acknowledged, resolved := s.now.Add(-2*time.Minute), s.now.Add(-3*time.Hour)
	ticket := func(number int64, severity tickets.Severity, title string, age time.Duration) tickets.Ticket {
		return tickets.Ticket{
			Number: number, State: tickets.Open, Severity: severity, Kind: tickets.KindAlert, Product: tickets.ProductEndpoint, Title: title,
			CreatedAt: s.now.Add(-age), UpdatedAt: s.now.Add(-age), MessageCount: 1, Source: tickets.FromEmail, Policy: "security",
		}
	}
	ransomware := ticket(1042, tickets.High, "Ransomware behavior detected in the file system", 3*time.Minute)
	ransomware.Devices, ransomware.Users = []string{"srv-sql-07.contoso.example", "ws-0042"}, []string{`CONTOSO\svc-backup`}
	ransomware.Organisation, ransomware.Category, ransomware.Verified = "Contoso", "Ransomware", &yes
	ransomware.Description = "Suspicious behaviours that resemble those of ransomware were seen on this device."
	ransomware.AlertIDs, ransomware.IncidentID = []string{"da637551227677560813_-961444813"}, "4711"
	ransomware.Runbook = "https://wiki.example.com/ransomware"
	ransomware.Links = []tickets.Link{
		{Rel: tickets.RelDevice, URL: "https://security.microsoft.com/machines/1"},
		{Rel: tickets.RelAlert, URL: "https://security.microsoft.com/alerts/da637551227677560813_-961444813"},
	}
	powershell := ticket(1041, tickets.Medium, "Suspicious PowerShell command line", 18*time.Minute)
	powershell.State, powershell.AcknowledgedBy, powershell.AcknowledgedAt = tickets.Acknowledged, "ben", &acknowledged
	powershell.Assignee, powershell.MessageCount, powershell.Devices = "ben", 3, []string{"ws-0042"}
	unknown := ticket(1040, tickets.SeverityUnknown, "Your invoice is ready <b>now</b>", 40*time.Minute)
	unknown.Kind, unknown.Product = tickets.KindUnrecognised, tickets.ProductUnknown
	low := ticket(1039, tickets.Low, "Unwanted software was blocked", 2*time.Hour)
	old := ticket(1038, tickets.Informational, "Automated investigation started", 26*time.Hour)
	old.State, old.ResolvedAt = tickets.Resolved, &resolved
	s.tickets = []tickets.Ticket{ransomware, powershell, unknown, low, old}

	event := func(kind tickets.EventType, actor string, before time.Duration, data map[string]any) tickets.Event {
		return tickets.Event{At: s.now.Add(-before), Type: kind, Actor: actor, Data: data}
	}
	s.events = []tickets.Event{
		event(tickets.EventCreated, "system", 180*time.Second, map[string]any{"mail_id": float64(7), "subject": "High severity alert", "action": "new"}),
		event(tickets.EventEscalated, "system", 179*time.Second, map[string]any{"policy": "security", "round": float64(1), "step": float64(1), "targets": []any{"schedule:primary"}}),
		event(tickets.EventPageSent, "system", 178*time.Second, map[string]any{"page": float64(1), "person": "ana", "channel": "sms"}),
		event(tickets.EventPageHeld, "system", 100*time.Second, map[string]any{"page": float64(2), "person": "ben", "channel": "email", "reason": "no smarthost is configured"}),
		event(tickets.EventRaised, "system", 90*time.Second, map[string]any{"from": "low", "to": "high", "mail_id": float64(8)}),
		event(tickets.EventNote, "token:soc", 60*time.Second, map[string]any{"text": "Looks real.\nIsolating <script>alert(1)</script>"}),
	}
	s.mails = []tickets.Mail{
		{
			ID: 7, Size: 48_211, State: tickets.MailRead, Ticket: 1042, Subject: "High severity alert", ReceivedAt: s.now.Add(-3 * time.Minute),
			Envelope: tickets.Envelope{From: "defender-noreply@microsoft.com", To: []string{"defender@example.com"}},
			Alert: &tickets.Alert{
				Text:     "Ransomware behavior detected\n\nDevice: srv-sql-07\n<img src=x onerror=alert(1)>",
				Message:  tickets.MessageInfo{From: "defender-noreply@microsoft.com"},
				Warnings: []string{"no-date: the mail has no date"}, Attachments: []tickets.Attachment{{Filename: "a.csv", ContentType: "text/csv", Size: 12}},
			},
		},
		{ID: 8, Size: 900, State: tickets.MailRead, Ticket: 1042, ReceivedAt: s.now.Add(-90 * time.Second), Envelope: tickets.Envelope{From: "x@y.example"}},
	}
	sent := s.now.Add(-178 * time.Second)
	s.pages = []oncall.Page{
		{ID: 1, Ticket: 1042, Person: "ana", Contact: "phone", Channel: "sms", Recipient: "+34600000001", State: oncall.PageSent, Attempts: 2, Round: 1, Step: 1, SentAt: &sent, CreatedAt: sent, DueAt: sent},
		{ID: 2, Ticket: 1042, Person: "ben", Contact: "mail", Channel: "email", Recipient: "ben@example.com", State: oncall.PageHeld, Attempts: 1, Round: 1, Step: 1, LastError: "no smarthost is configured", CreatedAt: sent, DueAt: sent},
	}
	s.outlook = oncall.Outlook{State: "running", Policy: "security", Round: 1, Step: 2, DueAt: s.now.Add(2 * time.Minute), Next: []string{"Ben Okafor"}}
	return s
}

func (s *sample) get(number int64) (tickets.Ticket, error) {
	at := slices.IndexFunc(s.tickets, func(t tickets.Ticket) bool { return t.Number == number })
	if at < 0 {
		return tickets.Ticket{}, fmt.Errorf("ticket %d: %w", number, tickets.ErrNotFound)
	}
	return s.tickets[at], nil
}

func (s *sample) list(filter tickets.Filter) (tickets.List, error) {
	var found tickets.List
	for _, ticket := range s.tickets {
		if (len(filter.States) == 0 || slices.Contains(filter.States, ticket.State)) && (filter.Assignee == "" || ticket.Assignee == filter.Assignee) {
			found.Tickets = append(found.Tickets, ticket)
		}
	}
	return found, nil
}

// doubles answer with the sample.
func (s *sample) doubles(t *testing.T) (*ticketsDouble, *onCallDouble) {
	ticketDouble := &ticketsDouble{
		t: t, list: s.list, get: s.get,
		counts: func() (tickets.Counts, error) {
			return tickets.Counts{Open: 3, Acknowledged: 1, Any: true}, nil
		},
		mail: func(id int64) (tickets.Mail, error) {
			alert := unknownAlert(unknownText)
			return tickets.Mail{ID: id, Ticket: 1042, Alert: &alert, ReceivedAt: s.now}, nil
		},
		timeline: func(int64) ([]tickets.Event, error) { return s.events, nil },
		mails:    func(int64) ([]tickets.Mail, error) { return s.mails, nil },
		raw: func(id int64) ([]byte, error) {
			if id != 7 {
				return nil, tickets.ErrNotFound
			}
			return []byte("Subject: one\r\nX-Odd: \xff\x00\r\n\r\nbody\r\n"), nil
		},
	}
	before := s.configuration // of the one entry of the audit log that can be undone
	before.People = slices.Clone(before.People)
	before.People[0].Name = "Anna Ruiz"
	onCall := &onCallDouble{
		entries: map[int64]oncall.Change{57: {
			ID: 57, At: s.now, Actor: "ana", Action: "person ana changed", Difference: "-name: Anna Ruiz\n+name: Ana Ruiz\n", State: oncall.StateKept,
		}},
		kept:          map[int64]oncall.Kept{57: oncall.Keep(before, s.configuration)},
		shiftsDouble:  &shiftsDouble{sample: s},
		t:             t,
		configuration: func() (oncall.Configuration, error) { return s.configuration, nil },
		pages:         func(int64) ([]oncall.Page, error) { return s.pages, nil },
		outgoing: func(limit int, before int64) ([]oncall.Page, error) {
			if before != 0 && before <= 2 {
				return nil, nil
			}
			return []oncall.Page{s.pages[1]}, nil
		},
		letter: func(int64) (oncall.Letter, error) {
			return oncall.Letter{
				To: "ben@example.com", Subject: "High: Ransomware behavior detected on srv-sql-07 (#1042)",
				Text: "I have it: http://127.0.0.1:8080/ack/" + goodToken, Link: "http://127.0.0.1:8080/ack/" + goodToken,
			}, nil
		},
		outlook: func(int64) (oncall.Outlook, error) { return s.outlook, nil },
		held:    func() (int, error) { return 1, nil },
		invitation: func(token string) (oncall.Invitation, error) {
			if token != goodToken {
				return oncall.Invitation{}, tickets.ErrNotFound
			}
			return oncall.Invitation{Page: 1, Ticket: 1042, Person: "ana", Name: "Ana Ruiz"}, nil
		},
	}
	return ticketDouble, onCall
}
