package parser

import (
	"regexp"
	"slices"
	"strings"

	"afterhours/tickets"
)

// family is one kind of mail and how it is told; readFamily knows what is special in reading it.
type family struct {
	name    string
	kind    tickets.Kind
	product tickets.Product
	hints   []string       // one of them stands in every such subject, in lower case: looking for them is cheaper
	subject *regexp.Regexp // of the original's bare subject
}

// reading is what a family's reader works on.
type reading struct {
	source  source
	subject string // without marks and tags
	fields  fields
}

func subjects(pattern string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + pattern) }

const (
	brands     = `(?:microsoft (?:365 )?defender(?: xdr)?|microsoft threat protection|defender xdr|microsoft security)`
	severities = `(?:high|medium|low|informational)`
)

// families in the order in which they are tried; the first whose subject matches reads the mail.
var families = []family{
	{"merge", tickets.KindIncident, tickets.ProductXDR, []string{"merged"}, subjects(`\b(?:has|have|were|was) (?:been )?merged\b.*\bincidents?\b|\bincidents?\b.*\b(?:were|was|been|have) merged\b|` + brands + `.*\bmerged\b`)},
	{"office365", tickets.KindAlert, tickets.ProductOffice365, []string{"-severity alert"}, subjects(`^(?:an? )?` + severities + `-severity alert\s*:`)},
	{"alert", tickets.KindAlert, tickets.ProductEndpoint, []string{"severity alert"}, subjects(`^(?:an? )?` + severities + ` severity alert\s*:`)},
	{"vulnerability", tickets.KindVulnerability, tickets.ProductEndpoint, []string{"vulnerabilit"}, subjects(`(?:new )?(?:zero-day )?vulnerabilit(?:y|ies)\b.*(?:notification|defender)|zero-day vulnerabilit(?:y|ies)`)},
	{"threat analytics", tickets.KindThreatAnalytics, tickets.ProductXDR, []string{"threat analytics"}, subjects(`threat analytics`)},
	{"response action", tickets.KindResponseAction, tickets.ProductXDR, []string{"response action"}, subjects(`\bhas taken an? (?:immediate )?response action|\bresponse action\b.*` + brands)},
	{"digest", tickets.KindDigest, tickets.ProductEntra, []string{"digest"}, subjects(`\bweekly (?:\w+ )?digest\b`)},
	{"users at risk", tickets.KindAlert, tickets.ProductEntra, []string{"at risk detected"}, subjects(`\busers? at risk detected`)},
	{"attack path", tickets.KindAlert, tickets.ProductCloud, []string{"potential attack path"}, subjects(`\bfound (?:a )?(?:new )?potential attack path|potential attack path in your`)},
	{"cloud", tickets.KindAlert, tickets.ProductCloud, []string{"has detected"}, subjects(`(?:azure security center|defender for cloud) has detected`)},
	{"cloud apps", tickets.KindAlert, tickets.ProductCloudApps, []string{"cloud app"}, subjects(`defender for cloud apps|cloud app security`)},
	{"identity", tickets.KindAlert, tickets.ProductIdentity, []string{"defender for identity"}, subjects(`defender for identity\b.*\b(?:alert|health|issue)`)},
	{"incident", tickets.KindIncident, tickets.ProductXDR, []string{"defender", "microsoft"}, subjects(`\b` + brands + ` has (?:detected|found|updated|resolved)|\bincident\b.*\b` + brands + `|\b` + brands + `\b.*\bincident\b`)},
	{"wdatp", tickets.KindAlert, tickets.ProductEndpoint, []string{"alert"}, subjects(`(?:advanced threat protection|defender atp).*alert|new alert detect(?:ion|ed)`)},
	{"test", tickets.KindTest, tickets.ProductXDR, []string{"test"}, testWords},
}

var testWords = subjects(`\btest (?:e-?mail|notification|message)\b|\b(?:e-?mail|notification) test\b|^test(?: alert)?\b.*` + brands + `|` + brands + `.*\btest\b`)

// familyOf is the family of a bare subject, nil where it is of none.
func familyOf(subject string) *family {
	var buffer [200]byte
	folded := lowered(buffer[:0], subject)
	if !words().topics.in(folded) {
		return nil
	}
	lower := string(folded)
	for i, f := range families {
		if containsAny(lower, f.hints...) && f.subject.MatchString(subject) {
			return &families[i]
		}
	}
	if word, _ := localSubject(subject); word != "" {
		return familyNamed("office365")
	}
	for _, p := range words().families {
		if strings.Contains(lower, p.words) {
			return familyNamed(p.family)
		}
	}
	return nil
}

func familyNamed(name string) *family {
	return &families[slices.IndexFunc(families, func(f family) bool { return f.name == name })]
}

// recognise tells the family by subject, then by heading, links and labels. A family's words alone are not enough where
// neither the sender nor any link nor a severity speaks for a notification.
func recognise(alert *tickets.Alert, mail *reading) *family {
	vouched := isMicrosoft(mail.source.from) || len(alert.Links) > 0
	if f := familyOf(mail.subject); f != nil && (vouched || mail.fields.first(labelSeverity) != "" || f.name == "office365") {
		if f.name == "incident" && isTest(alert, mail) {
			return familyNamed("test")
		}
		return f
	}
	if !vouched {
		return nil
	}
	for _, r := range mail.source.page.rows {
		if r.heading == 0 || r.heading > 2 {
			continue
		}
		if f := familyOf(oneLine(r.text())); f != nil {
			return f
		}
	}
	if f := familyOfLinks(alert, mail); f != nil {
		return f
	}
	if isMicrosoft(mail.source.from) && isTest(alert, mail) {
		return familyNamed("test")
	}
	if strings.EqualFold(mail.source.from, "defender-noreply@microsoft.com") && slices.ContainsFunc(mail.source.page.rows, namesIdentity) {
		return familyNamed("identity") // whose subject is the issue's own name
	}
	return nil
}

func namesIdentity(r row) bool {
	return containsAny(strings.ToLower(clip(r.text(), maxLine)), "defender for identity", "azure advanced threat protection")
}

// isTest says whether a mail of the incidents' subject is what "Send test email" sends: it names nothing.
func isTest(alert *tickets.Alert, mail *reading) bool {
	if alert.IncidentID != "" || len(alert.AlertIDs) > 0 || mail.fields.first(labelSeverity) != "" {
		return false
	}
	return slices.ContainsFunc(mail.source.page.rows, func(r row) bool { return testWords.MatchString(oneLine(r.text())) })
}

// familyOfLinks tells a family by what the links lead to, where a severity or the sender says that it is a notification.
func familyOfLinks(alert *tickets.Alert, mail *reading) *family {
	if !isMicrosoft(mail.source.from) && mail.fields.first(labelSeverity) == "" {
		return nil
	}
	where := ""
	for _, link := range alert.Links {
		where += " " + strings.ToLower(link.URL)
	}
	switch {
	case containsAny(where, "/identities/health", "portal.atp.azure.com"):
		return familyNamed("identity")
	case strings.Contains(where, "attackpath"):
		return familyNamed("attack path")
	case len(alert.AlertIDs) > 0 && strings.Contains(where, "viewalerts"):
		return familyNamed("office365")
	case len(alert.AlertIDs) > 0 && strings.Contains(where, "microsoft_azure_security"):
		return familyNamed("cloud")
	case alert.IncidentID != "":
		return familyNamed("incident")
	case len(alert.AlertIDs) > 0:
		return familyNamed("alert")
	case strings.Contains(where, "threatanalytics"):
		return familyNamed("threat analytics")
	case strings.Contains(where, "/vulnerabilit"):
		return familyNamed("vulnerability")
	}
	return nil
}
