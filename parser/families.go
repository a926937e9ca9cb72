package parser

import (
	"regexp"
	"slices"
	"strings"

	"afterhours/tickets"
)

// family is one kind of mail: how it is told and what is special in reading it.
type family struct {
	name    string
	kind    tickets.Kind
	product tickets.Product
	subject *regexp.Regexp // of the original's bare subject
	read    func(alert *tickets.Alert, mail *reading)
}

// reading is what a family's reader works on.
type reading struct {
	source  source
	subject string // without marks and tags
	fields  fields
}

func subjects(pattern string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + pattern) }

const brands = `(?:microsoft (?:365 )?defender(?: xdr)?|microsoft threat protection|defender xdr)`

// families in the order in which they are tried; the first whose subject matches reads the mail.
var families = []family{
	{"merge", tickets.KindIncident, tickets.ProductXDR, subjects(`has merged (?:the )?incidents`), readMerge},
	{"office365", tickets.KindAlert, tickets.ProductOffice365, subjects(`^(?:an? )?(high|medium|low|informational)-severity alert\s*:`), readPolicyAlert},
	{"alert", tickets.KindAlert, tickets.ProductEndpoint, subjects(`^(high|medium|low|informational) severity alert\s*:`), readAlert},
	{"vulnerability", tickets.KindVulnerability, tickets.ProductEndpoint, subjects(`(?:new )?(?:zero-day )?vulnerabilit(?:y|ies)\b.*(?:notification|defender)`), readVulnerability},
	{"threat analytics", tickets.KindThreatAnalytics, tickets.ProductXDR, subjects(`threat analytics`), readReport},
	{"response action", tickets.KindResponseAction, tickets.ProductXDR, subjects(`has taken an? (?:immediate )?response action`), readResponse},
	{"digest", tickets.KindDigest, tickets.ProductEntra, subjects(`\bweekly (?:\w+ )?digest\b`), readDigest},
	{"users at risk", tickets.KindAlert, tickets.ProductEntra, subjects(`users? at risk detected`), readBySubject},
	{"attack path", tickets.KindAlert, tickets.ProductCloud, subjects(`found (?:a )?potential attack path`), readAttackPath},
	{"cloud", tickets.KindAlert, tickets.ProductCloud, subjects(`(?:azure security center|defender for cloud) has detected`), readAlert},
	{"cloud apps", tickets.KindAlert, tickets.ProductCloudApps, subjects(`defender for cloud apps|cloud app security`), readAlert},
	{"incident", tickets.KindIncident, tickets.ProductXDR, subjects(`(?:^|\b)` + brands + ` has (?:detected|found|updated|resolved)|\bincident\b.*\b` + brands), readIncident},
	{"wdatp", tickets.KindAlert, tickets.ProductEndpoint, subjects(`advanced threat protection.*alert|new alert detection`), readAlert},
	{"test", tickets.KindTest, tickets.ProductXDR, subjects(`^(?:this is a )?test (?:e-?mail|notification|message)\b.*|` + brands + `.*\btest (?:e-?mail|notification)`), readBySubject},
}

// read fills an alert from the original.
func read(alert *tickets.Alert, s source) {
	mail := &reading{source: s, subject: bareSubject(s.subject), fields: readFields(s.page.rows)}
	if s.forwarded && alert.Provenance != tickets.ProvenanceMicrosoft {
		alert.Provenance = tickets.ProvenanceForwarded
	}
	idsOfLinks(alert)
	kind := recognise(alert, mail)
	if kind == nil {
		alert.Title = mail.subject
		unrecognised(alert, mail)
		return
	}
	alert.Kind, alert.Product = kind.kind, kind.product
	common(alert, mail)
	kind.read(alert, mail)
	if product := productOf(alert.AlertIDs); product != "" && alert.Kind == tickets.KindAlert {
		alert.Product = product
	}
	alert.Action = action(alert, mail)
	if alert.Title == "" {
		alert.Title = mail.subject
		warn(alert, "no-title", "no field of the mail names its subject matter; the title is the mail's subject")
	}
}

// recognise tells the family by subject, then by heading, links and labels. A family's words alone are not enough where
// neither the sender nor any link is Microsoft's.
func recognise(alert *tickets.Alert, mail *reading) *family {
	vouched := isMicrosoft(mail.source.from) || len(alert.Links) > 0
	for i := range families {
		if families[i].subject.MatchString(mail.subject) && (vouched || mail.fields.first(labelSeverity) != "" || families[i].name == "office365") {
			return &families[i]
		}
	}
	if !vouched {
		return nil
	}
	for _, r := range mail.source.page.rows {
		if r.heading == 0 {
			continue
		}
		for i := range families {
			if families[i].subject.MatchString(r.text()) {
				return &families[i]
			}
		}
	}
	switch {
	case len(alert.AlertIDs) > 0 && mail.fields.first(labelSeverity) != "":
		return familyNamed("alert")
	case alert.IncidentID != "" && mail.fields.first(labelSeverity) != "":
		return familyNamed("incident")
	}
	return nil
}

func familyNamed(name string) *family {
	return &families[slices.IndexFunc(families, func(f family) bool { return f.name == name })]
}

// unrecognised keeps what links say and warns aloud where the mail claims to be Microsoft's.
func unrecognised(alert *tickets.Alert, mail *reading) {
	if isMicrosoft(mail.source.from) {
		warn(alert, "unknown-template", "the sender is one of Microsoft's, but this kind of mail is not known; read the original")
		alert.Severity = severity(alert, mail)
	} else if len(alert.Warnings) == 0 {
		warn(alert, "unrecognised", "this is no notification of Microsoft Defender that is known")
	}
}

var subjectSeverity = regexp.MustCompile(`(?i)\b(high|medium|low|informational)[\s-]severity alert\b`)

// common reads what most families share.
func common(alert *tickets.Alert, mail *reading) {
	f := mail.fields
	idsOfFields(alert, f)
	alert.Severity = severity(alert, mail)
	alert.Category = f.first(labelCategory)
	alert.DetectionSource = f.first(labelSource)
	alert.Status = f.first(labelStatus)
	alert.Organisation = f.first(labelOrganisation)
	alert.Description = f.first(labelDescription)
	alert.Devices = f.all(labelDevice)
	alert.Users = f.all(labelUser)
	alert.Files = f.all(labelFile)
	if value := f.first(labelDetected); value != "" {
		at, known := detectionTime(value)
		alert.DetectedAt.Time = at
		if known && at.IsZero() {
			warn(alert, "ambiguous-time", "the detection time does not say its zone: "+value)
		}
	}
}

// severity is the label's value, else the subject's word.
func severity(_ *tickets.Alert, mail *reading) tickets.Severity {
	for _, value := range []string{mail.fields.first(labelSeverity), firstGroup(subjectSeverity, mail.subject)} {
		word := strings.ToLower(strings.Trim(value, "●•◆▲○ *:()[]"))
		for _, known := range tickets.Severities {
			if word == string(known) && known != tickets.SeverityUnknown {
				return known
			}
		}
		switch word {
		case "info", "information":
			return tickets.Informational
		case "critical":
			return tickets.High
		}
	}
	return tickets.SeverityUnknown
}

func firstGroup(pattern *regexp.Regexp, text string) string {
	if match := pattern.FindStringSubmatch(text); match != nil {
		return match[1]
	}
	return ""
}

var (
	updatedWords  = regexp.MustCompile(`(?i)\b(?:has been updated|was updated|is updated|incident updated?|alert updated?|updated incident|updated alert|new alerts? (?:was|were|has been|have been) added)\b`)
	resolvedWords = regexp.MustCompile(`(?i)\b(?:has been resolved|was resolved|is resolved|incident resolved|alert resolved|resolved incident|resolved alert)\b`)
)

// action says whether the mail opens, changes or closes its matter.
func action(alert *tickets.Alert, mail *reading) tickets.Action {
	head := mail.subject
	for i, r := range mail.source.page.rows {
		if i < 6 || r.heading > 0 {
			head += "\n" + r.text()
		}
	}
	switch {
	case len(alert.MergedIncidentIDs) > 0, alert.Action == tickets.ActionUpdated:
		return tickets.ActionUpdated
	case strings.EqualFold(alert.Status, "resolved"), resolvedWords.MatchString(head):
		return tickets.ActionResolved
	case updatedWords.MatchString(head), strings.EqualFold(alert.Status, "updated"):
		return tickets.ActionUpdated
	}
	return tickets.ActionNew
}
