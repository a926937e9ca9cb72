package oncall

import (
	"fmt"
	"net/mail"
	"strings"

	"afterhours/tickets"
)

// Bounds of a taught reading: it is looked for in every line of a mail.
const (
	maxTaughtFields = 50
	maxTaughtWords  = 200 // octets of one run of words
)

// readings checks the rules by which mails of other senders are read.
func (v *validator) readings(rules []tickets.ReadingRule) {
	ids := make([]string, len(rules))
	for i, rule := range rules {
		ids[i] = rule.ID
	}
	v.ids("readings", ids)
	for i, rule := range rules {
		path := fmt.Sprintf("readings[%d]", i)
		if address, err := mail.ParseAddress(rule.From); err != nil || address.Address != rule.From {
			v.add(path+".from", "from of reading %s is no address; write one like alerts@example.com", rule.ID)
		}
		v.oneOf(path+".kind", "kind", string(rule.Kind), kinds...)
		v.oneOf(path+".product", "product", string(rule.Product), products...)
		if len(rule.Fields) == 0 {
			v.add(path, "reading %s finds nothing; add fields, like [{field: title, after: \"Rule:\"}]", rule.ID)
		}
		if len(rule.Fields) > maxTaughtFields {
			v.add(path+".fields", "reading %s has more than %d fields; make two of it", rule.ID, maxTaughtFields)
		}
		v.short(path+".subject", rule.Subject)
		v.short(path+".text", rule.Text)
		for k, field := range rule.Fields {
			v.taughtField(fmt.Sprintf("%s.fields[%d]", path, k), rule.ID, field)
		}
	}
}

func (v *validator) taughtField(path, rule string, field tickets.TaughtField) {
	if !has(tickets.TaughtFields[:], field.Field) {
		v.add(path+".field", "there is no field %q; use %s", field.Field, strings.Join(tickets.TaughtFields[:], ", "))
	}
	v.oneOf(path+".in", "in", field.In, "text", tickets.InSubject)
	if field.In != tickets.InSubject && strings.TrimSpace(field.After) == "" && strings.TrimSpace(field.Before) == "" {
		v.add(path, "%s of reading %s does not say where it stands; add after, the words before the value", field.Field, rule)
	}
	v.short(path+".after", field.After)
	v.short(path+".before", field.Before)
	for i, word := range field.Words {
		at := fmt.Sprintf("%s.words[%d]", path, i)
		if field.Field != "severity" {
			v.add(at, "words are for severities alone; remove them from %s", field.Field)
		}
		if strings.TrimSpace(word.Word) == "" || !word.Means.Valid() {
			v.add(at, "a word needs what it means, like {word: Kritisch, means: high}")
		}
	}
}

func (v *validator) short(path, text string) {
	if len(text) > maxTaughtWords {
		v.add(path, "it is longer than %d octets; a few words are enough", maxTaughtWords)
	}
}
