package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"afterhours/migrations/pgtest"
	"afterhours/tickets"
)

// serveOwn runs the application with a spool on a Postgres that the test may stop.
func serveOwn(t *testing.T, change func(*settings)) (*application, *pgtest.Server) {
	t.Helper()
	server := pgtest.Own(t)
	s := testSettings(server.URL())
	s.spooling(t)
	if change != nil {
		change(&s)
	}
	app, err := start(t.Context(), s, slog.New(slog.NewTextHandler(logWriter{t}, nil)), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	app.gateway.hold = 300 * time.Millisecond
	t.Cleanup(func() {
		if err := app.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return app, server
}

// longTest leaves a test with a Postgres of its own out of a short run; the whole run has them all.
func longTest(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("a Postgres of its own: not in a short run")
	}
}

// rostered waits until the roster knows the person.
func (a *application) rostered(t *testing.T, person string) {
	t.Helper()
	if err := a.gateway.keepRoster(t.Context()); err != nil {
		t.Fatal(err)
	}
	roster, ok := a.rooms.standby.Roster()
	if _, known := roster.Configuration.Person(person); !ok || !known {
		t.Fatalf("roster: got %+v, want %s in it", roster, person)
	}
}

// TestWhileTheDatabaseIsAwayMailIsSpooledAndPagedFromTheRoster goes through an outage: mail gets its 250 from the spool,
// whoever is on call is paged directly and acknowledges, and afterwards the ticket tells all that and pages nobody again.
func TestWhileTheDatabaseIsAwayMailIsSpooledAndPagedFromTheRoster(t *testing.T) {
	t.Parallel()
	ana, ben := newHook(t), newHook(t)
	app, server := serveOwn(t, nil)
	app.configure(t, team(ana, ben, "1h"))
	app.rostered(t, "ana")
	mustSend(t, app.smtpAddr, alertMail("High", "Before", "pc1", "da1111111111111111_1", "one@example"))
	eventually(t, "the first page", func() bool { return len(ana.deliveries()) == 1 })
	app.settled(t)

	server.Kill()
	reply, err := sendMail(t, app.smtpAddr, "defender@test.example", alertMail("High", "During", "pc2", "da1111111111111111_2", "two@example"))
	if err != nil || !strings.Contains(reply, "accepted as ") {
		t.Fatalf("reply without a database: %q, %v, want it accepted", reply, err)
	}
	if state := app.gateway.spool.State(); state.Mails != 1 {
		t.Fatalf("spool: got %+v, want one mail", state)
	}
	if response := request(t, "GET", app.baseURL+"/readyz?for=smtp", nil); response.StatusCode != 200 {
		t.Errorf("readyz for smtp: got %s, want 200", response.Status)
	}
	eventually(t, "the page from the roster", func() bool { return len(ana.deliveries()) == 2 })
	page := ana.deliveries()[1]
	if page.message.Data.Ticket.Title != "During" || page.message.Data.Person == nil || *page.message.Data.Person != "ana" || !strings.HasPrefix(page.id, "standby_") {
		t.Errorf("page: got %s", page.body)
	}
	link := page.message.Data.AckURL
	if response := request(t, "GET", link, nil); response.StatusCode != 200 {
		t.Errorf("the link: got %s, want 200", response.Status)
	}
	if len(ben.deliveries()) != 0 {
		t.Errorf("ben was told of something: %d", len(ben.deliveries()))
	}
	response := request(t, "POST", link, nil)
	if body, _ := io.ReadAll(response.Body); response.StatusCode != 200 || !strings.Contains(string(body), "Ana Ruiz has it") {
		t.Fatalf("acknowledge: got %s %s", response.Status, body)
	}

	server.Start()
	var ticket tickets.Ticket
	eventually(t, "the ticket is there, acknowledged", func() bool {
		var number int64 // a database that was killed skips some
		if err := app.db.pool.QueryRow(t.Context(), `SELECT number FROM tickets WHERE title = 'During'`).Scan(&number); err != nil {
			return false
		}
		ticket, err = app.rooms.tickets.Get(t.Context(), number)
		return err == nil && ticket.State == tickets.Acknowledged && ticket.AcknowledgedBy == "ana"
	})
	eventually(t, "the spool is empty", func() bool { return app.gateway.spool.State().Mails == 0 && !app.gateway.away.Load() })
	timeline, err := app.rooms.tickets.Timeline(t.Context(), ticket.Number)
	if err != nil {
		t.Fatal(err)
	}
	told, acknowledged := 0, 0
	for _, event := range timeline {
		switch event.Type {
		case tickets.EventPageSent:
			if event.Data["outage"] == true && event.Data["person"] == "ana" && event.At.Before(ticket.CreatedAt) {
				told++
			}
		case tickets.EventAcknowledged:
			acknowledged++
		}
	}
	if told != 1 || acknowledged != 1 {
		t.Errorf("timeline: told %d, acknowledged %d, want one of each: %+v", told, acknowledged, timeline)
	}
	if response := request(t, "GET", link, nil); response.StatusCode != 200 {
		t.Errorf("the link afterwards: got %s, want its ticket", response.Status)
	}
	mustSend(t, app.smtpAddr, alertMail("High", "After", "pc3", "da1111111111111111_3", "three@example"))
	eventually(t, "mail pages as ever", func() bool { return len(ana.deliveries()) == 3 })
	if len(ben.deliveries()) != 0 {
		t.Errorf("ben: got %d, want none", len(ben.deliveries()))
	}
}

func TestAStormDuringAnOutageIsBundledAndAllOfItBecomesTickets(t *testing.T) {
	longTest(t)
	t.Parallel()
	ana, ben := newHook(t), newHook(t)
	emergency := newHook(t)
	app, server := serveOwn(t, func(s *settings) {
		trusting(s)
		s.EmergencyContact = emergency.URL
	})
	app.configure(t, strings.Replace(team(ana, ben, "1h"), "bundle: {after: 0}", "bundle: {after: 3, within: 5m}", 1))
	app.rostered(t, "ana")
	server.Kill()
	storm(t, app, 0, 10, vouched)
	eventually(t, "three pages and a summary", func() bool {
		pages, summaries := told(t, ana)
		return pages == 3 && len(summaries) >= 1
	})
	eventually(t, "the emergency contact is told", func() bool { return len(emergency.deliveries()) == 1 })
	server.Start()
	eventually(t, "ten tickets", func() bool {
		counts, err := app.rooms.tickets.Counts(t.Context())
		return err == nil && counts.Open == 10 && app.gateway.spool.State().Mails == 0
	})
}

func TestWithoutASpoolASenderIsToldWithinFiveSeconds(t *testing.T) {
	longTest(t)
	t.Parallel()
	app, server := serveOwn(t, func(s *settings) { s.Spool = "off" })
	server.Kill()
	if response := request(t, "GET", app.baseURL+"/readyz?for=smtp", nil); response.StatusCode != 503 {
		t.Errorf("readyz for smtp: got %s, want 503", response.Status)
	}
	began := time.Now()
	_, err := sendMail(t, app.smtpAddr, "defender@test.example", alertMail("High", "During", "pc2", "da1111111111111111_2", "two@example"))
	if err == nil || !strings.Contains(err.Error(), "451") || strings.Contains(err.Error(), "connect") {
		t.Errorf("got %v, want 451 with a generic text", err)
	}
	within(t, "the answer while the database is away", time.Since(began), 5*time.Second)
}

func TestAFullSpoolAnswers451AndLosesNothing(t *testing.T) {
	longTest(t)
	t.Parallel()
	app, server := serveOwn(t, func(s *settings) { s.SpoolMaxMails = 1 })
	server.Kill()
	for i, want := range []string{"", "451"} {
		_, err := sendMail(t, app.smtpAddr, "defender@test.example", alertMail("High", "During", "pc", fmt.Sprintf("da111111111111111%d_1", i), fmt.Sprintf("m%d@example", i)))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("mail %d: got %v, want %q", i, err, want)
		}
	}
	if response := request(t, "GET", app.baseURL+"/readyz?for=smtp", nil); response.StatusCode != 503 {
		t.Errorf("readyz for smtp: got %s, want 503", response.Status)
	}
	server.Start()
	eventually(t, "one ticket", func() bool {
		counts, err := app.rooms.tickets.Counts(t.Context())
		return err == nil && counts.Open == 1
	})
}

// TestWhatADeadGatewayLeftInItsSpoolComesInOnce starts on a spool that holds a mail, twice over.
func TestWhatADeadGatewayLeftInItsSpoolComesInOnce(t *testing.T) {
	longTest(t)
	t.Parallel()
	app, server := serveOwn(t, nil)
	server.Kill()
	mustSend(t, app.smtpAddr, alertMail("High", "During", "pc2", "da1111111111111111_2", "two@example"))
	files, err := filepath.Glob(filepath.Join(app.gateway.spool.Dir(), "*.mail"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files: got %v, %v, want one", files, err)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	server.Start()
	eventually(t, "it is handed over", func() bool { return app.gateway.spool.State().Mails == 0 })
	app.settled(t)
	if err := os.WriteFile(files[0], content, 0o600); err != nil { // its removal never reached the disk
		t.Fatal(err)
	}
	s := app.settings
	s.SMTPAddr, s.HTTPAddr = "127.0.0.1:0", "127.0.0.1:0"
	again, err := start(t.Context(), s, slog.New(slog.NewTextHandler(logWriter{t}, nil)), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := again.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	}()
	eventually(t, "it is handed over again", func() bool { return again.gateway.spool.State().Mails == 0 })
	var mails int
	if err := again.db.pool.QueryRow(t.Context(), `SELECT count(*) FROM mails`).Scan(&mails); err != nil || mails != 1 {
		t.Errorf("mails: got %d, %v, want 1", mails, err)
	}
}

// TestAnOutageItselfPages: what stands in the database pages nobody while that is away, so whoever is on call must know, once.
// With -punctual it waits for the alarm, which the short form brings about.
func TestAnOutageItselfPages(t *testing.T) {
	longTest(t)
	t.Parallel()
	ana, ben := newHook(t), newHook(t)
	app, server := serveOwn(t, nil)
	app.configure(t, team(ana, ben, "1h"))
	app.rostered(t, "ana")
	mustSend(t, app.smtpAddr, alertMail("High", "Before", "pc1", "da1111111111111111_1", "one@example"))
	eventually(t, "the page of before", func() bool { return len(ana.deliveries()) == 1 })
	app.settled(t)
	server.Kill()
	began := time.Now()
	if *punctual {
		time.Sleep(alarmAfter) // nothing is told of an outage that is over sooner
	} else {
		app.rooms.standby.Alarm(time.Now().Add(-alarmAfter))
		app.rooms.standby.Alarm(time.Now())
	}
	eventually(t, "the alarm", func() bool { return len(ana.deliveries()) == 2 })
	within(t, "the alarm, from the outage's beginning", ana.deliveries()[1].at.Sub(began), 2*time.Minute)
	if got := ana.deliveries()[1].message.Data.Ticket.Title; !strings.HasPrefix(got, "afterhours cannot reach its database since") {
		t.Errorf("title: got %q", got)
	}
	server.Start()
	eventually(t, "the outage is over", func() bool { return !app.gateway.away.Load() })
	if got := len(ana.deliveries()); got != 2 {
		t.Errorf("told %d times, want once of the ticket and once of the outage", got)
	}
}
