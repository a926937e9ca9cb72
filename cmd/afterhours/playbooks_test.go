package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"afterhours/cmd/afterhours/internal/fakedefender"
	"afterhours/tickets"
	"afterhours/tickets/playbook"
)

// isolating is a portal with one playbook that isolates on Ransomware; more is added to its line.
func isolating(t *testing.T, more string) *portal {
	t.Helper()
	p := newPortal(t, "")
	p.configure(t, "playbooks:\n  - {id: isolate, match: {severity: [high], category: [Ransomware]}, action: isolate_device"+more+"}\n")
	p.AddMachine(fakedefender.Machine{ID: machineID, DNSName: "srv-sql-07.contoso.example", RBACGroupName: "Servers"})
	p.Change(func(s *fakedefender.Server) { s.ActionTakes = 10 * time.Second })
	return p
}

// respond lets time pass in steps and moves what is due.
func (p *portal) respond(t *testing.T, span time.Duration) {
	t.Helper()
	for range int(span / (5 * time.Second)) {
		p.advance(5 * time.Second)
		if err := p.rooms.playbooks.Tick(t.Context()); err != nil {
			t.Fatalf("playbooks: %v", err)
		}
	}
}

func (p *portal) runs(t *testing.T) []playbook.Run {
	t.Helper()
	runs, err := p.rooms.playbooks.Runs(t.Context(), playbook.Filter{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return runs
}

func (p *portal) run(t *testing.T) playbook.Run {
	t.Helper()
	runs := p.runs(t)
	if len(runs) != 1 {
		t.Fatalf("got %d runs, want one: %+v", len(runs), runs)
	}
	return runs[0]
}

func TestAPlaybookIsolatesByItselfAndIsFollowedToItsEnd(t *testing.T) {
	t.Parallel()
	p := isolating(t, ", otherwise: automatic")
	p.Add(ransom())
	p.poll(t)
	p.respond(t, 40*time.Second)
	run := p.run(t)
	if run.State != playbook.Succeeded || !run.Automatic || !p.Machine(machineID).Isolated || len(p.Actions()) != 1 {
		t.Errorf("got %+v, isolated %t, %d actions", run, p.Machine(machineID).Isolated, len(p.Actions()))
	}
	if got := p.Actions()[0]; got.Scope == nil || *got.Scope != "Full" || !strings.Contains(got.RequestorComment, fmt.Sprintf("ticket #%d", run.Ticket)) {
		t.Errorf("got the action %+v", got)
	}
	_, steps, err := p.rooms.playbooks.Run(t.Context(), run.ID)
	var states []string
	for _, step := range steps {
		states = append(states, string(step.State))
	}
	if got := strings.Join(states, " "); err != nil || got != "planned approved requesting running succeeded" {
		t.Errorf("got the audit %q, %v", got, err)
	}
	if got := p.timeline(t, run.Ticket); strings.Count(got, "playbook system") != 3 {
		t.Errorf("got the timeline\n%s", got)
	}
}

func TestAnApprovalIsAPersonsAndFourEyesAreTwoPersons(t *testing.T) {
	t.Parallel()
	p := isolating(t, ", approvers: 2")
	p.Add(ransom())
	p.poll(t)
	p.respond(t, 10*time.Second)
	run := p.run(t)
	if run.State != playbook.Waiting || run.DecideBy == nil {
		t.Fatalf("got %+v, want it to ask", run)
	}
	var mail string
	if err := p.pool.QueryRow(t.Context(), `SELECT payload -> 'question' ->> 'url' FROM pages WHERE type = 'playbook.approval_requested' AND person = 'ana'`).Scan(&mail); err != nil {
		t.Fatalf("nobody was asked: %v", err)
	}
	if want := fmt.Sprintf("http://desk.example/playbooks/runs/%d", run.ID); mail != want {
		t.Errorf("the mail leads to %q, want %q", mail, want)
	}
	answer := func(person string, yes bool) error {
		return p.rooms.playbooks.Answer(t.Context(), run.ID, person, yes)
	}
	if err := answer("ana", true); err != nil {
		t.Fatal(err)
	}
	if err := answer("ana", true); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("the same person twice: got %v, want a conflict", err)
	}
	p.respond(t, 20*time.Second)
	if len(p.Actions()) != 0 {
		t.Error("one of two approvals was enough")
	}
	if err := answer("ben", true); err != nil {
		t.Fatal(err)
	}
	p.respond(t, 30*time.Second)
	if run = p.run(t); run.State != playbook.Succeeded || run.Automatic {
		t.Errorf("got %+v, want it done", run)
	}
	if err := answer("chi", false); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("an answer too late: got %v, want a conflict", err)
	}
}

func TestAQuestionThatNobodyAnswersFallsBack(t *testing.T) {
	t.Parallel()
	for onExpiry, want := range map[string]playbook.State{"decline": playbook.Expired, "run": playbook.Succeeded} {
		p := isolating(t, ", expires: 2m, on_expiry: "+onExpiry)
		p.Add(ransom())
		p.poll(t)
		p.respond(t, 3*time.Minute)
		if run := p.run(t); run.State != want {
			t.Errorf("%s: got %s, want %s", onExpiry, run.State, want)
		}
	}
}

func TestADeclinedRunDoesNothing(t *testing.T) {
	t.Parallel()
	p := isolating(t, "")
	p.Add(ransom())
	p.poll(t)
	p.respond(t, 5*time.Second)
	if err := p.rooms.playbooks.Answer(t.Context(), p.run(t).ID, "ana", false); err != nil {
		t.Fatal(err)
	}
	p.respond(t, time.Minute)
	if run := p.run(t); run.State != playbook.Declined || len(p.Actions()) != 0 {
		t.Errorf("got %s and %d actions", run.State, len(p.Actions()))
	}
}

func TestExclusionsAlwaysWin(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]struct {
		more    string
		machine fakedefender.Machine
	}{
		"a domain controller":  {"", fakedefender.Machine{Tags: []string{"DomainController"}}},
		"a name":               {`, exclude: {device: ["srv-sql-*"]}`, fakedefender.Machine{}},
		"a name with a domain": {`, exclude: {device: ["*.contoso.example"]}`, fakedefender.Machine{}},
		"a group":              {`, exclude: {device_group: [servers]}`, fakedefender.Machine{}},
		"a tag":                {`, exclude: {tag: ["never touch"]}`, fakedefender.Machine{Tags: []string{"Never Touch"}}},
		"a group not asked":    {"", fakedefender.Machine{RBACGroupName: "Laptops"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := isolating(t, ", otherwise: automatic"+at.more)
			if name == "a group not asked" {
				p.configure(t, "playbooks: [{id: isolate, match: {severity: high, device_group: Servers}, action: isolate_device, otherwise: automatic}]")
			}
			at.machine.ID, at.machine.DNSName = machineID, "srv-sql-07.contoso.example"
			if at.machine.RBACGroupName == "" {
				at.machine.RBACGroupName = "Servers"
			}
			p.AddMachine(at.machine)
			p.Add(ransom())
			p.poll(t)
			p.respond(t, time.Minute)
			if run := p.run(t); run.State != playbook.Skipped || len(p.Actions()) != 0 {
				t.Errorf("got %s (%s) and %d actions", run.State, run.Reason, len(p.Actions()))
			}
		})
	}
}

func TestAtMostSoManyIsolationsAnHourThenItAsks(t *testing.T) {
	t.Parallel()
	p := isolating(t, ", otherwise: automatic, per_hour: 3, expires: 5m, on_expiry: run")
	for i := range 6 {
		alert := ransom()
		alert.ID, alert.IncidentID, alert.MachineID, alert.ComputerDNSName = fmt.Sprintf("da%018d_1", 637551227677560800+i), nil, fmt.Sprintf("%040x", i+1), fmt.Sprintf("ws-%d", i)
		p.AddMachine(fakedefender.Machine{ID: alert.MachineID, DNSName: alert.ComputerDNSName})
		p.Add(alert)
	}
	p.poll(t)
	p.respond(t, time.Minute)
	states := map[playbook.State]int{}
	for _, run := range p.runs(t) {
		states[run.State]++
	}
	if states[playbook.Succeeded] != 3 || states[playbook.Waiting] != 3 {
		t.Errorf("got %v, want three done and three that ask", states)
	}
	p.respond(t, 10*time.Minute)
	if got := len(p.Actions()); got != 3 {
		t.Errorf("got %d actions: a question that the limit asked ran because nobody answered", got)
	}
}

func TestOnlyMicrosoftsOwnWordStartsAnAction(t *testing.T) {
	t.Parallel()
	mail := alertMail("High", "Ransomware behavior detected", "srv-sql-07", ransomID, "m1@az.microsoft.com")
	forwarded := []byte(strings.Replace(string(mail), "From: Microsoft Defender <defender-noreply@microsoft.com>\r\nTo: defender@test.example\r\nSubject: ", "From: Ben <ben@contoso.example>\r\nTo: defender@test.example\r\nSubject: FW: ", 1))
	for name, at := range map[string]struct {
		raw      []byte
		verified *bool
		want     int
	}{
		"an authenticated mail":           {mail, pointer(true), 1},
		"an unauthenticated mail":         {mail, nil, 0},
		"a mail that failed":              {mail, pointer(false), 0},
		"an authenticated person forward": {forwarded, pointer(true), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := isolating(t, ", otherwise: automatic")
			p.mailFrom(t, at.verified, at.raw)
			p.respond(t, 40*time.Second)
			if got := len(p.runs(t)); got != at.want || len(p.Actions()) != at.want {
				t.Errorf("got %d runs and %d actions, want %d", got, len(p.Actions()), at.want)
			}
		})
	}
}

func TestAForgedMailCannotChooseTheDeviceOfATrustedOne(t *testing.T) {
	t.Parallel()
	p := isolating(t, ", otherwise: automatic")
	p.AddMachine(fakedefender.Machine{ID: strings.Repeat("f", 40), DNSName: "victim.contoso.example"})
	p.mailFrom(t, nil, alertMail("High", "Ransomware behavior detected", "victim.contoso.example", ransomID, "forged@evil.example"))
	p.Add(ransom())
	p.poll(t)
	p.respond(t, time.Minute)
	p.only(t)
	if p.Machine(strings.Repeat("f", 40)).Isolated || !p.Machine(machineID).Isolated {
		t.Error("the device of an unauthenticated mail was isolated, or that of the alert was not")
	}
}

func TestMailAndAPINameOneDeviceOnce(t *testing.T) {
	t.Parallel()
	p := isolating(t, ", otherwise: automatic")
	p.mail(t, alertMail("High", "Ransomware behavior detected", "srv-sql-07.contoso.example", ransomID, "m1@az.microsoft.com"))
	p.Add(ransom())
	p.poll(t)
	p.respond(t, time.Minute)
	if got := len(p.Actions()); got != 1 {
		t.Errorf("got %d actions, want one", got)
	}
}

func TestAnActionInProgressIsASuccess(t *testing.T) {
	t.Parallel()
	p := isolating(t, ", otherwise: automatic")
	p.Change(func(s *fakedefender.Server) { s.ActionTakes = 40 * time.Second })
	p.Add(ransom())
	p.poll(t)
	response := postAction(t, p, "isolate", `{"Comment":"by hand","IsolationType":"Full"}`)
	if response != http.StatusCreated {
		t.Fatalf("got %d", response)
	}
	p.respond(t, time.Minute)
	if run := p.run(t); run.State != playbook.Succeeded || len(p.Actions()) != 1 {
		t.Errorf("got %s (%s) and %d actions, want the one that ran already", run.State, run.Reason, len(p.Actions()))
	}
}

// postAction acts as a person in the portal.
func postAction(t *testing.T, p *portal, action, body string) int {
	t.Helper()
	token := struct{ value string }{}
	p.Change(func(s *fakedefender.Server) { token.value = s.Issue() })
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/api/machines/"+machineID+"/"+action, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token.value)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

// TestAKillBetweenRequestAndAnswerLeavesOneAction lets Defender accept the isolation and the process die before it hears of
// it; another process finds the run and reads back.
func TestAKillBetweenRequestAndAnswerLeavesOneAction(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]fakedefender.Fault{
		"the request had arrived":      {CutAfter: true},
		"the request was lost":         {Cut: true},
		"the gateway failed before it": {Status: 500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := isolating(t, ", otherwise: automatic")
			p.Add(ransom())
			p.poll(t)
			once := true
			p.Change(func(s *fakedefender.Server) {
				s.Faults = func(_ int, r *http.Request) *fakedefender.Fault {
					if r.Method == http.MethodPost && once {
						once = false
						return &fault
					}
					return nil
				}
			})
			p.respond(t, 10*time.Second)
			if run := p.run(t); run.State != playbook.Requesting {
				t.Fatalf("got %s, want it to be asked for", run.State)
			}
			p.rooms = p.wire(t) // what the process knew is gone
			p.respond(t, 4*time.Minute)
			if run := p.run(t); run.State != playbook.Succeeded || len(p.Actions()) != 1 || !p.Machine(machineID).Isolated {
				t.Errorf("got %s (%s) with %d actions, isolated %t", run.State, run.Reason, len(p.Actions()), p.Machine(machineID).Isolated)
			}
		})
	}
}

func TestUndoReleasesTheDeviceOnce(t *testing.T) {
	t.Parallel()
	p := isolating(t, ", otherwise: automatic")
	p.Add(ransom())
	p.poll(t)
	p.respond(t, time.Minute)
	run := p.run(t)
	if _, err := p.rooms.playbooks.Undo(t.Context(), run.ID, "ana"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.rooms.playbooks.Undo(t.Context(), run.ID, "ben"); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("a second undo: got %v, want a conflict", err)
	}
	p.respond(t, time.Minute)
	if p.Machine(machineID).Isolated || len(p.Actions()) != 2 {
		t.Errorf("isolated %t after %d actions", p.Machine(machineID).Isolated, len(p.Actions()))
	}
}

func TestEveryActionIsCarriedOut(t *testing.T) {
	t.Parallel()
	for action, kind := range map[string]string{
		"release_device": "Unisolate", "antivirus_scan": "RunAntiVirusScan", "restrict_apps": "RestrictCodeExecution", "collect_package": "CollectInvestigationPackage",
		"tag_device, tag: compromised": "",
	} {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			p := isolating(t, "")
			p.configure(t, "playbooks: [{id: act, match: {severity: high}, otherwise: automatic, action: "+action+"}]")
			p.Add(ransom())
			p.poll(t)
			p.respond(t, time.Minute)
			if run := p.run(t); run.State != playbook.Succeeded {
				t.Fatalf("got %s: %s", run.State, run.Reason)
			}
			if kind == "" {
				if tags := p.Machine(machineID).Tags; len(tags) != 1 || tags[0] != "compromised" {
					t.Errorf("got tags %v", tags)
				}
				return
			}
			if got := p.Actions(); len(got) != 1 || got[0].Type != kind {
				t.Errorf("got %+v, want one %s", got, kind)
			}
		})
	}
}

func TestAMissingPermissionFailsWithTheMend(t *testing.T) {
	t.Parallel()
	p := isolating(t, ", otherwise: automatic")
	p.Change(func(s *fakedefender.Server) {
		s.Roles = []string{"Alert.Read.All", "Machine.Read.All", "Incident.Read.All"}
	})
	p.Add(ransom())
	p.poll(t)
	p.respond(t, 20*time.Second)
	if run := p.run(t); run.State != playbook.Failed || !strings.Contains(run.Reason, "Machine.Isolate") || !strings.Contains(run.Reason, "API permissions") {
		t.Errorf("got %s: %s", run.State, run.Reason)
	}
}
