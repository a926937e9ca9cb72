// Package notify is what a notification channel promises: one Message to one Contact, answered by a Receipt or by an
// error that says whether another attempt makes sense. Each channel is a small package below this one; cmd alone
// imports them and hands them to the on-call room as a map by name.
package notify

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Message is what one notification says, in every form that a channel may need. ID is the same on every attempt, so
// that a receiver can recognise a repeat.
type Message struct {
	ID       string
	Type     string // "page", "page.test" and later the other events of outgoing webhooks
	At       time.Time
	Severity string // "high", "medium", "low", "informational", "unknown"
	Ticket   int64  // the ticket's number; messages of one ticket belong to one thread

	Subject string // one line, its first 60 characters carry severity, title and device
	Text    string // plain text with the link in it
	HTML    string // the same as a small HTML document
	Link    string // the acknowledge link; empty where there is none
	SignIn  bool   // the link leads to the desk, which asks to sign in: it answers nothing, and no button may look as if it did

	// The parts of the above, for channels that speak, count characters or lay out by themselves. Title and Device are
	// empty where the recipient wants no detail to leave the house.
	Title  string
	Device string // the first one
	Facts  []Fact // what else there is to say, in order
	State  string // of the ticket: "open", "acknowledged", "resolved"
	Holder string // the name of who acknowledged

	// Token is what a provider's call about this message carries (a receipt, a key press, a button); empty where there is
	// nothing to answer.
	Token string
	// Replaces is the ProviderID of the message in whose place this one goes, for channels that can; empty otherwise.
	Replaces string

	ReplyTo string // the mail address to which a reply acknowledges or notes; empty where none does

	Data json.RawMessage // the "data" object of a webhook's body
}

// SignInLabel is what the button to a link of SignIn says.
const SignInLabel = "Sign in and answer"

// OpenLabel is what the button to a message's link says.
func (m Message) OpenLabel() string {
	if m.SignIn {
		return SignInLabel
	}
	return "Open"
}

// Fact is a label with its value.
type Fact struct{ Label, Value string }

// Contact is where a message goes. Secret is the credential of that contact (a signing secret, an access token); it
// never appears in an error, a log line or a receipt.
type Contact struct {
	Address string
	Secret  string
}

// Receipt is what the provider answered. Detail is a short sentence for the timeline without any credential.
type Receipt struct {
	Delivered  bool   // the provider confirmed delivery, not only acceptance
	ProviderID string // the provider's id of the message, if it gave one
	Detail     string
}

// Channel delivers messages one way. Send returns within the context's deadline; errors are classified by Permanent,
// RetryAfter and ErrHeld, and anything else is worth another attempt. Check tells a wrong address or secret before it
// is stored, with a sentence that names the mend.
type Channel interface {
	Send(ctx context.Context, to Contact, message Message) (Receipt, error)
	Check(to Contact) error
}

// ErrHeld says that the channel has no way out of the house (no smarthost is configured): the message is kept.
var ErrHeld = errors.New("no smarthost is configured; set AFTERHOURS_SMARTHOST_URL")

// Permanent marks an error that no further attempt can mend.
func Permanent(err error) error { return &permanentError{err} }

// Gone marks an error as permanent for the address as well: its owner says that it is gone for good (HTTP 410).
func Gone(err error) error { return Permanent(&goneError{err}) }

// IsGone says whether err was marked by Gone.
func IsGone(err error) bool {
	var gone *goneError
	return errors.As(err, &gone)
}

// IsPermanent says whether err was marked by Permanent.
func IsPermanent(err error) bool {
	var permanent *permanentError
	return errors.As(err, &permanent)
}

// RetryAfter marks an error whose provider asked to wait.
func RetryAfter(err error, wait time.Duration) error { return &retryError{err, wait} }

// Wait returns how long the provider asked to wait, or 0 where it did not.
func Wait(err error) time.Duration {
	var retry *retryError
	if errors.As(err, &retry) {
		return retry.wait
	}
	return 0
}

type permanentError struct{ error }

func (e *permanentError) Unwrap() error { return e.error }

type goneError struct{ error }

func (e *goneError) Unwrap() error { return e.error }

type retryError struct {
	error
	wait time.Duration
}

func (e *retryError) Unwrap() error { return e.error }
