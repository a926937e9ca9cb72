package main

import "context"

// How often the figures of the insights are brought up to date, and how much of a backlog in one go.
const (
	insightsEvery  = "@every 1m"
	insightBatches = 100
)

// tendInsights counts the figures of days that have changed.
func (a *application) tendInsights(ctx context.Context) error {
	for range insightBatches {
		more, err := a.rooms.tickets.TendInsights(ctx)
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	for range insightBatches {
		more, err := a.rooms.oncall.TendInsights(ctx, a.now())
		if err != nil || !more {
			return err
		}
	}
	return nil
}
