package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

// TestAMailWakesThePrimaryThenTheSecondaryUntilSomebodyAcknowledges is the promise of the product, end to end.
func TestAMailWakesThePrimaryThenTheSecondaryUntilSomebodyAcknowledges(t *testing.T) {
	t.Parallel()
	const wait = 3 * time.Second
	ana, ben := newHook(t), newHook(t)
	app := serveTest(t, nil)
	app.configure(t, team(ana, ben, wait.String()))

	raw := alertMail("High", "Ransomware behavior detected", "srv-sql-07", "da637551227677560813_-961444813", "one@example")
	reply, err := sendMail(t, app.smtpAddr, "defender@test.example", raw)
	accepted := time.Now()
	if err != nil || !strings.HasPrefix(reply, "2.0.0 accepted as ") {
		t.Fatalf("reply: got %q, %v, want 2.0.0 accepted as <id>", reply, err)
	}

	eventually(t, "the primary is told", func() bool { return len(ana.deliveries()) == 1 })
	first := ana.deliveries()[0]
	within(t, "the primary is told after the 250", first.at.Sub(accepted), time.Second)
	data := first.message.Data
	if first.message.Type != "page" || data.Person == nil || *data.Person != "ana" || data.Step != 1 || data.Ticket.Severity != "high" {
		t.Errorf("page: got %s", first.body)
	}
	ticket, err := app.rooms.tickets.Get(t.Context(), data.Ticket.Number)
	if err != nil {
		t.Fatal(err)
	}
	if ticket.State != tickets.Open || ticket.Title != "Ransomware behavior detected" || len(ticket.Devices) != 1 || ticket.Devices[0] != "srv-sql-07" ||
		len(ticket.AlertIDs) != 1 || len(ticket.Links) == 0 || ticket.Policy != "security" {
		t.Errorf("ticket: got %+v", ticket)
	}

	eventually(t, "the secondary is told", func() bool { return len(ben.deliveries()) == 1 })
	second := ben.deliveries()[0]
	gap := second.at.Sub(first.at)
	if gap < wait-time.Second {
		t.Errorf("the secondary was told %s after the primary, too early for a wait of %s", gap, wait)
	}
	within(t, "the secondary is told after the primary", gap, wait+1500*time.Millisecond)

	link := first.message.Data.AckURL
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodGet} {
		response := request(t, method, link, nil)
		if response.StatusCode != http.StatusOK || response.Header.Get("Cache-Control") != "no-store" || response.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s link: got %s %v", method, response.Status, response.Header)
		}
	}
	if ticket, _ = app.rooms.tickets.Get(t.Context(), ticket.Number); ticket.State != tickets.Open {
		t.Fatalf("after GET, HEAD, GET: got %s, want open", ticket.State)
	}
	if response := request(t, http.MethodPost, link, nil); response.StatusCode >= 400 {
		t.Fatalf("POST link: got %s", response.Status)
	}
	if ticket, _ = app.rooms.tickets.Get(t.Context(), ticket.Number); ticket.State != tickets.Acknowledged || ticket.AcknowledgedBy != "ana" {
		t.Fatalf("after POST: got %s by %q, want acknowledged by ana", ticket.State, ticket.AcknowledgedBy)
	}
	pages, err := app.rooms.oncall.Pages(t.Context(), ticket.Number)
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		if page.State == oncall.PageQueued {
			t.Errorf("page %d is still queued after the acknowledgement", page.ID)
		}
	}
	if outlook, _ := app.rooms.oncall.Outlook(t.Context(), ticket.Number); outlook.State != "stopped" {
		t.Errorf("escalation: got %s, want stopped", outlook.State)
	}

	mustSend(t, app.smtpAddr, raw)
	app.settled(t)
	if again, _ := app.rooms.tickets.Get(t.Context(), ticket.Number); again.MessageCount != 1 {
		t.Errorf("the same mail again: got %d messages, want 1", again.MessageCount)
	}
	total := 0
	for _, delivery := range append(ana.deliveries(), ben.deliveries()...) {
		if delivery.message.Type != "page.taken" { // whoever was told may hear who took it
			total++
		}
	}
	if total != 2 {
		t.Errorf("deliveries: got %d, want 2", total)
	}
}

func TestQueuedPagesOfLaterRulesAreCancelledByTheAcknowledgement(t *testing.T) {
	t.Parallel()
	ana, ben := newHook(t), newHook(t)
	app := serveTest(t, nil)
	app.configure(t, strings.Replace(team(ana, ben, "1h"), `secret: "`+signingSecret+`"}]}
  - {id: ben`, `secret: "`+signingSecret+`"}], notify: [{after: 0s, contact: hook}, {after: 2s, contact: hook}]}
  - {id: ben`, 1))
	mustSend(t, app.smtpAddr, alertMail("High", "Ransomware", "pc1", "da1111111111111111_1", "one@example"))
	eventually(t, "the first rule's page", func() bool { return len(ana.deliveries()) == 1 })
	request(t, http.MethodPost, ana.deliveries()[0].message.Data.AckURL, nil)
	pages, err := app.rooms.oncall.Pages(t.Context(), 1001)
	if err != nil || len(pages) != 2 || pages[1].State != oncall.PageCancelled {
		t.Errorf("pages: got %+v, %v, want the second cancelled", pages, err)
	}
}

func TestALowMailIsRecordedWithoutAPage(t *testing.T) {
	t.Parallel()
	ana, ben := newHook(t), newHook(t)
	app := serveTest(t, nil)
	app.configure(t, team(ana, ben, "1h"))
	mustSend(t, app.smtpAddr, alertMail("Low", "Unwanted software was blocked", "pc1", "da1111111111111111_1", "one@example"))
	app.settled(t)
	pages, err := app.rooms.oncall.Pages(t.Context(), 1001)
	if err != nil || len(pages) != 0 {
		t.Errorf("pages: got %+v, %v, want none", pages, err)
	}
	timeline, err := app.rooms.tickets.Timeline(t.Context(), 1001)
	if err != nil || len(timeline) != 2 || timeline[1].Type != tickets.EventRecorded {
		t.Errorf("timeline: got %+v, %v, want created and recorded", timeline, err)
	}
}

func TestAMailThatNobodyUnderstandsPages(t *testing.T) {
	t.Parallel()
	ana, ben := newHook(t), newHook(t)
	app := serveTest(t, nil)
	app.configure(t, team(ana, ben, "1h"))
	for _, raw := range [][]byte{[]byte("\x00\xff\x00 not a mail"), []byte("Subject: door 3\r\n\r\nforced open"), {}} {
		mustSend(t, app.smtpAddr, raw)
	}
	eventually(t, "three pages", func() bool { return len(ana.deliveries()) == 3 })
	for number := int64(1001); number < 1004; number++ {
		if ticket, err := app.rooms.tickets.Get(t.Context(), number); err != nil || ticket.Kind != tickets.KindUnrecognised {
			t.Errorf("ticket %d: got %+v, %v, want unrecognised", number, ticket, err)
		}
	}
}

func TestAForgedLinkSaysSo(t *testing.T) {
	t.Parallel()
	app := serveTest(t, nil)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		response := request(t, method, app.baseURL+"/ack/AAAAAAAAAAAAAAAAAAAAAAAAAAA", nil)
		if body, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusNotFound || !bytes.Contains(body, []byte("link")) {
			t.Errorf("%s: got %s, want 404 and a page about the link", method, response.Status)
		}
	}
}

func TestAnUnknownRecipientIsRefused(t *testing.T) {
	t.Parallel()
	app := serveTest(t, func(s *settings) { s.MailTo = "defender@test.example, soc.example" })
	_, err := sendMail(t, app.smtpAddr, "other@test.example", []byte("x"))
	if err == nil || !strings.Contains(err.Error(), "550") && !strings.Contains(err.Error(), "5.1.1") {
		t.Errorf("unknown recipient: got %v, want 550 5.1.1", err)
	}
	if _, err := sendMail(t, app.smtpAddr, "any@SOC.example", []byte("Subject: x\r\n\r\nx")); err != nil {
		t.Errorf("a recipient in an accepted domain: %v", err)
	}
}

func TestWithoutASmarthostMailIsHeldReadableAndFallsThrough(t *testing.T) {
	t.Parallel()
	ana, ben := newHook(t), newHook(t)
	app := serveTest(t, nil)
	app.configure(t, strings.Replace(team(ana, ben, "1h"), "channel: webhook, to: \""+ana.URL+"/ana\", secret: \""+signingSecret+`"`, `channel: email, to: ana@example.com`, 1))
	mustSend(t, app.smtpAddr, alertMail("High", "Ransomware", "pc1", "da1111111111111111_1", "one@example"))
	eventually(t, "the secondary is told at once", func() bool { return len(ben.deliveries()) == 1 })
	held, err := app.rooms.oncall.HeldPages(t.Context())
	if err != nil || held != 1 {
		t.Errorf("held pages: got %d, %v, want 1", held, err)
	}
	pages, err := app.rooms.oncall.Outgoing(t.Context(), 10, 0)
	if err != nil || len(pages) != 1 || pages[0].State != oncall.PageHeld {
		t.Fatalf("outgoing: got %+v, %v, want one held page", pages, err)
	}
	letter, err := app.rooms.oncall.Letter(t.Context(), pages[0].ID)
	if err != nil || letter.Subject != "High: Ransomware on pc1 (#1001)" || !strings.Contains(letter.Text, letter.Link) {
		t.Errorf("letter: got %+v, %v", letter, err)
	}
	if response := request(t, http.MethodPost, letter.Link, nil); response.StatusCode >= 400 {
		t.Errorf("POST the held letter's link: got %s", response.Status)
	}
}

func TestAChannelThatFailsFallsThroughToTheNextStep(t *testing.T) {
	t.Parallel()
	ana, ben := newHook(t), newHook(t)
	ana.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
	app := serveTest(t, nil)
	app.configure(t, team(ana, ben, "1h"))
	mustSend(t, app.smtpAddr, alertMail("High", "Ransomware", "pc1", "da1111111111111111_1", "one@example"))
	eventually(t, "the secondary is told at once", func() bool { return len(ben.deliveries()) == 1 })
	pages, err := app.rooms.oncall.Pages(t.Context(), 1001)
	if err != nil || len(pages) != 2 || pages[0].State != oncall.PageFailed {
		t.Errorf("pages: got %+v, %v, want the first failed", pages, err)
	}
}

// request makes a request without following redirects.
func request(t *testing.T, method, url string, body io.Reader) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

func TestATeamsWebhookIsToldWithoutAPerson(t *testing.T) {
	t.Parallel()
	soc := newHook(t)
	app := serveTest(t, nil)
	app.configure(t, fmt.Sprintf(`
webhooks: [{id: soc, url: %q, secret: %q}]
policies: [{id: security, steps: [{notify: ["webhook:soc"], wait: 1h}]}]
`, soc.URL, signingSecret))
	mustSend(t, app.smtpAddr, alertMail("High", "Ransomware", "pc1", "da1111111111111111_1", "one@example"))
	eventually(t, "the webhook is told", func() bool { return len(soc.deliveries()) == 1 })
	got := soc.deliveries()[0]
	if got.message.Data.Person != nil || got.message.Data.Step != 1 || got.header.Get("webhook-signature") == "" {
		t.Errorf("page: got %s", got.body)
	}
	request(t, http.MethodPost, got.message.Data.AckURL, nil)
	if ticket, _ := app.rooms.tickets.Get(t.Context(), 1001); ticket.AcknowledgedBy != tickets.ActorSystem {
		t.Errorf("acknowledged by %q, want %s", ticket.AcknowledgedBy, tickets.ActorSystem)
	}
}

func TestAWorseMailOnAnAcknowledgedTicketAsksItsOwnerFirst(t *testing.T) {
	t.Parallel()
	ana, ben := newHook(t), newHook(t)
	app := serveTest(t, nil)
	app.configure(t, team(ana, ben, "1h"))
	mustSend(t, app.smtpAddr, alertMail("Medium", "Ransomware", "pc1", "da1111111111111111_1", "one@example"))
	eventually(t, "the primary is told", func() bool { return len(ana.deliveries()) == 1 })
	if _, err := app.rooms.tickets.Acknowledge(t.Context(), 1001, "ben"); err != nil {
		t.Fatal(err)
	}
	mustSend(t, app.smtpAddr, alertMail("High", "Ransomware", "pc2", "da1111111111111111_1", "two@example"))
	eventually(t, "the owner is told", func() bool { return len(ben.deliveries()) == 1 })
	if got := ben.deliveries()[0].message.Data; got.Step != 0 || got.Ticket.Severity != "high" {
		t.Errorf("page: got %+v", got)
	}
	for _, delivery := range ana.deliveries()[1:] {
		if delivery.message.Type != oncall.TakenType {
			t.Errorf("ana got a %s more, want only who took it", delivery.message.Type)
		}
	}
	if ticket, _ := app.rooms.tickets.Get(t.Context(), 1001); ticket.State != tickets.Open || ticket.Severity != tickets.High || ticket.MessageCount != 2 {
		t.Errorf("ticket: got %+v", ticket)
	}
}

func TestAnAcknowledgedTicketThatNobodyResolvesComesBack(t *testing.T) {
	t.Parallel()
	ana, ben := newHook(t), newHook(t)
	app := serveTest(t, nil)
	app.configure(t, strings.Replace(team(ana, ben, "1h"), "repeat: 0,", "repeat: 0, ack_expires: 1s,", 1))
	mustSend(t, app.smtpAddr, alertMail("High", "Ransomware", "pc1", "da1111111111111111_1", "one@example"))
	eventually(t, "the primary is told", func() bool { return len(ana.deliveries()) == 1 })
	if _, err := app.rooms.tickets.Acknowledge(t.Context(), 1001, "ben"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the owner is asked", func() bool { return len(ben.deliveries()) == 1 })
	if ticket, _ := app.rooms.tickets.Get(t.Context(), 1001); ticket.State != tickets.Open || ticket.AcknowledgedBy != "" {
		t.Errorf("ticket: got %s by %q, want open", ticket.State, ticket.AcknowledgedBy)
	}
}

func TestTheDoctorNamesWhatToMend(t *testing.T) {
	t.Parallel()
	ana, ben := newHook(t), newHook(t)
	app := serveTest(t, nil)
	app.configure(t, team(ana, ben, "5m"))
	vars := []string{
		"AFTERHOURS_DATABASE_URL=" + app.settings.DatabaseURL, "AFTERHOURS_SECRET_KEY=" + testSecret,
		"AFTERHOURS_SMTP_ADDR=" + app.smtpAddr, "AFTERHOURS_PUBLIC_URL=" + app.baseURL, "AFTERHOURS_ALLOW_PRIVATE_WEBHOOKS=true",
	}
	code, stdout, stderr := command(t, vars, "doctor")
	if code != exitFailed || !strings.Contains(stderr, "1 check failed") {
		t.Errorf("without a smarthost: got %d %q", code, stderr)
	}
	for _, want := range []string{
		"ok       database       reachable", "ok       clock ", "ok       smtp           answers at", "warning  starttls       not offered",
		"ok       web            answers at", "failed   outbound mail  no smarthost: mail pages are held; set AFTERHOURS_SMARTHOST_URL",
		"ok       on call ", "ok       webhook        http://127.0.0.1",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the report lacks %q:\n%s", want, stdout)
		}
	}
	ben.Close()
	if _, stdout, _ := command(t, vars, "doctor"); !strings.Contains(stdout, "failed   webhook ") {
		t.Errorf("with a dead webhook: got\n%s", stdout)
	}
	if _, stdout, _ := command(t, append(vars, "AFTERHOURS_SMTP_ADDR=127.0.0.1:1"), "doctor"); !strings.Contains(stdout, "failed   smtp           nothing answers at 127.0.0.1:1; start") {
		t.Errorf("with a dead SMTP port: got\n%s", stdout)
	}
}

func TestOnlyVerifiedMailPagesWhereTheSettingsSaySo(t *testing.T) {
	t.Parallel()
	ana, ben := newHook(t), newHook(t)
	app := serveTest(t, func(s *settings) {
		trusting(s)
		s.Unverified = "record"
	})
	app.configure(t, team(ana, ben, "1h"))
	forged := alertMail("High", "Forged", "pc1", "da1111111111111111_1", "one@example")
	mustSend(t, app.smtpAddr, forged)
	app.settled(t)
	mustSend(t, app.smtpAddr, vouched(alertMail("High", "Vouched for", "pc2", "da1111111111111111_2", "two@example")))
	eventually(t, "the verified mail pages", func() bool { return len(ana.deliveries()) == 1 })
	if got := ana.deliveries()[0].message.Data.Ticket.Title; got != "Vouched for" {
		t.Errorf("page: got %q", got)
	}
	for number, want := range map[int64]bool{1001: false, 1002: true} {
		ticket, err := app.rooms.tickets.Get(t.Context(), number)
		if err != nil || (ticket.Verified != nil && *ticket.Verified) != want {
			t.Errorf("ticket %d: got %+v, %v, want verified %v", number, ticket.Verified, err, want)
		}
	}
}

func TestATeamsWebhookIsToldOfTheEventsThatItAsksFor(t *testing.T) {
	t.Parallel()
	ana, soc := newHook(t), newHook(t)
	app := serveTest(t, nil)
	app.configure(t, team(ana, ana, "1s")+fmt.Sprintf(`
webhooks: [{id: soc, url: %q, secret: %q, events: [ticket.created, ticket.acknowledged, ticket.escalated, ticket.resolved]}]
`, soc.URL+"/in", signingSecret))
	mustSend(t, app.smtpAddr, alertMail("High", "Ransomware", "pc1", "da1111111111111111_1", "one@example"))
	types := func() []string {
		var types []string
		for _, delivery := range soc.deliveries() {
			types = append(types, delivery.message.Type)
		}
		return types
	}
	eventually(t, "created and escalated", func() bool { return len(types()) == 2 })
	if _, err := app.rooms.tickets.Acknowledge(t.Context(), 1001, "ana"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "acknowledged", func() bool { return len(types()) == 3 })
	if _, err := app.rooms.tickets.Resolve(t.Context(), 1001, "ana", ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, "resolved", func() bool { return len(types()) == 4 })
	if got, want := strings.Join(types(), " "), "ticket.created ticket.escalated ticket.acknowledged ticket.resolved"; got != want {
		t.Errorf("events: got %s, want %s", got, want)
	}
	first := soc.deliveries()[0]
	if first.message.Data.Ticket.Number != 1001 || first.message.Data.AckURL != "" || first.header.Get("webhook-signature") == "" {
		t.Errorf("event: got %s", first.body)
	}
	pages, err := app.rooms.oncall.Pages(t.Context(), 1001)
	if err != nil || len(pages) != 2 {
		t.Errorf("pages: got %+v, %v, want the two of ana alone", pages, err)
	}
}
