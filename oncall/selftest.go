package oncall

import (
	"context"
	"fmt"
	"log/slog"
	"mime/quotedprintable"
	"strings"
	"time"

	"afterhours/tickets"
)

// How the self-test goes on.
const (
	selfTestFirst = 10 * time.Minute // after an installation was watched for the first time: whoever sets it up is left alone
	selfTestAgain = 30 * time.Second // between two attempts to send one mail
	selfTestStep  = time.Minute      // a longer pause between two looks was an outage, and counts as this
)

// SelfTestPlan says how often a mail is sent through the whole way in, and how long it may take. Every 0 is never.
type SelfTestPlan struct{ Every, Within time.Duration }

// SelfTest is where the self-test stands: one state for all gateways on a database, so that a restart forgets nothing.
type SelfTest struct {
	ID            int64
	BegunAt       *time.Time
	TriedAt       *time.Time
	SentAt        *time.Time
	ArrivedAt     *time.Time
	WatchedAt     *time.Time
	Waited        time.Duration // of the time since BegunAt what was watched
	Fault         string
	LastArrivedAt *time.Time
	Ticket        *int64 // tells that a mail did not arrive; nil while they do
}

// SelfTestMove is what one look came to.
type SelfTestMove int

// The moves of a self-test.
const (
	SelfTestRests    SelfTestMove = iota
	SelfTestSends                 // the caller sends the mail of the state's id
	SelfTestFails                 // the caller opens the ticket
	SelfTestRecovers              // the caller resolves it
)

// Look goes on with a self-test at now. While one has failed, the next begins as soon as that has had its time, so that
// the ticket resolves itself soon after the cause is gone.
func (t *SelfTest) Look(plan SelfTestPlan, now time.Time) SelfTestMove {
	pause := time.Duration(0)
	if t.WatchedAt != nil {
		pause = min(max(now.Sub(*t.WatchedAt), 0), selfTestStep)
	}
	t.WatchedAt = &now
	if t.BegunAt == nil {
		begun := now.Add(selfTestFirst - plan.Every)
		t.BegunAt, t.ArrivedAt = &begun, &begun
		return SelfTestRests
	}
	if t.ArrivedAt == nil {
		t.Waited += pause
	}
	arrived := t.ArrivedAt != nil
	switch {
	case arrived && t.Ticket != nil && t.Fault == "":
		return SelfTestRecovers
	case !arrived && t.Waited >= plan.Within && t.Ticket == nil, arrived && t.Fault != "" && t.Ticket == nil:
		return SelfTestFails
	case arrived && t.Ticket == nil && !now.Before(t.BegunAt.Add(plan.Every)),
		t.Ticket != nil && !now.Before(t.BegunAt.Add(plan.Within)) && (arrived || t.Waited >= plan.Within):
		*t = SelfTest{
			ID: t.ID + 1, BegunAt: &now, TriedAt: &now, WatchedAt: &now, LastArrivedAt: t.LastArrivedAt, Ticket: t.Ticket,
		}
		return SelfTestSends
	case !arrived && t.SentAt == nil && (t.TriedAt == nil || !now.Before(t.TriedAt.Add(selfTestAgain))):
		t.TriedAt = &now
		return SelfTestSends
	}
	return SelfTestRests
}

// Ailing says what is wrong; empty while mails arrive.
func (t SelfTest) Ailing() string {
	switch {
	case t.Ticket == nil:
		return ""
	case t.Fault != "":
		return "the self-test mail did not come through: " + t.Fault
	}
	return "the self-test mail did not come through"
}

// SelfTestTicket is the ticket that tells of it.
func (t SelfTest) SelfTestTicket(plan SelfTestPlan, now time.Time) tickets.Ticket {
	verified := true // afterhours itself says it
	said := "It was sent and accepted, and was not read."
	switch {
	case t.ArrivedAt != nil:
		said = "It arrived and was read wrongly: " + t.Fault + "."
	case t.SentAt == nil && t.Fault != "":
		said = "It could not be sent: " + t.Fault + "."
	case t.SentAt == nil:
		said = "It could not be sent."
	}
	last := "None ever arrived."
	if t.LastArrivedAt != nil {
		last = "The last one arrived " + t.LastArrivedAt.UTC().Format("Mon 2 Jan 2006 15:04 MST") + "."
	}
	return tickets.Ticket{
		State: tickets.Open, Severity: tickets.High, Kind: tickets.KindManual, Product: tickets.ProductUnknown,
		Title: fmt.Sprintf("The self-test mail did not come through within %s", Duration(plan.Within)),
		Description: said + " " + last + " Mail from Defender may be stuck the same way: run afterhours doctor and look into the log. " +
			"This ticket resolves by itself when a self-test mail comes through.",
		AlertIDs: []string{}, Devices: []string{}, Users: []string{}, Links: []tickets.Link{},
		CreatedAt: now, UpdatedAt: now, Verified: &verified, Source: tickets.FromManual,
	}
}

// probePrefix begins the local part of the address that a self-test mail comes from and goes to.
const probePrefix = "self-test+"

// ProbeAddress is sender and recipient of a self-test mail. It carries a signature, so that no other mail passes for one.
func (l Links) ProbeAddress(id int64) string {
	return l.signedAddress(probePrefix, "self-test", id)
}

// Probe is the self-test mail of an address that ProbeAddress made.
func (l Links) Probe(address string) (id int64, ok bool) {
	return l.signedID(probePrefix, "self-test", address)
}

// IsProbe says whether an envelope is that of a self-test mail, which goes to nobody else.
func (l Links) IsProbe(to []string) bool {
	if len(to) != 1 {
		return false
	}
	_, ok := l.Probe(to[0])
	return ok
}

// What a self-test mail says and what must be read of it.
const (
	probeDevice   = "self-test-device"
	probeSeverity = tickets.Informational
)

func probeTitle(id int64) string { return fmt.Sprintf("Self-test %d of the way in", id) }

// ProbeMail is the self-test mail, in the layout of an alert, so that reading it exercises the parser too.
func (l Links) ProbeMail(id int64, now time.Time) []byte {
	address := l.ProbeAddress(id)
	var body strings.Builder
	quoted := quotedprintable.NewWriter(&body)
	fmt.Fprintf(quoted, "<html><body><table><tr><td>Title</td><td>%s</td></tr><tr><td>Severity</td><td>Informational</td></tr>"+
		"<tr><td>Device</td><td>%s</td></tr></table></body></html>\n", probeTitle(id), probeDevice)
	if err := quoted.Close(); err != nil {
		panic(err) // a strings.Builder takes everything
	}
	return fmt.Appendf(nil, strings.ReplaceAll(`From: afterhours <%s>
To: <%s>
Subject: Informational severity alert: %s
Date: %s
Message-ID: <%s>
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

`, "\n", "\r\n")+"%s", address, address, probeTitle(id), now.UTC().Format(time.RFC1123Z), address, body.String())
}

// probeFault says what was read wrongly of a self-test mail; empty where nothing was.
func probeFault(id int64, alert tickets.Alert) string {
	switch {
	case !strings.Contains(alert.Title, probeTitle(id)):
		return fmt.Sprintf("its title was read as %q", alert.Title)
	case alert.Severity != probeSeverity:
		return fmt.Sprintf("its severity was read as %q", alert.Severity)
	case len(alert.Devices) != 1 || alert.Devices[0] != probeDevice:
		return fmt.Sprintf("its devices were read as %q", alert.Devices)
	}
	return ""
}

// ProbeStore is what Probes needs of the on-call store.
type ProbeStore interface {
	// ProbeArrived records that a self-test mail was read, and what was read wrongly.
	ProbeArrived(ctx context.Context, id int64, fault string, now time.Time) error
}

// Probes takes the self-test mails out of what is read: they become no tickets. All other mail goes on to Next.
type Probes struct {
	Store  ProbeStore
	Finish func(ctx context.Context, mail, ticket int64, messageID, subject string) error // marks a mail as no ticket's
	Parse  func(raw []byte) tickets.Alert
	Links  Links
	Next   tickets.ReplyTaker
	Now    func() time.Time
	Log    *slog.Logger
}

// TakeReply implements tickets.ReplyTaker.
func (p *Probes) TakeReply(ctx context.Context, mail tickets.Claimed) (taken bool, err error) {
	if !p.Links.IsProbe(mail.Mail.Envelope.To) {
		return p.Next.TakeReply(ctx, mail)
	}
	address := mail.Mail.Envelope.To[0]
	id, _ := p.Links.Probe(address)
	fault := probeFault(id, p.Parse(mail.Raw))
	if err := p.Store.ProbeArrived(ctx, id, fault, p.Now()); err != nil {
		return false, err
	}
	p.Log.Info("self-test mail came through", "message", mail.Mail.ID, "self_test", id, "fault", fault)
	return true, p.Finish(ctx, mail.Mail.ID, 0, strings.ToLower(address), probeTitle(id))
}
