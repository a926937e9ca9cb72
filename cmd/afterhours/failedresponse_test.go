package main

import (
	"strings"
	"testing"
	"time"

	"afterhours/cmd/afterhours/internal/fakedefender"
	"afterhours/tickets"
	"afterhours/tickets/playbook"
)

// noted is the note of a ticket's policy, and how many pages it has to a person that are queued.
func (p *portal) noted(t *testing.T, ticket int64, person string) (note string, queued int) {
	t.Helper()
	err := p.pool.QueryRow(t.Context(), `
		SELECT note, (SELECT count(*) FROM pages WHERE ticket = $1 AND person = $2 AND type = 'page' AND state = 'queued')
		FROM escalations WHERE ticket = $1`, ticket, person).Scan(&note, &queued)
	if err != nil {
		t.Fatal(err)
	}
	return note, queued
}

// TestADeviceThatIsNotIsolatedPages lets the isolation fail at Microsoft, for a ticket that nobody was paged for and for one
// that somebody has.
func TestADeviceThatIsNotIsolatedPages(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]struct {
		more string // configuration
		have bool   // ben has the ticket
		told string // first
	}{
		"a ticket that is recorded":     {"routes: [{match: {}, action: record}]", false, "ana"},
		"a ticket that somebody has":    {"", true, "ben"},
		"a ticket that pages already":   {"", false, "ana"},
		"a ticket that is muted by now": {"mutes: [{match: {}, until: \"2027-01-01T00:00:00Z\", reason: noise}]", false, "ana"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := isolating(t, ", otherwise: automatic")
			if at.more != "" {
				p.configure(t, at.more)
			}
			p.Change(func(s *fakedefender.Server) { s.ActionEnds = "Failed" })
			p.Add(ransom())
			p.poll(t)
			number := p.only(t).Number
			if at.have {
				if _, err := p.rooms.tickets.Acknowledge(t.Context(), number, "ben"); err != nil {
					t.Fatal(err)
				}
			}
			p.respond(t, time.Minute)
			if run := p.run(t); run.State != playbook.Failed || p.Machine(machineID).Isolated {
				t.Fatalf("got %s (%s), want it to fail", run.State, run.Reason)
			}
			ticket := p.only(t)
			note, queued := p.noted(t, number, at.told)
			if ticket.State != tickets.Open || queued != 1 || note != "NOT isolated: srv-sql-07.contoso.example: Defender says: Failed" {
				t.Errorf("the ticket is %s, %s has %d pages queued, the note is %q", ticket.State, at.told, queued, note)
			}
		})
	}
}

func TestAnIsolationThatIsNotAllowedPagesAndIsToldToWhoCanMendIt(t *testing.T) {
	t.Parallel()
	p := isolating(t, ", otherwise: automatic")
	p.Change(func(s *fakedefender.Server) {
		s.Roles = []string{"Alert.Read.All", "Machine.Read.All", "Incident.Read.All"}
	})
	p.Add(ransom())
	p.poll(t)
	p.respond(t, 20*time.Second)
	note, queued := p.noted(t, p.run(t).Ticket, "ana")
	if queued != 1 || !strings.HasPrefix(note, "NOT isolated: srv-sql-07") || !strings.Contains(note, "Machine.Isolate") {
		t.Errorf("ana has %d pages queued with the note %q", queued, note)
	}
	const notice = `SELECT count(*) FROM tickets WHERE title LIKE 'Response actions on devices of contoso are refused%Machine.Isolate%' AND state = $1`
	if got := p.count(t, notice, "open"); got != 1 {
		t.Errorf("got %d notices of the missing permission, want one", got)
	}
	p.Change(func(s *fakedefender.Server) { s.Roles = nil })
	second := ransom()
	second.ID, second.IncidentID = "da637551227677560999_6", nil
	p.Add(second)
	p.poll(t)
	p.respond(t, time.Minute)
	if got := p.count(t, notice, "resolved"); got != 1 {
		t.Errorf("got %d resolved notices once the action is taken, want one", got)
	}
}

func TestAScanThatFailsPagesNobody(t *testing.T) {
	t.Parallel()
	p := isolating(t, "")
	p.configure(t, "playbooks: [{id: scan, match: {severity: high}, otherwise: automatic, action: antivirus_scan}]\nroutes: [{match: {}, action: record}]")
	p.Change(func(s *fakedefender.Server) { s.ActionEnds = "Failed" })
	p.Add(ransom())
	p.poll(t)
	p.respond(t, time.Minute)
	if run := p.run(t); run.State != playbook.Failed || p.count(t, `SELECT count(*) FROM pages`) != 0 {
		t.Errorf("got %s and %d pages, want none", run.State, p.count(t, `SELECT count(*) FROM pages`))
	}
}
