package api

import (
	"context"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/web/auth"
)

type handoverQuery struct {
	ID     string `path:"id" doc:"The schedule's id"`
	Limit  string `query:"limit" doc:"1 to 500, 50 without it"`
	Cursor string `query:"cursor" doc:"The next_cursor of the answer before"`
}

type handoverAnswer struct {
	Body struct {
		Notes      []oncall.HandoverNote `json:"notes"`
		NextCursor string                `json:"next_cursor" doc:"Empty at the end"`
	}
}

func (s *service) handoverNotes(ctx context.Context, in *handoverQuery) (*handoverAnswer, error) {
	most, err := limit(in.Limit)
	if err != nil {
		return nil, err
	}
	before, err := readCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	notes, err := s.OnCall.HandoverNotes(ctx, in.ID, most+1, before)
	if err != nil {
		return nil, err
	}
	if len(notes) == 0 {
		configuration, err := s.OnCall.Configuration(ctx)
		if err != nil {
			return nil, err
		}
		if _, ok := configuration.Schedule(in.ID); !ok {
			return nil, tickets.ErrNotFound
		}
	}
	out := &handoverAnswer{}
	if len(notes) > most {
		notes = notes[:most]
		out.Body.NextCursor = cursor(notes[most-1].ID)
	}
	out.Body.Notes = list(notes)
	return out, nil
}

type handoverRequest struct {
	ID      string `path:"id" doc:"The schedule's id"`
	RawBody []byte `contentType:"application/json"`
}

type handoverNoteAnswer struct{ Body oncall.HandoverNote }

// actor is who asks, as the on-call room knows actors.
func actor(ctx context.Context) oncall.Actor {
	who := identity(ctx)
	return oncall.Actor{ID: who.ID, Admin: who.Role.Allows(auth.Admin)}
}

func (s *service) writeHandoverNote(ctx context.Context, in *handoverRequest) (*handoverNoteAnswer, error) {
	var fields struct {
		Text *string `json:"text"`
	}
	if err := decode(in.RawBody, &fields); err != nil {
		return nil, err
	}
	if fields.Text == nil {
		return nil, invalid("text", "a note needs words")
	}
	note, err := s.OnCall.WriteHandoverNote(ctx, in.ID, actor(ctx), *fields.Text)
	if err != nil {
		return nil, err
	}
	return &handoverNoteAnswer{note}, nil
}
