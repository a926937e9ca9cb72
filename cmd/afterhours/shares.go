package main

import (
	"context"
	"time"

	"afterhours/oncall/oncalldb"
)

// longestRest is how long a part of a summary's outcome leaves to others at most: a stop waits for it.
const longestRest = time.Second

// share records the next part of a summary's outcome. Where it was sent, nobody waits for that, and two thirds of the time are
// left to those who wait for something: of a storm the parts are hundreds.
func (r *rooms) share(ctx context.Context, share oncalldb.Share) error {
	return unhurried(ctx, share, r.oncall.ShareOutcome)
}

func unhurried(ctx context.Context, share oncalldb.Share, record func(context.Context, oncalldb.Share) error) error {
	began := time.Now()
	if err := record(ctx, share); err != nil || share.Lost {
		return err
	}
	select {
	case <-ctx.Done():
	case <-time.After(min(2*time.Since(began), longestRest)):
	}
	return nil
}
