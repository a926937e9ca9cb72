package oncalldb_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/migrations/pgtest"
	"afterhours/oncall"
	"afterhours/oncall/oncalldb"
	"afterhours/tickets"
)

// room is a store on a database of its own, with a clock that the test moves. Timelines and enqueued pages are kept.
type room struct {
	*oncalldb.Store
	pool     *pgxpool.Pool
	now      time.Time
	severity tickets.Severity // of the tickets that change writes; empty is High
	timeline []tickets.Entry
	enqueued []int64
	shares   []oncalldb.Share
	holder   string // who has acknowledged the tickets that are read
}

// plainSealer marks what it sealed.
type plainSealer struct{}

func (plainSealer) Seal(plain string) (string, error) { return "sealed:" + plain, nil }

func (plainSealer) Open(sealed string) (string, error) {
	plain, ok := strings.CutPrefix(sealed, "sealed:")
	if !ok {
		return "", errors.New("not sealed")
	}
	return plain, nil
}

const team = `
people:
  - {id: ana, name: Ana, contacts: [{id: hook, channel: webhook, to: "https://a.example/x", secret: hush}, {id: phone, channel: push, to: "https://ntfy.example/t"}],
     notify: [{after: 0s, contact: hook}, {after: 3m, contact: phone}]}
  - {id: ben, name: Ben, email: ben@example.com}
  - {id: nix, name: Nix}
schedules:
  - {id: empty, layers: [{people: [ana], rotation: {every: 1w, start: "2099-01-01T00:00"}}]}
policies:
  - {id: security, repeat: 1, steps: [{notify: ["person:ana"], wait: 5m}, {notify: ["schedule:empty", "person:nix"], wait: 5m}, {notify: ["person:ben"], wait: 10m}]}
`

func open(t testing.TB) *room {
	t.Helper()
	r := &room{pool: pgtest.New(t), now: time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)}
	r.Store = oncalldb.New(oncalldb.Options{
		Pool: r.pool, Now: func() time.Time { return r.now }, Sealer: plainSealer{},
		Links: oncall.Links{Key: []byte("a key of thirty-two octets or more"), BaseURL: "https://pager.example"},
		QueueEvents: func(_ *pgx.Batch, entries []tickets.Entry) error {
			r.timeline = append(r.timeline, entries...)
			return nil
		},
		SetRoutings: func(context.Context, pgx.Tx, []tickets.Routing) error { return nil },
		ReopenUnresolved: func(_ context.Context, _ pgx.Tx, numbers []int64, now time.Time, _ string) (changes []tickets.Change, _ error) {
			for _, number := range numbers {
				ticket := &tickets.Ticket{Number: number, State: tickets.Open, Severity: tickets.High, Policy: "security"}
				changes = append(changes, tickets.Change{Kind: tickets.ChangeReopened, Ticket: ticket, At: now, Owner: "ben"})
			}
			return changes, nil
		},
		GetTicket: func(_ context.Context, number int64) (tickets.Ticket, error) {
			return tickets.Ticket{Number: number, State: tickets.Open, Severity: tickets.High, Title: "Ransomware"}, nil
		},
		QueueTicket: func(batch *pgx.Batch, number string, argument any, ticket *tickets.Ticket) {
			batch.Queue(`SELECT coalesce((`+number+`), 0)`, argument).QueryRow(func(row pgx.Row) error {
				ticket.State, ticket.Severity, ticket.Title = tickets.Open, tickets.High, "Ransomware"
				if r.holder != "" {
					ticket.State, ticket.AcknowledgedBy = tickets.Acknowledged, r.holder
				}
				return row.Scan(&ticket.Number)
			})
		},
		Enqueue: func(_ context.Context, _ pgx.Tx, pages []oncall.Page) error {
			for _, page := range pages {
				r.enqueued = append(r.enqueued, page.ID)
			}
			return nil
		},
		EnqueueShare: func(_ context.Context, _ pgx.Tx, share oncalldb.Share) error {
			r.shares = append(r.shares, share)
			return nil
		},
		Recipient: func(_, address string) string { return address },
	})
	r.apply(t, team)
	return r
}

func (r *room) apply(t testing.TB, yaml string) {
	t.Helper()
	document, err := oncall.ParseFile("team.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	err = r.Apply(t.Context(), tickets.ActorSystem, "configuration applied", func(current oncall.Configuration) (oncall.Configuration, error) {
		return oncall.Merge(current, func(_, _, _ string) error { return nil }, document)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// change writes a ticket if need be and tells the store what became of it.
func (r *room) change(t *testing.T, number int64, kind tickets.ChangeKind) {
	t.Helper()
	ticket := &tickets.Ticket{Number: number, State: tickets.Open, Severity: tickets.High, Title: "Ransomware"}
	if r.severity != "" {
		ticket.Severity = r.severity
	}
	err := pgx.BeginFunc(t.Context(), r.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `
			INSERT INTO tickets (number, severity, kind, product, title, source, created_at, updated_at)
			OVERRIDING SYSTEM VALUE VALUES ($1, 'high', 'alert', 'endpoint', 'Ransomware', 'email', $2, $2) ON CONFLICT DO NOTHING`, number, r.now)
		if err != nil {
			return err
		}
		ticket.Policy = "security"
		return r.Changed(t.Context(), tx, []tickets.Change{{Kind: kind, Ticket: ticket, At: r.now, Actor: "ana"}})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (r *room) tick(t testing.TB, later time.Duration) {
	t.Helper()
	r.now = r.now.Add(later)
	if err := (&oncall.Escalator{Store: r.Store}).Tick(t.Context(), r.now); err != nil {
		t.Fatal(err)
	}
}

// states are the pages of a ticket in short.
func (r *room) states(t *testing.T, ticket int64) []string {
	t.Helper()
	pages, err := r.Pages(t.Context(), ticket)
	if err != nil {
		t.Fatal(err)
	}
	short := []string{}
	for _, page := range pages {
		short = append(short, fmt.Sprintf("%d.%d %s %s %s", page.Round, page.Step, page.Person, page.Contact, page.State))
	}
	return short
}

// finish claims a page and records an outcome.
func (r *room) finish(t *testing.T, page int64, outcome oncall.Outcome) {
	t.Helper()
	dispatch, ok, err := r.ClaimPage(t.Context(), page)
	if err != nil || !ok {
		t.Fatalf("claim page %d: %v, %v", page, ok, err)
	}
	if err := r.FinishAttempt(t.Context(), dispatch, outcome); err != nil {
		t.Fatal(err)
	}
	r.share(t)
}

// share lets the pages of summaries that ended share their outcomes.
func (r *room) share(t testing.TB) {
	t.Helper()
	for len(r.shares) > 0 {
		r.shareOnce(t)
	}
}

// shareOnce takes the next of the shares that were enqueued.
func (r *room) shareOnce(t testing.TB) {
	t.Helper()
	next := r.shares[0]
	r.shares = r.shares[1:]
	if err := r.ShareOutcome(t.Context(), next); err != nil {
		t.Fatal(err)
	}
}

func wantEqual(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func TestAPolicyRunsStepByStepAndSkipsEmptyOnes(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.change(t, 1, tickets.ChangeCreated)
	wantEqual(t, "at once", r.states(t, 1), []string{"1.1 ana hook queued", "1.1 ana phone queued"})
	if !slices.Equal(r.enqueued, []int64{1}) {
		t.Errorf("enqueued: got %v, want the page that is due", r.enqueued)
	}
	r.finish(t, 1, oncall.Outcome{State: oncall.PageSent})
	r.tick(t, 3*time.Minute)
	if !slices.Equal(r.enqueued, []int64{1, 2}) {
		t.Errorf("after the second rule's delay: got %v", r.enqueued)
	}
	r.finish(t, 2, oncall.Outcome{State: oncall.PageSent})
	r.tick(t, 2*time.Minute-time.Second)
	if got := len(r.states(t, 1)); got != 3 {
		t.Errorf("a second before the wait's end: got %d pages, want 3 with the repeated push", got)
	}
	r.tick(t, time.Second)
	wantEqual(t, "after the wait", r.states(t, 1)[3:], []string{"1.3 ben email queued"})
	outlook, err := r.Outlook(t.Context(), 1)
	if err != nil || outlook.Round != 2 || outlook.Step != 1 || !slices.Equal(outlook.Next, []string{"Ana"}) || !outlook.DueAt.Equal(r.now.Add(10*time.Minute)) {
		t.Errorf("outlook: got %+v, %v", outlook, err)
	}
	r.tick(t, 10*time.Minute) // round 2
	r.tick(t, 5*time.Minute)
	r.tick(t, 10*time.Minute)
	if outlook, _ := r.Outlook(t.Context(), 1); outlook.State != "exhausted" || !strings.Contains(outlook.Reason, "nobody acknowledged") {
		t.Errorf("at the end: got %+v", outlook)
	}
	before := len(r.states(t, 1))
	r.tick(t, 24*time.Hour)
	if after := len(r.states(t, 1)); after != before {
		t.Errorf("after the end: got %d new pages", after-before)
	}
}

func TestHolesAreNamedBeforehand(t *testing.T) {
	t.Parallel()
	r := open(t)
	configuration, err := r.Configuration(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "holes", configuration.Holes(r.now), []string{
		"Step 2 of the policy security reaches nobody now: schedule:empty: nobody is on call; person:nix: Nix has no contact.",
	})
	if got := (oncall.Configuration{}).Holes(r.now); len(got) != 1 || !strings.Contains(got[0], "there is no policy") {
		t.Errorf("without a policy: got %q", got)
	}
}

func TestAnAcknowledgementStopsEverything(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.change(t, 1, tickets.ChangeCreated)
	r.finish(t, 1, oncall.Outcome{State: oncall.PageSent})
	r.change(t, 1, tickets.ChangeAcknowledged)
	wantEqual(t, "pages", r.states(t, 1), []string{"1.1 ana hook sent", "1.1 ana phone cancelled"})
	if _, ok, err := r.ClaimPage(t.Context(), 2); ok || err != nil {
		t.Errorf("claim of a cancelled page: got %v, %v", ok, err)
	}
	r.tick(t, time.Hour)
	if got := len(r.states(t, 1)); got != 2 {
		t.Errorf("an hour later: got %d pages, want 2", got)
	}
	if err := r.Escalate(t.Context(), 1, "ana"); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("escalate: got %v, want a conflict", err)
	}
}

func TestWhoeverIsToldWhileSomebodyTakesTheTicketLearnsWhoHasIt(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, `policies: [{id: security, steps: [{notify: ["person:ben"], wait: 5m}]}]`)
	for ticket, holder := range map[int64]string{1: "ana", 2: "ben"} {
		r.holder = ""
		r.change(t, ticket, tickets.ChangeCreated)
		dispatch, ok, err := r.ClaimPage(t.Context(), r.enqueued[len(r.enqueued)-1])
		if err != nil || !ok {
			t.Fatalf("claim: %v, %v", ok, err)
		}
		r.change(t, ticket, tickets.ChangeAcknowledged)
		r.holder = holder
		if err := r.FinishAttempt(t.Context(), dispatch, oncall.Outcome{State: oncall.PageSent}); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.count(t, `SELECT count(*) FROM pages WHERE type = 'page.taken' AND person = 'ben' AND ticket = 1`); got != 1 {
		t.Errorf("Ben was told %d times that Ana has it, want once", got)
	}
	if got := r.count(t, `SELECT count(*) FROM pages WHERE type = 'page.taken' AND ticket = 2`); got != 0 {
		t.Errorf("Ben was told %d times that he has it himself", got)
	}
}

func TestAnAcknowledgementThatExpiresAsksItsOwnerFirst(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, `policies: [{id: security, ack_expires: 2h, steps: [{notify: ["person:ana"], wait: 5m}]}]`)
	r.change(t, 1, tickets.ChangeCreated)
	r.change(t, 1, tickets.ChangeAcknowledged)
	r.tick(t, 2*time.Hour-time.Second)
	if got := len(r.states(t, 1)); got != 2 {
		t.Errorf("a second before its end: got %d pages, want 2", got)
	}
	r.tick(t, time.Second)
	wantEqual(t, "at its end", r.states(t, 1)[2:], []string{"1.0 ben email queued"})
	r.tick(t, 5*time.Minute)
	wantEqual(t, "after the owner", r.states(t, 1)[3:], []string{"1.1 ana hook queued", "1.1 ana phone queued"})
}

func TestAStepThatReachesNobodyFallsThrough(t *testing.T) {
	t.Parallel()
	for _, state := range []oncall.PageState{oncall.PageFailed, oncall.PageHeld} {
		r := open(t)
		r.apply(t, `policies: [{id: security, repeat: 0, steps: [{notify: ["person:ben"], wait: 5m}, {notify: ["person:ana"], wait: 5m}]}]`)
		r.change(t, 1, tickets.ChangeCreated)
		r.finish(t, 1, oncall.Outcome{State: state, Reason: "no"})
		r.tick(t, time.Second)
		wantEqual(t, string(state), r.states(t, 1)[1:], []string{"1.2 ana hook queued", "1.2 ana phone queued"})
	}
}

func TestAStepFallsThroughOnlyWhenAllOfItFailed(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.change(t, 1, tickets.ChangeCreated)
	r.finish(t, 1, oncall.Outcome{State: oncall.PageFailed, Reason: "410"})
	r.tick(t, time.Second)
	if got := r.states(t, 1); len(got) != 2 {
		t.Errorf("the second rule still stands: got %q", got)
	}
}

func TestAPageOfADeadSenderIsReleasedAfterItsLease(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.change(t, 1, tickets.ChangeCreated)
	if _, ok, err := r.ClaimPage(t.Context(), 1); !ok || err != nil {
		t.Fatalf("claim: %v, %v", ok, err)
	}
	if _, ok, _ := r.ClaimPage(t.Context(), 1); ok {
		t.Error("a second claim beside the first: got the page")
	}
	r.tick(t, oncall.ClaimLease-time.Second)
	if len(r.enqueued) != 1 {
		t.Errorf("before the lease's end: got %v", r.enqueued)
	}
	r.tick(t, time.Second)
	if !slices.Equal(r.enqueued, []int64{1, 1}) {
		t.Errorf("after the lease's end: got %v, want it released", r.enqueued)
	}
	if _, ok, err := r.ClaimPage(t.Context(), 1); !ok || err != nil {
		t.Errorf("claim by another: %v, %v", ok, err)
	}
}

func TestAPageWhoseJobStillWaitsGetsNoSecondOne(t *testing.T) {
	t.Parallel()
	r := open(t)
	enqueued := r.now
	r.change(t, 1, tickets.ChangeCreated)
	job := func(state string, at time.Time) {
		t.Helper()
		_, err := r.pool.Exec(t.Context(), `INSERT INTO river_job (state, queue, kind, args, priority, scheduled_at, max_attempts) VALUES ($1, 'page_webhook', 'page', '{}', 1, $2, 3)`, state, at)
		if err != nil {
			t.Fatal(err)
		}
	}
	job("available", enqueued)
	r.tick(t, oncall.ClaimLease)
	if len(r.enqueued) != 1 {
		t.Errorf("its job waits: got %v", r.enqueued)
	}
	if _, err := r.pool.Exec(t.Context(), `UPDATE river_job SET state = 'running', attempted_at = now(), attempt = 1`); err != nil {
		t.Fatal(err)
	}
	job("available", enqueued.Add(oncall.ClaimLease)) // of another page
	r.tick(t, time.Second)
	if !slices.Equal(r.enqueued, []int64{1, 1}) {
		t.Errorf("its job was taken and nobody claimed the page: got %v, want it released", r.enqueued)
	}
}

func TestAFailedAttemptIsTriedAgainAtItsMoment(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.change(t, 1, tickets.ChangeCreated)
	r.finish(t, 1, oncall.Outcome{State: oncall.PageQueued, RetryAt: r.now.Add(4 * time.Second), Reason: "503"})
	r.tick(t, 3*time.Second)
	r.tick(t, time.Second)
	if !slices.Equal(r.enqueued, []int64{1, 1}) {
		t.Errorf("enqueued: got %v, want it once more after 4 s", r.enqueued)
	}
}

func TestASnoozeIsSilentAndThenBeginsAgain(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.change(t, 1, tickets.ChangeCreated)
	if err := r.Snooze(t.Context(), 1, "ana", r.now.Add(30*time.Minute)); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "at once", r.states(t, 1), []string{"1.1 ana hook cancelled", "1.1 ana phone cancelled"})
	r.tick(t, 29*time.Minute)
	if got := len(r.states(t, 1)); got != 2 {
		t.Errorf("before its end: got %d pages", got)
	}
	r.tick(t, time.Minute)
	wantEqual(t, "at its end", r.states(t, 1)[2:], []string{"1.1 ana hook queued", "1.1 ana phone queued"})
	if err := r.Snooze(t.Context(), 1, "ana", r.now.Add(25*time.Hour)); !errors.Is(err, tickets.ErrInvalid) {
		t.Errorf("a snooze of 25 hours: got %v, want invalid", err)
	}
}

func TestLinksBelongToTheirPageAndEnd(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.change(t, 1, tickets.ChangeCreated)
	dispatch, _, err := r.ClaimPage(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	message, err := oncall.Compose(dispatch, r.Links)
	if err != nil {
		t.Fatal(err)
	}
	token := strings.TrimPrefix(message.Link, "https://pager.example/ack/")
	invitation, err := r.Invitation(t.Context(), token)
	if err != nil || invitation.Person != "ana" || invitation.Ticket != 1 || invitation.Name != "Ana" {
		t.Errorf("invitation: got %+v, %v", invitation, err)
	}
	bits := 0
	if octets, err := base64.RawURLEncoding.DecodeString(token); err == nil {
		bits = 8 * len(octets)
	}
	stored := r.count(t, fmt.Sprintf(`SELECT count(*) FROM pages p WHERE p::text LIKE '%%%s%%'`, token))
	t.Logf("a link's token has %d bits, is good for %s, and stands in %d rows itself", bits, oncall.LinkLifetime, stored)
	if bits < 128 || stored != 0 || oncall.LinkLifetime != 7*24*time.Hour {
		t.Error("want 128 bits or more, seven days, and its hash alone")
	}
	if _, err := r.Invitation(t.Context(), token+"x"); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("a forged token: got %v", err)
	}
	r.now = r.now.Add(oncall.LinkLifetime)
	if _, err := r.Invitation(t.Context(), token); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("an expired token: got %v", err)
	}
	if dispatch.Contact.Address != "https://a.example/x" || dispatch.Contact.Secret != "hush" {
		t.Errorf("contact: got %+v", dispatch.Contact)
	}
}

func TestSecretsAreStoredSealed(t *testing.T) {
	t.Parallel()
	r := open(t)
	var stored string
	if err := r.pool.QueryRow(t.Context(), `SELECT definition::text FROM people WHERE id = 'ana'`).Scan(&stored); err != nil || !strings.Contains(stored, `"sealed:hush"`) {
		t.Errorf("stored: got %s, %v", stored, err)
	}
	configuration, err := r.Configuration(t.Context())
	if err != nil || configuration.People[0].Contacts[0].Secret != "hush" {
		t.Errorf("read back: got %+v, %v", configuration.People, err)
	}
}

func TestTheAuditLogSaysWhatChangedWithoutCredentials(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, team) // the same again leaves no trace
	r.apply(t, strings.Replace(team, "name: Ben", "name: Benedict", 1))
	changes, err := r.AuditLog(t.Context(), 10, 0)
	if err != nil || len(changes) != 2 {
		t.Fatalf("changes: got %+v, %v, want two", changes, err)
	}
	if !strings.Contains(changes[0].Difference, "+    name: Benedict") || strings.Contains(changes[0].Difference+changes[1].Difference, "hush") {
		t.Errorf("differences: got\n%s\n%s", changes[0].Difference, changes[1].Difference)
	}
}

func TestAPersonWhoLeftKeepsTheirName(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.change(t, 1, tickets.ChangeCreated)
	r.apply(t, "people: [{id: ben, name: Ben}]\nschedules: []\npolicies: [{id: security, steps: [{notify: [\"person:ben\"], wait: 5m}]}]")
	configuration, err := r.Configuration(t.Context())
	if err != nil || len(configuration.People) != 1 {
		t.Errorf("people: got %+v, %v", configuration.People, err)
	}
	if got := r.states(t, 1); len(got) != 2 {
		t.Errorf("pages of the one who left: got %q", got)
	}
}
