package api

import (
	"context"
	"time"

	"afterhours/oncall"
)

type historyQuery struct {
	ID   string `path:"id" doc:"The schedule's id, also of one that was removed"`
	From string `query:"from" doc:"RFC 3339; a week before to without it"`
	To   string `query:"to" doc:"RFC 3339, at most a year after from; now without it"`
}

type historyAnswer struct {
	Body struct {
		Shifts []oncall.PastShift `json:"shifts"`
		Gaps   []oncall.PastGap   `json:"gaps"`
		Since  *time.Time         `json:"since" doc:"The schedule's first record of all; null where there is none"`
		Until  *time.Time         `json:"until" doc:"How far the history is written; null where there is none"`
	}
}

// history answers what really was: shifts and gaps end where the history is written to.
func (s *service) history(ctx context.Context, in *historyQuery) (*historyAnswer, error) {
	from, err := moment("from", in.From)
	if err != nil {
		return nil, err
	}
	to, err := moment("to", in.To)
	if err != nil {
		return nil, err
	}
	if to.IsZero() {
		to = s.Now().UTC()
	}
	if from.IsZero() {
		from = to.Add(-defaultSpan)
	}
	if !from.Before(to) || to.Sub(from) > longestSpan {
		return nil, invalid("to", "give a time after from, and at most a year later")
	}
	history, err := s.OnCall.OnCallHistory(ctx, in.ID, from, to)
	if err != nil {
		return nil, err
	}
	out := &historyAnswer{}
	out.Body.Shifts, out.Body.Gaps = list(history.Shifts), list(history.Gaps)
	if !history.From.IsZero() {
		out.Body.Since, out.Body.Until = &history.From, &history.Until
	}
	return out, nil
}
