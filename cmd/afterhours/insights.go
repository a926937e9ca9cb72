package main

import (
	"context"

	"afterhours/oncall"
)

// How often the figures of the insights are brought up to date, how much of a backlog in one go, and which part of its time a
// gateway gives to them: the tickets of a day are all read again, and a day of a storm may have a million.
const (
	insightsEvery  = "@every 1m"
	insightBatches = 100
	insightsPart   = 20
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

// tellWeeks queues the weekly reports that are due.
func (a *application) tellWeeks(ctx context.Context) error {
	return a.rooms.oncall.TellWeeks(ctx, a.now(), a.rooms.week)
}

// week is what a report tells of: its week, and the one before.
func (r *rooms) week(ctx context.Context, report oncall.WeeklyReport) (f oncall.WeekFigures, err error) {
	f.Monday = report.Monday
	before, after := report.Monday.AddDate(0, 0, -7), report.Monday.AddDate(0, 0, 7)
	if f.Tickets, err = r.tickets.Insights(ctx, f.Monday, after); err != nil {
		return f, err
	}
	if f.TicketsOld, err = r.tickets.Insights(ctx, before, f.Monday); err != nil {
		return f, err
	}
	if f.Pages, err = r.oncall.PageInsights(ctx, f.Monday, after, report.Zone()); err != nil {
		return f, err
	}
	if f.PagesOld, err = r.oncall.PageInsights(ctx, before, f.Monday, report.Zone()); err != nil {
		return f, err
	}
	counts, err := r.tickets.Counts(ctx)
	f.Open, f.Acknowledged = counts.Open, counts.Acknowledged
	return f, err
}
