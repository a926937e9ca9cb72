package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/web/auth"
)

const unknownText = "Alarm of the SIEM\nRegel: Ransomware\nRisiko: Kritisch\nbetrifft den Rechner\npc1"

// unknownAlert is a mail of no known kind, with a text.
func unknownAlert(text string) tickets.Alert {
	return tickets.Alert{
		Kind: tickets.KindUnrecognised, Severity: tickets.SeverityUnknown, Title: "Alarm 4711", Text: text,
		Message: tickets.MessageInfo{From: "siem@example.com", Subject: "Alarm 4711"}, Warnings: []string{"unrecognised: unknown"},
	}
}

// readByRule reads a raw mail as the text of an unknown one.
func readByRule(rule tickets.ReadingRule, raw []byte) (tickets.Alert, bool) {
	alert, by := tickets.Teach([]tickets.ReadingRule{rule}, unknownAlert(string(raw)), func(string) tickets.Severity { return tickets.SeverityUnknown })
	return alert, by != ""
}

// unknown makes mail 9 of the desk one that is not recognised.
func (d *desk) unknown() {
	alert := unknownAlert(unknownText)
	mail := tickets.Mail{ID: 9, Ticket: 1042, Subject: "Alarm 4711", Alert: &alert, ReceivedAt: d.now}
	d.tickets.mail = func(id int64) (tickets.Mail, error) {
		if id != 9 {
			return tickets.Mail{}, tickets.ErrNotFound
		}
		return mail, nil
	}
	d.tickets.unrecognised = []tickets.Mail{mail}
	d.tickets.stored = []tickets.Stored{
		{ID: 9, Ticket: 1042, Subject: "Alarm 4711", Raw: []byte(unknownText)},
		{ID: 8, Ticket: 1041, Subject: "Alarm 4710", Raw: []byte("Regel: Phish\nRisiko: Kritisch\nbetrifft den Rechner\npc2")},
		{ID: 7, Ticket: 1040, Subject: "Newsletter", Raw: []byte("nothing of it")},
	}
}

func TestAnAdministratorMarksTriesAndSavesAReading(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.unknown()
	admin := d.signIn(t, "adm", auth.Admin)
	document := page(t, d.ask(t, http.MethodGet, "/teach/9", "", "Cookie", admin))
	wantText(t, document, ".numbered", "Regel: Ransomware")
	if id, _ := document.Find("#id").Attr("value"); id != "siem-example-com" {
		t.Errorf("id: got %q", id)
	}
	if document.Find("button[name=save]").Length() != 0 {
		t.Error("a rule can be saved before it was tried")
	}
	marked := []string{"id", "siem", "line-title", "1", "line-severity", "2", "means", "high", "line-device", "4", "line-incident_id", "subject", "value-incident_id", "4711", "kind", "alert"}
	response := d.ask(t, http.MethodPost, "/teach/9", form(marked...), "Cookie", admin)
	wantStatus(t, response, http.StatusOK)
	document = page(t, response)
	wantText(t, document, ".tried", "It reads 2 of the newest 3 stored mails")
	rows := document.Find(".tried tbody tr")
	if got := text(rows.Eq(1)); got != "Alarm 4710High: Phish · device pc2 · incident 4711" {
		t.Errorf("a stored mail becomes %q", got)
	}
	if got := text(rows.Eq(2)); got != "Newsletterstays as it is" {
		t.Errorf("a mail that is none becomes %q", got)
	}
	var saved oncall.Configuration
	d.oncall.apply = func(_, _ string, change func(oncall.Configuration) (oncall.Configuration, error)) (err error) {
		saved, err = change(oncall.Configuration{Readings: []tickets.ReadingRule{{ID: "other", From: "other@example.com"}}})
		return err
	}
	// What the page shows after the try is posted as it stands.
	shown := []string{"save", "1"}
	inputs := document.Find(".editor input, .editor select")
	for i := range inputs.Length() {
		input := inputs.Eq(i)
		name, _ := input.Attr("name")
		value, _ := input.Attr("value")
		if input.Is("select") {
			value, _ = input.Find("option[selected]").Attr("value")
		}
		shown = append(shown, name, value)
	}
	response = d.ask(t, http.MethodPost, "/teach/9", form(shown...), "Cookie", admin)
	if to := response.Header.Get("Location"); response.StatusCode != http.StatusSeeOther || to != "/settings/reading?taught=siem" {
		t.Fatalf("save: got %s to %q", response.Status, to)
	}
	if len(saved.Readings) != 2 || saved.Readings[0].ID != "siem" || saved.Readings[0].From != "siem@example.com" || len(saved.Readings[0].Fields) != 4 {
		t.Fatalf("saved: %+v", saved.Readings)
	}
	for _, field := range saved.Readings[0].Fields {
		want := map[string]tickets.TaughtField{
			"title": {Field: "title", After: "Regel"}, "device": {Field: "device", After: "betrifft den Rechner"},
			"severity":    {Field: "severity", After: "Risiko", Words: []tickets.TaughtWord{{Word: "Kritisch", Means: tickets.High}}},
			"incident_id": {Field: "incident_id", In: tickets.InSubject, After: "Alarm"},
		}[field.Field]
		if field.After != want.After || field.In != want.In || len(field.Words) != len(want.Words) {
			t.Errorf("%s: got %+v, want %+v", field.Field, field, want)
		}
	}
}

func TestAMarkThatFindsNothingSaysSoAndIsNotSaved(t *testing.T) {
	t.Parallel()
	d := newDesk(t) // a call of Apply fails the test
	d.unknown()
	admin := d.signIn(t, "adm", auth.Admin)
	for name, c := range map[string]struct {
		pairs []string
		want  string
	}{
		"nothing marked":    {[]string{"id", "siem", "save", "1"}, "Nothing is marked"},
		"another value":     {[]string{"id", "siem", "save", "1", "line-title", "1", "value-title", "Malware"}, "The chosen line does not hold Malware"},
		"no such line":      {[]string{"id", "siem", "save", "1", "line-title", "99"}, "There is no such line"},
		"words not in it":   {[]string{"id", "siem", "save", "1", "after-title", "Rule"}, "These words find nothing in this mail"},
		"a line of nonsens": {[]string{"id", "siem", "save", "1", "line-title", "x"}, "There is no such line"},
	} {
		response := d.ask(t, http.MethodPost, "/teach/9", form(c.pairs...), "Cookie", admin)
		wantStatus(t, response, http.StatusBadRequest)
		if got := text(page(t, response).Find("main")); !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	wantStatus(t, d.ask(t, http.MethodGet, "/teach/10", "", "Cookie", admin), http.StatusNotFound)
	wantStatus(t, d.ask(t, http.MethodGet, "/teach/9", "", "Cookie", d.signIn(t, "ben", auth.Responder)), http.StatusForbidden)
}

func TestTheDeskKnowsHowWellMailsAreRead(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.unknown()
	week := tickets.Week(d.now)
	d.tickets.shares = []tickets.Share{
		{Kind: "alert", Field: "device", Week: week, Mails: 40, Found: 10},
		{Kind: "alert", Field: "device", Week: week.AddDate(0, 0, -7), Mails: 100, Found: 98},
		{Kind: "alert", Field: "title", Week: week, Mails: 40, Found: 40},
		{Kind: "alert", Field: "title", Week: week.AddDate(0, 0, -7), Mails: 100, Found: 100},
	}
	admin := d.signIn(t, "adm", auth.Admin)
	document := page(t, d.ask(t, http.MethodGet, "/settings/reading", "", "Cookie", admin))
	if got := text(document.Find(".reading tbody tr").Eq(0)); got != "device dropped25 %98 %" {
		t.Errorf("device: got %q", got)
	}
	if got := text(document.Find(".reading tbody tr").Eq(1)); got != "title100 %100 %" {
		t.Errorf("title: got %q", got)
	}
	if to, _ := document.Find(".entries a[href^='/teach/']").Attr("href"); to != "/teach/9" {
		t.Errorf("teach: got %q", to)
	}
	// Every page of the desk tells it.
	wantText(t, page(t, d.ask(t, http.MethodGet, "/tickets", "", "Cookie", admin)), ".banner.changed", "The device is found in 25 % of the mails of the kind alert this week; last week it was 98 %.")
	d.tickets.twice = []tickets.Twice{{Mail: tickets.Alert{Title: "A"}, API: tickets.Alert{Title: "A"}}, {Mail: tickets.Alert{Title: "B"}, API: tickets.Alert{Title: "C"}}}
	wantText(t, page(t, d.ask(t, http.MethodGet, "/settings/reading", "", "Cookie", admin)), ".reading[aria-label='Mail and API'] tbody tr", "title50 %2")
	var started string
	d.tickets.startReparse = func(what string) error { started = what; return nil }
	wantStatus(t, d.ask(t, http.MethodPost, "/settings/reading/reparse", "", "Cookie", admin), http.StatusSeeOther)
	if started != "unrecognised desk adm" {
		t.Errorf("started: got %q", started)
	}
	d.tickets.run = &tickets.Run{StartedAt: d.now.Add(-time.Minute), Mails: 200, Changed: 7}
	document = page(t, d.ask(t, http.MethodGet, "/settings/reading", "", "Cookie", admin))
	wantText(t, document, ".notice", "200 so far, 7 of them differently")
	if document.Find("form[action$='/reparse']").Length() != 0 {
		t.Error("a second run can be started")
	}
	viewer := page(t, d.ask(t, http.MethodGet, "/settings/reading", "", "Cookie", d.signIn(t, "vic", auth.Viewer)))
	if viewer.Find("main form, a[href^='/teach/']").Length() != 0 {
		t.Error("a viewer can teach")
	}
}
