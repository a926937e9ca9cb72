package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/tickets/playbook"
	"afterhours/web/auth"
)

// playbooksDouble answers with its fields and notes what was asked of it; an unexpected change fails the test.
type playbooksDouble struct {
	t          *testing.T
	configured []playbook.Playbook
	runs       []playbook.Run
	would      []playbook.Would
	polls      map[string]tickets.TenantStatus
	changed    func(what string) error
}

func samplePlaybooks(t *testing.T, now time.Time) *playbooksDouble {
	t.Helper()
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	until := now.Add(20 * time.Minute)
	polled, failed := now.Add(-30*time.Second), now.Add(-time.Hour)
	return &playbooksDouble{
		t: t,
		configured: []playbook.Playbook{{
			ID: "isolate", Action: playbook.IsolateDevice, Otherwise: playbook.Automatic, Approvers: 2, Expires: 30 * time.Minute, PerHour: 5, Match: playbook.Match{Severity: []string{"high"}, Category: []string{"Ransomware"}},
			Exclude:  playbook.Exclusion{Device: []string{"dc-*"}},
			Approval: []playbook.Window{{Window: tickets.Window{Days: []tickets.Weekday{1, 2, 3, 4, 5}, From: 8 * 60, To: 18 * 60}, Zone: madrid, Mode: playbook.Ask}},
		}},
		runs: []playbook.Run{
			{ID: 2, Playbook: "isolate", Ticket: 1042, Action: playbook.IsolateDevice, Machine: "srv-sql-07", State: playbook.Waiting, Reason: "asks for approval at this hour", DecideBy: &until, Approvers: 2, CreatedAt: now, Approvals: []playbook.Approval{{Person: "ana", At: now, Yes: true}}},
			{ID: 1, Playbook: "isolate", Ticket: 1042, Action: playbook.IsolateDevice, Machine: "ws-0042", State: playbook.Succeeded, Reason: "Defender says that it is done", Approvers: 1, CreatedAt: now.Add(-time.Hour), Automatic: true},
		},
		would: []playbook.Would{
			{Ticket: 1042, Title: "Ransomware", Device: "srv-sql-07", At: now, Mode: playbook.Automatic},
			{Ticket: 1041, Title: "Ransomware", Device: "dc-1", At: now, Mode: playbook.Automatic, Why: "excluded: its name is excluded"},
		},
		polls: map[string]tickets.TenantStatus{
			"contoso":     {Tenant: "contoso", PolledAt: &polled, Lag: 1300 * time.Millisecond, Alerts: 12, Requests: 61},
			"environment": {Tenant: "environment", FailedAt: &failed, Error: "the client secret has expired", Mend: "make a new one under Certificates & secrets"},
		},
	}
}

func (d *playbooksDouble) Runs(_ context.Context, filter playbook.Filter) ([]playbook.Run, error) {
	var found []playbook.Run
	for _, run := range d.runs {
		if (filter.State == "" || run.State == filter.State) && (filter.Playbook == "" || run.Playbook == filter.Playbook) && (filter.Ticket == 0 || run.Ticket == filter.Ticket) && (filter.Before == 0 || run.ID < filter.Before) {
			found = append(found, run)
		}
	}
	return found, nil
}

func (d *playbooksDouble) Run(_ context.Context, id int64) (playbook.Run, []playbook.Step, error) {
	for _, run := range d.runs {
		if run.ID == id {
			return run, []playbook.Step{{At: run.CreatedAt, Actor: tickets.ActorSystem, State: playbook.Planned, Says: "called for by api"}}, nil
		}
	}
	return playbook.Run{}, nil, fmt.Errorf("run %d: %w", id, tickets.ErrNotFound)
}

func (d *playbooksDouble) Answer(_ context.Context, id int64, person string, yes bool) error {
	return d.change(fmt.Sprint("answer ", id, " ", person, " ", yes))
}

func (d *playbooksDouble) Undo(_ context.Context, id int64, person string) (int64, error) {
	return id, d.change(fmt.Sprint("undo ", id, " ", person))
}

func (d *playbooksDouble) change(what string) error {
	if d.changed == nil {
		d.t.Errorf("unexpected change: %s", what)
		return nil
	}
	return d.changed(what)
}

func TestThePlaybooksShowWhatWaitsAndTheWeek(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "ben", auth.Responder)
	document := page(t, d.ask(t, http.MethodGet, "/playbooks", "", "Cookie", cookie))
	wantText(t, document, ".asking", "Isolate the device: srv-sql-07")
	wantText(t, document, ".asking", "1 of 2 approvals")
	wantText(t, document, "nav[aria-label=Main] .pill", "1")
	if ask, automatic := document.Find("svg rect.ask").Length(), document.Find("svg rect.automatic").Length(); ask != 5 || automatic < 5 {
		t.Errorf("the week has %d stretches that ask and %d that do not, want 5 working days", ask, automatic)
	}
	wantText(t, document, "section.schedule", "Never on domain controllers, dc-*")
	wantText(t, document, "section.schedule", "2 people must approve; where nobody answers within 30 min, nothing happens")
	wantText(t, document, "section.schedule", "at most 5 devices an hour")
	if names := document.Find("svg.daynames").First().Text(); !strings.Contains(names, "Wed") || !strings.Contains(names, "Sun") {
		t.Errorf("the week names the days %q", names)
	}
	high, _ := document.Find("svg rect.automatic").First().Attr("height")
	low, _ := document.Find("svg rect.ask").First().Attr("height")
	if high == low {
		t.Error("the modes differ by colour alone")
	}
}

func TestAnApprovalIsGivenAtTheDeskByWhoeverIsSignedIn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var got []string
	d.playbooks.changed = func(what string) error {
		got = append(got, what)
		return nil
	}
	ben := d.signIn(t, "ben", auth.Responder)
	document := page(t, d.ask(t, http.MethodGet, "/playbooks/runs/2", "", "Cookie", ben))
	if action, _ := document.Find("form button.main").Parent().Attr("action"); action != "/playbooks/runs/2/approve" {
		t.Errorf("got the approval at %q", action)
	}
	wantStatus(t, d.ask(t, http.MethodPost, "/playbooks/runs/2/approve", "", "Cookie", ben), http.StatusSeeOther)
	wantStatus(t, d.ask(t, http.MethodPost, "/playbooks/runs/2/decline", "", "Cookie", ben), http.StatusSeeOther)
	wantStatus(t, d.ask(t, http.MethodPost, "/playbooks/runs/1/undo", "", "Cookie", ben), http.StatusSeeOther)
	if want := "answer 2 ben true, answer 2 ben false, undo 1 ben"; strings.Join(got, ", ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	signedOut := d.ask(t, http.MethodPost, "/playbooks/runs/2/approve", "")
	if location := signedOut.Header.Get("Location"); !strings.HasPrefix(location, "/login?next=") {
		t.Errorf("signed out: got %s to %q, want the sign-in", signedOut.Status, location)
	}
	token := d.token(t, auth.Admin)
	byToken := d.ask(t, http.MethodPost, "/playbooks/runs/2/approve", "", "Authorization", "Bearer "+token)
	if byToken.StatusCode == http.StatusOK || len(got) != 3 {
		t.Errorf("a token approved: got %s and %q", byToken.Status, got)
	}
	ana := d.signIn(t, "ana", auth.Responder)
	if page(t, d.ask(t, http.MethodGet, "/playbooks/runs/2", "", "Cookie", ana)).Find("form button.main").Length() != 0 {
		t.Error("who has approved is offered to approve again")
	}
	d.playbooks.changed = func(string) error { return &tickets.ConflictError{Reason: "run 2 does not ask any more"} }
	late := d.ask(t, http.MethodPost, "/playbooks/runs/2/approve", "", "Cookie", ben)
	wantStatus(t, late, http.StatusConflict)
	wantText(t, page(t, late), ".complaint", "does not ask any more")
}

func TestTheDryRunSaysWhatWouldHaveHappened(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	document := page(t, d.ask(t, http.MethodGet, "/playbooks/isolate/dry-run", "", "Cookie", d.signIn(t, "vic", auth.Viewer)))
	wantText(t, document, "main", "It would have acted or asked 1 time.")
	wantText(t, document, "tbody tr:nth-child(2)", "done nothing excluded: its name is excluded")
}

func TestTheTenantsShowTheirPollsAndNeverTheirSecrets(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sample.configuration.Tenants = []oncall.Tenant{{ID: "contoso", TenantID: "0a1b", ClientID: "c1", ClientSecret: "hush~hush"}}
	admin := d.signIn(t, "adm", auth.Admin)
	document := page(t, d.ask(t, http.MethodGet, "/settings/tenants", "", "Cookie", admin))
	wantText(t, document, ".entries", "polled just now · lag 1.3s · 12 alerts read · 61 requests this hour")
	wantText(t, document, ".entries .bad", "the client secret has expired. Mend: Make a new one under Certificates & secrets.")
	editor := page(t, d.ask(t, http.MethodGet, "/settings/tenants/contoso", "", "Cookie", admin))
	html, err := editor.Html()
	if err != nil || strings.Contains(html, "hush") {
		t.Errorf("the secret stands in the editor, or %v", err)
	}
	var saved oncall.Configuration
	d.oncall.apply = func(_, _ string, change func(oncall.Configuration) (oncall.Configuration, error)) error {
		var err error
		saved, err = change(d.sample.configuration)
		return err
	}
	mark, _ := editor.Find("input[name=_mark]").Attr("value")
	response := d.ask(t, http.MethodPost, "/settings/tenants/contoso", form("_mark", mark, "tenant_id", "0a1b", "client_id", "c2", "client_secret", "", "write_back", "true"), "Cookie", admin)
	wantStatus(t, response, http.StatusSeeOther)
	if len(saved.Tenants) != 1 || saved.Tenants[0].ClientSecret != "hush~hush" || saved.Tenants[0].ClientID != "c2" || !saved.Tenants[0].WriteBack {
		t.Errorf("got %+v, want the secret kept", saved.Tenants)
	}
}
