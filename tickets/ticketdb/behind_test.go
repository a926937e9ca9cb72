package ticketdb

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestACommitWaitsForReadersThatAreBehindButNotForLong(t *testing.T) {
	t.Parallel()
	for name, stage := range map[string]struct {
		before int           // mails that wait for their readers
		reads  time.Duration // after which a reader takes a batch; 0: never
		want   time.Duration
	}{
		"readers that keep pace":  {before: behindMails - 1, want: 0},
		"readers that are behind": {before: behindMails, reads: 10 * time.Millisecond, want: 10 * time.Millisecond},
		"readers that stand":      {before: behindMails, want: behindPause},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := handed{taken: make(chan struct{}, 1)}
				mails, ids := make([]*waiting, stage.before), make([]int64, stage.before)
				for i := range mails {
					mails[i] = &waiting{}
				}
				began := time.Now()
				h.put(mails[:h.reserve(mails)], ids, began.Add(handedLease), false)
				if stage.reads > 0 {
					time.AfterFunc(stage.reads, func() { h.take(100, time.Now()) })
				}
				h.await(t.Context())
				if waited := time.Since(began); waited != stage.want {
					t.Errorf("waited %s, want %s", waited, stage.want)
				}
			})
		})
	}
}
