package parser

import (
	"regexp"
	"strings"

	"afterhours/tickets"
)

var (
	severityWord    = regexp.MustCompile(`(?i)\b(high|medium|low|informational|information|info|critical)\b`)
	subjectSeverity = regexp.MustCompile(`(?i)\b(high|medium|low|informational)[\s-]severity alert\b`)
	shownSeverity   = regexp.MustCompile(`(?i)^\W*(high|medium|low|informational|critical)[\s-]+(?:risk level|risk|severity)\W*$`)
)

// severityWords are the words that mails have for severities, in lower case. Critical, which attack paths have, is as
// urgent as our severities go.
var severityWords = map[string]tickets.Severity{
	"high": tickets.High, "critical": tickets.High, "medium": tickets.Medium, "low": tickets.Low,
	"informational": tickets.Informational, "information": tickets.Informational, "info": tickets.Informational,
	"hoch": tickets.High, "mittel": tickets.Medium, "niedrig": tickets.Low, "gering": tickets.Low, "zur information": tickets.Informational,
	"élevé": tickets.High, "élevée": tickets.High, "haute": tickets.High, "moyen": tickets.Medium, "moyenne": tickets.Medium, "faible": tickets.Low,
	"basse": tickets.Low, "alta": tickets.High, "alto": tickets.High, "media": tickets.Medium, "medio": tickets.Medium, "baja": tickets.Low, "bajo": tickets.Low,
	"baixa": tickets.Low, "média": tickets.Medium, "bassa": tickets.Low, "hoog": tickets.High, "gemiddeld": tickets.Medium, "laag": tickets.Low,
	"informativ": tickets.Informational, "informatif": tickets.Informational, "informativo": tickets.Informational, "informativa": tickets.Informational,
	"高": tickets.High, "中": tickets.Medium, "低": tickets.Low, "情報": tickets.Informational, "信息": tickets.Informational, "参考": tickets.Informational,
	"높음": tickets.High, "중간": tickets.Medium, "보통": tickets.Medium, "낮음": tickets.Low, "정보": tickets.Informational,
}

// longestSeverity is how long a severity's value is at most: longer ones are sentences.
const longestSeverity = 60

// severityOf reads a label's value: "High", "● High", "High (3 alerts)".
func severityOf(value string) tickets.Severity {
	value = strings.ToLower(strings.Trim(oneLine(value), "●•◆▲▼■○🔴🟠🟡🔵⚪ *_:()[]"))
	if known, ok := severityWords[value]; ok {
		return known
	}
	if len(value) <= longestSeverity {
		if known, ok := severityWords[strings.ToLower(severityWord.FindString(value))]; ok {
			return known
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
	for _, r := range mail.source.page.rows {
		if known := severityOf(firstGroup(shownSeverity, oneLine(r.text()))); known != tickets.SeverityUnknown {
			return known
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

// localised are the subjects of policy alerts as Microsoft's translated pages have them: the severity's word and the
// policy.
var localised = []*regexp.Regexp{
	regexp.MustCompile(`(?i)^warnung mit (hohem|mittlerem|geringem|niedrigem|informativem) schweregrad\s*[:：]\s*(.+)`),
	regexp.MustCompile(`(?i)^alerte de gravité (élevée|moyenne|faible|informative)\s*[:：]\s*(.+)`),
	regexp.MustCompile(`(?i)^alerta de gravedad (alta|media|baja|informativa)\s*[:：]\s*(.+)`),
	regexp.MustCompile(`(?i)^alerta de gravidade (alta|média|baixa|informativa)\s*[:：]\s*(.+)`),
	regexp.MustCompile(`(?i)^avviso di gravità (alta|elevata|media|bassa|informativa)\s*[:：]\s*(.+)`),
	regexp.MustCompile(`(?i)^waarschuwing met (hoge|gemiddelde|lage) ernst\s*[:：]\s*(.+)`),
	regexp.MustCompile(`^重大度が(高い|中程度の|中|低い|情報の?)アラート\s*[:：]\s*(.+)`),
	regexp.MustCompile(`^(高|中|低|信息)(?:等)?严重性警报\s*[:：]\s*(.+)`),
	regexp.MustCompile(`^(高|中|低|資訊)嚴重性警示\s*[:：]\s*(.+)`),
	regexp.MustCompile(`(?i)^alert o (wysokim|średnim|niskim|informacyjnym) poziomie ważności\s*[:：]\s*(.+)`),
	regexp.MustCompile(`(?i)^(magas|közepes|kis|alacsony|tájékoztató) súlyosságú riasztás\s*[:：]\s*(.+)`),
	regexp.MustCompile(`^(높은|중간|낮은|정보) 심각도 (?:경고|알림)\s*[:：]\s*(.+)`),
}

// inflected are the words of localised subjects that are no label's value.
var inflected = map[string]string{
	"hohem": "high", "mittlerem": "medium", "geringem": "low", "niedrigem": "low", "informativem": "informational", "informative": "informational",
	"elevata": "high", "hoge": "high", "gemiddelde": "medium", "lage": "low", "高い": "high", "中程度の": "medium", "低い": "low", "情報の": "informational",
	"資訊": "informational", "wysokim": "high", "średnim": "medium", "niskim": "low", "informacyjnym": "informational", "magas": "high",
	"közepes": "medium", "kis": "low", "alacsony": "low", "tájékoztató": "informational", "높은": "high", "낮은": "low",
}

// localSubject takes a localised policy alert's subject apart.
func localSubject(subject string) (word, policy string) {
	for _, pattern := range localised {
		if match := pattern.FindStringSubmatch(subject); match != nil {
			return strings.ToLower(match[1]), match[2]
		}
	}
	return "", ""
}

func localSeverity(subject string) string {
	word, _ := localSubject(subject)
	return firstOf(inflected[word], word)
}
