package ticketdb

import "strings"

// storable makes any text one that Postgres takes: valid UTF-8 without NUL.
func storable(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	return strings.ReplaceAll(text, "\x00", "")
}

// arrayLiteral writes a text[] as Postgres reads it, for arrays inside arrays that unnest could not keep apart.
func arrayLiteral(values []string) string {
	var literal strings.Builder
	literal.WriteByte('{')
	for k, value := range values {
		if k > 0 {
			literal.WriteByte(',')
		}
		literal.WriteByte('"')
		literal.WriteString(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(storable(value)))
		literal.WriteByte('"')
	}
	literal.WriteByte('}')
	return literal.String()
}
