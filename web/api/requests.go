package api

import (
	"context"
	"time"

	"afterhours/oncall"
)

type requestsQuery struct {
	ID     string `path:"id" doc:"The schedule's id"`
	State  string `query:"state" doc:"asked, agreed, declined, withdrawn, expired or outdated; all without it"`
	Limit  string `query:"limit" doc:"1 to 500, 50 without it"`
	Cursor string `query:"cursor" doc:"The next_cursor of the answer before"`
}

type requestsAnswer struct {
	Body struct {
		Requests   []oncall.ShiftRequest `json:"requests"`
		NextCursor string                `json:"next_cursor" doc:"Empty at the end"`
	}
}

func (s *service) shiftRequests(ctx context.Context, in *requestsQuery) (*requestsAnswer, error) {
	states, err := choices("state", []string{in.State}, oncall.IsRequestState)
	if err != nil {
		return nil, err
	}
	if len(states) > 1 {
		return nil, invalid("state", "give one state, or none for all")
	}
	most, err := limit(in.Limit)
	if err != nil {
		return nil, err
	}
	before, err := readCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	state := ""
	if len(states) == 1 {
		state = states[0]
	}
	requests, err := s.OnCall.ShiftRequests(ctx, in.ID, state, most+1, before)
	if err != nil {
		return nil, err
	}
	out := &requestsAnswer{}
	if len(requests) > most {
		requests = requests[:most]
		out.Body.NextCursor = cursor(requests[most-1].ID)
	}
	out.Body.Requests = list(requests)
	return out, nil
}

type askRequest struct {
	ID      string `path:"id" doc:"The schedule's id"`
	RawBody []byte `contentType:"application/json"`
}

type requestAnswer struct{ Body oncall.ShiftRequest }

// askShift lets an administrator's token change who is on call. A responder's token has no shifts of its own.
func (s *service) askShift(ctx context.Context, in *askRequest) (*requestAnswer, error) {
	var fields struct {
		Giver      string     `json:"giver"`
		Taker      string     `json:"taker"`
		Start      *time.Time `json:"start"`
		End        *time.Time `json:"end"`
		OtherStart *time.Time `json:"other_start"`
		OtherEnd   *time.Time `json:"other_end"`
		Message    string     `json:"message"`
		Consent    string     `json:"consent"`
	}
	if err := decode(in.RawBody, &fields); err != nil {
		return nil, err
	}
	switch {
	case fields.Start == nil:
		return nil, invalid("start", "give a time in RFC 3339")
	case fields.End == nil:
		return nil, invalid("end", "give a time in RFC 3339")
	case fields.Consent != "" && fields.Consent != "ask" && fields.Consent != "waived":
		return nil, invalid("consent", "it is ask or waived")
	}
	request := oncall.ShiftRequest{
		Schedule: in.ID, Giver: fields.Giver, Taker: fields.Taker, Start: *fields.Start, End: *fields.End,
		OtherStart: fields.OtherStart, OtherEnd: fields.OtherEnd, Says: fields.Message,
	}
	request, err := s.OnCall.AskShift(ctx, actor(ctx), request, fields.Consent == "waived")
	if err != nil {
		return nil, err
	}
	return &requestAnswer{request}, nil
}

type byRequest struct {
	ID      string `path:"id" doc:"The schedule's id"`
	Request string `path:"request" doc:"The request's id"`
}

// settle answers what became of the request of a path.
func (s *service) settle(in *byRequest, change func(id int64) (oncall.ShiftRequest, error)) (*requestAnswer, error) {
	id, err := number("request", in.Request)
	if err != nil {
		return nil, err
	}
	request, err := change(id)
	if err != nil {
		return nil, err
	}
	return &requestAnswer{request}, nil
}

func (s *service) acceptShift(ctx context.Context, in *byRequest) (*requestAnswer, error) {
	return s.settle(in, func(id int64) (oncall.ShiftRequest, error) {
		return s.OnCall.AnswerShift(ctx, in.ID, id, actor(ctx), true)
	})
}

func (s *service) declineShift(ctx context.Context, in *byRequest) (*requestAnswer, error) {
	return s.settle(in, func(id int64) (oncall.ShiftRequest, error) {
		return s.OnCall.AnswerShift(ctx, in.ID, id, actor(ctx), false)
	})
}

func (s *service) withdrawShift(ctx context.Context, in *byRequest) (*requestAnswer, error) {
	return s.settle(in, func(id int64) (oncall.ShiftRequest, error) {
		return s.OnCall.WithdrawShift(ctx, in.ID, id, actor(ctx))
	})
}
