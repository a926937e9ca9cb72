package parser

import (
	"regexp"
	"slices"
	"strings"

	"afterhours/tickets"
)

// read fills an alert from the original.
func read(alert *tickets.Alert, s source) {
	mail := &reading{source: s, subject: s.bare, fields: readFields(s.page.rows)}
	if s.forwarded && alert.Provenance != tickets.ProvenanceMicrosoft {
		alert.Provenance = tickets.ProvenanceForwarded
	}
	idsOfLinks(alert)
	alert.Title = mail.subject
	kind := recognise(alert, mail)
	if kind == nil {
		unrecognised(alert, mail)
		return
	}
	alert.Kind, alert.Product, alert.Title = kind.kind, kind.product, ""
	common(alert, mail)
	readFamily(kind.name, alert, mail)
	if product := productOf(alert.AlertIDs); product != "" && alert.Kind == tickets.KindAlert {
		alert.Product = product
	}
	alert.Action = action(alert, mail)
	if alert.Title == "" {
		alert.Title = mail.subject
		warn(alert, "no-title", "no field of the mail names its subject matter; the title is the mail's subject")
	}
	if alert.Severity == tickets.SeverityUnknown && hasSeverity(alert.Kind) {
		warn(alert, "no-severity", "no field of the mail says how bad it is")
	}
}

// readFamily reads what is special in a family's mails.
func readFamily(name string, alert *tickets.Alert, mail *reading) {
	switch name {
	case "merge":
		readMerge(alert, mail)
	case "office365":
		readPolicyAlert(alert, mail)
	case "alert", "cloud", "cloud apps", "wdatp":
		readAlert(alert, mail)
	case "vulnerability":
		readVulnerability(alert, mail)
	case "threat analytics":
		readReport(alert, mail)
	case "response action":
		readResponse(alert, mail)
	case "digest":
		readDigest(alert, mail)
	case "users at risk", "test":
		readBySubject(alert, mail)
	case "attack path":
		readAttackPath(alert, mail)
	case "identity":
		readHealthIssue(alert, mail)
	case "incident":
		readIncident(alert, mail)
	}
}

func hasSeverity(kind tickets.Kind) bool {
	return kind == tickets.KindAlert || kind == tickets.KindIncident || kind == tickets.KindVulnerability
}

// unrecognised keeps what links say and warns aloud where the mail claims to be Microsoft's.
func unrecognised(alert *tickets.Alert, mail *reading) {
	switch {
	case isMicrosoft(mail.source.from):
		warn(alert, "unknown-template", "the sender is one of Microsoft's, but this kind of mail is not known; read the original")
		alert.Severity = severity(mail)
	case len(alert.Links) > 0:
		warn(alert, "unknown-template", "the mail links to a portal of Microsoft's, but this kind of mail is not known; read the original")
	default:
		warn(alert, "unrecognised", "this is no notification of Microsoft Defender that is known")
	}
}

// common reads what most families share.
func common(alert *tickets.Alert, mail *reading) {
	f := mail.fields
	idsOfFields(alert, f)
	alert.Severity = severity(mail)
	alert.Category = f.first(labelCategory)
	alert.DetectionSource = f.first(labelSource)
	alert.Status = f.first(labelStatus)
	alert.Organisation = strings.TrimSpace(idInName.ReplaceAllString(f.first(labelOrganisation), ""))
	alert.Description = f.first(labelDescription)
	alert.Users = f.names(labelUser)
	for _, name := range f.names(labelDevice) {
		switch {
		case !strings.Contains(name, "@"):
			alert.Devices = append(alert.Devices, name)
		case !slices.Contains(alert.Users, name): // "impacted assets" are devices, users and mailboxes
			alert.Users = append(alert.Users, name)
		}
	}
	alert.Files = f.all(labelFile)
	for _, meaning := range []string{labelDetected, labelLastSeen} {
		if readTime(alert, f.times(meaning)) {
			return
		}
	}
}

// idInName is an id beside an organisation's name, or instead of it.
var idInName = regexp.MustCompile(`[\s\[(,:–-]*` + guid + `[\])]?`)

// times are the values of a meaning with the zone that the label says for them.
func (f fields) times(meaning string) []string {
	var values []string
	for _, field := range f {
		value := oneLine(field.value)
		if field.meaning != meaning || value == "" || len(values) >= maxValues {
			continue
		}
		if strings.Contains(strings.ToLower(field.label), "(utc)") {
			value += " UTC"
		}
		values = append(values, value)
	}
	return values
}

// readTime takes the first value that is a time without doubt, and warns where there are only doubtful ones.
func readTime(alert *tickets.Alert, values []string) bool {
	doubtful := ""
	for _, value := range values {
		at, known := detectionTime(value)
		if !at.IsZero() {
			alert.DetectedAt.Time = at
			return true
		}
		if known && doubtful == "" {
			doubtful = value
		}
	}
	if doubtful != "" {
		warn(alert, "ambiguous-time", "the detection time does not say its zone, or is of no known form: "+clip(doubtful, 100))
	}
	return false
}

var (
	conditions    = regexp.MustCompile(`(?i)\b(?:when|whenever|if|once|until|unless|every time|each time)\b[^.\n]*`)
	updatedWords  = regexp.MustCompile(`(?i)\b(?:has been updated|have been updated|was updated|were updated|is updated|has updated|incident updated?|alert updated?|updated incident|updated alert|new alerts? (?:was|were|has been|have been) added)\b`)
	resolvedWords = regexp.MustCompile(`(?i)\b(?:(?:was|were|is|has been|have been) (?:automatically |auto-)?resolved|has resolved|incident resolved|alert resolved|resolved incident|resolved alert)\b`)
)

// action says whether the mail opens, changes or closes its matter.
func action(alert *tickets.Alert, mail *reading) tickets.Action {
	if alert.Action == tickets.ActionUpdated || len(alert.MergedIncidentIDs) > 0 {
		return tickets.ActionUpdated
	}
	if known := words().actions[strings.ToLower(alert.Status)]; known != "" {
		return known
	}
	head := mail.subject
	for i, r := range mail.source.page.rows {
		if i >= 6 && r.heading == 0 || len(r.cells) != 1 {
			continue
		}
		if text := oneLine(r.cells[0]); text != alert.Title && meaningOf(labelPart(text)) == "" {
			head += "\n" + text
		}
	}
	if !containsAny(strings.ToLower(head), "resolved", "update", "added") {
		return tickets.ActionNew
	}
	if resolvedWords.MatchString(alert.Title) || updatedWords.MatchString(alert.Title) { // a title says it of something else
		head = strings.ReplaceAll(head, alert.Title, "")
	}
	head = conditions.ReplaceAllString(head, "") // what will be told of when it happens has not happened
	switch {
	case resolvedWords.MatchString(head):
		return tickets.ActionResolved
	case updatedWords.MatchString(head):
		return tickets.ActionUpdated
	}
	return tickets.ActionNew
}
