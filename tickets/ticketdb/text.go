package ticketdb

import (
	"strings"

	"afterhours/tickets"
)

// storable makes any text one that Postgres takes: valid UTF-8 without NUL.
func storable(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	return strings.ReplaceAll(text, "\x00", "")
}

var quoted = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// arrayLiteral writes a text[] as Postgres reads it, for arrays inside arrays that unnest could not keep apart.
func arrayLiteral(values []string) string {
	var literal strings.Builder
	literal.WriteByte('{')
	for k, value := range values {
		if k > 0 {
			literal.WriteByte(',')
		}
		literal.WriteByte('"')
		literal.WriteString(quoted.Replace(storable(value)))
		literal.WriteByte('"')
	}
	literal.WriteByte('}')
	return literal.String()
}

// storableAuthentication is found with texts that Postgres takes; nil stays nil.
func storableAuthentication(found *tickets.Authentication) *tickets.Authentication {
	if found == nil {
		return nil
	}
	clean := *found
	for _, text := range []*string{&clean.Author, &clean.SPF, &clean.DKIM, &clean.DMARC, &clean.ARC, &clean.Relay, &clean.Loop} {
		*text = storable(*text)
	}
	return &clean
}
