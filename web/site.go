// Package web is what people see: the night page behind an acknowledge link, and the desk with tickets, who is on call
// and outgoing mail. It also serves the API of web/api, health checks, metrics and its own style sheets.
//
// It promises that every page works without JavaScript, that a GET or HEAD changes nothing, that a POST from another
// site is refused, and that tokens in paths never reach the log, which names routes instead. Handlers return an error;
// fail turns it into a page. Every page has one typed struct, and its template is checked against it.
//
// It refuses to hold state: what it shows it reads for each request from the two interfaces below and from web/auth.
package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/microcosm-cc/bluemonday"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/tickets/playbook"
	"afterhours/web/auth"
)

// Tickets is what the pages need of the tickets' store. What is not there is tickets.ErrNotFound, what the state forbids
// a tickets.ConflictError.
type Tickets interface {
	List(ctx context.Context, filter tickets.Filter) (tickets.List, error)
	Counts(ctx context.Context) (tickets.Counts, error)
	CountUpTo(ctx context.Context, filter tickets.Filter, most int) (int, error)
	LastEvent(ctx context.Context) (int64, error) // one more with everything that happens to any ticket
	Get(ctx context.Context, number int64) (tickets.Ticket, error)
	Timeline(ctx context.Context, number int64) ([]tickets.Event, error)                                      // oldest first
	Related(ctx context.Context, ticket tickets.Ticket, since time.Time, limit int) ([]tickets.Ticket, error) // newest first
	Mails(ctx context.Context, number int64) ([]tickets.Mail, error)
	Mail(ctx context.Context, id int64) (tickets.Mail, error)
	Raw(ctx context.Context, id int64) ([]byte, error)
	Acknowledge(ctx context.Context, number int64, actor string) (tickets.Ticket, error)
	TakeOver(ctx context.Context, number int64, actor string) (tickets.Ticket, error)
	UndoAcknowledge(ctx context.Context, number int64, actor string) (tickets.Ticket, error)
	Resolve(ctx context.Context, number int64, actor, classification string) (tickets.Ticket, error) // classification "" leaves it
	Reopen(ctx context.Context, number int64, actor string) (tickets.Ticket, error)
	Note(ctx context.Context, number int64, actor, text string) (tickets.Ticket, error)
	Assign(ctx context.Context, number int64, actor, person string) (tickets.Ticket, error) // person "" is nobody
	// Hold keeps a ticket beyond every retention until it is released.
	Hold(ctx context.Context, number int64, actor, reason string) (tickets.Ticket, error)
	Release(ctx context.Context, number int64, actor string) (tickets.Ticket, error)
	// ReparseTicket reads a ticket's mails again; with dryRun nothing is kept of it.
	ReparseTicket(ctx context.Context, number int64, actor string, parse func(raw []byte) tickets.Alert, dryRun bool) (tickets.Reread, error)
	// StartReparse begins reading the mails of a scope again; DeskRun is tickets.ErrNotFound where none is under way.
	StartReparse(ctx context.Context, scope, runner, actor string, again bool) (tickets.Run, error)
	DeskRun(ctx context.Context) (tickets.Run, error)
	ReadingShares(ctx context.Context, since time.Time) ([]tickets.Share, error) // by weeks
	ReadTwice(ctx context.Context) ([]tickets.Twice, error)                      // by mail and by the API
	Unrecognised(ctx context.Context, limit int) ([]tickets.Mail, error)         // newest first
	RawOf(ctx context.Context, sender string) ([]tickets.Stored, error)          // newest first
	Insights(ctx context.Context, from, to time.Time) (tickets.Insights, error)  // of the days from one up to another
	// InsightsCounted is when the figures of the present day were counted last, and a name of that count.
	InsightsCounted(ctx context.Context) (count string, at *time.Time, err error)
}

// OnCall is what the pages need of the on-call store.
type OnCall interface {
	Configuration(ctx context.Context) (oncall.Configuration, error)
	Pages(ctx context.Context, ticket int64) ([]oncall.Page, error) // ticket 0: the newest of all
	// Outgoing returns mail pages, newest first, below the id before; 0 begins at the newest.
	Outgoing(ctx context.Context, limit int, before int64) ([]oncall.Page, error)
	Letter(ctx context.Context, page int64) (oncall.Letter, error)
	Outlook(ctx context.Context, ticket int64) (oncall.Outlook, error)
	Outlooks(ctx context.Context, numbers []int64) (map[int64]oncall.Outlook, error)
	HeldPages(ctx context.Context) (int, error)
	// Deliveries returns what a webhook of the team was sent, newest first, below the id before; 0 begins at the newest.
	Deliveries(ctx context.Context, webhook string, limit int, before int64) ([]oncall.Page, error)
	Redeliver(ctx context.Context, webhook string, page int64) error
	// Loads are the pages and acknowledgements of people since a moment, by person; of all where person is empty.
	Loads(ctx context.Context, person string, since time.Time) (map[string]oncall.LoadFacts, error)
	PagesCounted(ctx context.Context) (count string, err error) // the same for how people were told
	// PageInsights are how people were told between two moments, by the clock of a zone.
	PageInsights(ctx context.Context, from, to time.Time, zone *time.Location) (oncall.PageInsights, error)
	// PagesTo is Deliveries for a person.
	PagesTo(ctx context.Context, person string, limit int, before int64) ([]oncall.Page, error)
	// Verifications says how far contacts have been verified, by person and contact.
	Verifications(ctx context.Context) (map[string]map[string]oncall.Verification, error)
	TestContact(ctx context.Context, person, contact string) error
	SendCode(ctx context.Context, person, contact string) error
	VerifyContact(ctx context.Context, person, contact, code string) error
	EnableWebhook(ctx context.Context, actor, webhook string) error
	// Apply changes the configuration: change gets what is in force and returns what shall be.
	Apply(ctx context.Context, actor, action string, change func(oncall.Configuration) (oncall.Configuration, error)) error
	// AuditLog returns changes, newest first, below the id before; 0 begins at the newest.
	AuditLog(ctx context.Context, limit int, before int64) ([]oncall.Change, error)
	Change(ctx context.Context, entry int64) (oncall.Change, error)
	// ChangedSince returns later changes of what an entry changed, newest first.
	ChangedSince(ctx context.Context, entry int64, limit int) ([]oncall.Change, error)
	// Kept is what it takes to undo an entry; oncall.ErrNotKept where it is not kept.
	Kept(ctx context.Context, entry int64) (oncall.Kept, error)
	// Undo undoes an entry as decide says, and returns the entry that says so.
	Undo(ctx context.Context, actor string, entry int64, decide func(current oncall.Configuration, kept oncall.Kept) (oncall.Undoing, error)) (int64, error)
	// Invitation is tickets.ErrNotFound where the token is unknown, forged or expired.
	Invitation(ctx context.Context, token string) (oncall.Invitation, error)
	Escalate(ctx context.Context, ticket int64, actor string) error
	Snooze(ctx context.Context, ticket int64, actor string, until time.Time) error
	Shifts
}

// Options are the settings of New; all are needed but Standby and Warnings.
type Options struct {
	Tickets       Tickets
	OnCall        OnCall
	Auth          *auth.Auth
	Log           *slog.Logger
	Now           func() time.Time
	PublicURL     string // the base of links in messages
	IntakeAddress string // shown where there is no ticket yet
	// CheckContact says whether an address and a secret suit a channel.
	CheckContact func(channel, to, secret string) error
	// Playbooks are the runs of response actions, Configured the playbooks in force, DryRun what one of them would have
	// done since a moment, Polls how the polls of tenants go, by our ids.
	Playbooks  Playbooks
	Configured func(ctx context.Context) ([]playbook.Playbook, error)
	DryRun     func(ctx context.Context, id string, since time.Time) ([]playbook.Would, error)
	Polls      func(ctx context.Context) (map[string]tickets.TenantStatus, error)
	// Export writes the configuration with sealed credentials; Merge puts a document over one, sealed credentials opened.
	Export func(ctx context.Context) ([]byte, error)
	Merge  func(current oncall.Configuration, document oncall.Document) (oncall.Configuration, error)
	// Unready are sentences about contacts whose channels lack a setting.
	Unready func(oncall.Configuration) []string
	// Parse reads a mail as the intake does.
	Parse func(raw []byte) tickets.Alert
	// HTML is the HTML of a mail as it was sent, and its pictures by Content-ID.
	HTML func(raw []byte) (source string, pictures map[string][]byte)
	// ReadBy reads a mail by one rule alone and says whether it found anything.
	ReadBy func(rule tickets.ReadingRule, raw []byte) (alert tickets.Alert, applied bool)
	Hooks  Hooks
	// SendMail hands a mail to the mail server, or says in a sentence why it did not.
	SendMail func(ctx context.Context, mail Mail) error
	PushKey  string // the public key of browsers' subscriptions
	// Status is how this gateway and the others are; it answers while the database is away, too.
	Status    func(ctx context.Context) Status
	Ready     func(ctx context.Context) error
	ReadySMTP func(ctx context.Context) error
	// ReadyToPage says what between a mail and its page is not well.
	ReadyToPage func(ctx context.Context) error
	Standby     Standby
	Warnings    func() []string // sentences that every page of the desk shows in red
	Metrics     http.Handler
	Version     string
}

// Site is the web; it is safe for concurrent use.
type Site struct {
	Options
	templates   templates
	assets      assets
	crossOrigin *http.CrossOriginProtection
	mailPolicy  *bluemonday.Policy
	live        *live
	insights    *insightMemory
	handler     http.Handler
}

// New builds the site. Its errors are faults of the program itself or of PublicURL.
func New(options Options) (*Site, error) {
	s := &Site{Options: options, crossOrigin: http.NewCrossOriginProtection(), mailPolicy: newMailPolicy(), live: newLive(options.Tickets.LastEvent, options.Auth.StillOpen), insights: newInsightMemory()}
	public, err := url.Parse(options.PublicURL)
	if err != nil || public.Host == "" {
		return nil, fmt.Errorf("public URL %q is not an address like https://oncall.example.com", options.PublicURL)
	}
	// A proxy may have changed the Host that the browser's Origin is compared with.
	if err := s.crossOrigin.AddTrustedOrigin(public.Scheme + "://" + public.Host); err != nil {
		return nil, fmt.Errorf("public URL: %w", err)
	}
	if s.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if s.templates, err = parseTemplates(); err != nil {
		return nil, err
	}
	s.handler, err = s.routes()
	return s, err
}

// Close ends the streams of live pages, which a server would wait for.
func (s *Site) Close() { s.live.close() }

// Handler answers every request to the site.
func (s *Site) Handler() http.Handler { return s.handler }
