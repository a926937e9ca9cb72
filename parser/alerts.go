package parser

import (
	"regexp"
	"slices"
	"strings"

	"afterhours/tickets"
)

var alertSubject = regexp.MustCompile(`(?i)^(?:an? )?(?:high|medium|low|informational)[\s-]severity alert\s*:\s*(.+)$`)

// subjectTitle is what an alert's subject says after its severity.
func subjectTitle(subject string) string {
	_, policy := localSubject(subject)
	return firstOf(firstGroup(alertSubject, subject), policy)
}

// readAlert reads an alert: its title is the title field, else the subject's words without the device.
func readAlert(alert *tickets.Alert, mail *reading) {
	alert.Title = firstOf(mail.fields.first(labelTitle), mail.fields.first(labelPolicy), mail.fields.first(labelIncidentName))
	if alert.Title != "" {
		return
	}
	alert.Title = subjectTitle(mail.subject)
	for _, device := range alert.Devices {
		alert.Title = strings.TrimSuffix(alert.Title, " on "+device)
	}
}

// readPolicyAlert reads an alert of an Office 365 policy: the policy is the title.
func readPolicyAlert(alert *tickets.Alert, mail *reading) {
	alert.Title = firstOf(mail.fields.first(labelPolicy), subjectTitle(mail.subject), mail.fields.first(labelTitle))
}

// readIncident reads an incident: its title is the incident's name.
func readIncident(alert *tickets.Alert, mail *reading) {
	alert.Title = firstOf(mail.fields.first(labelIncidentName), mail.fields.first(labelTitle))
	if alert.Title == "" {
		name := mail.fields.first(labelIncident)
		if number := incidentNumber(name); number == "" || alert.IncidentID == "" || number == alert.IncidentID {
			name = withoutNumber(name) // another number belongs to the name
		}
		if hasLetters(name) {
			alert.Title = name
		}
	}
	if alert.Title == "" {
		alert.Title = heading(mail, 2)
	}
}

// readHealthIssue reads a health issue of Defender for Identity: its title is the issue, and where no field names the
// domain controller the subject's last words do.
func readHealthIssue(alert *tickets.Alert, mail *reading) {
	alert.Title = firstOf(mail.fields.first(labelTitle), mail.subject)
	if host := firstGroup(hostAtEnd, mail.subject); len(alert.Devices) == 0 && host != "" {
		alert.Devices = append(alert.Devices, host)
	}
}

var hostAtEnd = regexp.MustCompile(`(?i)\bon ([a-z0-9_-]+(?:\.[a-z0-9_-]+)+)$`)

func hasLetters(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' })
}

// readAttackPath reads an attack path: its title is the second heading.
func readAttackPath(alert *tickets.Alert, mail *reading) {
	below := *mail
	if at := slices.IndexFunc(mail.source.page.rows, func(r row) bool { return r.heading > 0 && strings.EqualFold(oneLine(r.text()), mail.subject) }); at >= 0 {
		below.source.page.rows = mail.source.page.rows[at:]
	}
	alert.Title = firstOf(heading(&below, 2), heading(mail, 2), mail.fields.first(labelTitle), lineAfterSubject(mail))
	alert.AlertIDs = []string{}
	for _, r := range mail.source.page.rows {
		if !alert.DetectedAt.IsZero() || isFooter(r.text()) {
			break
		}
		alert.DetectedAt.Time, _ = detectionTime(r.text())
	}
}

// heading is the first heading of a level that says more than the product's name or the subject.
func heading(mail *reading, level int) string {
	for _, r := range mail.source.page.rows {
		text := oneLine(r.text())
		if r.heading == level && text != "" && !strings.EqualFold(text, mail.subject) && meaningOf(labelPart(text)) == "" && !isBanner(text) && familyOf(text) == nil {
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
		case !below || len(strings.Fields(text)) < 3 || meaningOf(labelPart(text)) != "" || isFooter(text) || isBanner(text) || shownSeverity.MatchString(text):
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
			if id = strings.ToUpper(id); !slices.Contains(ids, id) && len(ids) < maxValues {
				ids = append(ids, id)
			}
		}
	}
	for _, field := range mail.fields {
		if field.meaning == labelVulnerability || field.meaning == labelTitle {
			add(field.value)
			add(strings.Join(field.more, " "))
		}
	}
	if len(ids) == 0 {
		for _, r := range mail.source.page.rows {
			add(r.text())
		}
		for _, link := range alert.Links {
			add(link.URL)
		}
	}
	alert.Title = strings.Join(ids, ", ")
	if alert.Title == "" {
		alert.Title = mail.fields.first(labelVulnerability)
	}
	alert.Devices, alert.AlertIDs = []string{}, []string{}
	for _, value := range mail.fields.values(labelSeverity) { // of several the worst
		if known := severityOf(value); known.Above(alert.Severity) {
			alert.Severity = known
		}
	}
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
