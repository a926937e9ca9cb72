package web

import (
	"context"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

// shiftsDouble answers with its function fields; what it keeps of the past is the sample's schedule as it says now.
type shiftsDouble struct {
	sample *sample
}

func (d *shiftsDouble) OnCallHistory(_ context.Context, id string, from, to time.Time) (oncall.History, error) {
	schedule, ok := d.sample.configuration.Schedule(id)
	if !ok {
		return oncall.History{}, tickets.ErrNotFound
	}
	shifts, gaps := schedule.Shifts(from, to)
	history := oncall.History{From: d.sample.now.Add(-60 * 24 * time.Hour), Until: to}
	for i, shift := range shifts {
		history.Shifts = append(history.Shifts, oncall.PastShift{Person: shift.Person, Start: shift.Start, End: shift.End, Source: shift.Source, Reconstructed: i == 1})
	}
	for _, gap := range gaps {
		history.Gaps = append(history.Gaps, oncall.PastGap{Start: gap.Start, End: gap.End})
	}
	return history, nil
}
