package oncalldb_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/oncall/oncalldb"
)

func TestTheReportOfAWeekIsQueuedOnceByAnyReplica(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.apply(t, `
people:
  - {id: ana, name: Ana, contacts: [{id: hook, channel: webhook, to: "https://a.example/x", secret: hush}, {id: mail, channel: email, to: ana@example.com}], weekly_report: true}
  - {id: ben, name: Ben, email: ben@example.com}
  - {id: nix, name: Nix}
`)
	replicas := []*oncalldb.Store{r.Store, oncalldb.New(r.Options)}
	all := func() {
		t.Helper()
		var group sync.WaitGroup
		for _, replica := range replicas {
			group.Go(func() {
				err := replica.TellWeeks(t.Context(), r.now, func(_ context.Context, report oncall.WeeklyReport) (oncall.WeekFigures, error) {
					return oncall.WeekFigures{Monday: report.Monday}, nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
	reports := func() (count int) {
		t.Helper()
		err := r.pool.QueryRow(t.Context(), `SELECT count(*) FROM pages WHERE type = 'report.weekly' AND person = 'ana' AND contact = 'mail'`).Scan(&count)
		if err != nil {
			t.Fatal(err)
		}
		return count
	}
	all() // on Sunday
	if got := reports(); got != 0 {
		t.Errorf("on Sunday: got %d", got)
	}
	for _, at := range []struct {
		now  time.Time
		want int
	}{
		{time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), 1},
		{time.Date(2026, 3, 3, 8, 0, 0, 0, time.UTC), 1},
		{time.Date(2026, 3, 9, 9, 30, 0, 0, time.UTC), 2},
	} {
		r.now = at.now
		all()
		all()
		if got := reports(); got != at.want {
			t.Errorf("%s: got %d reports, want %d", at.now, got, at.want)
		}
	}
	if len(r.enqueued) != 2 {
		t.Errorf("enqueued %d pages, want 2", len(r.enqueued))
	}
}
