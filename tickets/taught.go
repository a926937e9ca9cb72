package tickets

import (
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ReadingRule teaches how a sender's mails are read, where the parser finds too little in them. It works on the readable
// text, so that it does not depend on markup.
type ReadingRule struct {
	ID      string        `json:"id" yaml:"id"`
	From    string        `json:"from" yaml:"from" required:"true"` // the sender's address, exactly
	Subject string        `json:"subject,omitempty" yaml:"subject"` // a glob; empty matches any
	Text    string        `json:"text,omitempty" yaml:"text"`       // words that the layout has; empty: any layout
	Kind    Kind          `json:"kind,omitempty" yaml:"kind"`       // of a mail that is of no known kind; empty: alert
	Product Product       `json:"product,omitempty" yaml:"product"`
	Fields  []TaughtField `json:"fields" yaml:"fields"`
}

// TaughtField says where a field's value stands: behind the words After, on their line or below them, and up to the words
// Before or the end of the line. Without either it is the whole subject where In is "subject".
type TaughtField struct {
	Field  string       `json:"field" yaml:"field"`
	In     string       `json:"in,omitempty" yaml:"in"` // text (the default) or subject
	After  string       `json:"after,omitempty" yaml:"after"`
	Before string       `json:"before,omitempty" yaml:"before"`
	Words  []TaughtWord `json:"words,omitempty" yaml:"words"` // of a severity: what the sender's words mean
}

// TaughtWord is one word of a sender with the severity that it means.
type TaughtWord struct {
	Word  string   `json:"word" yaml:"word"`
	Means Severity `json:"means" yaml:"means"`
}

// InSubject is the In of a field whose value stands in the subject.
const InSubject = "subject"

// TaughtFields are the fields that a rule can find.
var TaughtFields = [...]string{
	"title", "severity", "device", "user", "incident_id", "alert_id", "category", "organisation", "tenant_id", "status", "detection_source", "description",
}

// Thin says whether the parser found too little in a mail: it does not know its kind, or what it is about, or how bad it is.
func Thin(alert Alert) bool {
	return alert.Kind == KindUnrecognised || slices.ContainsFunc(alert.Warnings, isThinness)
}

// Taught says whether a rule has read the mail.
func Taught(alert Alert) bool {
	return slices.ContainsFunc(alert.Warnings, func(w string) bool { return strings.HasPrefix(w, "taught:") })
}

// isThinness says whether a warning is about a reading that is thin.
func isThinness(warning string) bool {
	code, _, _ := strings.Cut(warning, ":")
	switch code {
	case "unrecognised", "unknown-template", "no-title", "no-severity":
		return true
	}
	return false
}

// Teach fills a thin reading by the first rule that matches the mail and finds anything in it. What the parser has found
// stays. severityOf reads a severity's word as the parser does. rule is the id of the rule; empty where none applied.
func Teach(rules []ReadingRule, alert Alert, severityOf func(word string) Severity) (taught Alert, rule string) {
	if len(rules) == 0 || !Thin(alert) {
		return alert, ""
	}
	for _, rule := range rules {
		if !rule.Matches(alert) {
			continue
		}
		if taught, ok := rule.apply(alert, severityOf); ok {
			return taught, rule.ID
		}
	}
	return alert, ""
}

// Matches says whether a mail is of the rule's sender and layout.
func (r ReadingRule) Matches(alert Alert) bool {
	return strings.EqualFold(strings.TrimSpace(r.From), alert.Message.From) &&
		(r.Subject == "" || MatchGlob(r.Subject, alert.Message.Subject)) &&
		(r.Text == "" || strings.Contains(strings.ToLower(alert.Text), strings.ToLower(r.Text)))
}

func (r ReadingRule) apply(given Alert, severityOf func(string) Severity) (Alert, bool) {
	alert := given
	found, inText, ofText := false, false, false
	unknown := alert.Kind == KindUnrecognised
	untitled := unknown || slices.ContainsFunc(alert.Warnings, func(w string) bool { return strings.HasPrefix(w, "no-title:") })
	for _, field := range r.Fields {
		value := field.Find(alert)
		ofText = ofText || field.In != InSubject
		if value == "" {
			continue
		}
		found, inText = true, inText || field.In != InSubject
		switch field.Field {
		case "title":
			if untitled {
				alert.Title, untitled = value, false
			}
		case "severity":
			if alert.Severity == SeverityUnknown {
				alert.Severity = field.severity(value, severityOf)
			}
		case "device":
			alert.Devices = orList(alert.Devices, value)
		case "user":
			alert.Users = orList(alert.Users, value)
		case "alert_id":
			alert.AlertIDs = orList(alert.AlertIDs, value)
		case "incident_id":
			fill(&alert.IncidentID, value)
		case "category":
			fill(&alert.Category, value)
		case "organisation":
			fill(&alert.Organisation, value)
		case "tenant_id":
			fill(&alert.TenantID, value)
		case "status":
			fill(&alert.Status, value)
		case "detection_source":
			fill(&alert.DetectionSource, value)
		case "description":
			fill(&alert.Description, value)
		}
	}
	if !found || ofText && !inText {
		return given, false // a subject alone does not make it a mail of this layout
	}
	if unknown {
		alert.Kind = r.Kind
		if r.Kind == "" {
			alert.Kind = KindAlert
		}
		// A notification may say of itself that a machine has sent it; one that is understood must page all the same.
		alert.Message.AutoSubmitted = false
	}
	if alert.Product == ProductUnknown && r.Product != "" {
		alert.Product = r.Product
	}
	alert.Warnings = slices.DeleteFunc(slices.Clone(alert.Warnings), func(w string) bool {
		return isThinness(w) && (!strings.HasPrefix(w, "no-title:") || !untitled) && (!strings.HasPrefix(w, "no-severity:") || alert.Severity != SeverityUnknown)
	})
	alert.Warnings = append(alert.Warnings, "taught: read by the rule "+r.ID)
	return alert, true
}

// severity is what a sender's word means: by the rule's words, else as the parser reads it.
func (f TaughtField) severity(value string, severityOf func(string) Severity) Severity {
	for _, word := range f.Words {
		if strings.EqualFold(strings.TrimSpace(word.Word), value) {
			return word.Means
		}
	}
	return severityOf(value)
}

// Find is the field's value in a mail, "" where it is not there.
func (f TaughtField) Find(alert Alert) string {
	if f.In == InSubject {
		return f.within(alert.Message.Subject, "")
	}
	if f.After == "" && f.Before == "" {
		return ""
	}
	lines := strings.Split(alert.Text, "\n")
	for i, line := range lines {
		below := ""
		for _, next := range lines[i+1:] {
			if below = strings.TrimSpace(next); below != "" {
				break
			}
		}
		if value := f.within(line, below); value != "" {
			return value
		}
	}
	return ""
}

// marks are what stands between a label and its value.
const marks = " \t\u00a0:：=-–•●|*_"

// within is the value in a line; below is the line under it.
func (f TaughtField) within(line, below string) string {
	rest := line
	if f.After != "" {
		at := indexWords(line, f.After)
		if at < 0 {
			return ""
		}
		rest = line[at:]
	}
	rest = strings.Trim(rest, marks)
	if rest == "" && f.After != "" {
		rest = strings.Trim(below, marks)
	}
	if f.Before != "" {
		at := strings.Index(strings.ToLower(rest), strings.ToLower(strings.TrimSpace(f.Before)))
		if at < 0 {
			return ""
		}
		rest = rest[:min(at, len(rest))]
	}
	return strings.Trim(strings.Join(strings.Fields(rest), " "), marks)
}

// indexWords is where text goes on behind words, compared without case and as whole words; negative where they are not in it.
func indexWords(text, words string) int {
	words = strings.Trim(words, marks)
	for at := 0; at < len(text) && words != ""; {
		begin := foldedIndex(text[at:], words)
		if begin < 0 {
			return -1
		}
		begin += at
		end := begin + len(words)
		before, _ := utf8.DecodeLastRuneInString(text[:begin])
		after, _ := utf8.DecodeRuneInString(text[min(end, len(text)):])
		if !isWordRune(before) && !isWordRune(after) {
			return end
		}
		at = end
	}
	return -1
}

// foldedIndex is strings.Index without regard to case, in octets of text; what changes its length with its case does not match.
func foldedIndex(text, words string) int {
	for at := range text {
		if len(text)-at >= len(words) && strings.EqualFold(text[at:at+len(words)], words) {
			return at
		}
	}
	return -1
}

func isWordRune(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

func orList(have []string, value string) []string {
	if len(have) > 0 {
		return have
	}
	list := []string{}
	for item := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ',' || r == ';' }) {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// MatchGlob matches text with a pattern of * and ?, without regard to case.
func MatchGlob(pattern, text string) bool {
	const slash = "\x01" // path.Match alone would stop a * at a slash
	pattern, text = strings.ToLower(pattern), strings.ToLower(text)
	escaped := strings.NewReplacer(`\`, `\\`, `[`, `\[`, `/`, slash).Replace(pattern)
	ok, err := path.Match(escaped, strings.ReplaceAll(text, "/", slash))
	return err == nil && ok
}
