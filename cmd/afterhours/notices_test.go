package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"afterhours/cmd/afterhours/internal/fakedefender"
	"afterhours/tickets"
	"afterhours/tickets/defender"
	"afterhours/tickets/playbook"
)

func TestWhatSomebodyMustMendIsToldOnceInWordsThatNameThePage(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]struct {
		wrong func(s *fakedefender.Server)
		want  []string
	}{
		"an expired secret":    {func(s *fakedefender.Server) { s.Expired = true }, []string{"has expired", "Certificates & secrets"}},
		"a wrong secret":       {func(s *fakedefender.Server) { s.ClientSecret = "another" }, []string{"client secret", "Certificates & secrets"}},
		"a wrong tenant":       {func(s *fakedefender.Server) { s.Tenant = "ffffffff-1111-4222-8333-444455556666" }, []string{"there is no tenant", "Overview"}},
		"no consent":           {func(s *fakedefender.Server) { s.Unconsented = true }, []string{"has not consented", "API permissions", "Grant admin consent"}},
		"an unknown app":       {func(s *fakedefender.Server) { s.ClientID = "another" }, []string{"is not known in the tenant", "App registrations"}},
		"a revoked permission": {func(s *fakedefender.Server) { s.Roles = []string{"Incident.Read.All"} }, []string{"Alert.Read.All", "API permissions", "Grant admin consent"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPortal(t, `, notify: ["person:eve"]`)
			p.Change(at.wrong)
			for range 5 {
				p.poll(t)
			}
			ticket := p.only(t)
			status := p.status(t)
			for _, want := range at.want {
				if !strings.Contains(ticket.Title+" "+ticket.Description, want) || !strings.Contains(status.Error+" "+status.Mend, want) {
					t.Errorf("want %q in %q, %q and in %q, %q", want, ticket.Title, ticket.Description, status.Error, status.Mend)
				}
			}
			if pages := p.count(t, `SELECT count(*) FROM pages WHERE type = 'page'`); pages != 1 {
				t.Errorf("got %d pages, want one", pages)
			}
			if pages := p.count(t, `SELECT count(*) FROM pages WHERE person = 'eve'`); pages != 1 {
				t.Errorf("the person who can mend it got %d pages, want one", pages)
			}
			if got := p.doctor(t); got.level != "failed" || !containsAll(got.found+" "+got.mend, at.want) {
				t.Errorf("doctor says %+v, want %q in it", got, at.want)
			}
			if strings.Contains(ticket.Title+ticket.Description+status.Error+status.Mend, p.ClientSecret) {
				t.Error("the secret stands in what is told")
			}
		})
	}
}

func TestMissingIncidentPermissionDoesNotStopTheAlerts(t *testing.T) {
	t.Parallel()
	p := newPortal(t, "")
	p.Change(func(s *fakedefender.Server) { s.Roles = []string{"Alert.Read.All"} })
	p.Add(ransom())
	p.poll(t)
	p.poll(t)
	if got := p.count(t, `SELECT count(*) FROM tickets WHERE source = 'api' AND severity = 'high'`); got != 1 {
		t.Errorf("got %d alerts, want one", got)
	}
	if got := p.count(t, `SELECT count(*) FROM tickets WHERE title LIKE '%Incident.Read.All%'`); got != 1 {
		t.Errorf("told %d times, want once", got)
	}
}

// doctor is what the doctor says of the tenant.
func (p *portal) doctor(t *testing.T) verdict {
	t.Helper()
	tenants, err := p.rooms.defender.tenants(t.Context())
	if err != nil || len(tenants) != 1 {
		t.Fatalf("got %d tenants, %v", len(tenants), err)
	}
	return checkTenant(t.Context(), p.rooms.defender, tenants[0])
}

func containsAll(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

func TestATenantThatIsNoneIsToldLikeAWrongOne(t *testing.T) {
	t.Parallel()
	p := newPortal(t, "")
	tenant := defender.Tenant{ID: "fabrikam", TenantID: "fabrikam", ClientID: p.ClientID, ClientSecret: p.ClientSecret, APIURL: p.url, TokenURL: p.url + "/fabrikam/oauth2/v2.0/token"}
	if got := checkTenant(t.Context(), p.rooms.defender, tenant); !strings.Contains(got.found, "there is no tenant fabrikam") || !strings.Contains(got.mend, "Overview") {
		t.Errorf("got %+v, want that there is no such tenant, and where its id stands", got)
	}
}

// TestANoticeEndsWithItsCause lets a secret run out, be replaced by a wrong one, and be mended.
func TestANoticeEndsWithItsCause(t *testing.T) {
	t.Parallel()
	p := newPortal(t, `, notify: ["person:eve"]`)
	open := func() string {
		t.Helper()
		var titles []string
		for _, ticket := range p.list(t) {
			if ticket.State != tickets.Resolved {
				titles = append(titles, ticket.Title)
			}
		}
		return strings.Join(titles, "|")
	}
	secret := p.ClientSecret
	p.Change(func(s *fakedefender.Server) { s.Expired = true })
	p.poll(t)
	if got := open(); !strings.Contains(got, "has expired") || strings.Contains(got, "|") {
		t.Fatalf("got the open tickets %q, want the expired secret", got)
	}
	p.Change(func(s *fakedefender.Server) { s.Expired, s.ClientSecret = false, "another" })
	p.poll(t)
	p.poll(t)
	if got := open(); !strings.Contains(got, "is not one of the application") || strings.Contains(got, "|") {
		t.Errorf("got the open tickets %q, want the wrong secret alone", got)
	}
	if got := p.count(t, `SELECT count(*) FROM pages WHERE type = 'page' AND person = 'eve'`); got != 2 {
		t.Errorf("eve was told %d times, want once of each cause", got)
	}
	p.Change(func(s *fakedefender.Server) { s.ClientSecret = secret })
	p.poll(t)
	p.poll(t)
	if got := open(); got != "" {
		t.Errorf("got the open tickets %q once all is well, want none", got)
	}
	if got := p.count(t, `SELECT count(*) FROM escalations WHERE state = 'running'`); got != 0 {
		t.Errorf("%d escalations go on for causes that are gone", got)
	}
	p.Change(func(s *fakedefender.Server) { s.Expired = true })
	p.advance(time.Hour) // the token in hand ends
	p.poll(t)
	p.poll(t)
	if got := open(); !strings.Contains(got, "has expired") {
		t.Errorf("got the open tickets %q, want the secret that expired again", got)
	}
	if got := p.count(t, `SELECT count(*) FROM pages WHERE type = 'page' AND person = 'eve'`); got != 3 {
		t.Errorf("eve was told %d times, want once more", got)
	}
}

func TestAPermissionToReadIncidentsIsToldAfterOtherFaultsAndEnds(t *testing.T) {
	t.Parallel()
	p := newPortal(t, "")
	p.Change(func(s *fakedefender.Server) {
		s.Faults = func(_ int, r *http.Request) *fakedefender.Fault {
			if strings.HasSuffix(r.URL.Path, "/incidents") {
				return &fakedefender.Fault{Status: 500}
			}
			return nil
		}
	})
	p.poll(t)
	p.Change(func(s *fakedefender.Server) { s.Faults, s.Roles = nil, []string{"Alert.Read.All"} })
	p.advance(time.Minute)
	p.poll(t)
	if ticket := p.only(t); !strings.Contains(ticket.Title, "Incident.Read.All") {
		t.Errorf("got %q, want the missing permission", ticket.Title)
	}
	p.Change(func(s *fakedefender.Server) { s.Roles = nil })
	p.advance(time.Minute)
	p.poll(t)
	if ticket := p.only(t); ticket.State != tickets.Resolved {
		t.Errorf("got %s once the permission is there, want it resolved", ticket.State)
	}
}

func TestARevokedPermissionToWriteIsToldOnceAndTriedAgain(t *testing.T) {
	t.Parallel()
	p := newPortal(t, `, write_back: true, notify: ["person:eve"]`)
	p.Add(ransom())
	p.poll(t)
	number := p.only(t).Number
	p.Change(func(s *fakedefender.Server) { s.Roles = []string{"Alert.Read.All", "Incident.Read.All"} })
	if _, err := p.rooms.tickets.Acknowledge(t.Context(), number, "ana"); err != nil {
		t.Fatal(err)
	}
	send := func() {
		for range 10 {
			p.advance(5 * time.Minute)
			if err := p.rooms.defender.sender.Tick(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	send()
	if got := p.count(t, `SELECT count(*) FROM pages WHERE type = 'page' AND person = 'eve'`); got != 1 {
		t.Errorf("eve was told %d times, want once", got)
	}
	p.Change(func(s *fakedefender.Server) { s.Roles = nil })
	send()
	if alert := p.Alert(ransomID); alert.Status != "InProgress" {
		t.Errorf("the alert is %s once the permission is there, want what was decided", alert.Status)
	}
	if got := p.count(t, `SELECT count(*) FROM tickets WHERE title LIKE 'Decisions cannot be written back%Alert.ReadWrite.All%' AND state = 'resolved'`); got != 1 {
		t.Errorf("got %d resolved notices, want one", got)
	}
}

func TestAMendedMailPathEndsItsNotice(t *testing.T) {
	t.Parallel()
	p := newPortal(t, ", expect_mail: [high]")
	p.Add(ransom())
	for range 40 {
		p.poll(t)
	}
	const notice = `SELECT count(*) FROM tickets WHERE title LIKE 'The mail path of contoso is broken%' AND state = $1`
	if got := p.count(t, notice, "open"); got != 1 {
		t.Fatalf("got %d notices, want one", got)
	}
	second := ransom()
	second.ID, second.IncidentID = "da637551227677560999_5", nil
	p.Add(second)
	p.poll(t)
	p.mail(t, alertMail("High", second.Title, "srv-sql-07", second.ID, "m5@az.microsoft.com"))
	p.poll(t)
	if got := p.count(t, notice, "resolved"); got != 1 {
		t.Errorf("got %d resolved notices after a mail came, want one", got)
	}
}

// TestTheDoctorFindsAPermissionThatAPlaybookLacksBeforeTheNight reads what the token says of itself.
func TestTheDoctorFindsAPermissionThatAPlaybookLacksBeforeTheNight(t *testing.T) {
	t.Parallel()
	p := newPortal(t, "")
	tenants, err := p.rooms.defender.tenants(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	check := func(roles ...string) verdict {
		p.Change(func(s *fakedefender.Server) { s.Roles = roles })
		p.advance(time.Hour) // the token in hand ends
		return checkTenant(t.Context(), p.rooms.defender, tenants[0], playbook.IsolateDevice, playbook.TagDevice)
	}
	if got := check("Alert.Read.All", "Incident.Read.All", "Machine.ReadWrite.All", "Machine.Isolate"); got.level != "ok" || !strings.Contains(got.found, "every permission") {
		t.Errorf("with all of them: got %+v", got)
	}
	got := check("Alert.Read.All", "Machine.ReadWrite.All")
	if got.level != "failed" || !containsAll(got.found+got.mend, []string{"Machine.Isolate", "Incident.Read.All", "API permissions"}) || strings.Contains(got.found, "Machine.Read.All") {
		t.Errorf("without two of them: got %+v", got)
	}
	if len(p.Actions()) != 0 {
		t.Error("the doctor acted")
	}
}
