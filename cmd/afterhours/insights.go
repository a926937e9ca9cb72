package main

import (
	"context"
	"time"

	"afterhours/oncall"
)

// How often the figures of the insights are brought up to date, how much of a backlog in one go, and which part of its time a
// gateway gives to counting them: the tickets of a day are all read again, and a day of a storm may have a million.
const (
	insightsEvery  = "@every 1m"
	insightBatches = 100
	insightsPart   = 100
)

// tendInsights notes which days have changed and, not before again, which it moves on, counts their figures.
func (a *application) tendInsights(ctx context.Context, again *time.Time) error {
	more, err := inBatches(insightBatches, func() (bool, error) { return a.rooms.tickets.NoteDays(ctx) })
	began := a.now()
	if err != nil || more || began.Before(*again) {
		return err
	}
	defer func() {
		ended := a.now()
		*again = ended.Add((insightsPart - 1) * ended.Sub(began))
	}()
	if _, err := inBatches(insightBatches, func() (bool, error) { return a.rooms.tickets.CountDays(ctx) }); err != nil {
		return err
	}
	_, err = inBatches(insightBatches, func() (bool, error) { return a.rooms.oncall.TendInsights(ctx, a.now()) })
	return err
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
