package tickets_test

import (
	"slices"
	"strings"
	"testing"

	"afterhours/tickets"
)

// kritisch reads severities as a parser that knows English alone.
func kritisch(word string) tickets.Severity {
	if severity := tickets.Severity(strings.ToLower(word)); severity.Valid() {
		return severity
	}
	return tickets.SeverityUnknown
}

// unknownMail is a mail of no known kind.
func unknownMail(text string) tickets.Alert {
	alert := tickets.Unreadable("x", nil)
	alert.Title, alert.Text, alert.Warnings = "Alarm 4711", text, []string{"unrecognised: no notification that is known"}
	alert.Message.From, alert.Message.Subject, alert.Message.AutoSubmitted = "siem@example.com", "Alarm 4711", true
	return alert
}

func TestATaughtRuleReadsLabelsWhereverTheirValuesStand(t *testing.T) {
	t.Parallel()
	rule := tickets.ReadingRule{ID: "siem", From: "SIEM@example.com", Product: tickets.ProductEndpoint, Fields: []tickets.TaughtField{
		{Field: "title", After: "Regel"},
		{Field: "severity", After: "Risiko", Words: []tickets.TaughtWord{{Word: "kritisch", Means: tickets.High}}},
		{Field: "device", After: "betrifft", Before: "seit"},
		{Field: "incident_id", In: tickets.InSubject, After: "Alarm"},
	}}
	for name, text := range map[string]string{
		"after a colon":    "Regel: Ransomware\nRisiko: Kritisch\nEs betrifft pc1, pc2 seit heute",
		"in cells":         "Regel  Ransomware\nRisiko  kritisch\nbetrifft  pc1; pc2  seit",
		"in the next line": "REGEL\n\nRansomware\nRisiko:\nKritisch\nbetrifft pc1, pc2 seit 3 Uhr",
	} {
		alert, by := tickets.Teach([]tickets.ReadingRule{rule}, unknownMail(text), kritisch)
		if by != "siem" || alert.Title != "Ransomware" || alert.Severity != tickets.High || !slices.Equal(alert.Devices, []string{"pc1", "pc2"}) ||
			alert.IncidentID != "4711" || alert.Kind != tickets.KindAlert || alert.Product != tickets.ProductEndpoint || alert.Message.AutoSubmitted {
			t.Errorf("%s: got %q %+v", name, by, alert)
		}
		if len(alert.Warnings) != 1 || alert.Warnings[0] != "taught: read by the rule siem" {
			t.Errorf("%s: warnings %q", name, alert.Warnings)
		}
	}
}

func TestATaughtRuleLeavesAloneWhatItIsNotFor(t *testing.T) {
	t.Parallel()
	rule := tickets.ReadingRule{ID: "siem", From: "siem@example.com", Subject: "alarm *", Text: "Regel", Fields: []tickets.TaughtField{
		{Field: "title", After: "Regel"}, {Field: "severity", After: "Risk"}, {Field: "device", After: "Host"},
	}}
	text := "Regel: Ransomware\nRisk: low\nHost: pc1"
	for name, change := range map[string]func(*tickets.Alert){
		"another sender":      func(a *tickets.Alert) { a.Message.From = "notsiem@example.com" },
		"another subject":     func(a *tickets.Alert) { a.Message.Subject = "Newsletter" },
		"another layout":      func(a *tickets.Alert) { a.Text = "Risk: low\nHost: pc1" },
		"words inside words":  func(a *tickets.Alert) { a.Text = "Regelwerk: x\nRisks: low\nHostname: pc1" },
		"a mail that is read": func(a *tickets.Alert) { a.Kind, a.Warnings = tickets.KindAlert, nil },
	} {
		alert := unknownMail(text)
		change(&alert)
		if got, by := tickets.Teach([]tickets.ReadingRule{rule}, alert, kritisch); by != "" || tickets.Differs(got, alert) {
			t.Errorf("%s: the rule %q was applied: %+v", name, by, got)
		}
	}
	bySubject := tickets.ReadingRule{ID: "siem", From: "siem@example.com", Fields: []tickets.TaughtField{{Field: "title", After: "Regel"}, {Field: "incident_id", In: tickets.InSubject, After: "Alarm"}}}
	if got, by := tickets.Teach([]tickets.ReadingRule{bySubject}, unknownMail("a newsletter"), kritisch); by != "" || got.IncidentID != "" {
		t.Errorf("a subject alone: got %q %+v", by, got)
	}
	thin := unknownMail(text)
	thin.Kind, thin.Title, thin.Devices = tickets.KindIncident, "By the parser", []string{"srv"}
	thin.Warnings = []string{"no-severity: no field says how bad it is"}
	got, by := tickets.Teach([]tickets.ReadingRule{rule}, thin, kritisch)
	if by == "" || got.Kind != tickets.KindIncident || got.Title != "By the parser" || got.Severity != tickets.Low || !slices.Equal(got.Devices, []string{"srv"}) {
		t.Errorf("a thin reading: got %q %+v", by, got)
	}
}

func TestWhatAPersonMarksIsFoundAgain(t *testing.T) {
	t.Parallel()
	text := "Alarm\nRegel: Ransomware\nHost pc1 was hit at noon\nRisiko\n\nKritisch\nVorfall  4711"
	for name, c := range map[string]struct {
		field, value string
		line         int
		want         string
	}{
		"a labelled line":        {"title", "", 1, "Ransomware"},
		"a word in a sentence":   {"device", "pc1", 2, "pc1"},
		"a value below a label":  {"category", "", 5, "Kritisch"},
		"cells":                  {"incident_id", "", 6, "4711"},
		"a value in other case":  {"title", "RANSOMWARE", 1, "Ransomware"},
		"a whole line as marked": {"category", "Kritisch", 5, "Kritisch"},
	} {
		taught, err := tickets.Mark(c.field, text, c.line, c.value)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		rule := tickets.ReadingRule{ID: "x", From: "siem@example.com", Fields: []tickets.TaughtField{taught}}
		alert, _ := tickets.Teach([]tickets.ReadingRule{rule}, unknownMail(text), kritisch)
		got := map[string]string{"title": alert.Title, "device": strings.Join(alert.Devices, ","), "category": alert.Category, "incident_id": alert.IncidentID}[c.field]
		if got != c.want {
			t.Errorf("%s: %+v finds %q, want %q", name, taught, got, c.want)
		}
	}
	for name, c := range map[string]struct {
		line  int
		value string
	}{"an empty line": {4, ""}, "no such line": {99, ""}, "a value that is not there": {1, "x"}, "nothing before it": {0, "Alarm"}} {
		if taught, err := tickets.Mark("title", text, c.line, c.value); err == nil {
			t.Errorf("%s: got %+v, want an error", name, taught)
		}
	}
}
