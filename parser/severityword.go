package parser

import "afterhours/tickets"

// SeverityOf reads the word of a severity in any language that the parser knows.
func SeverityOf(word string) tickets.Severity { return severityOf(word) }
