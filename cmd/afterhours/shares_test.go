package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"afterhours/oncall/oncalldb"
)

// TestSharesLeaveTwoThirdsOfTheTimeToOthers works off shares on a clock of its own, which goes on when all sleep.
func TestSharesLeaveTwoThirdsOfTheTimeToOthers(t *testing.T) {
	t.Parallel()
	for name, stage := range map[string]struct {
		share       oncalldb.Share
		takes, want time.Duration
		fails       error
	}{
		"of a summary that was sent": {takes: time.Second / 4, want: 3 * time.Second / 4},
		"that took long":             {takes: 30 * time.Second, want: 30*time.Second + longestRest},
		"of one that reached nobody": {share: oncalldb.Share{Lost: true}, takes: time.Second, want: time.Second},
		"without a database":         {takes: time.Second, want: time.Second, fails: errors.New("away")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				err := unhurried(t.Context(), stage.share, func(context.Context, oncalldb.Share) error {
					time.Sleep(stage.takes)
					return stage.fails
				})
				if took := time.Since(began); !errors.Is(err, stage.fails) || took != stage.want {
					t.Errorf("took %s: %v; want %s: %v", took, err, stage.want, stage.fails)
				}
			})
		})
	}
}
