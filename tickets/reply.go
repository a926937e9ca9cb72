package tickets

import "context"

// ReplyVerb is what a reply to one of our mails asks for; the empty one asks for nothing: its text is a note.
type ReplyVerb string

// The verbs of a reply.
const (
	ReplyAcknowledge ReplyVerb = "acknowledge"
	ReplyResolve     ReplyVerb = "resolve"
	ReplyEscalate    ReplyVerb = "escalate"
	ReplyUndo        ReplyVerb = "undo"
)

// Reply is what a mail says that answers one of ours, or that is one of ours and came back.
type Reply struct {
	From       []string // the addresses of the header's From; more than one, or none, names nobody
	MessageID  string   // without angle brackets
	Subject    string
	References []string // ids of the mails that it answers; of a report also the one that it is about
	Loop       string   // the mark of our outgoing mail; empty on everybody else's
	Automatic  bool     // no person wrote it
	Bounce     string   // why the mail that it is about was not delivered; empty where it does not say so
	Verb       ReplyVerb
	Text       string // what was written, without the quoted history and the signature
}

// ReplyTaker takes the mails that answer ours: they become no tickets.
type ReplyTaker interface {
	// TakeReply says whether a claimed mail was one of those; it is read then. Its error leaves the mail claimed.
	TakeReply(ctx context.Context, mail Claimed) (taken bool, err error)
}
