package oncall

import (
	"strconv"
	"strings"
	"unicode"
)

// The actions of an Answer.
const (
	AnswerAcknowledge = "acknowledge"
	AnswerEscalate    = "escalate"
	AnswerResolve     = "resolve"
	AnswerHelp        = "help"
)

// answerWords are what people write; 4 and 6 are what they press in a call.
var answerWords = map[string]string{
	"ack": AnswerAcknowledge, "acknowledge": AnswerAcknowledge, "acknowledged": AnswerAcknowledge, "ok": AnswerAcknowledge, "yes": AnswerAcknowledge,
	"mine": AnswerAcknowledge, "4": AnswerAcknowledge,
	"escalate": AnswerEscalate, "esc": AnswerEscalate, "no": AnswerEscalate, "6": AnswerEscalate,
	"resolve": AnswerResolve, "resolved": AnswerResolve, "close": AnswerResolve, "done": AnswerResolve,
	"help": AnswerHelp, "info": AnswerHelp, "?": AnswerHelp,
}

// Answer is what somebody wrote in a text message to a page. Ticket is 0 where no number was given.
type Answer struct {
	Action string // empty where it says nothing that is known
	Ticket int64
}

// ReadAnswer reads the first word, and the ticket's number where one follows: "ACK 1042", "ack", "resolve #1042".
func ReadAnswer(text string) Answer {
	words := strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(".,:;!#()\"'", r)
	})
	if len(words) == 0 {
		return Answer{}
	}
	answer := Answer{Action: answerWords[strings.ToLower(words[0])]}
	if len(words) > 1 {
		if number, err := strconv.ParseInt(words[1], 10, 64); err == nil && number > 0 {
			answer.Ticket = number
		}
	}
	return answer
}
