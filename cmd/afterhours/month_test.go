package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/migrations/pgtest"
	"afterhours/oncall"
	"afterhours/oncall/notify"
	"afterhours/oncall/oncalldb"
	"afterhours/tickets"
	"afterhours/tickets/ticketdb"
)

// The full form of the simulated month is go test ./cmd/afterhours -run SimulatedMonth -month.tickets 5000 -timeout 60m.
var (
	monthTickets  = flag.Int("month.tickets", 120, "tickets of the simulated month")
	monthFailures = flag.Float64("month.failures", 0.3, "part of the sends that fail")
	monthRestarts = flag.Int("month.restarts", 30, "restarts in the simulated month")
	monthSeed     = flag.Uint64("month.seed", 1, "seed of the simulated month")
	figureSteps   = flag.Int("month.steps", 400, "steps that are due at once for two replicas")
)

// monthTeam has people who acknowledge and who do not, one whom nothing reaches, one with quiet hours, a step of business
// hours and a last resort.
const monthTeam = `
people:
  - {id: ana, name: Ana, contacts: [{id: phone, channel: push, to: ana}, {id: mail, channel: email, to: ana@x.example}], notify: [{contact: phone}, {after: 2m, contact: mail}]}
  - {id: ben, name: Ben, contacts: [{id: mail, channel: email, to: ben@x.example}], quiet: [{from: "22:00", to: "06:00"}]}
  - {id: nil, name: Nil, contacts: [{id: mail, channel: email, to: unreachable@x.example}, {id: hook, channel: webhook, to: unreachable}]}
  - {id: dan, name: Dan, contacts: [{id: hook, channel: webhook, to: dan}]}
  - {id: eva, name: Eva, contacts: [{id: mail, channel: email, to: eva@x.example}]}
schedules:
  - {id: primary, layers: [{people: [ana, nil, ben], rotation: {every: 1d, start: "2026-01-01T08:00"}}]}
policies:
  - {id: security, repeat: 1, last_resort: ["person:eva"], last_resort_every: 30m, ack_expires: 2h, bundle: {after: 0},
     steps: [{notify: ["person:dan"], wait: 4m, hours: [{days: [mon, tue, wed, thu, fri], from: "09:00", to: "17:00"}]},
             {notify: ["schedule:primary"], wait: {high: 3m, other: 8m}}, {notify: ["person:ben", "person:nil"], wait: 10m}, {notify: ["person:nil"], wait: 10m}]}
`

// willing says how likely a person acknowledges a page that arrived.
var willing = map[string]float64{"ana": 0.5, "ben": 0.3, "dan": 0, "eva": 0.9}

// month is a team, its gateways and their providers under a clock that the test moves.
type month struct {
	t        *testing.T
	random   *rand.Rand
	pool     *pgxpool.Pool
	replicas []*replica
	deeds    []deed // to come, in order

	restarts int // that are still to come

	mutex    sync.Mutex
	now      time.Time
	accepted map[string]int // by message id
	failures float64
	killed   int              // sends that were in flight at a kill
	doubtful map[string]int   // of them, by message id
	shares   []oncalldb.Share // of summaries whose pages do not know their outcome yet
	orphaned map[int64]int    // by page: how often its job died with its replica before anybody had claimed it
	arrived  []oncall.Page
}

// monthVacuum is after how many moments what autovacuum does in production is done here first, where it is off; later after a
// fifth more than there were, as autovacuum does.
const monthVacuum = 500

func (m *month) vacuum() {
	m.t.Helper()
	if _, err := m.pool.Exec(m.t.Context(), `VACUUM ANALYZE pages, escalations, tickets, ticket_keys, ticket_events, mails`); err != nil {
		m.t.Fatal(err)
	}
}

// monthBursts is how many times tickets come at once in the largest months: more in one go keep the two replicas busier with
// each other than more moments at which nothing else happens.
const monthBursts = 60

// deed is something that happens at a moment.
type deed struct {
	at time.Time
	do func()
}

// replica is one gateway: its stores, and the jobs that it holds in memory.
type replica struct {
	month     *month
	tickets   *ticketdb.Store
	oncall    *oncalldb.Store
	deliverer *oncall.Deliverer
	mutex     sync.Mutex
	jobs      []oncall.Page
	dying     bool // what it sends now it does not record
	// goesOn, where it is set, holds the replica still between the claim of a page and its sending until it is closed.
	goesOn chan struct{}
}

func (m *month) clock() time.Time {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.now
}

// newMonth is a month that begins on the first of January 2026 with two replicas.
func newMonth(t *testing.T, configuration string, failures float64) *month {
	t.Helper()
	m := &month{
		t: t, random: rand.New(rand.NewPCG(*monthSeed, 7)), pool: pgtest.New(t), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		accepted: map[string]int{}, doubtful: map[string]int{}, orphaned: map[int64]int{}, failures: failures,
	}
	links := oncall.Links{Key: []byte("a key of thirty-two octets or more"), BaseURL: "https://pager.example", Domain: "mx.example"}
	seal, err := secret{key: []byte(testSecret)}.sealer()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r := &replica{month: m}
		r.oncall = oncalldb.New(oncalldb.Options{
			Pool: m.pool, Now: m.clock, Sealer: seal, Links: links,
			QueueEvents: ticketdb.QueueEvents, SetRoutings: ticketdb.SetRoutings, ReopenUnresolved: ticketdb.ReopenUnresolved,
			GetTicket: ticketdb.New(m.pool, m.clock, nil).Get, QueueTicket: ticketdb.QueueGet, Enqueue: r.enqueue, EnqueueShare: m.enqueueShare, Recipient: recipient,
		})
		r.tickets = ticketdb.New(m.pool, m.clock, r.oncall.Changed)
		r.deliverer = &oncall.Deliverer{
			Store: r, Channels: map[string]notify.Channel{"email": m, "push": m, "webhook": m}, Links: links, Now: m.clock,
			Log: slog.New(slog.DiscardHandler),
		}
		m.replicas = append(m.replicas, r)
	}
	document, err := oncall.ParseFile("month.yaml", []byte(configuration))
	if err != nil {
		t.Fatal(err)
	}
	err = m.replicas[0].oncall.Apply(t.Context(), tickets.ActorSystem, "month", func(current oncall.Configuration) (oncall.Configuration, error) {
		return oncall.Merge(current, func(_, _, _ string) error { return nil }, document)
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (r *replica) enqueue(_ context.Context, _ pgx.Tx, pages []oncall.Page) error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.jobs = append(r.jobs, pages...)
	return nil
}

// enqueueShare keeps a share of a summary's outcome, whoever dies: any replica does it.
func (m *month) enqueueShare(_ context.Context, _ pgx.Tx, share oncalldb.Share) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.shares = append(m.shares, share)
	return nil
}

// share records what became of summaries on the pages that they stand for.
func (m *month) share() {
	for len(m.shares) > 0 {
		next := m.shares[0]
		m.shares = m.shares[1:]
		if err := m.replicas[m.random.IntN(2)].oncall.ShareOutcome(m.t.Context(), next); err != nil {
			m.t.Error(err)
		}
	}
}

// ClaimPage and FinishAttempt are the store's; a replica that dies loses what it was about to record, and one that stands
// still goes on with what it had.
func (r *replica) ClaimPage(ctx context.Context, page int64) (oncall.Dispatch, bool, error) {
	dispatch, ok, err := r.oncall.ClaimPage(ctx, page)
	if ok && err == nil && r.goesOn != nil {
		r.month.doubt(r, dispatch.Page)
		<-r.goesOn
	}
	return dispatch, ok, err
}

// doubt notes that a page was in flight when its sender died or stood still: it may be sent again.
func (m *month) doubt(r *replica, page oncall.Page) {
	id := r.deliverer.Links.MessageID(page.ID, page.CreatedAt)
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.killed++
	m.doubtful[id]++
}

func (m *month) inFlight() int {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.killed
}

// StandInLine is the store's.
func (r *replica) StandInLine(ctx context.Context, page int64, until time.Time) (bool, error) {
	return r.oncall.StandInLine(ctx, page, until)
}

// ReleaseLine is the store's.
func (r *replica) ReleaseLine(ctx context.Context, page oncall.Page, limit int) (int, error) {
	return r.oncall.ReleaseLine(ctx, page, limit)
}

var errKilled = errors.New("killed")

func (r *replica) FinishAttempt(ctx context.Context, dispatch oncall.Dispatch, outcome oncall.Outcome) error {
	r.mutex.Lock()
	dying := r.dying
	r.mutex.Unlock()
	if dying {
		r.month.doubt(r, dispatch.Page)
		return errKilled
	}
	if err := r.oncall.FinishAttempt(ctx, dispatch, outcome); err != nil {
		return err
	}
	if outcome.State == oncall.PageSent && dispatch.Page.Type == oncall.PageType {
		r.month.mutex.Lock()
		r.month.arrived = append(r.month.arrived, dispatch.Page)
		r.month.mutex.Unlock()
	}
	return nil
}

// Send is every provider: it takes most messages, and fails like the real ones.
func (m *month) Send(_ context.Context, to notify.Contact, message notify.Message) (notify.Receipt, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if to.Address == "unreachable" || to.Address == "unreachable@x.example" {
		return notify.Receipt{}, notify.Permanent(errors.New("no such subscriber"))
	}
	if m.random.Float64() < m.failures {
		switch m.random.IntN(4) {
		case 0:
			return notify.Receipt{}, notify.Permanent(errors.New("refused"))
		case 1:
			return notify.Receipt{}, notify.RetryAfter(errors.New("too many requests"), time.Duration(1+m.random.IntN(20))*time.Second)
		case 2:
			return notify.Receipt{}, errors.New("did not answer in time")
		}
		return notify.Receipt{}, errors.New("answered 503")
	}
	m.accepted[message.ID]++
	return notify.Receipt{}, nil
}

func (m *month) Check(notify.Contact) error { return nil }

// plan adds a deed.
func (m *month) plan(at time.Time, do func()) {
	i, _ := slices.BinarySearchFunc(m.deeds, at, func(d deed, at time.Time) int {
		if d.at.After(at) {
			return 1
		}
		return -1
	})
	m.deeds = slices.Insert(m.deeds, i, deed{at, do})
}

// later is a moment so many pauses ahead, on a whole half minute: people who answer at once keep the replicas busier with each
// other than people who answer one by one.
func (m *month) later(pauses int, pause time.Duration) time.Time {
	return m.now.Add(time.Duration(pauses) * pause).Truncate(30 * time.Second).Add(30 * time.Second)
}

// burst opens so many tickets at once, by one transaction of a replica as a batch of mails does.
func (m *month) burst(from, count int) {
	verified := true
	var readings []tickets.Reading
	for i := range count {
		severity := []tickets.Severity{tickets.High, tickets.Medium, tickets.SeverityUnknown}[m.random.IntN(3)]
		number := from + i
		alert := tickets.Alert{
			Kind: tickets.KindAlert, Product: tickets.ProductEndpoint, Severity: severity, Title: fmt.Sprintf("Ransomware %d", number),
			AlertIDs: []string{fmt.Sprintf("da%d_1", number)}, Message: tickets.MessageInfo{MessageID: fmt.Sprintf("%d@x", number)},
		}
		mail := tickets.Mail{ID: int64(number), ReceivedAt: m.clock(), Envelope: tickets.Envelope{Verified: &verified}}
		readings = append(readings, tickets.NewReading(mail, alert, fmt.Appendf(nil, "%032d", number)))
	}
	if err := m.replicas[m.random.IntN(2)].tickets.WriteReadings(m.t.Context(), readings); err != nil {
		m.t.Fatal(err)
	}
}

// next is the moment of what is due first in the database.
func (m *month) next() (at time.Time, ok bool) {
	var due *time.Time
	err := m.pool.QueryRow(m.t.Context(), `
		SELECT least((SELECT min(due_at) FROM escalations WHERE state = 'running'), (SELECT min(due_at) FROM escalations WHERE state = 'waiting'),
			(SELECT min(greatest(due_at, coalesce(lease_until, due_at))) FROM pages WHERE state = 'queued' AND NOT bundled))`).Scan(&due)
	if err != nil {
		m.t.Fatal(err)
	}
	if due == nil {
		return at, false
	}
	return due.UTC(), true
}

// advance moves the clock to the next whole second at which anything happens, and lets it happen on both replicas at once.
// It says whether there was anything.
func (m *month) advance() bool {
	at, ok := m.next()
	if len(m.deeds) > 0 && (!ok || m.deeds[0].at.Before(at)) {
		at, ok = m.deeds[0].at, true
	}
	if !ok {
		return false
	}
	if at = at.Add(time.Second - 1).Truncate(time.Second); !at.After(m.now) {
		at = m.now.Add(time.Second) // the next tick
	}
	m.mutex.Lock()
	m.now = at
	m.mutex.Unlock()
	for len(m.deeds) > 0 && !m.deeds[0].at.After(at) {
		do := m.deeds[0].do
		m.deeds = m.deeds[1:]
		do()
	}
	m.work()
	return true
}

// work ticks and sends on both replicas at once.
func (m *month) work() {
	var group sync.WaitGroup
	for _, r := range m.replicas {
		group.Go(func() {
			if err := (&oncall.Escalator{Store: r.oncall}).Tick(m.t.Context(), m.clock()); err != nil {
				m.t.Error(err)
			}
		})
	}
	group.Wait()
	if m.restarts > 0 && m.random.IntN(4) == 0 && slices.ContainsFunc(m.replicas, func(r *replica) bool { return len(r.jobs) > 0 }) {
		m.restarts--
		m.restart()
	}
	for _, r := range m.replicas {
		for range 3 {
			group.Go(r.send)
		}
	}
	group.Wait()
	m.share()
	for _, page := range m.arrived {
		if m.random.Float64() >= willing[page.Person] {
			continue
		}
		m.plan(m.later(1+m.random.IntN(20), 30*time.Second), func() { m.acknowledge(page) })
	}
	m.arrived = nil
}

func (r *replica) send() {
	for {
		r.mutex.Lock()
		if len(r.jobs) == 0 {
			r.mutex.Unlock()
			return
		}
		job := r.jobs[0]
		r.jobs = r.jobs[1:]
		r.mutex.Unlock()
		if err := r.deliverer.Deliver(r.month.t.Context(), job.ID, job.Target(), job.IsEvent()); err != nil && !errors.Is(err, errKilled) {
			r.month.t.Error(err)
		}
	}
}

func (m *month) acknowledge(page oncall.Page) {
	store := m.replicas[m.random.IntN(2)].tickets
	if _, err := store.Acknowledge(m.t.Context(), page.Ticket, page.Person); errors.Is(err, tickets.ErrConflict) {
		return
	} else if err != nil {
		m.t.Error(err)
	}
	m.plan(m.later(1+m.random.IntN(5), 40*time.Minute), func() {
		if _, err := store.Resolve(m.t.Context(), page.Ticket, page.Person, ""); err != nil && !errors.Is(err, tickets.ErrConflict) {
			m.t.Error(err)
		}
	})
}

// restart kills a replica in the middle of what it does: some of its sends are never recorded, and its jobs are lost.
func (m *month) restart() {
	r := m.replicas[m.random.IntN(2)]
	if len(r.jobs) == 0 {
		r = m.replicas[0]
	}
	r.mutex.Lock()
	r.dying = true
	flight := min(len(r.jobs), 1+m.random.IntN(4))
	jobs := r.jobs
	r.jobs = slices.Clone(jobs[:flight])
	r.mutex.Unlock()
	for _, job := range jobs[flight:] {
		m.orphaned[job.ID]++
	}
	r.send()
	r.mutex.Lock()
	r.dying, r.jobs = false, nil
	r.mutex.Unlock()
}

// lost counts rows of a query that must find none.
func (m *month) lost(what, query string, args ...any) {
	m.t.Helper()
	rows, err := m.pool.Query(m.t.Context(), query, args...)
	if err != nil {
		m.t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		m.t.Fatal(err)
	}
	if len(found) > 0 {
		m.t.Errorf("%s: %d, first %s", what, len(found), found[0])
	}
}

// orphanedWithin is how often a page's job may die before anybody has claimed it, and the page still leave within the minute.
const orphanedWithin = 2

// slow fails pages that were neither accepted nor given up within 60 s of their moment. Each kill of the one who sends a
// page costs it a claim, and so does each further one of those who hold its job.
func (m *month) slow() {
	m.t.Helper()
	rows, err := m.pool.Query(m.t.Context(), `
		SELECT id, created_at, extract(epoch FROM finished_at - (give_up_at - interval '45 s'))::float8 FROM pages
		WHERE type = 'page' AND state <> 'cancelled' AND finished_at - (give_up_at - interval '45 s') > interval '60 s'`)
	if err != nil {
		m.t.Fatal(err)
	}
	var page int64
	var created time.Time
	var took float64
	_, err = pgx.ForEachRow(rows, []any{&page, &created, &took}, func() error {
		kills := m.doubtful[m.replicas[0].deliverer.Links.MessageID(page, created)]
		further := max(0, m.orphaned[page]-orphanedWithin)
		if allowed := time.Minute + time.Duration(kills+further)*oncall.ClaimLease; time.Duration(took*float64(time.Second)) > allowed {
			m.t.Errorf("page %d took %.0f s, with %d kills of those who sent it and %d of those who held its job", page, took, kills, m.orphaned[page])
		}
		return nil
	})
	if err != nil {
		m.t.Fatal(err)
	}
}

// doubles counts messages that a provider accepted more than once, and fails those that no kill explains.
func (m *month) doubles() (doubles int) {
	m.t.Helper()
	for id, times := range m.accepted {
		if times > 1 {
			doubles += times - 1
			if times-1 > m.doubtful[id] {
				m.t.Errorf("message %s was accepted %d times, of which kills explain %d", id, times, m.doubtful[id])
			}
		}
	}
	return doubles
}

// judge looks through the whole record for what must not be.
func (m *month) judge() {
	m.t.Helper()
	m.lost("pages that ended as nothing", `SELECT id || ' ' || state FROM pages WHERE state NOT IN ('sent', 'delivered', 'failed', 'cancelled')`)
	m.lost("open tickets without a next moment", `
		SELECT t.number::text FROM tickets t JOIN escalations e ON e.ticket = t.number WHERE t.state = 'open' AND e.state NOT IN ('running', 'exhausted')`)
	m.lost("one rule of one step that made two pages", `
		SELECT min(ticket)::text FROM pages WHERE type = 'page' AND reason = ''
		GROUP BY ticket, generation, round, step, person, contact, webhook, repetition HAVING count(*) > 1`)
	m.slow()
	// A step of which everything failed is followed by the next one, by an exhaustion or by somebody's deed.
	m.lost("failed steps that nothing followed within 60 s", `
		WITH steps AS (
			SELECT ticket, generation, round, step, max(finished_at) AS failed, min(created_at) AS began FROM pages
			WHERE type = 'page' AND reason = '' GROUP BY 1, 2, 3, 4 HAVING bool_and(state = 'failed')
		)
		SELECT ticket || ' ' || round || '.' || step || ' ' || failed FROM steps s
		WHERE NOT EXISTS (
			SELECT FROM ticket_events e WHERE e.ticket = s.ticket AND e.at >= s.failed AND e.at <= greatest(s.began, s.failed) + interval '61 s'
				AND e.type IN ('escalated', 'exhausted', 'deferred', 'acknowledged', 'resolved', 'reopened'))
		AND round <= 2`)
	// A step of which something arrived keeps its wait.
	m.lost("steps before their moment", `
		WITH steps AS (
			SELECT p.ticket, p.generation, p.round, p.step, t.severity, min(p.created_at) AS began, min(p.sent_at) AS arrived
			FROM pages p JOIN tickets t ON t.number = p.ticket WHERE p.type = 'page' AND p.reason = '' GROUP BY 1, 2, 3, 4, 5
		)
		SELECT a.ticket || ' ' || b.began FROM steps a JOIN steps b USING (ticket, generation, round, severity)
		WHERE a.step = 2 AND b.step = 3 AND a.arrived < b.began
			AND b.began - a.began < CASE WHEN severity = 'high' THEN interval '179 s' ELSE interval '479 s' END`)
}

func runMonth(t *testing.T, count int, failures float64, restarts int) *month {
	t.Helper()
	m := newMonth(t, monthTeam, failures)
	began := time.Now()
	const days = 30
	bursts := min(max(1, count/12), monthBursts)
	for i := range bursts {
		from, size := 1+i*count/bursts, (i+1)*count/bursts-i*count/bursts
		m.plan(m.now.Add(time.Duration(m.random.IntN(days*24*60))*time.Minute), func() { m.burst(from, size) })
	}
	m.restarts = restarts
	end := m.now.Add(33 * 24 * time.Hour)
	moments, vacuum := 0, monthVacuum
	for m.now.Before(end) && m.advance() {
		if moments++; moments >= vacuum {
			m.vacuum()
			vacuum += max(monthVacuum, moments/5)
		}
	}
	simulated := time.Since(began)
	m.judge()
	judged := time.Since(began) - simulated
	var pages, acked, exhausted, failed int
	if err := m.pool.QueryRow(t.Context(), `
		SELECT (SELECT count(*) FROM pages), (SELECT count(DISTINCT ticket) FROM ticket_events WHERE type = 'acknowledged'),
			(SELECT count(*) FROM escalations WHERE state = 'exhausted'), (SELECT count(*) FROM pages WHERE state = 'failed')`).
		Scan(&pages, &acked, &exhausted, &failed); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d tickets, %d moments, %d pages (%d failed), %d tickets acknowledged, %d exhausted, %d sends in flight at a kill, %d doubles, in %s, judged in %s",
		count, moments, pages, failed, acked, exhausted, m.killed, m.doubles(), simulated.Round(time.Second/10), judged.Round(time.Second/10))
	if doubles := m.doubles(); doubles > m.killed || restarts == 0 && doubles > 0 {
		t.Errorf("doubles: got %d with %d sends in flight at a kill", doubles, m.killed)
	}
	return m
}

func TestASimulatedMonthMissesNothing(t *testing.T) {
	t.Parallel()
	runMonth(t, *monthTickets, *monthFailures, *monthRestarts)
}

func TestAMonthWithoutFaultsTellsNobodyTwice(t *testing.T) {
	t.Parallel()
	runMonth(t, *monthTickets/2, 0, 0)
}
