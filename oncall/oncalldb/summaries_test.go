package oncalldb_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

const bundling = `
policies:
  - {id: security, steps: [{notify: ["person:ben"], wait: 5m}, {notify: ["person:ben"], wait: 10m}], bundle: {after: 5, within: 5m}}
`

// deliver claims everything that was enqueued, as many workers at once would, and records it as sent.
func (r *room) deliver(t *testing.T) (sent []oncall.Page) {
	t.Helper()
	var mutex sync.Mutex
	var workers sync.WaitGroup
	enqueued := r.enqueued
	r.enqueued = nil
	for _, id := range enqueued {
		workers.Go(func() {
			dispatch, ok, err := r.ClaimPage(t.Context(), id)
			if err != nil {
				t.Errorf("claim page %d: %v", id, err)
			}
			if !ok {
				return
			}
			mutex.Lock()
			defer mutex.Unlock()
			if err := r.FinishAttempt(t.Context(), dispatch, oncall.Outcome{State: oncall.PageDelivered}); err != nil {
				t.Errorf("finish page %d: %v", id, err)
			}
			sent = append(sent, dispatch.Page)
		})
	}
	workers.Wait()
	r.share(t)
	return sent
}

func summaryOf(t *testing.T, page oncall.Page) oncall.Summary {
	t.Helper()
	var summary oncall.Summary
	if page.Type != oncall.SummaryType {
		t.Fatalf("got a %s of ticket %d, want a summary", page.Type, page.Ticket)
	}
	if err := json.Unmarshal(page.Payload, &summary); err != nil {
		t.Fatal(err)
	}
	return summary
}

func (r *room) verify(t *testing.T) {
	t.Helper()
	if _, err := r.pool.Exec(t.Context(), `
		CREATE FUNCTION verified() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.verified := true; RETURN NEW; END';
		CREATE TRIGGER verified BEFORE INSERT ON tickets FOR EACH ROW EXECUTE FUNCTION verified()`); err != nil {
		t.Fatal(err)
	}
}

// TestOutgoingMailIsWhatLeftByItself has a summary stand for most pages of a storm: the list is not buried under them.
func TestOutgoingMailIsWhatLeftByItself(t *testing.T) {
	t.Parallel()
	r := summarised(t, 30)
	outgoing, err := r.Outgoing(t.Context(), 100, 0)
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, page := range outgoing {
		types = append(types, page.Type)
	}
	wantEqual(t, "outgoing mail", types, append([]string{oncall.SummaryType}, slices.Repeat([]string{oncall.PageType}, 5)...))
}

func TestAStormIsFiveSinglePagesAndExactSummaries(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.verify(t)
	r.apply(t, bundling)
	for number := range int64(30) {
		r.change(t, number+1, tickets.ChangeCreated)
	}
	if sent := r.deliver(t); len(sent) != 5 {
		t.Fatalf("at once: %d single pages, want 5", len(sent))
	}
	r.tick(t, oncall.SummaryAfter-time.Second)
	if sent := r.deliver(t); len(sent) != 0 {
		t.Errorf("before the summary: got %d pages", len(sent))
	}
	r.tick(t, time.Second)
	sent := r.deliver(t)
	if len(sent) != 1 {
		t.Fatalf("got %d pages, want one summary", len(sent))
	}
	if got := summaryOf(t, sent[0]); got.Count != 25 || got.Again != 0 || got.BySeverity[tickets.High] != 25 || len(got.Tickets) != 10 {
		t.Errorf("summary: got %+v", got)
	}
	for number := range int64(20) {
		r.change(t, number+31, tickets.ChangeCreated)
	}
	r.tick(t, oncall.SummaryEvery-time.Second)
	if sent := r.deliver(t); len(sent) != 0 {
		t.Errorf("within the minute: got %d pages", len(sent))
	}
	r.tick(t, time.Second)
	if sent := r.deliver(t); len(sent) != 1 || summaryOf(t, sent[0]).Count != 20 {
		t.Errorf("a minute later: got %+v", sent)
	}

	r.tick(t, 4*time.Minute) // the second step tells Ben of the same tickets once more
	for range 8 {
		for _, page := range r.deliver(t) {
			if page.Type == oncall.SummaryType {
				if got := summaryOf(t, page); got.Count != 0 || got.Again == 0 {
					t.Errorf("of known tickets: got %+v", got)
				}
			}
		}
		r.tick(t, 20*time.Second)
	}
	left := r.count(t, `SELECT count(*) FROM pages WHERE bundled AND state NOT IN ('sent', 'delivered')`)
	if left != 0 {
		t.Errorf("%d bundled pages went with no summary", left)
	}
}

func TestUnverifiedMailHasABudgetOfItsOwn(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, bundling)
	for number := range int64(8) {
		r.change(t, number+1, tickets.ChangeCreated)
	}
	if sent := r.deliver(t); len(sent) != 5 {
		t.Fatalf("unverified: %d single pages, want 5", len(sent))
	}
	r.verify(t)
	r.change(t, 9, tickets.ChangeCreated)
	if sent := r.deliver(t); len(sent) != 1 || sent[0].Ticket != 9 {
		t.Errorf("verified beside the flood: got %+v", sent)
	}
	r.tick(t, oncall.SummaryAfter)
	if sent := r.deliver(t); len(sent) != 1 || summaryOf(t, sent[0]).Count != 3 || summaryOf(t, sent[0]).Unverified != 3 {
		t.Errorf("the rest: got %+v", sent)
	}
}

func TestAFailedSummaryBringsTheNextStepForward(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.verify(t)
	r.apply(t, bundling)
	for number := range int64(7) {
		r.change(t, number+1, tickets.ChangeCreated)
	}
	r.deliver(t)
	r.change(t, 7, tickets.ChangeAcknowledged)
	r.tick(t, oncall.SummaryAfter)
	r.finish(t, r.enqueued[0], oncall.Outcome{State: oncall.PageFailed, Reason: "gone"})
	wantEqual(t, "the bundled page", r.states(t, 6), []string{"1.1 ben email failed"})
	wantEqual(t, "an acknowledged one", r.states(t, 7), []string{"1.1 ben email cancelled"})
	r.tick(t, 30*time.Second)
	if got := len(r.states(t, 6)); got != 2 {
		t.Errorf("half a minute later: got %d pages, want the second step's beside the first", got)
	}
}

func (r *room) count(t *testing.T, query string) (n int) {
	t.Helper()
	if err := r.pool.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", query, err))
	}
	return n
}
