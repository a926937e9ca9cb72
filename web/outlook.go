package web

import (
	"strings"

	"afterhours/oncall"
	"afterhours/tickets"
)

// outlook is what happens next to a ticket, in words. Tone is good, bad or empty; At follows Text.
type outlook struct {
	Mark string // a shape before the words
	Text string
	At   *when
	Tone string
	Why  string // the reason, where there is nobody to tell
}

// outlook says who has a ticket, or who is told next and when.
func (r reader) outlook(ticket tickets.Ticket, next oncall.Outlook) outlook {
	switch ticket.State {
	case tickets.Resolved:
		said := outlook{Text: "Resolved"}
		if ticket.ResolvedAt != nil {
			at := r.ago(*ticket.ResolvedAt)
			said.At = &at
		}
		return said
	case tickets.Acknowledged:
		said := outlook{Mark: "✓", Text: r.name(ticket.AcknowledgedBy), Tone: "good"}
		if ticket.AcknowledgedAt != nil {
			at := r.ago(*ticket.AcknowledgedAt)
			said.At = &at
		}
		return said
	}
	switch next.State {
	case "running":
		at := r.in(next.DueAt)
		if len(next.Next) > 0 {
			return outlook{Mark: "→", Text: strings.Join(next.Next, ", ") + " next", At: &at}
		}
		return outlook{Mark: "→", Text: "nobody is next; its policy goes on", At: &at, Tone: "bad"}
	case "exhausted":
		return outlook{Mark: "!", Text: "Nobody is left to tell", Why: next.Reason, Tone: "bad"}
	case "stopped":
		if next.Reason != "" {
			return outlook{Text: strings.TrimSuffix(sentenceOf(next.Reason), ".")}
		}
		return outlook{Text: "Nobody is being told"}
	}
	return outlook{Text: "Recorded; nobody is paged"}
}
