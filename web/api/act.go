package api

import (
	"bytes"
	"context"
	"time"

	"afterhours/tickets"
	"afterhours/web/auth"
)

// change runs one action of whoever asks on the ticket of a path.
func (s *service) change(ctx context.Context, in *byNumber, act func(ctx context.Context, number int64, actor string) (tickets.Ticket, error)) (*ticketAnswer, error) {
	n, err := number("number", in.Number)
	if err != nil {
		return nil, err
	}
	ticket, err := act(ctx, n, identity(ctx).ID)
	if err != nil {
		return nil, err
	}
	return answer(ticket), nil
}

func (s *service) acknowledge(ctx context.Context, in *byNumber) (*ticketAnswer, error) {
	return s.change(ctx, in, s.Tickets.Acknowledge)
}

func (s *service) takeOver(ctx context.Context, in *byNumber) (*ticketAnswer, error) {
	return s.change(ctx, in, s.Tickets.TakeOver)
}

func (s *service) undoAcknowledge(ctx context.Context, in *byNumber) (*ticketAnswer, error) {
	return s.change(ctx, in, s.Tickets.UndoAcknowledge)
}

type resolveRequest struct {
	Number  string `path:"number" doc:"The ticket's number"`
	RawBody []byte `contentType:"application/json" required:"false"`
}

func (s *service) resolve(ctx context.Context, in *resolveRequest) (*ticketAnswer, error) {
	var fields struct {
		Classification string `json:"classification"`
	}
	if len(bytes.TrimSpace(in.RawBody)) > 0 {
		if err := decode(in.RawBody, &fields); err != nil {
			return nil, err
		}
	}
	return s.change(ctx, &byNumber{in.Number}, func(ctx context.Context, number int64, actor string) (tickets.Ticket, error) {
		return s.Tickets.Resolve(ctx, number, actor, fields.Classification)
	})
}

func (s *service) reopen(ctx context.Context, in *byNumber) (*ticketAnswer, error) {
	return s.change(ctx, in, s.Tickets.Reopen)
}

func (s *service) escalate(ctx context.Context, in *byNumber) (*ticketAnswer, error) {
	return s.change(ctx, in, func(ctx context.Context, number int64, actor string) (tickets.Ticket, error) {
		if err := s.OnCall.Escalate(ctx, number, actor); err != nil {
			return tickets.Ticket{}, err
		}
		return s.Tickets.Get(ctx, number)
	})
}

type noteRequest struct {
	Number  string `path:"number" doc:"The ticket's number"`
	RawBody []byte `contentType:"application/json"`
}

func (s *service) note(ctx context.Context, in *noteRequest) (*ticketAnswer, error) {
	var fields struct {
		Text *string `json:"text"`
	}
	if err := decode(in.RawBody, &fields); err != nil {
		return nil, err
	}
	if fields.Text == nil {
		return nil, invalid("text", "a note needs words")
	}
	return s.change(ctx, &byNumber{in.Number}, func(ctx context.Context, number int64, actor string) (tickets.Ticket, error) {
		return s.Tickets.Note(ctx, number, actor, *fields.Text)
	})
}

type assignRequest struct {
	Number  string `path:"number" doc:"The ticket's number"`
	RawBody []byte `contentType:"application/json"`
}

func (s *service) assign(ctx context.Context, in *assignRequest) (*ticketAnswer, error) {
	var fields struct {
		Person *string `json:"person"`
	}
	if err := decode(in.RawBody, &fields); err != nil {
		return nil, err
	}
	if fields.Person == nil {
		return nil, invalid("person", "give a person's id, or an empty one for nobody")
	}
	configuration, err := s.OnCall.Configuration(ctx)
	if err != nil {
		return nil, err
	}
	if _, known := configuration.Person(*fields.Person); !known && *fields.Person != "" {
		return nil, invalid("person", "there is no person %q", clip(*fields.Person))
	}
	return s.change(ctx, &byNumber{in.Number}, func(ctx context.Context, number int64, actor string) (tickets.Ticket, error) {
		return s.Tickets.Assign(ctx, number, actor, *fields.Person)
	})
}

type snoozeRequest struct {
	Number  string `path:"number" doc:"The ticket's number"`
	RawBody []byte `contentType:"application/json"`
}

func (s *service) snooze(ctx context.Context, in *snoozeRequest) (*ticketAnswer, error) {
	var fields struct {
		Until *time.Time `json:"until"`
	}
	if err := decode(in.RawBody, &fields); err != nil {
		return nil, err
	}
	if fields.Until == nil {
		return nil, invalid("until", "give a time in RFC 3339 within the next 24 hours")
	}
	return s.change(ctx, &byNumber{in.Number}, func(ctx context.Context, number int64, actor string) (tickets.Ticket, error) {
		if err := s.OnCall.Snooze(ctx, number, actor, fields.Until.UTC()); err != nil {
			return tickets.Ticket{}, err
		}
		return s.Tickets.Get(ctx, number)
	})
}

type holdRequest struct {
	Number  string `path:"number" doc:"The ticket's number"`
	RawBody []byte `contentType:"application/json"`
}

func (s *service) hold(ctx context.Context, in *holdRequest) (*ticketAnswer, error) {
	var fields struct {
		Reason string `json:"reason"`
	}
	if err := decode(in.RawBody, &fields); err != nil {
		return nil, err
	}
	return s.change(ctx, &byNumber{in.Number}, func(ctx context.Context, number int64, actor string) (tickets.Ticket, error) {
		return s.Tickets.Hold(ctx, number, actor, fields.Reason)
	})
}

// release ends what keeps evidence: whoever works on a ticket is not to do that by themselves.
func (s *service) release(ctx context.Context, in *byNumber) (*ticketAnswer, error) {
	if !identity(ctx).Role.Allows(auth.Admin) {
		return nil, &tickets.ForbiddenError{Reason: "ending a hold needs the role admin"}
	}
	return s.change(ctx, in, s.Tickets.Release)
}
