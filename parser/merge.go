package parser

import (
	"net/url"
	"regexp"
	"slices"

	"afterhours/tickets"
)

// mergeSentence says in running text which incidents ended in which one.
var mergeSentence = regexp.MustCompile(`(?i)\bincidents?\s+((?:id\s+)?#?\d{1,20}(?:(?:\s*,\s*|\s+and\s+|\s*&\s*)#?\d{1,20})*)\s+(?:(?:has|have|was|were)\s+(?:been\s+)?)?merged\s+(?:in)?to\s+(?:the\s+)?(?:incident\s+)?(?:id\s+)?#?(\d{1,20})\b`)

// readMerge reads which incident lives on: the one that labels or a sentence name as such, else the one whose id the mail
// gives beside those that were merged, else the one that it links to.
func readMerge(alert *tickets.Alert, mail *reading) {
	readIncident(alert, mail)
	alert.Action = tickets.ActionUpdated
	f := mail.fields
	survivor, ended := "", []string{}
	for _, value := range f.values(labelSurvivor) {
		survivor = firstOf(survivor, incidentText.FindString(value))
	}
	for _, value := range f.values(labelMerged) {
		ended = append(ended, incidentText.FindAllString(value, maxValues)...)
	}
	for _, r := range mail.source.page.rows {
		if match := mergeSentence.FindStringSubmatch(oneLine(r.text())); match != nil {
			survivor = firstOf(survivor, match[2])
			ended = append(ended, incidentText.FindAllString(match[1], maxValues)...)
		}
	}
	for _, value := range f.values(labelIncident) {
		id := incidentNumber(value)
		survivor = firstOf(survivor, id)
		ended = append(ended, id)
	}
	alert.IncidentID = firstOf(survivor, alert.IncidentID)
	ended = append(ended, linkedIncidents(alert)...)
	for _, id := range ended {
		if id != "" && id != alert.IncidentID && !slices.Contains(alert.MergedIncidentIDs, id) && len(alert.MergedIncidentIDs) < maxValues {
			alert.MergedIncidentIDs = append(alert.MergedIncidentIDs, id)
		}
	}
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
