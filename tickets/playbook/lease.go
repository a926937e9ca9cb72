package playbook

import (
	"context"
	"slices"
	"sync"
	"time"
)

// hands are the runs that a tick has claimed and not yet moved.
type hands struct {
	mutex sync.Mutex
	ids   []int64
	stop  func()
}

// hold lengthens the leases of runs for as long as they are in hand. The lease itself is short, so that a run whose process
// died is found again soon.
func (e *Engine) hold(ctx context.Context, runs []Run) *hands {
	ctx, cancel := context.WithCancel(ctx)
	h := &hands{}
	for _, run := range runs {
		h.ids = append(h.ids, run.ID)
	}
	var beating sync.WaitGroup
	h.stop = func() {
		cancel()
		beating.Wait()
	}
	beating.Go(func() {
		beat := time.NewTicker(runBeat)
		defer beat.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-beat.C:
				_, err := e.Pool.Exec(ctx, `UPDATE playbook_runs SET lease_until = $2 WHERE id = ANY($1) AND lease_until IS NOT NULL`, h.held(), e.Now().Add(runLease))
				if err != nil && ctx.Err() == nil {
					e.Log.Warn("leases of playbook runs not lengthened", "error", err)
				}
			}
		}
	})
	return h
}

func (h *hands) held() []int64 {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return slices.Clone(h.ids)
}

// drop lets go of a run.
func (h *hands) drop(id int64) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.ids = slices.DeleteFunc(h.ids, func(held int64) bool { return held == id })
}
