package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"afterhours/tickets"
)

type oncallCommand struct {
	settings
	At       string `placeholder:"TIME" help:"RFC 3339 moment; default: now."`
	Schedule string `placeholder:"ID" help:"One schedule only."`
}

// Run prints one line a schedule: who is on call, until when, and who follows.
func (c *oncallCommand) Run(ctx context.Context, env environment) error {
	at := env.now()
	if c.At != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, c.At); err != nil {
			return usageError{fmt.Errorf("--at: %q is not a moment like 2026-12-24T03:00:00+01:00", c.At)}
		}
	}
	return withRooms(ctx, c.settings, env, func(r *rooms, _ database) error {
		configuration, err := r.oncall.Configuration(ctx)
		if err != nil {
			return err
		}
		if len(configuration.Schedules) == 0 {
			return fmt.Errorf("there is no schedule yet: write one and run `afterhours apply FILE`")
		}
		if _, ok := configuration.Schedule(c.Schedule); c.Schedule != "" && !ok {
			return fmt.Errorf("schedule %q: %w", c.Schedule, tickets.ErrNotFound)
		}
		table := tabwriter.NewWriter(env.stdout, 0, 0, 2, ' ', 0)
		for _, schedule := range configuration.Schedules {
			if c.Schedule != "" && schedule.ID != c.Schedule {
				continue
			}
			person, source, ok := schedule.At(at)
			if !ok {
				fmt.Fprintf(table, "%s\tnobody\ta gap: pages fall through to the next target\n", schedule.ID)
				continue
			}
			fmt.Fprintf(table, "%s\t%s\t%s\tby %s\n", schedule.ID, person, configuration.Name(person), source)
		}
		return table.Flush()
	})
}
