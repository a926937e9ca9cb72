package oncalldb_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// stormTickets is half a minute of a thousand mails a second.
const stormTickets = 30_000

// BenchmarkAStormsSummary bundles the pages of a storm, summarises them and records that the summary was delivered: what each
// of its pages costs.
func BenchmarkAStormsSummary(b *testing.B) {
	r := open(b)
	r.apply(b, bundling)
	var spent [3]time.Duration
	first := int64(1)
	for b.Loop() {
		spent[0] += timed(func() { r.storm(b, first, stormTickets) })
		first += stormTickets
		spent[1] += timed(func() { r.tick(b, oncall.SummaryEvery) })
		spent[2] += timed(func() {
			r.finishSummary(b, oncall.Outcome{State: oncall.PageDelivered})
			r.share(b)
		})
	}
	for i, what := range []string{"µs-bundled/page", "µs-summarised/page", "µs-told/page"} {
		b.ReportMetric(float64(spent[i].Microseconds())/float64(b.N*stormTickets), what)
	}
}

func timed(do func()) time.Duration {
	began := time.Now()
	do()
	return time.Since(began)
}

// storm writes tickets from a number on, as intake does, some hundreds in a transaction.
func (r *room) storm(t testing.TB, from, count int64) {
	t.Helper()
	const together = 500
	for number := from; number < from+count; number += together {
		err := pgx.BeginFunc(t.Context(), r.pool, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), `
				INSERT INTO tickets (number, severity, kind, product, title, source, created_at, updated_at)
				OVERRIDING SYSTEM VALUE SELECT n, 'high', 'alert', 'endpoint', 'Ransomware', 'email', $3, $3 FROM generate_series($1::bigint, $2) AS n`,
				number, number+together-1, r.now)
			if err != nil {
				return err
			}
			changes := make([]tickets.Change, together)
			for i := range changes {
				ticket := &tickets.Ticket{Number: number + int64(i), State: tickets.Open, Severity: tickets.High, Title: "Ransomware", Policy: "security"}
				changes[i] = tickets.Change{Kind: tickets.ChangeCreated, Ticket: ticket, At: r.now}
			}
			return r.Changed(t.Context(), tx, changes)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// finishSummary claims the summary that waits to be sent, and records what became of it.
func (r *room) finishSummary(t testing.TB, outcome oncall.Outcome) (summary int64) {
	t.Helper()
	if err := r.pool.QueryRow(t.Context(), `SELECT id FROM pages WHERE type = 'page.summary' AND state = 'queued'`).Scan(&summary); err != nil {
		t.Fatal(err)
	}
	dispatch, ok, err := r.ClaimPage(t.Context(), summary)
	if err != nil || !ok {
		t.Fatalf("claim summary %d: %v, %v", summary, ok, err)
	}
	if err := r.FinishAttempt(t.Context(), dispatch, outcome); err != nil {
		t.Fatal(err)
	}
	return summary
}

// TestWhatBecameOfASummaryIsRecordedInParts has a summary of so many pages that one transaction would take long: it is recorded
// at once, and its pages follow in parts, each of them once.
func TestWhatBecameOfASummaryIsRecordedInParts(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.verify(t)
	r.apply(t, bundling)
	r.storm(t, 1, 2500)
	if n := r.count(t, `SELECT count(*) FROM pages WHERE bundled AND token_hash IS NOT NULL`); n != 0 {
		t.Errorf("%d pages that nobody gets a message of have a link", n)
	}
	r.tick(t, oncall.SummaryAfter)
	r.change(t, 100, tickets.ChangeAcknowledged) // while the summary is on its way
	r.finishSummary(t, oncall.Outcome{State: oncall.PageSent})
	r.now = r.now.Add(time.Second)
	r.change(t, 2000, tickets.ChangeAcknowledged) // when it had gone
	told := func() int { return r.count(t, `SELECT count(*) FROM pages WHERE bundled AND state = 'sent'`) }
	for i, want := range []int{999, 1999, 2494} {
		again := r.shares[0]
		r.shareOnce(t)
		if got := told(); got != want {
			t.Errorf("after %d parts: %d pages told, want %d", i+1, got, want)
		}
		entries := len(r.timeline)
		if err := r.ShareOutcome(t.Context(), again); err != nil {
			t.Fatal(err)
		}
		if len(r.timeline) != entries {
			t.Errorf("a part that was done twice wrote %d entries more", len(r.timeline)-entries)
		}
		r.shares = r.shares[:min(len(r.shares), 1)]
	}
	if len(r.shares) != 0 {
		t.Errorf("%d parts are left", len(r.shares))
	}
	wantEqual(t, "acknowledged before", r.states(t, 100), []string{"1.1 ben email cancelled"})
	wantEqual(t, "acknowledged after", r.states(t, 2000), []string{"1.1 ben email sent"})
}

// TestAReportedFailureOfASummaryIsToldOnceAndBringsTheNextStepForward lets the provider report that a summary reached nobody,
// after it had accepted it.
func TestAReportedFailureOfASummaryIsToldOnceAndBringsTheNextStepForward(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.verify(t)
	r.apply(t, bundling+`
webhooks:
  - {id: watcher, url: "https://watcher.example/x", secret: "a secret of the team's", events: [page.failed]}
`)
	for number := range int64(8) {
		r.change(t, number+1, tickets.ChangeCreated)
	}
	r.deliver(t)
	r.tick(t, oncall.SummaryAfter)
	summary := r.finishSummary(t, oncall.Outcome{State: oncall.PageSent})
	r.share(t)
	wantEqual(t, "when it was accepted", r.states(t, 8), []string{"1.1 ben email sent"})
	if err := r.RecordReport(t.Context(), summary, oncall.Report{Failed: true, Reason: "unreachable"}); err != nil {
		t.Fatal(err)
	}
	r.share(t)
	wantEqual(t, "when it had failed", r.states(t, 8), []string{"1.1 ben email failed"})
	if n := r.count(t, `SELECT count(*) FROM pages WHERE webhook = 'watcher'`); n != 1 {
		t.Errorf("the webhook is told %d times, want once for the three pages of the summary", n)
	}
	r.tick(t, 30*time.Second)
	if got := len(r.states(t, 8)); got != 2 {
		t.Errorf("half a minute later: got %d pages, want the second step's beside the first", got)
	}
}
