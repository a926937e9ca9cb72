package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/cmd/afterhours/internal/fakedefender"
	"afterhours/migrations/pgtest"
	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/tickets/defender"
)

// portal is a fake tenant and the rooms that poll it, on a clock that the test moves; a zero clock is the machine's.
type portal struct {
	*fakedefender.Server
	rooms *rooms
	pool  *pgxpool.Pool
	url   string
	mutex sync.Mutex
	now   time.Time
}

func (p *portal) clock() time.Time {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.now.IsZero() {
		return time.Now().UTC()
	}
	return p.now
}

func (p *portal) advance(by time.Duration) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.now = p.now.Add(by)
}

const portalTeam = `
people:
  - {id: ana, name: Ana Ruiz, email: ana@contoso.example}
  - {id: ben, name: Ben Okafor, email: ben@contoso.example}
  - {id: eve, name: Eve Admin, email: eve@contoso.example}
policies:
  - {id: security, steps: [{notify: ["person:ana"], wait: 5m}], bundle: {after: 0}}
`

// newPortal wires rooms to a fake. tenant is added to the tenant's line of the configuration.
func newPortal(t *testing.T, tenant string) *portal {
	t.Helper()
	p := &portal{now: time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC), pool: pgtest.New(t)}
	p.open(t, tenant)
	return p
}

// open serves the fake and configures it as a tenant.
func (p *portal) open(t *testing.T, tenant string) {
	t.Helper()
	p.Server = fakedefender.New(p.clock)
	server := httptest.NewServer(p.Server)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(server.Close)
	p.url = server.URL
	p.rooms = p.wire(t)
	if !strings.Contains(tenant, "poll:") {
		tenant = ", poll: 1m" + tenant
	}
	p.configure(t, portalTeam+fmt.Sprintf(`
tenants:
  - {id: contoso, tenant_id: %q, client_id: %q, client_secret: %q, api_url: %q, graph_url: %q, token_url: "%s/%s/oauth2/v2.0/token"%s}
`, p.Tenant, p.ClientID, p.ClientSecret, p.url, p.url, p.url, p.Tenant, tenant))
}

// wire makes rooms as a process that starts does.
func (p *portal) wire(t testing.TB) *rooms {
	t.Helper()
	s, err := testSettings("postgres://unused.example").complete()
	if err != nil {
		t.Fatal(err)
	}
	r, err := wire(s, database{pool: p.pool, intake: p.pool}, "http://desk.example", slog.New(slog.NewTextHandler(logWriter{t}, nil)), p.clock)
	if err != nil {
		t.Fatalf("wire: %v", err)
	}
	// Waiting is moving the clock: what waits for a limit does not hold up the test.
	r.defender.client = defender.NewClient(defender.ClientOptions{
		HTTP: apiClient(settings{AllowPrivate: true}), Budget: r.defender.store, Now: p.clock,
		Wait: func(ctx context.Context, span time.Duration) error {
			p.advance(span)
			return ctx.Err()
		},
	})
	r.defender.poller.Client, r.defender.sender.Client = r.defender.client, r.defender.client
	return r
}

func (p *portal) configure(t testing.TB, yaml string) {
	t.Helper()
	document, err := oncall.ParseFile("test.yaml", []byte(yaml))
	if err != nil {
		t.Fatalf("configuration: %v", err)
	}
	if _, err := p.rooms.apply(t.Context(), document); err != nil {
		t.Fatalf("apply: %v", err)
	}
}

// poll lets a minute pass and polls.
func (p *portal) poll(t *testing.T) {
	t.Helper()
	p.advance(time.Minute)
	if err := p.rooms.defender.poller.Tick(t.Context()); err != nil {
		t.Fatalf("poll: %v", err)
	}
	p.rooms.defender.poller.Wait()
}

// mail lets a mail come in and be read.
func (p *portal) mail(t *testing.T, raws ...[]byte) {
	t.Helper()
	p.mailFrom(t, pointer(true), raws...)
}

// mailFrom lets mails of an author come in who was authenticated, refused or neither.
func (p *portal) mailFrom(t *testing.T, verified *bool, raws ...[]byte) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { p.rooms.intake.Run(ctx) })
	for _, raw := range raws {
		if _, err := p.rooms.intake.Accept(t.Context(), tickets.Envelope{From: "a@b.example", To: []string{"d@e.example"}, ReceivedAt: p.clock(), Verified: verified}, raw); err != nil {
			t.Fatalf("accept: %v", err)
		}
	}
	cancel()
	running.Wait()
	reader := p.reader()
	for {
		read, err := reader.ReadBatch(t.Context())
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		if read == 0 {
			return
		}
	}
}

func (p *portal) reader() *tickets.Reader {
	return &tickets.Reader{Store: p.rooms.intake, Parse: parseMail, Log: slog.New(slog.DiscardHandler), Directories: p.rooms.defender.directories}
}

func (p *portal) list(t *testing.T) []tickets.Ticket {
	t.Helper()
	list, err := p.rooms.tickets.List(t.Context(), tickets.Filter{Limit: tickets.MaxLimit})
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	return list.Tickets
}

func (p *portal) only(t *testing.T) tickets.Ticket {
	t.Helper()
	list := p.list(t)
	if len(list) != 1 {
		t.Fatalf("got %d tickets, want one: %+v", len(list), list)
	}
	return list[0]
}

func (p *portal) timeline(t *testing.T, number int64) string {
	t.Helper()
	events, err := p.rooms.tickets.Timeline(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, event := range events {
		fmt.Fprintf(&text, "%s %s %v\n", event.Type, event.Actor, event.Data)
	}
	return text.String()
}

func (p *portal) status(t *testing.T) tickets.TenantStatus {
	t.Helper()
	statuses, err := p.rooms.defender.store.Statuses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return statuses["contoso"]
}

func (p *portal) count(t *testing.T, query string, args ...any) (count int) {
	t.Helper()
	if err := p.pool.QueryRow(t.Context(), query, args...).Scan(&count); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return count
}

func pointer[T any](value T) *T { return &value }

const (
	ransomID  = "da637551227677560813_-961444813"
	machineID = "1e5bc9d7e413ddd7902c2932e418702b84d0cc07"
)

// ransom is a High alert with everything that the API adds.
func ransom() fakedefender.Alert {
	return fakedefender.Alert{
		ID: ransomID, IncidentID: pointer(4711), Severity: "High", Title: "Ransomware behavior detected", Category: "Ransomware",
		Description: "Files were encrypted.", DetectionSource: "WindowsDefenderAtp", MachineID: machineID, ComputerDNSName: "srv-sql-07.contoso.example",
		RBACGroupName: "Servers", Techniques: []string{"T1486"}, RelatedUser: &fakedefender.User{UserName: "svc-backup", DomainName: "CONTOSO"},
		Evidence: []fakedefender.Evidence{
			{EntityType: "Process", FileName: pointer("locker.exe"), FilePath: pointer(`C:\Temp`), ProcessCommandLine: pointer(`locker.exe --all "C:\"`), ParentFileName: pointer("powershell.exe")},
			{EntityType: "File", FileName: pointer("locker.exe"), FilePath: pointer(`C:\Temp`), SHA256: pointer("abc123")},
			{EntityType: "User", UserPrincipalName: pointer("svc-backup@contoso.example")},
		},
	}
}

func TestAnAlertThatNoMailBroughtIsATicketThatPages(t *testing.T) {
	t.Parallel()
	p := newPortal(t, "")
	p.Add(ransom())
	p.poll(t)
	ticket := p.only(t)
	if ticket.Source != tickets.FromAPI || ticket.Severity != tickets.High || ticket.IncidentID != "4711" || ticket.MessageCount != 0 || ticket.Verified == nil || !*ticket.Verified {
		t.Errorf("got %+v", ticket)
	}
	if len(ticket.Devices) != 1 || len(ticket.Machines) != 1 || ticket.Machines[0] != (tickets.Machine{ID: machineID, Name: "srv-sql-07.contoso.example", Group: "Servers"}) {
		t.Errorf("got devices %v and machines %+v", ticket.Devices, ticket.Machines)
	}
	if len(ticket.Users) != 2 || len(ticket.Techniques) != 1 || len(ticket.Evidence) != 2 || ticket.Evidence[0].Value != `locker.exe --all "C:\"` {
		t.Errorf("got users %v, techniques %v, evidence %+v", ticket.Users, ticket.Techniques, ticket.Evidence)
	}
	if pages := p.count(t, `SELECT count(*) FROM pages WHERE ticket = $1 AND person = 'ana'`, ticket.Number); pages != 1 {
		t.Errorf("got %d pages, want one", pages)
	}
	p.poll(t)
	p.poll(t)
	if got := p.timeline(t, ticket.Number); strings.Count(got, "updated") != 0 {
		t.Errorf("polls without news left traces:\n%s", got)
	}
	if status := p.status(t); status.PolledAt == nil || status.Error != "" || status.Alerts != 1 || status.Lag <= 0 {
		t.Errorf("got status %+v", status)
	}
}

func TestOldAlertsAreRecordedAndPageNobody(t *testing.T) {
	t.Parallel()
	p := newPortal(t, "")
	old := ransom()
	old.CreatedAt = p.clock().Add(-2 * time.Hour)
	p.Add(old)
	ancient := ransom()
	ancient.ID, ancient.IncidentID, ancient.UpdatedAt, ancient.CreatedAt = "da1_1", nil, p.clock().Add(-3*time.Hour), p.clock().Add(-3*time.Hour)
	p.Add(ancient)
	p.poll(t)
	ticket := p.only(t) // a first poll looks back one hour
	if pages := p.count(t, `SELECT count(*) FROM pages`); pages != 0 {
		t.Errorf("got %d pages for an alert of two hours ago, want none", pages)
	}
	if got := p.timeline(t, ticket.Number); !strings.Contains(got, "recorded") {
		t.Errorf("got timeline\n%s", got)
	}
}

func TestMailAndAPIAreOneTicketWhicheverComesFirst(t *testing.T) {
	t.Parallel()
	withTID := alertMail("High", "Ransomware behavior detected", "srv-sql-07", ransomID, "m1@az.microsoft.com")
	incident := func(tid string) []byte {
		return []byte(strings.ReplaceAll(fmt.Sprintf("From: Microsoft 365 Defender <defender-noreply@microsoft.com>\nTo: d@e.example\nSubject: Microsoft 365 Defender has detected a security threat\nMessage-ID: <m2@az.microsoft.com>\nContent-Type: text/html\n\n<p>Incident name: Ransomware on one endpoint</p><p>Severity: High</p><a href=\"https://security.microsoft.com/incidents/4711%s\">View incident</a>\n", tid), "\n", "\r\n"))
	}
	for name, raw := range map[string][]byte{
		"alert mail":                     withTID,
		"incident mail with tenant":      incident("?tid=0a1b2c3d-1111-4222-8333-444455556666"),
		"incident mail without a tenant": incident(""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, first := range []string{"mail", "API"} {
				p := newPortal(t, "")
				if first == "mail" {
					p.mail(t, raw)
				}
				p.Add(ransom())
				p.poll(t)
				if first == "API" {
					p.mail(t, raw)
				}
				ticket := p.only(t)
				if ticket.MessageCount != 1 || len(ticket.Machines) != 1 || len(ticket.Evidence) != 2 {
					t.Errorf("%s first: got %+v", first, ticket)
				}
				if pages := p.count(t, `SELECT count(*) FROM pages`); pages != 1 {
					t.Errorf("%s first: got %d pages, want one", first, pages)
				}
			}
		})
	}
}

// TestMailIsComparedWithWhatTheAPISays reads one alert from its mail, in which the severity differs, and from the API.
func TestMailIsComparedWithWhatTheAPISays(t *testing.T) {
	t.Parallel()
	p := newPortal(t, "")
	p.mail(t, alertMail("Medium", "Ransomware behavior detected", "srv-sql-07", ransomID, "m1@az.microsoft.com"))
	p.Add(ransom())
	p.poll(t)
	alerts, err := p.rooms.tickets.ReadTwice(t.Context())
	if err != nil || len(alerts) != 1 {
		t.Fatalf("got %d alerts, %v, want the one that both told", len(alerts), err)
	}
	for _, field := range tickets.Agree(alerts) {
		want := map[string][2]int{"title": {1, 1}, "severity": {1, 0}, "category": {1, 1}, "product": {1, 1}, "device": {1, 1}}
		if got, known := want[field.Field]; known && got != [2]int{field.Both, field.Same} {
			t.Errorf("%s: got %+v, want %v", field.Field, field, got)
		}
	}
}

// TestMailAndAPIRaceToOneTicket lets the mail come first, the API, and both at once, in turn.
func TestMailAndAPIRaceToOneTicket(t *testing.T) {
	t.Parallel()
	races := raceCount()
	p := newPortal(t, "")
	readers := [2]*tickets.Reader{p.reader(), p.reader()}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() { p.rooms.intake.Run(ctx) })
	verified := true
	for round := range races {
		alert := ransom()
		alert.ID, alert.IncidentID = fmt.Sprintf("da%018d_%d", 630000000000000000+round, round), nil
		p.Add(alert)
		raw := alertMail("High", alert.Title, "srv-sql-07", alert.ID, fmt.Sprintf("race%d@az.microsoft.com", round))
		mail := func() {
			if _, err := p.rooms.intake.Accept(ctx, tickets.Envelope{From: "a@b.example", To: []string{"d@e.example"}, ReceivedAt: p.clock(), Verified: &verified}, raw); err != nil {
				t.Fatal(err)
			}
		}
		read := func(group *sync.WaitGroup) {
			for _, reader := range readers {
				group.Go(func() {
					if _, err := reader.ReadBatch(ctx); err != nil && ctx.Err() == nil {
						t.Errorf("read: %v", err)
					}
				})
			}
		}
		poll := func() {
			if err := p.rooms.defender.poller.Tick(ctx); err != nil {
				t.Fatal(err)
			}
		}
		p.advance(time.Minute)
		var group sync.WaitGroup
		switch round % 3 {
		case 0: // both at once
			mail()
			read(&group)
			poll()
		case 1: // the mail first
			mail()
			read(&group)
			group.Wait()
			poll()
		case 2: // the API first
			poll()
			p.rooms.defender.poller.Wait()
			mail()
			read(&group)
		}
		p.rooms.defender.poller.Wait()
		group.Wait()
	}
	if got := p.count(t, `SELECT count(*) FROM tickets`); got != races {
		t.Errorf("got %d tickets of %d races, want one each", got, races)
	}
	if got := p.count(t, `SELECT count(*) FROM tickets WHERE message_count = 1 AND jsonb_array_length(machines) = 1`); got != races {
		t.Errorf("got %d tickets that know both, want %d", got, races)
	}
	cancel()
	running.Wait()
}

func TestWhatPeopleDoInThePortalStopsThePaging(t *testing.T) {
	t.Parallel()
	p := newPortal(t, "")
	p.Add(ransom())
	p.poll(t)
	number := p.only(t).Number
	running := func() int {
		return p.count(t, `SELECT count(*) FROM escalations WHERE ticket = $1 AND state = 'running'`, number)
	}
	p.Update(ransomID, func(a *fakedefender.Alert) { a.Status, a.AssignedTo = "InProgress", pointer("Automation") })
	p.poll(t)
	if running() != 1 {
		t.Error("Defender's own automation stopped the paging; only a person may")
	}
	p.Update(ransomID, func(a *fakedefender.Alert) { a.AssignedTo = pointer("ana@contoso.example") })
	p.poll(t)
	ticket := p.only(t)
	if ticket.State != tickets.Acknowledged || ticket.AcknowledgedBy != "ana" || ticket.Assignee != "ana" || running() != 0 {
		t.Errorf("after somebody took it: got %+v", ticket)
	}
	p.Update(ransomID, func(a *fakedefender.Alert) {
		a.Status, a.Classification, a.Determination = "Resolved", pointer("TruePositive"), pointer("Malware")
	})
	p.poll(t)
	if ticket = p.only(t); ticket.State != tickets.Resolved || ticket.Classification != "TruePositive" {
		t.Errorf("after it was resolved: got %s, %q", ticket.State, ticket.Classification)
	}
	if got := p.timeline(t, number); !strings.Contains(got, "resolved in the Defender portal") || !strings.Contains(got, "assigned to ana@contoso.example in the Defender portal") {
		t.Errorf("the timeline does not say it:\n%s", got)
	}
	p.Update(ransomID, func(a *fakedefender.Alert) { a.Status = "New" })
	p.poll(t)
	if ticket = p.only(t); ticket.State != tickets.Open || running() != 1 {
		t.Errorf("after it was opened again: got %s", ticket.State)
	}
}

func TestATicketIsResolvedOnceAllItsAlertsAre(t *testing.T) {
	t.Parallel()
	p := newPortal(t, "")
	second := ransom()
	second.ID = "da637551227677560814_1"
	p.Add(ransom())
	p.Add(second)
	p.poll(t)
	p.Update(ransomID, func(a *fakedefender.Alert) { a.Status = "Resolved" })
	p.poll(t)
	if ticket := p.only(t); ticket.State == tickets.Resolved {
		t.Error("one of two alerts was resolved, and the ticket with it")
	}
	p.Update(second.ID, func(a *fakedefender.Alert) { a.Status = "Resolved" })
	p.poll(t)
	if ticket := p.only(t); ticket.State != tickets.Resolved {
		t.Errorf("all alerts are resolved, the ticket is %s", ticket.State)
	}
}

func TestMergedIncidentsAreOneTicket(t *testing.T) {
	t.Parallel()
	p := newPortal(t, "")
	other := ransom()
	other.ID, other.IncidentID = "da637551227677560815_2", pointer(4712)
	p.Add(ransom())
	p.Add(other)
	p.AddIncident(fakedefender.Incident{ID: 4711, Status: "Active"})
	p.AddIncident(fakedefender.Incident{ID: 4712, Status: "Active", Alerts: []fakedefender.IncidentAlert{{
		ID: "fa11112222-3333-4444-8555-666677778888", Title: "Suspicious inbox rule", Severity: "Medium", Status: "New", CreatedAt: p.clock(), UpdatedAt: p.clock(),
	}}})
	p.poll(t)
	if got := len(p.list(t)); got != 2 {
		t.Fatalf("got %d tickets before the merge, want 2", got)
	}
	p.Merge(4711, 4712)
	p.poll(t)
	p.poll(t)
	open := p.count(t, `SELECT count(*) FROM tickets WHERE state <> 'resolved'`)
	if open != 1 {
		t.Errorf("got %d open tickets after the merge, want one", open)
	}
	if got := p.count(t, `SELECT cardinality(alert_ids) FROM tickets WHERE state <> 'resolved'`); got != 3 {
		t.Errorf("the ticket that lives on has %d alerts, want all three, that of another product too", got)
	}
}

func TestGraphIsASourceOfTheSameAlerts(t *testing.T) {
	t.Parallel()
	p := newPortal(t, ", source: graph")
	p.Add(ransom())
	p.poll(t)
	ticket := p.only(t)
	if ticket.Severity != tickets.High || len(ticket.Machines) != 1 || ticket.Devices[0] != "srv-sql-07.contoso.example" {
		t.Errorf("got %+v", ticket)
	}
	p.mail(t, alertMail("High", "Ransomware behavior detected", "srv-sql-07", ransomID, "m1@az.microsoft.com"))
	if ticket = p.only(t); ticket.MessageCount != 1 {
		t.Errorf("got %d mails, want one", ticket.MessageCount)
	}
}

func TestABrokenMailPathIsToldOnce(t *testing.T) {
	t.Parallel()
	p := newPortal(t, ", expect_mail: [high]")
	p.Add(ransom())
	for range 25 {
		p.poll(t)
	}
	if got := len(p.list(t)); got != 1 {
		t.Fatalf("got %d tickets before half an hour had passed, want one", got)
	}
	for range 20 {
		p.poll(t)
	}
	if got := p.count(t, `SELECT count(*) FROM tickets WHERE title LIKE 'The mail path of contoso is broken%'`); got != 1 || len(p.list(t)) != 2 {
		t.Errorf("told %d times in %d tickets, want once", got, len(p.list(t)))
	}
	mailed := newPortal(t, ", expect_mail: [high]")
	mailed.Add(ransom())
	mailed.poll(t)
	mailed.mail(t, alertMail("High", "Ransomware behavior detected", "srv-sql-07", ransomID, "m1@az.microsoft.com"))
	for range 45 {
		mailed.poll(t)
	}
	mailed.only(t)
}

func TestDecisionsAreWrittenBackAndTriedAgain(t *testing.T) {
	t.Parallel()
	p := newPortal(t, ", write_back: true")
	p.Add(ransom())
	p.poll(t)
	number := p.only(t).Number
	p.Change(func(s *fakedefender.Server) {
		s.Faults = func(n int, r *http.Request) *fakedefender.Fault {
			if r.Method == http.MethodPatch && n%2 == 0 {
				return &fakedefender.Fault{Status: 500}
			}
			return nil
		}
	})
	send := func() {
		for range 12 {
			p.advance(time.Minute)
			if err := p.rooms.defender.sender.Tick(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := p.rooms.tickets.Acknowledge(t.Context(), number, "ana"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.rooms.tickets.Note(t.Context(), number, "ana", "Looks real."); err != nil {
		t.Fatal(err)
	}
	send()
	alert := p.Alert(ransomID)
	if alert.Status != "InProgress" || alert.AssignedTo == nil || *alert.AssignedTo != "ana@contoso.example" || len(alert.Comments) != 2 {
		t.Errorf("after the acknowledgement: got %+v", alert)
	}
	if _, err := p.rooms.tickets.Resolve(t.Context(), number, "ana", "FalsePositive"); err != nil {
		t.Fatal(err)
	}
	send()
	alert = p.Alert(ransomID)
	if alert.Status != "Resolved" || alert.Classification == nil || *alert.Classification != "FalsePositive" || *alert.Determination != "Other" {
		t.Errorf("after the resolution: got %+v", alert)
	}
	p.poll(t)
	if ticket := p.only(t); ticket.State != tickets.Resolved || ticket.AcknowledgedBy != "ana" {
		t.Errorf("what was written back came back as news: %+v", ticket)
	}
	if got := p.count(t, `SELECT count(*) FROM ticket_events WHERE type = 'written_back' AND data ->> 'error' IS NULL`); got != 3 {
		t.Errorf("the timeline tells of %d changes, want 3", got)
	}
}

func TestWriteBackIsOffByDefault(t *testing.T) {
	t.Parallel()
	p := newPortal(t, "")
	p.Add(ransom())
	p.poll(t)
	if _, err := p.rooms.tickets.Acknowledge(t.Context(), p.only(t).Number, "ana"); err != nil {
		t.Fatal(err)
	}
	if got := p.count(t, `SELECT count(*) FROM api_writes`); got != 0 {
		t.Errorf("got %d changes queued, want none", got)
	}
}

// TestABacklogIsReadWholeThroughFaultsAndRestarts reads many alerts while the API throttles, breaks and breaks off, and
// the process starts anew twice.
func TestABacklogIsReadWholeThroughFaultsAndRestarts(t *testing.T) {
	t.Parallel()
	total := backlogSize()
	p := newPortal(t, "")
	for i := range total {
		alert := fakedefender.Alert{
			ID: fmt.Sprintf("da%018d_%d", 630000000000000000+i, i), Severity: []string{"High", "Medium", "Low", "Informational"}[i%4], Title: "Suspicious activity",
			MachineID: fmt.Sprintf("%040x", i%500), ComputerDNSName: fmt.Sprintf("ws-%04d", i%500), UpdatedAt: p.clock().Add(-time.Duration(i%3000) * time.Second),
		}
		alert.CreatedAt = alert.UpdatedAt.Add(-2 * time.Hour)
		p.Add(alert)
	}
	random := rand.New(rand.NewPCG(1, 2))
	var mutex sync.Mutex
	ctx, kill := context.WithCancel(t.Context())
	cuts, refused := 0, 0
	p.Change(func(s *fakedefender.Server) {
		s.Duplicates = 50
		s.Faults = func(n int, _ *http.Request) *fakedefender.Fault {
			mutex.Lock()
			defer mutex.Unlock()
			if cuts < 2 && n%(total/3000+2) == 0 { // the process dies in the middle of a poll
				cuts++
				kill()
				return nil
			}
			switch random.IntN(10) {
			case 0:
				return &fakedefender.Fault{Status: 429, RetryAfter: 2}
			case 1:
				return &fakedefender.Fault{Status: 500}
			case 2:
				return &fakedefender.Fault{Cut: true}
			case 3:
				return &fakedefender.Fault{CutAfter: true}
			case 4:
				if n != refused+1 { // twice in a row it is not the token that is at fault
					refused = n
					return &fakedefender.Fault{Status: 401}
				}
			}
			return nil
		}
	})
	for range 50 {
		p.advance(6 * time.Minute) // beyond the lease of a process that died
		err := p.rooms.defender.poller.Tick(ctx)
		p.rooms.defender.poller.Wait()
		if ctx.Err() != nil {
			p.rooms = p.wire(t)
			mutex.Lock()
			ctx, kill = context.WithCancel(t.Context())
			mutex.Unlock()
			continue
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if p.status(t).PolledAt != nil {
			break
		}
	}
	defer kill()
	if got := p.count(t, `SELECT count(*) FROM tickets`); got != total {
		t.Errorf("got %d tickets of %d alerts, want one each", got, total)
	}
	if got := p.count(t, `SELECT count(*) FROM ticket_events WHERE type IN ('updated', 'merged', 'reopened')`); got != 0 {
		t.Errorf("%d alerts counted twice", got)
	}
	if got := p.count(t, `SELECT count(*) FROM pages`); got != 0 {
		t.Errorf("a backlog paged %d times", got)
	}
	if worst := p.WorstMinute(); worst > fakedefender.PerMinute {
		t.Errorf("got %d requests within a minute", worst)
	}
	t.Logf("%d alerts, %d requests, at most %d a minute, %d restarts", total, p.Requests(), p.WorstMinute(), cuts)
}

// TestReplicasShareTheLimits lets two of them ask at once.
func TestReplicasShareTheLimits(t *testing.T) {
	t.Parallel()
	p := newPortal(t, "")
	other := p.wire(t)
	granted := 0
	var mutex sync.Mutex
	var group sync.WaitGroup
	for _, r := range []*rooms{p.rooms, other} {
		for range 4 {
			group.Go(func() {
				for range 30 {
					until, err := r.defender.store.Take(t.Context(), "contoso", "endpoint", true)
					if err != nil {
						t.Errorf("take: %v", err)
						return
					}
					if until.IsZero() {
						mutex.Lock()
						granted++
						mutex.Unlock()
					}
				}
			})
		}
	}
	group.Wait()
	if granted != 100 {
		t.Errorf("got %d requests within the minute, want 100", granted)
	}
	p.advance(66 * time.Second)
	if until, err := p.rooms.defender.store.Take(t.Context(), "contoso", "endpoint", false); err != nil || !until.IsZero() {
		t.Errorf("a minute later: got %v, %v, want room", until, err)
	}
}

func TestOneReplicaPollsATenant(t *testing.T) {
	t.Parallel()
	p := newPortal(t, "")
	other := p.wire(t)
	p.advance(time.Minute)
	for _, r := range []*rooms{p.rooms, other, p.rooms, other} {
		if err := r.defender.poller.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	p.rooms.defender.poller.Wait()
	other.defender.poller.Wait()
	if got := p.Requests(); got != 2 {
		t.Errorf("got %v of four ticks, want one request for alerts and one for incidents", p.Paths())
	}
}
