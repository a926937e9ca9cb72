package web

import (
	"context"
	"errors"
	"fmt"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
)

// shiftsDouble answers with its function fields; what it keeps of the past is the sample's schedule as it says now.
type shiftsDouble struct {
	sample *sample
	notes  []oncall.HandoverNote // newest first
	write  func(schedule string, by oncall.Actor, text string) error

	requests []oncall.ShiftRequest // newest first
	settle   func(what string, request oncall.ShiftRequest) error
}

func (d *shiftsDouble) HandoverNotes(_ context.Context, schedule string, _ int, before int64) (found []oncall.HandoverNote, _ error) {
	for _, note := range d.notes {
		if note.Schedule == schedule && (before == 0 || note.ID < before) {
			found = append(found, note)
		}
	}
	return found, nil
}

func (d *shiftsDouble) HandoverNote(_ context.Context, schedule string, since time.Time) (*oncall.HandoverNote, error) {
	for _, note := range d.notes {
		if note.Schedule == schedule && !note.At.Before(since) {
			return &note, nil
		}
	}
	return nil, nil
}

func (d *shiftsDouble) WriteHandoverNote(_ context.Context, schedule string, by oncall.Actor, text string) (oncall.HandoverNote, error) {
	if _, ok := d.sample.configuration.Schedule(schedule); !ok {
		return oncall.HandoverNote{}, tickets.ErrNotFound
	}
	if d.write == nil {
		return oncall.HandoverNote{}, errors.New("unexpected call of WriteHandoverNote")
	}
	note := oncall.HandoverNote{ID: 9, Schedule: schedule, Author: by.ID, At: d.sample.now, Text: text}
	return note, d.write(schedule, by, text)
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

func (d *shiftsDouble) ShiftRequests(_ context.Context, schedule, state string, _ int, before int64) (found []oncall.ShiftRequest, _ error) {
	if _, ok := d.sample.configuration.Schedule(schedule); !ok && schedule != "" {
		return nil, tickets.ErrNotFound
	}
	for _, request := range d.requests {
		if (schedule == "" || request.Schedule == schedule) && (state == "" || request.State == state) && (before == 0 || request.ID < before) {
			found = append(found, request)
		}
	}
	return found, nil
}

func (d *shiftsDouble) settled(what, schedule string, by oncall.Actor, request oncall.ShiftRequest) (oncall.ShiftRequest, error) {
	if _, ok := d.sample.configuration.Schedule(schedule); !ok && schedule != "" {
		return request, tickets.ErrNotFound
	}
	if d.settle == nil {
		return request, errors.New("unexpected change of a request: " + what)
	}
	return request, d.settle(what+" by "+by.ID, request)
}

func (d *shiftsDouble) AskShift(_ context.Context, by oncall.Actor, request oncall.ShiftRequest, waived bool) (oncall.ShiftRequest, error) {
	what := "ask"
	if request.State = oncall.RequestAsked; waived {
		what, request.State = "waive", oncall.RequestAgreed
	}
	return d.settled(what, request.Schedule, by, request)
}

func (d *shiftsDouble) AnswerShift(_ context.Context, schedule string, id int64, by oncall.Actor, yes bool) (oncall.ShiftRequest, error) {
	what := fmt.Sprint("yes to ", id)
	if !yes {
		what = fmt.Sprint("no to ", id)
	}
	return d.settled(what, schedule, by, oncall.ShiftRequest{ID: id, State: oncall.RequestAgreed})
}

func (d *shiftsDouble) WithdrawShift(_ context.Context, schedule string, id int64, by oncall.Actor) (oncall.ShiftRequest, error) {
	return d.settled(fmt.Sprint("withdraw ", id), schedule, by, oncall.ShiftRequest{ID: id, State: oncall.RequestWithdrawn})
}
