package parser

import (
	"regexp"
	"strings"
)

// isReport says whether a mail is a bounce or another report, whose attached message is its own cause and no forward
// (RFC 6522).
func isReport(m *message) bool {
	return m.mediaType == "multipart/report" || m.contains("message/delivery-status") || m.contains("message/disposition-notification")
}

var (
	robots       = regexp.MustCompile(`(?i)^(?:mailer-?daemon|mail[.-]?daemon|mdaemon)(?:[+._=-]|$)`)
	autoSubjects = regexp.MustCompile(`(?i)^\s*(?:automatic reply|auto(?:matic)?[- ]?(?:reply|response|responder)|out of (?:the )?office|abwesend|automatische antwort|réponse automatique|respuesta automática|risposta automatica|automatisch antwoord|undeliver(?:able|ed)|undelivered mail|delivery (?:status notification|failure|has failed)|mail (?:delivery|system) (?:failed|error|failure)|mail delivery (?:failed|system|failure)|failure notice|returned mail|unzustellbar|non remis|no se puede entregar|自动答复|自動回覆|自動応答)`)
)

// isAutomatic says whether a mail is an auto-reply or a bounce (RFC 3834, RFC 3464). Microsoft's own notifications are
// made by machines, too, and are what we wait for.
func isAutomatic(m *message, from string) bool {
	if isMicrosoft(from) {
		return keyword(m.header.get("auto-submitted")) == "auto-replied"
	}
	return isReply(m, from) || isGenerated(m)
}

// isReply says that a mail answers another one by itself, or reports that it was not delivered.
func isReply(m *message, from string) bool {
	h := m.header
	local, _, _ := strings.Cut(from, "@")
	precedence := keyword(h.get("precedence"))
	switch {
	case isReport(m), keyword(h.get("auto-submitted")) == "auto-replied":
		return true
	case precedence == "auto_reply" || precedence == "auto-reply":
		return true
	case h.get("x-failed-recipients") != "":
		return true
	case robots.MatchString(local):
		return true
	}
	for _, name := range []string{"x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply-from", "x-auto-response-from"} {
		if value := h.get(name); value != "" && !strings.EqualFold(value, "no") {
			return true
		}
	}
	return autoSubjects.MatchString(m.subject())
}

// isGenerated says that a machine wrote a mail, or that it takes no answer. A rule that forwards can say so, too.
func isGenerated(m *message) bool {
	auto := keyword(m.header.get("auto-submitted"))
	return auto != "" && auto != "no" || strings.TrimSpace(m.header.get("return-path")) == "<>"
}

// keyword is a field's first word in lower case, without parameters and comments.
func keyword(value string) string {
	value, _, _ = strings.Cut(value, ";")
	value, _, _ = strings.Cut(value, "(")
	return strings.ToLower(strings.TrimSpace(value))
}
