package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"afterhours/oncall/oncalldb"
)

// TestSharesLeaveHalfOfTheTimeToOthers works off shares that take a second each.
func TestSharesLeaveHalfOfTheTimeToOthers(t *testing.T) {
	t.Parallel()
	for name, stage := range map[string]struct {
		share oncalldb.Share
		fails error
		want  time.Duration
	}{
		"of a summary that was sent": {want: 2 * time.Second},
		"of one that reached nobody": {share: oncalldb.Share{Lost: true}, want: time.Second},
		"without a database":         {fails: errors.New("away"), want: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				err := unhurried(t.Context(), stage.share, func(context.Context, oncalldb.Share) error {
					time.Sleep(time.Second)
					return stage.fails
				})
				if took := time.Since(began); !errors.Is(err, stage.fails) || took != stage.want {
					t.Errorf("took %s: %v; want %s: %v", took, err, stage.want, stage.fails)
				}
			})
		})
	}
}
