package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// clockEvery is how often the clock is compared with the database's.
const clockEvery = "@every 1m"

// clock is the one clock of a serving process: the database's, read once, advanced by this machine's monotonic clock. What
// the machine's wall clock does, by hand or by a time server, moves nothing that is due.
type clock struct {
	anchor atomic.Pointer[anchor]
	// elapsed is a monotonic reading.
	elapsed func() time.Duration
	// read asks the database for its moment.
	read func(ctx context.Context) (time.Time, error)
}

// anchor is the database's moment at a monotonic reading.
type anchor struct {
	at      time.Time
	elapsed time.Duration
}

// newClock is this machine's clock, until it is anchored at the database's.
func newClock(wall time.Time) *clock {
	began := time.Now()
	c := &clock{elapsed: func() time.Duration { return time.Since(began) }}
	c.anchor.Store(&anchor{at: wall, elapsed: c.elapsed()})
	return c
}

// anchorAt reads the database's clock and goes by it from now on.
func (c *clock) anchorAt(ctx context.Context, pool *pgxpool.Pool) error {
	c.read = func(ctx context.Context) (at time.Time, err error) {
		err = pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&at)
		return at, err
	}
	now, err := c.measure(ctx)
	if err != nil {
		return err
	}
	c.anchor.Store(&now)
	return nil
}

// measure takes half of the way to the database and back for the way there.
func (c *clock) measure(ctx context.Context) (anchor, error) {
	before := c.elapsed()
	at, err := c.read(ctx)
	if err != nil {
		return anchor{}, fmt.Errorf("read the database's clock: %w", err)
	}
	after := c.elapsed()
	return anchor{at, before + (after-before)/2}, nil
}

// Now is the present moment, in UTC.
func (c *clock) Now() time.Time {
	held := c.anchor.Load()
	return held.at.Add(c.elapsed() - held.elapsed).UTC()
}

// correct follows the database where the two are further apart than clockDrift: after a failover to another machine, or
// where this one slept.
func (c *clock) correct(ctx context.Context, log *slog.Logger) error {
	now, err := c.measure(ctx)
	if err != nil {
		return err
	}
	held := c.anchor.Load()
	if drift := now.at.Sub(held.at.Add(now.elapsed - held.elapsed)); drift.Abs() > clockDrift {
		log.Warn("clock corrected", "drift", drift.Round(time.Millisecond).String())
		c.anchor.Store(&now)
	}
	return nil
}
