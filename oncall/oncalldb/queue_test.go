package oncalldb_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"afterhours/migrations/pgtest"
	"afterhours/oncall/oncalldb"
)

// olderShare is the job of a summary's outcome as programs wrote it that marked each page.
type olderShare struct {
	Summary int64  `json:"summary"`
	After   int64  `json:"after"`
	Detail  string `json:"detail"`
}

func (olderShare) Kind() string { return "summary" }

// TestTheQueueTakesSharesOfOlderProgramsAndNewOnes enqueues one of each.
func TestTheQueueTakesSharesOfOlderProgramsAndNewOnes(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	shares := make(chan oncalldb.Share, 2)
	queue, err := oncalldb.NewQueue(pool, pool, nil, nil, func(_ context.Context, share oncalldb.Share) error {
		shares <- share
		return nil
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	older, err := river.NewClient[pgx.Tx](riverpgxv5.New(pool), &river.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := older.Insert(t.Context(), olderShare{Summary: 7, After: 4711, Detail: "queued"}, &river.InsertOpts{Queue: "summaries"}); err != nil {
		t.Fatal(err)
	}
	if err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		return queue.EnqueueShare(t.Context(), tx, oncalldb.Share{Summary: 8, Part: 2, Lost: true})
	}); err != nil {
		t.Fatal(err)
	}
	if err := queue.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := queue.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	wanted := map[oncalldb.Share]bool{{Summary: 7, Detail: "queued"}: true, {Summary: 8, Part: 2, Lost: true}: true}
	for len(wanted) > 0 {
		select {
		case share := <-shares:
			if !wanted[share] {
				t.Errorf("got %+v", share)
			}
			delete(wanted, share)
		case <-time.After(20 * time.Second):
			t.Fatalf("not taken: %+v", wanted)
		}
	}
}
