package oncall

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"afterhours/tickets"
)

// ReplyStore is what Replies needs of the on-call store.
type ReplyStore interface {
	Configuration(ctx context.Context) (Configuration, error)
	// Page is tickets.ErrNotFound where there is none.
	Page(ctx context.Context, id int64) (Page, error)
	// RecordReport records that a page which a provider had accepted was not delivered; its next contact or step begins.
	RecordReport(ctx context.Context, page int64, report Report) error
	// Tell queues a notice.
	Tell(ctx context.Context, notice Page) error
	Escalate(ctx context.Context, ticket int64, actor string) error
}

// ReplyTickets is what Replies needs of the tickets' store.
type ReplyTickets interface {
	Get(ctx context.Context, number int64) (tickets.Ticket, error)
	Acknowledge(ctx context.Context, number int64, actor string) (tickets.Ticket, error)
	UndoAcknowledge(ctx context.Context, number int64, actor string) (tickets.Ticket, error)
	Resolve(ctx context.Context, number int64, actor, classification string) (tickets.Ticket, error)
	Note(ctx context.Context, number int64, actor, text string) (tickets.Ticket, error)
	AddEvent(ctx context.Context, entry tickets.Entry) error
	// Replied says whether a mail of this digest was taken before.
	Replied(ctx context.Context, digest []byte) (bool, error)
	FinishReply(ctx context.Context, mail, ticket int64, messageID, subject string) error
}

// Replies acts on the mails that answer ours. A reply is the page's person's where it came to the page's signed address,
// or names its signed message id, and its header's From is one address of that person, and the verification of its author
// has not failed. Everybody else is refused: the timeline says so, the person is told, the sender is not. Bounces fail
// their page; auto-replies, and our own mails that come back, are kept. None of these becomes a ticket.
type Replies struct {
	Store   ReplyStore
	Tickets ReplyTickets
	// Read reads a mail as an answer to one of ours.
	Read  func(raw []byte) tickets.Reply
	Links Links
	Now   func() time.Time
	Log   *slog.Logger
}

// What became of a reply, as the timeline says it.
const (
	replyRefused  = "refused"
	replyActed    = "acted"
	replyConflict = "conflict"
	replyBounce   = "bounce"
	replyAuto     = "auto_reply"
	replyLoop     = "loop"
)

var outgoingID = regexp.MustCompile(`^page_(\d{1,18})_[0-9a-f]{16}@(.+)$`)

// TakeReply implements tickets.ReplyTaker.
func (r *Replies) TakeReply(ctx context.Context, mail tickets.Claimed) (taken bool, err error) {
	if !r.concerns(mail) {
		return false, nil
	}
	reply := r.Read(mail.Raw)
	own, isOwn, err := r.pageOfID(ctx, reply.MessageID)
	if err != nil {
		return false, err
	}
	page, found, err := r.pageOf(ctx, mail.Mail.Envelope.To, reply.References)
	if err != nil {
		return false, err
	}
	loop := isOwn || r.Links.IsLoopMark(reply.Loop)
	if loop {
		page, found = own, isOwn
	} else if !found {
		return false, nil
	}
	repeated, err := r.Tickets.Replied(ctx, mail.Digest)
	if err != nil {
		return false, err
	}
	if !repeated {
		switch {
		case !found:
			r.Log.Warn("own mail came back", "message", mail.Mail.ID)
		case loop:
			err = r.event(ctx, page, mail, replyLoop, tickets.ActorSystem, nil)
		case reply.Automatic || mail.Mail.Envelope.From == "":
			err = r.automatic(ctx, page, mail, reply)
		default:
			err = r.person(ctx, page, mail, reply)
		}
		if err != nil {
			return false, fmt.Errorf("reply %d to page %d: %w", mail.Mail.ID, page.ID, err)
		}
	}
	return true, r.Tickets.FinishReply(ctx, mail.Mail.ID, page.Ticket, reply.MessageID, reply.Subject)
}

// concerns is a quick look: almost every mail is a notification and not ours.
func (r *Replies) concerns(mail tickets.Claimed) bool {
	for _, to := range mail.Mail.Envelope.To {
		if _, ok := r.Links.ReplyPage(to); ok {
			return true
		}
	}
	return bytes.Contains(mail.Raw, []byte("page_")) || bytes.Contains(mail.Raw, []byte("X-Afterhours-Loop"))
}

// pageOf is the page that a reply answers: that of its address, else that of the first signed id which it names.
func (r *Replies) pageOf(ctx context.Context, to, references []string) (page Page, found bool, err error) {
	for _, address := range to {
		if id, ok := r.Links.ReplyPage(address); ok {
			page, err := r.Store.Page(ctx, id)
			if errors.Is(err, tickets.ErrNotFound) {
				continue
			}
			return page, err == nil, err
		}
	}
	for _, id := range references {
		if page, found, err = r.pageOfID(ctx, id); found || err != nil {
			return page, found, err
		}
	}
	return Page{}, false, nil
}

// pageOfID is the page of one of our own message ids, whose signature must be right.
func (r *Replies) pageOfID(ctx context.Context, id string) (page Page, found bool, err error) {
	match := outgoingID.FindStringSubmatch(id)
	if match == nil || !strings.EqualFold(match[2], r.Links.Domain) {
		return Page{}, false, nil
	}
	number, err := strconv.ParseInt(match[1], 10, 64)
	if err != nil {
		return Page{}, false, nil
	}
	page, err = r.Store.Page(ctx, number)
	if errors.Is(err, tickets.ErrNotFound) {
		return Page{}, false, nil
	}
	local, _, _ := strings.Cut(id, "@")
	if err != nil || !r.Links.IsMessageID(local, page.ID, page.CreatedAt) {
		return Page{}, false, err
	}
	return page, true, nil
}

// automatic keeps what no person wrote; a bounce fails its page.
func (r *Replies) automatic(ctx context.Context, page Page, mail tickets.Claimed, reply tickets.Reply) error {
	if reply.Bounce == "" {
		return r.event(ctx, page, mail, replyAuto, tickets.ActorSystem, map[string]any{"subject": reply.Subject})
	}
	if err := r.Store.RecordReport(ctx, page.ID, Report{Failed: true, Reason: "the mail came back: " + reply.Bounce}); err != nil {
		return err
	}
	return r.event(ctx, page, mail, replyBounce, tickets.ActorSystem, map[string]any{"reason": reply.Bounce})
}

// person acts on what somebody wrote, once it is clear who did.
func (r *Replies) person(ctx context.Context, page Page, mail tickets.Claimed, reply tickets.Reply) error {
	configuration, err := r.Store.Configuration(ctx)
	if err != nil {
		return err
	}
	person, known := configuration.Person(page.Person)
	reason := ""
	switch {
	case !known:
		reason = "the page went to nobody who can answer by mail"
	case len(reply.From) != 1:
		reason = "its sender is not one address"
	case mail.Mail.Envelope.Verified != nil && !*mail.Mail.Envelope.Verified:
		reason = "the verification of its sender failed"
	case !person.HasAddress(reply.From[0]):
		reason = "its sender is none of " + person.Name + "'s addresses"
	}
	if reason == "" {
		if policy, ok := configuration.Policy(r.policyOf(ctx, page)); ok && policy.AckLink == "login" && reply.Verb != "" {
			reason = "the policy of this ticket asks to sign in first"
		}
	}
	if reason != "" {
		return r.refuse(ctx, person, page, mail, reply, reason)
	}
	return r.act(ctx, person, page, mail, reply)
}

func (r *Replies) policyOf(ctx context.Context, page Page) string {
	ticket, err := r.Tickets.Get(ctx, page.Ticket)
	if err != nil {
		return ""
	}
	return ticket.Policy
}

// HasAddress says whether a mail address is the person's: the own one or that of a contact.
func (p Person) HasAddress(address string) bool {
	return strings.EqualFold(p.Email, address) || slices.ContainsFunc(p.Contacts, func(contact Contact) bool {
		return contact.Channel == "email" && strings.EqualFold(contact.To, address)
	})
}

// refuse says on the timeline and to the page's person that somebody else answered; at most one notice an hour, so that
// nobody can be flooded by it.
func (r *Replies) refuse(ctx context.Context, person Person, page Page, mail tickets.Claimed, reply tickets.Reply, reason string) error {
	from := strings.Join(reply.From, ", ")
	r.Log.Warn("reply refused", "ticket", page.Ticket, "page", page.ID, "message", mail.Mail.ID, "reason", reason)
	if err := r.event(ctx, page, mail, replyRefused, tickets.ActorSystem, map[string]any{"reason": reason, "from": from, "person": page.Person}); err != nil {
		return err
	}
	cause := fmt.Sprintf("refused/%d/%s", page.ID, r.Now().UTC().Format("2006010215"))
	text := fmt.Sprintf("A reply to this page came from %s and was not acted on: %s.", from, reason)
	if person.Detail == DetailMinimal {
		text = "A reply to this page was not acted on: it cannot be shown to be yours."
	}
	text += "\nIf it was you, answer from the address to which the page went, or open the ticket. If it was not, somebody else has your page: tell your administrator."
	return r.tell(ctx, person, page, cause, Notice{Subject: fmt.Sprintf("A reply to #%d was refused", page.Ticket), Text: text})
}

// act does what the reply asks for; what else it says becomes a note.
func (r *Replies) act(ctx context.Context, person Person, page Page, mail tickets.Claimed, reply tickets.Reply) error {
	outcome, err := r.perform(ctx, person, page, reply)
	if err != nil {
		return err
	}
	if reply.Text != "" {
		if _, err := r.Tickets.Note(ctx, page.Ticket, person.ID, reply.Text); err != nil {
			return err
		}
	}
	data := map[string]any{"verb": string(reply.Verb)}
	switch {
	case reply.Verb == "" && reply.Text != "":
		return nil // the note says it all
	case outcome.failed:
		data["reason"] = outcome.said
		err = r.event(ctx, page, mail, replyConflict, person.ID, data)
	default:
		err = r.event(ctx, page, mail, replyActed, person.ID, data)
	}
	if err != nil {
		return err
	}
	return r.tell(ctx, person, page, fmt.Sprintf("reply/%d", mail.Mail.ID), Notice{Subject: outcome.subject, Text: outcome.said})
}

// performed is what a verb came to, for the person who wrote it.
type performed struct {
	subject, said string
	failed        bool
}

func (r *Replies) perform(ctx context.Context, person Person, page Page, reply tickets.Reply) (performed, error) {
	done := performed{}
	ticket, err := r.Tickets.Get(ctx, page.Ticket)
	if err != nil {
		return done, err
	}
	mine := ticket.State == tickets.Acknowledged && ticket.AcknowledgedBy == person.ID
	number := ticket.Number
	switch reply.Verb {
	case tickets.ReplyAcknowledge:
		done = performed{subject: fmt.Sprintf("You have #%d", number), said: "Nobody else is told any more. Reply UNDO within a minute to take it back, RESOLVE when it is done."}
		if !mine { // a mail that is read twice acknowledges once
			_, err = r.Tickets.Acknowledge(ctx, number, person.ID)
		}
	case tickets.ReplyUndo:
		done = performed{subject: fmt.Sprintf("#%d is open again", number), said: "Your acknowledgement was taken back; the policy begins again."}
		if !mine {
			err = &tickets.ConflictError{Reason: fmt.Sprintf("ticket %d is not acknowledged by you", number)}
			break
		}
		_, err = r.Tickets.UndoAcknowledge(ctx, number, person.ID)
	case tickets.ReplyResolve:
		done = performed{subject: fmt.Sprintf("#%d is resolved", number), said: "It opens again by itself where Defender reports more of the same within a day."}
		_, err = r.Tickets.Resolve(ctx, number, person.ID, "")
	case tickets.ReplyEscalate:
		done = performed{subject: fmt.Sprintf("#%d is escalated", number), said: "The next step of the policy begins now."}
		err = r.Store.Escalate(ctx, number, person.ID)
	default:
		if reply.Text != "" {
			return done, nil
		}
		err = &tickets.ConflictError{Reason: "the reply has no words; begin it with ACK, RESOLVE or ESCALATE, or write a note"}
	}
	var conflict *tickets.ConflictError
	if errors.As(err, &conflict) {
		return performed{fmt.Sprintf("Your reply to #%d changed nothing", number), strings.ToUpper(conflict.Reason[:1]) + conflict.Reason[1:] + ".", true}, nil
	}
	return done, err
}

// tell queues a notice to the mail contact that a page went to, or else to another mail contact of the person; never to
// the sender of a reply, and to nobody where the person has none.
func (r *Replies) tell(ctx context.Context, person Person, page Page, cause string, notice Notice) error {
	to, ok := person.Contact(page.Contact)
	if !ok || to.Channel != "email" {
		at := slices.IndexFunc(person.EffectiveContacts(), func(contact Contact) bool { return contact.Channel == "email" })
		if at < 0 {
			return nil
		}
		to = person.EffectiveContacts()[at]
	}
	page.Contact, page.Channel, page.CreatedAt, page.DueAt = to.ID, to.Channel, r.Now(), r.Now()
	return r.Store.Tell(ctx, noticePage(ReplyType, cause, page, notice))
}

func (r *Replies) event(ctx context.Context, page Page, mail tickets.Claimed, outcome, actor string, data map[string]any) error {
	if page.Ticket == 0 {
		return nil
	}
	if data == nil {
		data = map[string]any{}
	}
	data["outcome"], data["mail_id"], data["page"] = outcome, mail.Mail.ID, page.ID
	return r.Tickets.AddEvent(ctx, tickets.Entry{Ticket: page.Ticket, Event: tickets.Event{At: r.Now().UTC(), Type: tickets.EventReply, Actor: actor, Data: data}})
}

// AcceptsReply says whether a recipient is one of our signed addresses for replies.
func (l Links) AcceptsReply(recipient string) bool {
	_, ok := l.ReplyPage(recipient)
	return ok
}
