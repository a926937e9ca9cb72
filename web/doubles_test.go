package web

import (
	"context"
	"fmt"
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

// The doubles answer with their function fields; a call without one fails the test. The fields that read are filled by
// newDesk with the sample.
type ticketsDouble struct {
	t           *testing.T
	list        func(tickets.Filter) (tickets.List, error)
	counts      func() (tickets.Counts, error)
	get         func(int64) (tickets.Ticket, error)
	timeline    func(int64) ([]tickets.Event, error)
	mails       func(int64) ([]tickets.Mail, error)
	raw         func(int64) ([]byte, error)
	acknowledge func(number int64, actor string) (tickets.Ticket, error)
	resolve     func(number int64, actor, classification string) (tickets.Ticket, error)
	hold        func(number int64, actor, reason string) (tickets.Ticket, error)
	release     func(number int64, actor string) (tickets.Ticket, error)
	takeOver    func(number int64, actor string) (tickets.Ticket, error)
	undo        func(number int64, actor string) (tickets.Ticket, error)
	reopen      func(number int64, actor string) (tickets.Ticket, error)
	addNote     func(number int64, actor, text string) (tickets.Ticket, error)
	assign      func(number int64, actor, person string) (tickets.Ticket, error)
	reparse     func(number int64, actor string) (tickets.Reread, error)

	mail         func(int64) (tickets.Mail, error)
	startReparse func(what string) error
	run          *tickets.Run
	shares       []tickets.Share
	unrecognised []tickets.Mail
	twice        []tickets.Twice
	related      []tickets.Ticket
	stored       []tickets.Stored
	insights     tickets.Insights

	insightsCount   string // names the count of which the figures are
	insightsCounted *time.Time
	insightsRead    func() // before each reading; may be nil
}

func (d *ticketsDouble) unexpected(call string) {
	d.t.Helper()
	d.t.Errorf("unexpected call of %s", call)
}

func (d *ticketsDouble) List(_ context.Context, filter tickets.Filter) (tickets.List, error) {
	return d.list(filter)
}

func (d *ticketsDouble) CountUpTo(_ context.Context, filter tickets.Filter, most int) (int, error) {
	filter.Limit = most
	list, err := d.list(filter)
	return len(list.Tickets), err
}
func (d *ticketsDouble) LastEvent(context.Context) (int64, error)       { return 7, nil }
func (d *ticketsDouble) Counts(context.Context) (tickets.Counts, error) { return d.counts() }
func (d *ticketsDouble) Get(_ context.Context, number int64) (tickets.Ticket, error) {
	return d.get(number)
}

func (d *ticketsDouble) Timeline(_ context.Context, number int64) ([]tickets.Event, error) {
	return d.timeline(number)
}

func (d *ticketsDouble) Related(context.Context, tickets.Ticket, time.Time, int) ([]tickets.Ticket, error) {
	return d.related, nil
}

func (d *ticketsDouble) InsightsCounted(context.Context) (string, *time.Time, error) {
	return d.insightsCount, d.insightsCounted, nil
}

func (d *ticketsDouble) Insights(context.Context, time.Time, time.Time) (tickets.Insights, error) {
	if d.insightsRead != nil {
		d.insightsRead()
	}
	return d.insights, nil
}

func (d *ticketsDouble) Mails(_ context.Context, number int64) ([]tickets.Mail, error) {
	return d.mails(number)
}

func (d *ticketsDouble) Mail(_ context.Context, id int64) (tickets.Mail, error) {
	if d.mail == nil {
		return tickets.Mail{}, tickets.ErrNotFound
	}
	return d.mail(id)
}
func (d *ticketsDouble) Raw(_ context.Context, id int64) ([]byte, error) { return d.raw(id) }

func (d *ticketsDouble) Acknowledge(_ context.Context, number int64, actor string) (tickets.Ticket, error) {
	if d.acknowledge == nil {
		d.unexpected("Acknowledge")
		return tickets.Ticket{}, nil
	}
	return d.acknowledge(number, actor)
}

func (d *ticketsDouble) Hold(_ context.Context, number int64, actor, reason string) (tickets.Ticket, error) {
	if d.hold == nil {
		d.unexpected("Hold")
		return tickets.Ticket{}, nil
	}
	return d.hold(number, actor, reason)
}

func (d *ticketsDouble) Release(_ context.Context, number int64, actor string) (tickets.Ticket, error) {
	if d.release == nil {
		d.unexpected("Release")
		return tickets.Ticket{}, nil
	}
	return d.release(number, actor)
}

func (d *ticketsDouble) TakeOver(_ context.Context, number int64, actor string) (tickets.Ticket, error) {
	if d.takeOver == nil {
		d.unexpected("TakeOver")
		return tickets.Ticket{}, nil
	}
	return d.takeOver(number, actor)
}

func (d *ticketsDouble) UndoAcknowledge(_ context.Context, number int64, actor string) (tickets.Ticket, error) {
	if d.undo == nil {
		d.unexpected("UndoAcknowledge")
		return tickets.Ticket{}, nil
	}
	return d.undo(number, actor)
}

func (d *ticketsDouble) Resolve(_ context.Context, number int64, actor, classification string) (tickets.Ticket, error) {
	if d.resolve == nil {
		d.unexpected("Resolve")
		return tickets.Ticket{}, nil
	}
	return d.resolve(number, actor, classification)
}

func (d *ticketsDouble) Reopen(_ context.Context, number int64, actor string) (tickets.Ticket, error) {
	if d.reopen == nil {
		d.unexpected("Reopen")
		return tickets.Ticket{}, nil
	}
	return d.reopen(number, actor)
}

func (d *ticketsDouble) Note(_ context.Context, number int64, actor, text string) (tickets.Ticket, error) {
	if d.addNote == nil {
		d.unexpected("Note")
		return tickets.Ticket{}, nil
	}
	return d.addNote(number, actor, text)
}

func (d *ticketsDouble) Assign(_ context.Context, number int64, actor, person string) (tickets.Ticket, error) {
	if d.assign == nil {
		d.unexpected("Assign")
		return tickets.Ticket{}, nil
	}
	return d.assign(number, actor, person)
}

func (d *ticketsDouble) ReparseTicket(_ context.Context, number int64, actor string, _ func([]byte) tickets.Alert, _ bool) (tickets.Reread, error) {
	if d.reparse == nil {
		d.unexpected("ReparseTicket")
		return tickets.Reread{}, nil
	}
	return d.reparse(number, actor)
}

func (d *ticketsDouble) StartReparse(_ context.Context, scope, runner, actor string, _ bool) (tickets.Run, error) {
	if d.startReparse == nil {
		d.unexpected("StartReparse")
		return tickets.Run{}, nil
	}
	return tickets.Run{}, d.startReparse(scope + " " + runner + " " + actor)
}

func (d *ticketsDouble) DeskRun(context.Context) (tickets.Run, error) {
	if d.run == nil {
		return tickets.Run{}, tickets.ErrNotFound
	}
	return *d.run, nil
}

func (d *ticketsDouble) ReadingShares(context.Context, time.Time) ([]tickets.Share, error) {
	return d.shares, nil
}

func (d *ticketsDouble) ReadTwice(context.Context) ([]tickets.Twice, error) { return d.twice, nil }

func (d *ticketsDouble) Unrecognised(context.Context, int) ([]tickets.Mail, error) {
	return d.unrecognised, nil
}

func (d *ticketsDouble) RawOf(context.Context, string) ([]tickets.Stored, error) {
	return d.stored, nil
}

type onCallDouble struct {
	*shiftsDouble
	deliveries    []oncall.Page
	loads         map[string]oncall.LoadFacts
	pageInsights  oncall.PageInsights
	verifications map[string]map[string]oncall.Verification
	changed       func(what string) error // every change of a webhook's state
	apply         func(actor, action string, change func(oncall.Configuration) (oncall.Configuration, error)) error
	audit         func(limit int, before int64) ([]oncall.Change, error)
	entries       map[int64]oncall.Change // of the audit log
	kept          map[int64]oncall.Kept
	since         []oncall.Change
	t             *testing.T
	configuration func() (oncall.Configuration, error)
	pages         func(int64) ([]oncall.Page, error)
	outgoing      func(limit int, before int64) ([]oncall.Page, error)
	letter        func(int64) (oncall.Letter, error)
	outlook       func(int64) (oncall.Outlook, error)
	held          func() (int, error)
	invitation    func(string) (oncall.Invitation, error)
	escalate      func(ticket int64, actor string) error
	snooze        func(ticket int64, actor string, until time.Time) error
}

func (d *onCallDouble) Deliveries(context.Context, string, int, int64) ([]oncall.Page, error) {
	return d.deliveries, nil
}

func (d *onCallDouble) Redeliver(_ context.Context, webhook string, page int64) error {
	return d.change(fmt.Sprint("redeliver ", webhook, " ", page))
}

func (d *onCallDouble) PagesCounted(context.Context) (string, error) { return "1", nil }

func (d *onCallDouble) PageInsights(context.Context, time.Time, time.Time, *time.Location) (oncall.PageInsights, error) {
	return d.pageInsights, nil
}

func (d *onCallDouble) Loads(context.Context, string, time.Time) (map[string]oncall.LoadFacts, error) {
	return d.loads, nil
}

func (d *onCallDouble) PagesTo(context.Context, string, int, int64) ([]oncall.Page, error) {
	return d.deliveries, nil
}

func (d *onCallDouble) Verifications(context.Context) (map[string]map[string]oncall.Verification, error) {
	return d.verifications, nil
}

func (d *onCallDouble) TestContact(_ context.Context, person, contact string) error {
	return d.change("test " + person + " " + contact)
}

func (d *onCallDouble) SendCode(_ context.Context, person, contact string) error {
	return d.change("code " + person + " " + contact)
}

func (d *onCallDouble) VerifyContact(_ context.Context, person, contact, code string) error {
	return d.change("verify " + person + " " + contact + " " + code)
}

func (d *onCallDouble) EnableWebhook(_ context.Context, actor, webhook string) error {
	return d.change("enable " + webhook + " " + actor)
}

func (d *onCallDouble) change(what string) error {
	if d.changed == nil {
		d.t.Errorf("unexpected change: %s", what)
		return nil
	}
	return d.changed(what)
}

func (d *onCallDouble) Apply(_ context.Context, actor, action string, change func(oncall.Configuration) (oncall.Configuration, error)) error {
	if d.apply == nil {
		d.t.Errorf("unexpected call of Apply")
		return nil
	}
	return d.apply(actor, action, change)
}

func (d *onCallDouble) Configuration(context.Context) (oncall.Configuration, error) {
	return d.configuration()
}

func (d *onCallDouble) Pages(_ context.Context, ticket int64) ([]oncall.Page, error) {
	return d.pages(ticket)
}

func (d *onCallDouble) Outgoing(_ context.Context, limit int, before int64) ([]oncall.Page, error) {
	return d.outgoing(limit, before)
}

func (d *onCallDouble) Letter(_ context.Context, page int64) (oncall.Letter, error) {
	return d.letter(page)
}

func (d *onCallDouble) Outlook(_ context.Context, ticket int64) (oncall.Outlook, error) {
	return d.outlook(ticket)
}

func (d *onCallDouble) Outlooks(_ context.Context, numbers []int64) (map[int64]oncall.Outlook, error) {
	found := map[int64]oncall.Outlook{}
	for _, number := range numbers {
		outlook, err := d.outlook(number)
		if err != nil {
			return nil, err
		}
		found[number] = outlook
	}
	return found, nil
}
func (d *onCallDouble) HeldPages(context.Context) (int, error) { return d.held() }

func (d *onCallDouble) Invitation(_ context.Context, token string) (oncall.Invitation, error) {
	return d.invitation(token)
}

func (d *onCallDouble) Escalate(_ context.Context, ticket int64, actor string) error {
	if d.escalate == nil {
		d.t.Errorf("unexpected call of Escalate")
		return nil
	}
	return d.escalate(ticket, actor)
}

func (d *onCallDouble) Snooze(_ context.Context, ticket int64, actor string, until time.Time) error {
	if d.snooze == nil {
		d.t.Errorf("unexpected call of Snooze")
		return nil
	}
	return d.snooze(ticket, actor, until)
}

func (d *onCallDouble) Change(_ context.Context, entry int64) (oncall.Change, error) {
	change, ok := d.entries[entry]
	if !ok {
		return change, tickets.ErrNotFound
	}
	return change, nil
}

func (d *onCallDouble) ChangedSince(context.Context, int64, int) ([]oncall.Change, error) {
	return d.since, nil
}

func (d *onCallDouble) Kept(_ context.Context, entry int64) (oncall.Kept, error) {
	kept, ok := d.kept[entry]
	if !ok {
		return kept, oncall.ErrNotKept
	}
	return kept, nil
}

func (d *onCallDouble) Undo(ctx context.Context, actor string, entry int64, decide func(oncall.Configuration, oncall.Kept) (oncall.Undoing, error)) (int64, error) {
	kept, err := d.Kept(ctx, entry)
	if err != nil {
		return 0, err
	}
	return entry + 1, d.Apply(ctx, actor, fmt.Sprint("undid ", entry), func(current oncall.Configuration) (oncall.Configuration, error) {
		undoing, err := decide(current, kept)
		return undoing.Wanted, err
	})
}

func (d *onCallDouble) AuditLog(_ context.Context, limit int, before int64) ([]oncall.Change, error) {
	if d.audit == nil {
		return nil, nil
	}
	return d.audit(limit, before)
}
