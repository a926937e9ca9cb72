package oncalldb

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/riverqueue/river"
)

// TestSharesLeaveHalfOfTheTimeToOthers works off shares that take a second each.
func TestSharesLeaveHalfOfTheTimeToOthers(t *testing.T) {
	t.Parallel()
	for name, stage := range map[string]struct {
		share Share
		fails error
		want  time.Duration
	}{
		"of a summary that was sent":    {want: 2 * time.Second},
		"of one that reached nobody":    {share: Share{Lost: true}, want: time.Second},
		"while the database is trouble": {fails: errors.New("away"), want: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				worker := shareWorker{share: func(context.Context, Share) error {
					time.Sleep(time.Second)
					return stage.fails
				}}
				began := time.Now()
				if err := worker.Work(t.Context(), &river.Job[Share]{Args: stage.share}); !errors.Is(err, stage.fails) {
					t.Errorf("got %v, want %v", err, stage.fails)
				}
				if took := time.Since(began); took != stage.want {
					t.Errorf("took %s, want %s", took, stage.want)
				}
			})
		})
	}
}
