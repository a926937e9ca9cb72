package parser

import (
	"regexp"
	"slices"
	"strings"

	"afterhours/tickets"
)

var alertSubject = regexp.MustCompile(`(?i)^(?:an? )?(?:high|medium|low|informational)[\s-]severity alert\s*:\s*(.+)$`)

// readAlert reads an alert: its title is the title field, else the subject's words without the device.
func readAlert(alert *tickets.Alert, mail *reading) {
	alert.Title = firstOf(mail.fields.first(labelTitle), mail.fields.first(labelPolicy), mail.fields.first(labelIncidentName))
	if alert.Title != "" {
		return
	}
	alert.Title = firstGroup(alertSubject, mail.subject)
	for _, device := range alert.Devices {
		alert.Title = strings.TrimSuffix(alert.Title, " on "+device)
	}
}

// readPolicyAlert reads an alert of an Office 365 policy: the policy is the title.
func readPolicyAlert(alert *tickets.Alert, mail *reading) {
	alert.Title = firstOf(mail.fields.first(labelPolicy), firstGroup(alertSubject, mail.subject), mail.fields.first(labelTitle))
	if len(alert.AlertIDs) > 0 {
		return
	}
	for _, id := range mail.fields.all(labelAlertID) {
		addAlertID(alert, id)
	}
}

// readIncident reads an incident: its title is the incident's name.
func readIncident(alert *tickets.Alert, mail *reading) {
	alert.Title = firstOf(mail.fields.first(labelIncidentName), mail.fields.first(labelTitle))
	if alert.Title == "" {
		if name := mail.fields.first(labelIncident); hasLetters(name) {
			alert.Title = name
		}
	}
	if alert.Title == "" {
		alert.Title = heading(mail, 2)
	}
}

func hasLetters(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' })
}

// readMerge reads which incident lives on: the one whose id the mail gives beside those that were merged.
func readMerge(alert *tickets.Alert, mail *reading) {
	readIncident(alert, mail)
	alert.Action = tickets.ActionUpdated
	if id := incidentText.FindString(mail.fields.first(labelIncident)); id != "" {
		alert.IncidentID = id
	}
	for _, value := range mail.fields.all(labelMerged) {
		for _, id := range incidentText.FindAllString(value, maxLinks) {
			if id != alert.IncidentID && !slices.Contains(alert.MergedIncidentIDs, id) {
				alert.MergedIncidentIDs = append(alert.MergedIncidentIDs, id)
			}
		}
	}
}

// readAttackPath reads an attack path: its title is the second heading.
func readAttackPath(alert *tickets.Alert, mail *reading) {
	alert.Title = firstOf(heading(mail, 2), mail.fields.first(labelTitle), lineAfterSubject(mail))
	alert.AlertIDs = []string{}
	for _, r := range mail.source.page.rows {
		if at, _ := detectionTime(r.text()); alert.DetectedAt.IsZero() && !at.IsZero() {
			alert.DetectedAt.Time = at
		}
	}
}

// heading is the first heading of a level that says more than the product's name or the subject.
func heading(mail *reading, level int) string {
	for _, r := range mail.source.page.rows {
		text := oneLine(r.text())
		if r.heading == level && text != "" && !strings.EqualFold(text, mail.subject) && meaningOf(text) == "" {
			return text
		}
	}
	return ""
}

// lineAfterSubject is the first line of several words below the one that repeats the subject: what a heading becomes in
// plain text.
func lineAfterSubject(mail *reading) string {
	below := false
	for _, r := range mail.source.page.rows {
		text := oneLine(r.text())
		switch {
		case strings.EqualFold(text, mail.subject):
			below = true
		case !below || len(strings.Fields(text)) < 3 || meaningOf(labelPart(text)) != "" || isFooter(text):
		default:
			if at, _ := detectionTime(text); at.IsZero() {
				return text
			}
		}
	}
	return ""
}

// readVulnerability reads a vulnerability mail: its title is the CVE ids.
func readVulnerability(alert *tickets.Alert, mail *reading) {
	var ids []string
	add := func(text string) {
		for _, id := range cveID.FindAllString(text, maxLinks) {
			if id = strings.ToUpper(id); !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	for _, field := range mail.fields {
		if field.meaning == labelVulnerability || field.meaning == labelTitle {
			add(field.value)
		}
	}
	if len(ids) == 0 {
		for _, r := range mail.source.page.rows {
			add(r.text())
		}
	}
	alert.Title = strings.Join(ids, ", ")
	if alert.Title == "" {
		alert.Title = mail.fields.first(labelVulnerability)
	}
	alert.Devices, alert.AlertIDs = []string{}, []string{}
}

// readReport reads a threat analytics report, which has no severity.
func readReport(alert *tickets.Alert, mail *reading) {
	alert.Title = firstOf(mail.fields.first(labelReport), mail.fields.first(labelTitle), heading(mail, 2))
	alert.Severity = tickets.SeverityUnknown
}

// readResponse reads a response action, which has no severity; its title is the subject.
func readResponse(alert *tickets.Alert, mail *reading) {
	alert.Title, alert.Severity = mail.subject, tickets.SeverityUnknown
}

// readDigest reads a digest of counts, which has no severity; its title is the subject.
func readDigest(alert *tickets.Alert, mail *reading) {
	alert.Title, alert.Severity = mail.subject, tickets.SeverityUnknown
	alert.Devices, alert.Users = []string{}, []string{}
}

// readBySubject reads a mail whose title is its subject.
func readBySubject(alert *tickets.Alert, mail *reading) { alert.Title = mail.subject }
