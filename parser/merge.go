package parser

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"afterhours/tickets"
)

var (
	mergedInto = regexp.MustCompile(`(?i)\b(?:merged|consolidated|combined|redirected|absorbed|moved|folded)\s+(?:in)?(?:to|with|under|by)\b|\bnow\s+(?:a\s+)?part\s+of\b|\bzusammengeführt\s+(?:mit|in)\b`)
	nowHolds   = regexp.MustCompile(`(?i)\b(?:now\s+)?(?:includes?|contains?|absorbed|replaces|takes\s+over|incorporates)\b`)
	mergeArrow = regexp.MustCompile(`\s(?:→|=>|->|⇒|➔)\s`)
	mergedFar  = regexp.MustCompile(`(?i)\b(?:merged?s?|consolidated|combined|redirected|absorbed|moved|folded)\b.*?\s(into)\b`)
	livesOn    = []*regexp.Regexp{
		regexp.MustCompile(`(?i)\b(?:surviving|remaining|resulting|primary|target|main|parent|active)\s+incident\b[^0-9]{0,30}?#?(\d{1,20})\b`),
		regexp.MustCompile(`(?i)\bincident\s+(?:id\s*)?[#(]?(\d{1,20})\)?\s+(?:remains|survives|stays|lives on|is (?:still |the )?(?:active|open|surviving))\b`),
	}
	wasMerged  = regexp.MustCompile(`(?i)\b(?:was|were|has been|have been)\s+merged\b`)
	quoted     = regexp.MustCompile(`(^|[\s(])(?:"[^"]{0,200}"|'[^']{0,200}'|“[^”]{0,200}”|‘[^’]{0,200}’|«[^»]{0,200}»)($|[\s).,;:])`)
	incidentNo = regexp.MustCompile(`(?i)(?:\b(?:incidents?|ids?|numbers?|no\.?|vorfall|vorfälle|and|into|to|with|of|by)\s*(?:id|ids|number)?\s*[:#(]?|#|,|&|;|:|\()\s*#?(\d{1,20})\b`)
	sentence   = regexp.MustCompile(`[.;]\s+`)
)

// merged is which incident lives on, and which ended in it.
type merged struct {
	survivor string
	ended    []string
	said     string // the incident that a sentence says lives on
}

// readMerge reads which incident lives on: the one that labels or a sentence name as such, else the one whose id the mail
// gives beside those that were merged, else the one that it links to.
func readMerge(alert *tickets.Alert, mail *reading) {
	readIncident(alert, mail)
	alert.Action = tickets.ActionUpdated
	m := mergeOfFields(mail.fields)
	for _, r := range mail.source.page.rows {
		if text := oneLine(r.text()); text != alert.Title && !strings.EqualFold(text, mail.subject) {
			m.readText(text)
		}
	}
	for _, value := range mail.fields.values(labelIncident) {
		id := incidentNumber(value)
		m.survivor = firstOf(m.survivor, id)
		m.ended = append(m.ended, id)
	}
	linked := linkedIncidents(alert)
	if m.said == "" && m.survivor == "" && len(linked) > 1 {
		warn(alert, "merge-direction-unknown", "the mail does not say in known words which of its incidents lives on; the first one is taken for it")
	}
	alert.IncidentID = firstOf(m.said, m.survivor, alert.IncidentID)
	for _, id := range slices.Concat([]string{m.survivor}, m.ended, linked) {
		if id != "" && id != alert.IncidentID && !slices.Contains(alert.MergedIncidentIDs, id) && len(alert.MergedIncidentIDs) < maxValues {
			alert.MergedIncidentIDs = append(alert.MergedIncidentIDs, id)
		}
	}
	if name := survivorName(mail.fields); name != "" && mail.fields.first(labelIncidentName) == "" {
		alert.Title = name
	}
}

func mergeOfFields(f fields) merged {
	var m merged
	for _, value := range f.values(labelSurvivor) {
		m.survivor = firstOf(m.survivor, incidentText.FindString(value))
	}
	for _, value := range f.values(labelMerged) {
		if id := incidentNumber(value); id != "" && hasLetters(value) { // a number and the incident's name
			m.ended = append(m.ended, id)
			continue
		}
		m.ended = append(m.ended, incidentText.FindAllString(value, maxValues)...)
	}
	return m
}

var besideName = regexp.MustCompile(`(?i)^(?:id:?\s*)?#?\d{1,20}\s*(?:[-–—:|]\s*|\s|$)|\s*[([]\s*(?:(?:incident )?id:?\s*)?#?\d{1,20}\s*[)\]]$`)

// withoutNumber is an incident's name without the number beside it.
func withoutNumber(value string) string {
	if !besideName.MatchString(value) {
		return value
	}
	return strings.Trim(besideName.ReplaceAllString(value, ""), "()\"'“” ")
}

// survivorName is the name of the incident that lives on where it stands beside its number.
func survivorName(f fields) string {
	for _, value := range f.values(labelSurvivor) {
		if name := withoutNumber(value); hasLetters(name) && !strings.HasPrefix(strings.ToLower(name), "incident") {
			return name
		}
	}
	return ""
}

// readText reads running text, sentence by sentence.
func (m *merged) readText(text string) {
	if !strings.ContainsAny(text, "0123456789") {
		return
	}
	for _, text := range sentence.Split(quoted.ReplaceAllString(text, "$1$2"), 20) { // names say nothing
		for _, pattern := range livesOn {
			m.said = firstOf(m.said, firstGroup(pattern, text))
		}
		into := mergedInto.FindStringIndex(text)
		if into == nil {
			into = mergeArrow.FindStringIndex(text)
		}
		if far := mergedFar.FindStringSubmatchIndex(text); into == nil && far != nil {
			into = far[2:4]
		}
		if into == nil && wasMerged.MatchString(text) {
			m.ended = append(m.ended, incidentsIn(text)...)
		}
		if into != nil {
			m.readInto(incidentsIn(text[:into[0]]), incidentsIn(text[into[0]:]))
			continue
		}
		if at := nowHolds.FindStringIndex(text); at != nil && containsAny(strings.ToLower(text), "merge", "incident") {
			if before := incidentsIn(text[:at[0]]); len(before) == 1 {
				m.add(before[0], incidentsIn(text[at[1]:]))
			}
		}
	}
}

// readInto reads the incidents before and after "was merged into": where none comes after, a pronoun stands for the first.
func (m *merged) readInto(before, after []string) {
	switch {
	case len(after) > 0:
		m.add(after[0], slices.Concat(before, after[1:]))
	case len(before) > 1:
		m.add(before[0], before[1:])
	}
}

func (m *merged) add(survivor string, ended []string) {
	m.survivor = firstOf(m.survivor, survivor)
	m.ended = append(m.ended, ended...)
}

// incidentsIn are the incidents' numbers in a piece of running text.
func incidentsIn(text string) (ids []string) {
	for _, match := range incidentNo.FindAllStringSubmatch(text, maxValues) {
		ids = append(ids, match[1])
	}
	if trimmed := strings.TrimSpace(text); len(ids) == 0 && wholeNumber.MatchString(trimmed) {
		ids = append(ids, trimmed)
	}
	return ids
}

// linkedIncidents are the ids of all incidents that a mail links to.
func linkedIncidents(alert *tickets.Alert) (ids []string) {
	for _, link := range alert.Links {
		if target, err := url.Parse(link.URL); err == nil && link.Rel == tickets.RelIncident {
			ids = append(ids, firstGroup(incidentPath, target.Path))
		}
	}
	return ids
}
