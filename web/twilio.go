package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// keys are what a called person presses; 9 says it again.
var keys = map[string]string{"4": oncall.AnswerAcknowledge, "6": oncall.AnswerEscalate}

const keyAgain = "9"

func numbered(format string, number int64) string { return fmt.Sprintf(format, number) }

// keyPressed is POST /hooks/twilio/voice/{token}: a key in a call.
func (s *Site) keyPressed(w http.ResponseWriter, r *http.Request, parameters url.Values) error {
	invitation, err := s.Hooks.Store.Callback(r.Context(), chi.URLParam(r, "token"))
	if err != nil {
		return err
	}
	turn, err := strconv.Atoi(r.URL.Query().Get("turn"))
	if err != nil {
		turn = 1
	}
	pressed := parameters.Get("Digits")
	action, known := keys[pressed]
	if !known || invitation.Person == "" {
		prelude := "That key means nothing here."
		if pressed == keyAgain {
			prelude = ""
		}
		script, err := s.Hooks.Ask(r.Context(), invitation.Page, prelude, turn)
		if err != nil {
			return err
		}
		return writeXML(w, script)
	}
	said, err := s.answerAs(r.Context(), oncall.Person{ID: invitation.Person}, action, invitation.Ticket)
	if err != nil {
		return err
	}
	script, err := s.Hooks.Say(said + " Goodbye.")
	if err != nil {
		return err
	}
	return writeXML(w, script)
}

// textReceived is POST /hooks/twilio/sms: a text message from somebody.
func (s *Site) textReceived(w http.ResponseWriter, r *http.Request, parameters url.Values) error {
	configuration, err := s.OnCall.Configuration(r.Context())
	if err != nil {
		return err
	}
	said := ""
	person, known := configuration.Reachable(parameters.Get("From"), "sms", "voice")
	if known {
		if said, err = s.answerText(r.Context(), person, oncall.ReadAnswer(parameters.Get("Body"))); err != nil {
			return err
		}
	} else { // a stranger learns nothing, and costs no message
		s.Log.InfoContext(r.Context(), "text message of a number that is nobody's contact")
	}
	script, err := s.Hooks.Reply(said)
	if err != nil {
		return err
	}
	return writeXML(w, script)
}

// answerText acts on a text message: on the ticket that it names, else on the one that its sender was told of last.
func (s *Site) answerText(ctx context.Context, person oncall.Person, answer oncall.Answer) (string, error) {
	told, err := s.Hooks.Store.Told(ctx, person.ID)
	if err != nil {
		return "", err
	}
	if answer.Action == "" || answer.Action == oncall.AnswerHelp {
		return "Reply ACK, ESCALATE or RESOLVE and a ticket's number, like ACK 1042." + waiting(told), nil
	}
	number := answer.Ticket
	if number == 0 {
		if len(told) == 0 {
			return "No open ticket waits for you. Write the ticket's number, like ACK 1042.", nil
		}
		number = told[0]
	}
	if !slices.Contains(told, number) {
		ticket, err := s.Tickets.Get(ctx, number)
		if err == nil && ticket.State == tickets.Open {
			return numbered("You were not told of ticket #%d. Open it at the desk.", number), nil
		}
	}
	said, err := s.answerAs(ctx, person, answer.Action, number)
	if err != nil {
		return "", err
	}
	return said + waiting(slices.DeleteFunc(told, func(other int64) bool { return other == number })), nil
}

// waiting names the tickets that wait for somebody.
func waiting(numbers []int64) string {
	const shown = 5
	if len(numbers) == 0 {
		return ""
	}
	var names []string
	for _, number := range numbers[:min(shown, len(numbers))] {
		names = append(names, numbered("#%d", number))
	}
	said := " Waiting for you: " + strings.Join(names, ", ")
	if more := len(numbers) - shown; more > 0 {
		said += " and " + count(more, "more", "more")
	}
	return said + "."
}

// reportReceived is POST /hooks/twilio/status/{token}: what became of a message or a call.
func (s *Site) reportReceived(w http.ResponseWriter, r *http.Request, parameters url.Values) error {
	invitation, err := s.Hooks.Store.Callback(r.Context(), chi.URLParam(r, "token"))
	if err != nil {
		return err
	}
	if err := s.Hooks.Store.RecordReport(r.Context(), invitation.Page, s.report(parameters)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// report reads Twilio's words (twilio.com/docs/messaging/api/message-resource, …/voice/api/call-resource).
func (s *Site) report(parameters url.Values) oncall.Report {
	fault := ""
	if code, err := strconv.Atoi(parameters.Get("ErrorCode")); err == nil && code > 0 {
		fault = fmt.Sprintf("Twilio %s (%d)", s.Hooks.TwilioFault(code), code)
	}
	switch parameters.Get("MessageStatus") {
	case "delivered", "read":
		return oncall.Report{Delivered: true, Detail: "the telephone has it"}
	case "undelivered", "failed":
		if fault == "" {
			fault = "Twilio could not deliver it"
		}
		return oncall.Report{Failed: true, Reason: fault}
	}
	switch parameters.Get("CallStatus") {
	case "completed":
		return oncall.Report{Delivered: true, Detail: "the call was answered"}
	case "busy":
		return oncall.Report{Failed: true, Reason: "the line was busy"}
	case "no-answer":
		return oncall.Report{Failed: true, Reason: "nobody answered"}
	case "failed", "canceled":
		if fault == "" {
			fault = "the call could not be made"
		}
		return oncall.Report{Failed: true, Reason: fault}
	}
	return oncall.Report{}
}

func writeXML(w http.ResponseWriter, document string) error {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	_, _ = io.WriteString(w, document) // the provider has gone; there is nobody to tell
	return nil
}
