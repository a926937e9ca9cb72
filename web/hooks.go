package web

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-chi/httprate"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/web/auth"
)

// hookCalls bounds the calls of one address in hookWindow: more than a storm's receipts, less than a flood.
const (
	hookCalls  = 600
	hookWindow = time.Minute
)

// Callbacks is what the calls of providers need of the on-call store.
type Callbacks interface {
	// TakeCall remembers a call by its digest; fresh is false for a repetition. ForgetCall lets it come again.
	TakeCall(ctx context.Context, digest []byte) (fresh bool, err error)
	ForgetCall(ctx context.Context, digest []byte) error
	// Callback is tickets.ErrNotFound where the token is forged or too old.
	Callback(ctx context.Context, token string) (oncall.Invitation, error)
	// Told returns the open tickets that a person was told of, newest first.
	Told(ctx context.Context, person string) ([]int64, error)
	RecordReport(ctx context.Context, page int64, report oncall.Report) error
}

// Press is somebody's press of a button in Slack.
type Press struct {
	User   string // by id in Slack
	Action string // oncall.AnswerAcknowledge, oncall.AnswerEscalate or another, which does nothing
	Token  string // of the page
	Answer string // the address to which Hooks.Respond writes
}

// Hooks is how the calls of providers are understood and answered.
type Hooks struct {
	Store Callbacks
	// TwilioSigned says whether a call to an address with these parameters is Twilio's.
	TwilioSigned func(address string, parameters url.Values, signature string) bool
	TwilioFault  func(code int) string
	// Ask is the TwiML that says a page and listens for a key, turn the count of how often the call has.
	Ask func(ctx context.Context, page int64, prelude string, turn int) (string, error)
	// Say is the TwiML that says a sentence and ends the call, Reply that which answers a text message; empty: not at all.
	Say   func(text string) (string, error)
	Reply func(text string) (string, error)
	// VerifySlack says why a call is not Slack's, or not of now.
	VerifySlack func(header http.Header, body []byte) error
	ReadPress   func(body []byte) (Press, error)
	Respond     func(ctx context.Context, address, text string) error
}

func isHook(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/hooks/") }

// limited bounds the calls of one address: the peer's, or what a trusted proxy says it is.
func limited(next http.Handler) http.Handler {
	return httprate.LimitBy(hookCalls, hookWindow, func(r *http.Request) (string, error) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		return httprate.CanonicalizeIP(host), err
	})(next)
}

// twilioHook answers what Twilio has signed, once.
func (s *Site) twilioHook(answer func(w http.ResponseWriter, r *http.Request, parameters url.Values) error) http.HandlerFunc {
	return s.open(func(w http.ResponseWriter, r *http.Request) error {
		if err := r.ParseForm(); err != nil {
			return s.refuseCall(w, r, "twilio", "no form")
		}
		signature := r.Header.Get("X-Twilio-Signature")
		address := strings.TrimSuffix(s.PublicURL, "/") + r.URL.RequestURI()
		if !s.Hooks.TwilioSigned(address, r.PostForm, signature) {
			return s.refuseCall(w, r, "twilio", "a wrong signature")
		}
		return s.once(w, r, "twilio", address+"\n"+signature, func() error { return answer(w, r, r.PostForm) })
	})
}

// slackHook answers what Slack has signed in the last minutes, once.
func (s *Site) slackHook(answer func(w http.ResponseWriter, r *http.Request, press Press) error) http.HandlerFunc {
	return s.open(func(w http.ResponseWriter, r *http.Request) error {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return s.refuseCall(w, r, "slack", "no body that can be read")
		}
		if err := s.Hooks.VerifySlack(r.Header, body); err != nil {
			return s.refuseCall(w, r, "slack", err.Error())
		}
		press, err := s.Hooks.ReadPress(body)
		if err != nil {
			return &tickets.InvalidError{Field: "payload", Reason: err.Error()}
		}
		return s.once(w, r, "slack", r.Header.Get("X-Slack-Signature"), func() error { return answer(w, r, press) })
	})
}

// once answers a call that was not answered before. One that could not be answered may come again.
func (s *Site) once(w http.ResponseWriter, r *http.Request, provider, signed string, answer func() error) error {
	digest := sha256.Sum256([]byte(provider + "\n" + signed))
	fresh, err := s.Hooks.Store.TakeCall(r.Context(), digest[:])
	if err != nil {
		return err
	}
	if !fresh {
		return s.refuseCall(w, r, provider, "a repetition")
	}
	if err := answer(); err != nil {
		return errors.Join(err, s.Hooks.Store.ForgetCall(context.WithoutCancel(r.Context()), digest[:]))
	}
	return nil
}

// refuseCall answers 403 and says so in the log, without what the call carried.
func (s *Site) refuseCall(w http.ResponseWriter, r *http.Request, provider, reason string) error {
	s.Log.WarnContext(r.Context(), "provider's call refused", "provider", provider, "reason", reason)
	http.Error(w, "This call is not signed as "+provider+" signs, or not of now, or was taken before.", http.StatusForbidden)
	return nil
}

// answerAs does for a person what an answer asks for, and says what came of it.
func (s *Site) answerAs(ctx context.Context, person oncall.Person, action string, number int64) (said string, err error) {
	switch action {
	case oncall.AnswerAcknowledge:
		_, err = s.Tickets.Acknowledge(ctx, number, person.ID)
		said = "You have ticket #%d."
	case oncall.AnswerEscalate:
		err = s.OnCall.Escalate(ctx, number, person.ID)
		said = "Ticket #%d is escalated: the next ones are being told now."
	case oncall.AnswerResolve:
		_, err = s.Tickets.Resolve(ctx, number, person.ID, "")
		said = "Ticket #%d is resolved."
	}
	var conflict *tickets.ConflictError
	switch {
	case errors.As(err, &conflict):
		return s.standing(ctx, number, conflict.Reason)
	case errors.Is(err, tickets.ErrNotFound):
		return numbered("There is no ticket #%d.", number), nil
	}
	return numbered(said, number), err
}

// standing says how a ticket stands whose state forbids what was asked.
func (s *Site) standing(ctx context.Context, number int64, reason string) (string, error) {
	ticket, err := s.Tickets.Get(ctx, number)
	if err != nil {
		return "", err
	}
	if ticket.State == tickets.Acknowledged && ticket.AcknowledgedAt != nil {
		configuration, err := s.OnCall.Configuration(ctx)
		if err != nil {
			return "", err
		}
		who := reader{configuration: configuration, clock: s.clockOf(configuration, ticket.AcknowledgedBy, auth.Viewing{})}
		return numbered("Ticket #%d: ", number) + who.name(ticket.AcknowledgedBy) + " acknowledged it " + who.ago(*ticket.AcknowledgedAt).Words + ".", nil
	}
	return sentenceOf(reason), nil
}
