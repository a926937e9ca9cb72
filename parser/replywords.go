package parser

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"afterhours/tickets"
)

// replyWords are the first words of a reply that ask for something, in the languages in which people answer: small
// letters, without accents.
var replyWords = map[tickets.ReplyVerb][]string{
	tickets.ReplyAcknowledge: {
		"ack", "acked", "acknowledge", "acknowledged", "bestatigt", "bestaetigt", "bestatige", "bestaetige", "ubernehme", "uebernehme",
		"ubernommen", "uebernommen", "acquitte", "acquitter", "acquittee", "accepte", "accepter", "confirme", "confirmer", "confirmar",
		"confirmo", "confirmado", "acepto", "aceptar", "aceptado", "recibido",
	},
	tickets.ReplyResolve: {
		"resolve", "resolved", "gelost", "geloest", "erledigt", "behoben", "resolu", "resolue", "resoudre", "clos", "resuelto", "resolver",
		"resuelvo", "cerrado",
	},
	tickets.ReplyEscalate: {
		"escalate", "escalated", "eskalieren", "eskaliere", "eskaliert", "escalader", "escalade", "escalar", "escalo", "escalado",
	},
	tickets.ReplyUndo: {"undo", "ruckgangig", "rueckgaengig", "annuler", "annule", "deshacer"},
}

// replyVerb is what the first word of a text asks for, in any case and whatever stands around it; alone says that no
// other word follows.
func replyVerb(text string) (verb tickets.ReplyVerb, alone bool) {
	words := strings.FieldsFunc(foldAccents(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(words) == 0 {
		return "", true
	}
	for verb, known := range replyWords {
		for _, word := range known {
			if words[0] == word {
				return verb, len(words) == 1
			}
		}
	}
	return "", false
}

// foldAccents makes small letters without accents.
func foldAccents(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(text))
}
