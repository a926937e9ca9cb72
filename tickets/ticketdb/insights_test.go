package ticketdb_test

import (
	"context"
	"testing"
	"time"

	"afterhours/tickets"
)

func (r *room) tendInsights(t *testing.T) {
	t.Helper()
	for _, some := range []func(context.Context) (bool, error){r.NoteDays, r.CountDays} {
		for i, more := 0, true; more; i++ {
			var err error
			if more, err = some(t.Context()); err != nil || i > 100 {
				t.Fatalf("the figures are never done: %v", err)
			}
		}
	}
}

func TestTheFiguresOfADayFollowItsTickets(t *testing.T) {
	t.Parallel()
	r := open(t)
	created := r.now
	r.accept(t, "high Ransomware da1", "high Ransomware da2", "low Tool da3", "high Ransomware da1")
	r.read(t, alertOf)
	first := int64(r.count(t, `SELECT min(number) FROM tickets`))
	if _, err := r.Acknowledge(t.Context(), first, "ana"); err != nil {
		t.Fatal(err)
	}
	r.tendInsights(t)
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	figures := func() tickets.Insights {
		t.Helper()
		found, err := r.Insights(t.Context(), day, day.AddDate(0, 0, 1))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	found := figures()
	volume := map[tickets.Severity]int{}
	for _, of := range found.Volumes {
		volume[of.Severity] += of.Tickets
		if !of.Day.Equal(day) {
			t.Errorf("day: got %s", of.Day)
		}
	}
	if volume[tickets.High] != 2 || volume[tickets.Low] != 1 {
		t.Errorf("volume: got %v", volume)
	}
	if len(found.Mails) != 1 || found.Mails[0].Mails != 4 || found.Mails[0].Repeated != 1 || found.Mails[0].Unverified != 4 {
		t.Errorf("mails: got %+v", found.Mails)
	}
	if len(found.Titles) != 2 || found.Titles[0].Title != "Ransomware" || found.Titles[0].Tickets != 2 {
		t.Errorf("titles: got %+v", found.Titles)
	}
	if len(found.Times) != 1 || found.Times[0].What != tickets.TakenAcknowledged || found.Times[0].Spread[0] != 1 {
		t.Errorf("times: got %+v, want one acknowledgement at once", found.Times)
	}

	former, at, err := r.InsightsCounted(t.Context())
	if err != nil || at == nil || !at.Equal(created) {
		t.Errorf("counted at %v, %v; want %s", at, err, created)
	}
	if again, _, err := r.InsightsCounted(t.Context()); err != nil || again != former {
		t.Errorf("a count has two names: %q and %q, %v", former, again, err)
	}
	r.now = created.Add(3 * time.Minute)
	r.tendInsights(t)
	if next, at, err := r.InsightsCounted(t.Context()); err != nil || next == former || !at.Equal(r.now) {
		t.Errorf("the next count: got %q at %v, %v; the former is %q", next, at, err, former)
	}

	// A week later the ticket is resolved: its day is counted anew, though it has long passed.
	r.now = created.AddDate(0, 0, 7)
	if _, err := r.Resolve(t.Context(), first, "ana", "FalsePositive"); err != nil {
		t.Fatal(err)
	}
	r.tendInsights(t)
	if found = figures(); len(found.Times) != 1 {
		t.Errorf("an event was counted while earlier ones may still come to light: %+v", found.Times)
	}
	r.now = r.now.Add(3 * time.Minute)
	r.tendInsights(t)
	if found = figures(); len(found.Times) != 2 || found.Times[1].What != tickets.TakenResolved {
		t.Fatalf("times: got %+v", found.Times)
	}
	if got, want := found.Times[1].Spread.Quantile(0.5), 7*24*time.Hour; got < want*9/10 || got > want*11/10 {
		t.Errorf("resolved after %s, want about %s", got, want)
	}
	if found.Titles[0].Dismissed != 1 {
		t.Errorf("titles: got %+v", found.Titles)
	}
	if got := r.count(t, `SELECT sum(tickets) FROM insight_tickets`); got != 3 {
		t.Errorf("counted %d tickets after several times, want 3", got)
	}
}

func TestFiguresOfBacklogsAreCountedInParts(t *testing.T) {
	t.Parallel()
	r := open(t)
	_, err := r.pool.Exec(t.Context(), `
		INSERT INTO tickets (state, severity, kind, product, title, source, created_at, updated_at, resolved_at)
		SELECT 'resolved', 'low', 'alert', 'endpoint', 'T' || n, 'import', timestamptz '2025-01-01Z' + n * interval '12 hours', now(), now()
		FROM generate_series(0, 199) AS n;
		INSERT INTO insight_due SELECT DISTINCT (created_at AT TIME ZONE 'UTC')::date FROM tickets`)
	if err != nil {
		t.Fatal(err)
	}
	if more, err := r.CountDays(t.Context()); err != nil || !more {
		t.Fatalf("100 days at once: more %t, %v", more, err)
	}
	r.tendInsights(t)
	if days, counted := r.count(t, `SELECT count(DISTINCT day) FROM insight_tickets`), r.count(t, `SELECT sum(tickets) FROM insight_tickets`); days != 100 || counted != 200 {
		t.Errorf("got %d tickets on %d days, want 200 on 100", counted, days)
	}
	if got := r.count(t, `SELECT count(*) FROM insight_times`); got != 0 {
		t.Errorf("imported tickets have %d times", got)
	}
}

// TestADayIsNotedForWhatChangesItsFigures lets a page of an old ticket be sent, and then the ticket be resolved.
func TestADayIsNotedForWhatChangesItsFigures(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.accept(t, "high Ransomware da1")
	r.read(t, alertOf)
	r.now = r.now.AddDate(0, 0, 7)
	r.tendInsights(t)
	for _, stage := range []struct {
		event tickets.EventType
		due   int
	}{{tickets.EventPageSent, 0}, {tickets.EventResolved, 1}} {
		r.now = r.now.AddDate(0, 0, 7)
		if _, err := r.pool.Exec(t.Context(), `
			INSERT INTO ticket_events (ticket, at, type, actor, data) SELECT number, $1, $2, 'ana', '{}' FROM tickets`,
			r.now.Add(-time.Hour), stage.event); err != nil {
			t.Fatal(err)
		}
		if _, err := r.NoteDays(t.Context()); err != nil {
			t.Fatal(err)
		}
		if due := r.count(t, `SELECT count(*) FROM insight_due`); due != stage.due {
			t.Errorf("%s: %d days are due, want %d", stage.event, due, stage.due)
		}
	}
}

// TestADayOfAStormIsCountedOnceAllIsNoted lets more happen to a day's tickets than is looked through in one go.
func TestADayOfAStormIsCountedOnceAllIsNoted(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.accept(t, "high Ransomware da1")
	r.read(t, alertOf)
	r.tendInsights(t)
	counts := func() int { // each writes the day's row anew
		return r.count(t, `SELECT xmin::text::int FROM insight_mails`)
	}
	first := counts()
	if _, err := r.pool.Exec(t.Context(), `
		INSERT INTO ticket_events (ticket, at, type, actor, data)
		SELECT number, $1, 'note', 'ana', '{}' FROM tickets, generate_series(1, 45000)`, r.now); err != nil {
		t.Fatal(err)
	}
	r.now = r.now.Add(3 * time.Minute)
	for left := range 3 {
		if more, err := r.NoteDays(t.Context()); err != nil || more != (left < 2) || counts() != first {
			t.Fatalf("more %t, %v; counted %d, want as in %d", more, err, counts(), first)
		}
	}
	if more, err := r.CountDays(t.Context()); err != nil || more || counts() == first {
		t.Fatalf("when all are noted: more %t, %v; counted %d", more, err, counts())
	}

	// Another gateway, a moment later: the day is due, and counted a moment ago.
	first = counts()
	if _, err := r.pool.Exec(t.Context(), `INSERT INTO insight_due VALUES ($1::date)`, r.now); err != nil {
		t.Fatal(err)
	}
	if r.tendInsights(t); counts() != first {
		t.Error("the present day was counted twice within a moment")
	}
	r.now = r.now.Add(time.Minute)
	if r.tendInsights(t); counts() == first || r.count(t, `SELECT count(*) FROM insight_due`) != 0 {
		t.Error("a day that was due was never counted")
	}
}
