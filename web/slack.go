package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

// slackWithin is how long an answer may take: Slack waits for three seconds.
const slackWithin = 2 * time.Second

// slackPressed is POST /hooks/slack: a button in Slack. Whoever pressed acts as the person whose contact the account is;
// anybody else is told, alone, how to become one.
func (s *Site) slackPressed(w http.ResponseWriter, r *http.Request, press Press) error {
	if press.Action != oncall.AnswerAcknowledge && press.Action != oncall.AnswerEscalate {
		return nil // a button that is a link
	}
	said, err := s.answerPress(r.Context(), press)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), slackWithin)
	defer cancel()
	if err := s.Hooks.Respond(ctx, press.Answer, said); err != nil {
		s.Log.WarnContext(r.Context(), "answer to a press was not taken", "error", err)
	}
	return nil
}

func (s *Site) answerPress(ctx context.Context, press Press) (string, error) {
	configuration, err := s.OnCall.Configuration(ctx)
	if err != nil {
		return "", err
	}
	person, known := configuration.Reachable(press.User, "slack")
	if !known {
		s.Log.InfoContext(ctx, "press of an account that is nobody's contact", "provider", "slack")
		return "Your account here is nobody's contact, so this did nothing. Give your person a contact of the channel slack with your member ID.", nil
	}
	invitation, err := s.Hooks.Store.Callback(ctx, press.Token)
	if errors.Is(err, tickets.ErrNotFound) {
		return "This message is too old to answer. Open the ticket at the desk.", nil
	}
	if err != nil {
		return "", err
	}
	return s.answerAs(ctx, person, press.Action, invitation.Ticket)
}
