package parser

import (
	"regexp"
	"strings"
	"unicode"

	"afterhours/tickets"
)

var (
	subjectSeverity = regexp.MustCompile(`(?i)\b(high|medium|low|informational)[\s-]severity alert\b`)
	saidSeverity    = regexp.MustCompile(`(?i)\b(?:severity|risk level)[\s:●–-]{1,6}(high|medium|low|informational|critical)\b`)
	changedTo       = regexp.MustCompile(`→|->|=>|⇒|\bto\b|\bauf\b`)
	shownSeverity   = regexp.MustCompile(`(?i)^\W*(high|medium|low|informational|critical)[\s-]+(?:risk level|risk|severity)\W*$`)
)

// longestSeverity is how long a severity's value is at most: longer ones are sentences.
const longestSeverity = 60

// severityOf reads a label's value: "High", "● High", "High (3 alerts)".
func severityOf(value string) tickets.Severity {
	value = strings.ToLower(strings.Trim(composed(oneLine(value)), "●•◆▲▼■○🔴🟠🟡🔵⚪ *_:()[]"))
	known := words().severities
	if severity, ok := known[value]; ok {
		return severity
	}
	if after := changedTo.FindStringIndex(value); after != nil { // a severity that was raised: the later one counts
		value = value[after[1]:]
	}
	if len(value) <= longestSeverity {
		for _, word := range strings.FieldsFunc(value, func(r rune) bool { return !unicode.IsLetter(r) }) {
			if severity, ok := known[word]; ok {
				return severity
			}
		}
	}
	return tickets.SeverityUnknown
}

// severity is the label's value, else the subject's word, else what a row shows by itself.
func severity(mail *reading) tickets.Severity {
	for _, value := range mail.fields.values(labelSeverity) {
		if known := severityOf(value); known != tickets.SeverityUnknown {
			return known
		}
	}
	for _, word := range []string{firstGroup(subjectSeverity, mail.subject), localSeverity(mail.subject)} {
		if known := severityOf(word); known != tickets.SeverityUnknown {
			return known
		}
	}
	for _, pattern := range []*regexp.Regexp{shownSeverity, saidSeverity} {
		for _, r := range mail.source.page.rows[:min(len(mail.source.page.rows), maxRows)] {
			if known := severityOf(firstGroup(pattern, oneLine(r.text()))); known != tickets.SeverityUnknown {
				return known
			}
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

// localSubject takes a localised policy alert's subject apart.
func localSubject(subject string) (word, policy string) {
	if !strings.ContainsAny(subject, ":：") {
		return "", ""
	}
	lower := strings.ToLower(subject)
	for _, form := range words().subjects {
		if !strings.Contains(lower, form.hint) {
			continue
		}
		if match := form.pattern.FindStringSubmatch(subject); match != nil {
			return strings.ToLower(match[1]), match[2]
		}
	}
	return "", ""
}

func localSeverity(subject string) string {
	word, _ := localSubject(subject)
	return word
}
