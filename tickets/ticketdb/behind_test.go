package ticketdb

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestACommitWaitsTheLongerTheFurtherReadersAreBehind(t *testing.T) {
	t.Parallel()
	for name, stage := range map[string]struct {
		mails, octets int // that wait for their readers, and what one of them has
		want          time.Duration
	}{
		"readers that keep pace":       {mails: pauseMails, want: 0},
		"readers that are half behind": {mails: (pauseMails + behindMails) / 2, want: behindPause / 2},
		"readers that are behind":      {mails: behindMails, want: behindPause},
		"readers that stand":           {mails: handedMails, want: behindPause},
		"few large mails":              {mails: 5, octets: 1 << 20, want: behindPause / 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var h handed
				mails, ids := make([]*waiting, stage.mails), make([]int64, stage.mails)
				for i := range mails {
					mails[i] = &waiting{raw: make([]byte, stage.octets)}
				}
				began := time.Now()
				h.put(mails[:h.reserve(mails)], ids, began.Add(handedLease), false)
				h.await(t.Context())
				if waited := time.Since(began).Round(time.Millisecond); waited != stage.want {
					t.Errorf("waited %s, want %s", waited, stage.want)
				}
			})
		})
	}
}
