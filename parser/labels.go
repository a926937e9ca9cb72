package parser

import "strings"

// Labels by meaning, as the files of words name them. A label that stands for several meanings in different families is told apart there.
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
	labelLastSeen      = "last seen" // when it went on last: taken where no first time is said
	labelIncident      = "incident"
	labelIncidentName  = "incident name"
	labelMerged        = "merged"
	labelSurvivor      = "survivor" // the incident that lives on after a merge
	labelAlertID       = "alert id"
	labelOrganisation  = "organisation"
	labelTenantID      = "tenant id"
	labelPolicy        = "policy"
	labelReport        = "report"
	labelVulnerability = "vulnerability"
	labelDescription   = "description"
	labelOther         = "other" // known, and of no meaning to us: it ends what stands before it
)

// longestLabel is how long a label is at most, in octets.
const longestLabel = 60

// labelForms are spellings that change nothing of a label's meaning.
var labelForms = strings.NewReplacer("(s)", "", "’", "'", "(utc)", "", "(gmt)", "", "/s", "")

// meaningOf is the meaning of a label as it is written, "" where it is none.
func meaningOf(text string) string {
	if len(text) > 2*longestLabel {
		return ""
	}
	text = oneLine(text)
	known := words()
	spelt := strings.IndexByte(text, '(') >= 0 || strings.IndexByte(text, '/') >= 0 || strings.Contains(text, "’")
	text = strings.TrimFunc(text, isLabelEdge)
	if !spelt && strings.Count(text, " ") > known.spaces { // prose
		return ""
	}
	var buffer [longestLabel]byte
	label := lowered(buffer[:0], strings.TrimFunc(composed(text), isLabelEdge))
	if len(label) == 0 || len(label) > longestLabel {
		return ""
	}
	if spelt {
		label = []byte(oneLine(labelForms.Replace(string(label))))
	}
	if meaning := known.labels[string(label)]; meaning != "" {
		return meaning
	}
	return known.plainLabel(string(label))
}

// isLabelEdge says whether a character can stand around a label.
func isLabelEdge(r rune) bool {
	switch r {
	case '*', '_', ':', '：', ' ', '•', '●', '▪', '►', '·', '–', '-':
		return true
	}
	return false
}

// mostDropped is how many spaces a label has at most that has words around it which change nothing.
const mostDropped = 3

// plainLabel is the meaning of a label that stands in the plural or has words around it that do not change what it means:
// "impacted devices", "dispositivos afectados", "name of the device".
func (l *lexicon) plainLabel(text string) string {
	if strings.Count(text, " ") > mostDropped {
		return ""
	}
	for first, rest, more := strings.Cut(text, " "); more && l.dropped[first]; first, rest, more = strings.Cut(rest, " ") {
		text = rest
	}
	for at := strings.LastIndexByte(text, ' '); at >= 0 && l.dropped[text[at+1:]]; at = strings.LastIndexByte(text, ' ') {
		text = text[:at]
	}
	if meaning := l.labels[text]; meaning != "" {
		return meaning
	}
	if single, plural := strings.CutSuffix(text, "s"); plural && len(single) > 2 {
		return l.labels[single]
	}
	return ""
}

// labelPart is what stands before a line's colon, or the line.
func labelPart(text string) string {
	before, _, _ := cutColon(text)
	return before
}

// cutColon cuts a line at its first colon. ok is false where there is none near the beginning, or where it belongs to an
// address.
func cutColon(text string) (before, after string, ok bool) {
	head := clip(text, 2*longestLabel)
	at, width := strings.IndexByte(head, ':'), 1
	if strings.IndexByte(head, "："[0]) >= 0 { // which other characters begin with, too, but few
		if wide := strings.Index(head, "："); wide >= 0 && (at < 0 || wide < at) {
			at, width = wide, len("：")
		}
	}
	if at < 0 || strings.HasPrefix(text[at:], "://") {
		return text, "", false
	}
	return text[:at], strings.TrimSpace(text[at+width:]), true
}
