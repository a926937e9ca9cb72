package oncalldb_test

import (
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/oncall/oncalldb"
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
	for i, want := range []int{499, 999, 1499, 1999, 2494} {
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

// summarised is a room with a storm of so many tickets, all but five of whose pages a summary stands for that waits to be sent.
func summarised(t *testing.T, count int64) *room {
	t.Helper()
	r := open(t)
	r.verify(t)
	r.apply(t, bundling)
	r.storm(t, 1, count)
	r.deliver(t)
	r.tick(t, oncall.SummaryAfter)
	return r
}

// waitingSummary is how many tickets are new in the summary that waits to be sent, and how many its recipient knows.
func (r *room) waitingSummary(t *testing.T) (fresh, again int) {
	t.Helper()
	if err := r.pool.QueryRow(t.Context(), `
		SELECT (payload->>'count')::integer, (payload->>'again')::integer FROM pages WHERE type = 'page.summary' AND state = 'queued'`).
		Scan(&fresh, &again); err != nil {
		t.Fatalf("the summary that waits: %v", err)
	}
	return fresh, again
}

// TestWhatASummaryStandsForIsNotSummarisedAgain has further summaries due while the pages of the first one do not know yet what
// became of it.
func TestWhatASummaryStandsForIsNotSummarisedAgain(t *testing.T) {
	t.Parallel()
	r := summarised(t, 1500)
	r.finishSummary(t, oncall.Outcome{State: oncall.PageSent})
	r.storm(t, 1501, 500)
	r.tick(t, oncall.SummaryEvery)
	if fresh, again := r.waitingSummary(t); fresh != 500 || again != 0 {
		t.Errorf("the second summary: got %d tickets and %d known ones, want the 500 that came after the first", fresh, again)
	}
	r.finishSummary(t, oncall.Outcome{State: oncall.PageSent})
	r.tick(t, 4*time.Minute) // the second step tells Ben of the first 1,500 once more, of five of them singly
	r.tick(t, oncall.SummaryAfter)
	if fresh, again := r.waitingSummary(t); fresh != 0 || again < 1495 {
		t.Errorf("the third summary: got %d tickets and %d known ones, want known ones alone", fresh, again)
	}
	r.share(t)
	if n := r.count(t, `SELECT count(*) FROM pages WHERE bundled AND step = 1 AND state <> 'sent'`); n != 0 {
		t.Errorf("%d pages do not know in the end that they went with a summary", n)
	}
}

// TestASummaryOfAnOlderProgramIsSharedToo takes a job that an older program wrote: it knew what a summary stands for by a mark on
// each page.
func TestASummaryOfAnOlderProgramIsSharedToo(t *testing.T) {
	t.Parallel()
	r := summarised(t, 1500)
	summary := r.finishSummary(t, oncall.Outcome{State: oncall.PageSent})
	for _, statement := range []string{`UPDATE pages SET summary = $1 WHERE bundled`, `DELETE FROM summary_parts WHERE summary = $1`} {
		if _, err := r.pool.Exec(t.Context(), statement, summary); err != nil {
			t.Fatal(err)
		}
	}
	r.shares = []oncalldb.Share{{Summary: summary}}
	r.share(t)
	if n := r.count(t, `SELECT count(*) FROM pages WHERE bundled AND state = 'sent'`); n != 1495 {
		t.Errorf("%d pages know that they went with it, want all 1495", n)
	}
}

// TestNoPageIsLeftWithoutTheOutcomeOfItsSummary loses the job that a part of a summary's outcome was handed over to.
func TestNoPageIsLeftWithoutTheOutcomeOfItsSummary(t *testing.T) {
	t.Parallel()
	r := summarised(t, 1500)
	summary := r.finishSummary(t, oncall.Outcome{State: oncall.PageFailed, Reason: "gone"})
	r.shareOnce(t)
	r.shares = nil
	for _, stage := range []struct {
		after time.Duration
		want  []oncalldb.Share
	}{
		{after: time.Minute},
		{after: time.Hour, want: []oncalldb.Share{{Summary: summary, Part: 2, Lost: true}}},
	} {
		if err := r.ResumeShares(t.Context(), r.now.Add(stage.after)); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(r.shares, stage.want) {
			t.Errorf("%s later: got %+v, want %+v", stage.after, r.shares, stage.want)
		}
	}
	r.share(t)
	if n := r.count(t, `SELECT count(*) FROM pages WHERE bundled AND state = 'failed'`); n != 1495 {
		t.Errorf("%d pages know that they failed with it, want all 1495", n)
	}
	if err := r.ResumeShares(t.Context(), r.now.Add(time.Hour)); err != nil || len(r.shares) != 0 {
		t.Errorf("when all know: got %+v, %v", r.shares, err)
	}
}
