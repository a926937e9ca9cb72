package parser

import (
	"regexp"
	"slices"
	"strings"
)

// Labels by meaning. A label that stands for several meanings in different families is told apart there.
const (
	labelTitle         = "title"
	labelSeverity      = "severity"
	labelCategory      = "category"
	labelSource        = "source"
	labelStatus        = "status"
	labelDevice        = "device"
	labelUser          = "user"
	labelFile          = "file"
	labelDetected      = "detected"
	labelIncident      = "incident"
	labelIncidentName  = "incident name"
	labelMerged        = "merged"
	labelAlertID       = "alert id"
	labelOrganisation  = "organisation"
	labelTenantID      = "tenant id"
	labelPolicy        = "policy"
	labelReport        = "report"
	labelVulnerability = "vulnerability"
	labelDescription   = "description"
	labelOther         = "other" // known, and of no meaning to us: it ends what stands before it
)

// synonyms are the labels as mails write them, in lower case.
var synonyms = map[string][]string{
	labelTitle:    {"title", "alert title", "alert name", "alert", "name", "detection name", "threat name", "threat"},
	labelSeverity: {"severity", "alert severity", "incident severity", "risk level", "severity level"},
	labelCategory: {"category", "categories", "alert category", "alert categories", "attack category"},
	labelSource: {
		"detection source", "detection sources", "service source", "service sources", "source", "detected by", "detection technology",
	},
	labelStatus: {"status", "alert status", "incident status", "state"},
	labelDevice: {
		"machine", "machine name", "machines", "device", "device name", "devices", "device(s)", "computer", "computer name",
		"computers", "host", "hostname", "host name", "impacted device", "impacted devices", "impacted device(s)",
		"affected device", "affected devices", "affected device(s)", "impacted assets", "impacted asset", "impacted asset(s)",
	},
	labelUser: {
		"user", "users", "user name", "username", "account", "accounts", "account name", "impacted user", "impacted users",
		"impacted user(s)", "affected user", "affected users", "impacted account", "impacted accounts", "user(s)",
	},
	labelFile: {"file", "files", "file name", "filename", "file path", "impacted file", "impacted files"},
	labelDetected: {
		"detection time", "detected", "detected at", "detected on", "time", "time of occurrence", "created", "creation time",
		"first activity", "first activity time", "first detected", "time detected", "alert time", "activity time", "date",
		"last activity", "generated", "triggered", "event time",
	},
	labelIncident:      {"incident id", "incident", "incident number", "incident #"},
	labelIncidentName:  {"incident name", "incident title"},
	labelMerged:        {"merged incident id", "merged incident ids", "merged incident", "merged incidents", "source incident id", "source incident"},
	labelAlertID:       {"alert id", "alert ids", "alert identifier"},
	labelOrganisation:  {"organization", "organisation", "organization name", "organisation name", "tenant", "tenant name", "customer", "customer name", "company"},
	labelTenantID:      {"tenant id", "directory id", "organization id", "organisation id"},
	labelPolicy:        {"policy", "policy name", "alert policy", "activity policy"},
	labelReport:        {"report", "report name", "report title", "threat analytics report", "threat report"},
	labelVulnerability: {"vulnerability", "vulnerability name", "vulnerabilities", "cve", "cve id", "cves"},
	labelDescription:   {"description", "alert description", "summary", "what happened"},
	labelOther: {
		"wdatp portal link", "portal link", "link", "view alert", "view incident", "activity", "details", "resource", "resources",
		"subscription", "scope ids", "scope id", "risk factors", "attack story", "attack path id", "cvss", "cvss score",
		"affected product", "affected products", "exposed devices", "report type", "action", "taken by", "recommended actions",
		"mitre techniques", "techniques", "investigation state", "number of alerts", "alerts", "service", "comment", "comments",
		"hits", "classification", "determination", "assigned to", "tags", "ip address", "ip", "threshold", "new risky users detected",
		"new risky sign-ins detected", "published", "first seen", "last seen", "remediation",
	},
}

// meanings is synonyms turned around.
var meanings = func() map[string]string {
	turned := map[string]string{}
	for meaning, words := range synonyms {
		for _, word := range words {
			turned[word] = meaning
		}
	}
	return turned
}()

// field is a label's meaning with the value beside it.
type field struct{ meaning, label, value string }

// fields are what the rows of a mail say, in order.
type fields []field

// first is the first value of a meaning.
func (f fields) first(meaning string) string {
	for _, field := range f {
		if field.meaning == meaning && field.value != "" {
			return oneLine(field.value)
		}
	}
	return ""
}

// all are the values of a meaning, lists taken apart, each once.
func (f fields) all(meaning string) []string {
	values := []string{}
	for _, field := range f {
		if field.meaning != meaning {
			continue
		}
		for _, value := range splitList(field.value) {
			if !slices.Contains(values, value) {
				values = append(values, value)
			}
		}
	}
	return values
}

var listSeparator = regexp.MustCompile(`\s*(?:\n|;|,\s|,$|•|·)\s*`)

func splitList(value string) []string {
	var list []string
	for _, item := range listSeparator.Split(value, 200) {
		item = oneLine(strings.Trim(item, "-*\" "))
		if item != "" && !isNothing(item) {
			list = append(list, item)
		}
	}
	return list
}

func isNothing(value string) bool {
	switch strings.ToLower(value) {
	case "-", "–", "—", "n/a", "none", "not available", "unknown", "null":
		return true
	}
	return false
}

// meaningOf is the meaning of a label as it is written, "" where it is none.
func meaningOf(text string) string {
	text = strings.ToLower(strings.Trim(oneLine(text), "*_:： "))
	if len(text) > 40 {
		return ""
	}
	return meanings[text]
}

// readFields finds labels and their values: in neighbouring cells, after a colon, or in the row below. Nothing below the
// footer is read.
func readFields(rows []row) fields {
	var found fields
	add := func(meaning, label, value string) {
		if strings.HasPrefix(label, "*") || strings.HasPrefix(label, "_") { // emphasis as text has it
			value = strings.Trim(value, "*_ ")
		}
		found = append(found, field{meaning, label, strings.TrimSpace(strings.Trim(value, "\u00a0 "))})
	}
	for i := 0; i < len(rows); i++ {
		if isFooter(rows[i].text()) {
			break
		}
		cells := rows[i].cells
		if len(cells) >= 2 {
			if n := labelRow(cells, rows, i); n > 0 { // a row of labels above a row of values
				for k := range cells {
					add(meaningOf(cells[k]), cells[k], rows[i+1].cells[k])
				}
				i++
				continue
			}
			for k := 0; k+1 < len(cells); k += 2 {
				if meaning := meaningOf(cells[k]); meaning != "" {
					add(meaning, cells[k], cells[k+1])
				}
			}
			continue
		}
		text := cells[0]
		if before, after, ok := cutColon(text); ok {
			if meaning := meaningOf(before); meaning != "" {
				if strings.TrimSpace(after) == "" && i+1 < len(rows) && len(rows[i+1].cells) == 1 && meaningOf(labelPart(rows[i+1].cells[0])) == "" {
					after = rows[i+1].cells[0]
					i++
				}
				add(meaning, before, after)
				continue
			}
		}
		if meaning := meaningOf(text); meaning != "" && i+1 < len(rows) && len(rows[i+1].cells) == 1 &&
			meaningOf(labelPart(rows[i+1].cells[0])) == "" && !isFooter(rows[i+1].cells[0]) && !strings.Contains(text, " alert") {
			add(meaning, text, rows[i+1].cells[0])
			i++
		}
	}
	return found
}

// labelRow says whether every cell of a row is a label and the next row has as many cells, none of them a label.
func labelRow(cells []string, rows []row, i int) int {
	if i+1 >= len(rows) || len(rows[i+1].cells) != len(cells) {
		return 0
	}
	for k := range cells {
		if meaningOf(cells[k]) == "" || meaningOf(rows[i+1].cells[k]) != "" {
			return 0
		}
	}
	return len(cells)
}

func labelPart(text string) string {
	if before, _, ok := cutColon(text); ok {
		return before
	}
	return text
}

func cutColon(text string) (before, after string, ok bool) {
	at := strings.IndexAny(text, ":：")
	if at < 0 {
		return text, "", false
	}
	_, after, _ = strings.Cut(text[at:], string([]rune(text[at:])[:1]))
	return text[:at], strings.TrimSpace(after), true
}

var footer = regexp.MustCompile(`(?i)^(?:this message from microsoft is an important|microsoft respects your privacy|microsoft corporation\b|one\s+microsoft way|you(?:'|’)?(?:re| are) receiving this (?:e-?mail|message)|privacy statement|unsubscribe|thank you,?$|the (?:microsoft|office) .{0,30}team$)`)

func isFooter(text string) bool { return footer.MatchString(strings.TrimSpace(oneLine(text))) }
