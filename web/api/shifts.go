package api

import (
	"context"
	"fmt"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

// Bounds of a request for shifts.
const (
	defaultSpan = 7 * 24 * time.Hour
	longestSpan = 366 * 24 * time.Hour
)

type shiftsQuery struct {
	ID   string `path:"id" doc:"The schedule's id"`
	From string `query:"from" doc:"RFC 3339; now without it"`
	To   string `query:"to" doc:"RFC 3339, at most a year after from; a week after it without"`
}

type shiftsAnswer struct {
	Body struct {
		Shifts []oncall.Shift `json:"shifts"`
		Gaps   []oncall.Gap   `json:"gaps"`
	}
}

func (s *service) shifts(ctx context.Context, in *shiftsQuery) (*shiftsAnswer, error) {
	from, err := moment("from", in.From)
	if err != nil {
		return nil, err
	}
	to, err := moment("to", in.To)
	if err != nil {
		return nil, err
	}
	if from.IsZero() {
		from = s.Now().UTC()
	}
	if to.IsZero() {
		to = from.Add(defaultSpan)
	}
	if !from.Before(to) || to.Sub(from) > longestSpan {
		return nil, invalid("to", "give a time after from, and at most a year later")
	}
	configuration, err := s.OnCall.Configuration(ctx)
	if err != nil {
		return nil, err
	}
	schedule, ok := configuration.Schedule(in.ID)
	if !ok {
		return nil, fmt.Errorf("schedule %q: %w", clip(in.ID), tickets.ErrNotFound)
	}
	out := &shiftsAnswer{}
	shifts, gaps := schedule.Shifts(from, to)
	out.Body.Shifts, out.Body.Gaps = list(shifts), list(gaps)
	return out, nil
}
