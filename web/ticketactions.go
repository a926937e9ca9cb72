package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"afterhours/tickets"
)

// acknowledge is POST /tickets/{number}/acknowledge.
func (s *Site) acknowledge(w http.ResponseWriter, r *http.Request) error {
	return s.change(w, r, s.Tickets.Acknowledge)
}

// takeOver is POST /tickets/{number}/take-over.
func (s *Site) takeOver(w http.ResponseWriter, r *http.Request) error {
	return s.change(w, r, s.Tickets.TakeOver)
}

// undoAcknowledge is POST /tickets/{number}/undo-acknowledge.
func (s *Site) undoAcknowledge(w http.ResponseWriter, r *http.Request) error {
	return s.change(w, r, s.Tickets.UndoAcknowledge)
}

// resolve is POST /tickets/{number}/resolve, with a classification or without.
func (s *Site) resolve(w http.ResponseWriter, r *http.Request) error {
	classification, err := formValue(r, "classification")
	if err != nil {
		return err
	}
	return s.change(w, r, func(ctx context.Context, number int64, actor string) (tickets.Ticket, error) {
		return s.Tickets.Resolve(ctx, number, actor, classification)
	})
}

// reopen is POST /tickets/{number}/reopen.
func (s *Site) reopen(w http.ResponseWriter, r *http.Request) error {
	return s.change(w, r, s.Tickets.Reopen)
}

// escalate is POST /tickets/{number}/escalate.
func (s *Site) escalate(w http.ResponseWriter, r *http.Request) error {
	return s.change(w, r, func(ctx context.Context, number int64, actor string) (tickets.Ticket, error) {
		return tickets.Ticket{}, s.OnCall.Escalate(ctx, number, actor)
	})
}

// snooze is POST /tickets/{number}/snooze: for the minutes of the form.
func (s *Site) snooze(w http.ResponseWriter, r *http.Request) error {
	text, err := formValue(r, "minutes")
	if err != nil {
		return err
	}
	minutes, err := strconv.Atoi(text)
	if err != nil {
		minutes = 0 // the store refuses a moment that is not ahead
	}
	return s.change(w, r, func(ctx context.Context, number int64, actor string) (tickets.Ticket, error) {
		return tickets.Ticket{}, s.OnCall.Snooze(ctx, number, actor, s.Now().Add(time.Duration(minutes)*time.Minute))
	})
}

// assign is POST /tickets/{number}/assign: to a person of the configuration, or to nobody.
func (s *Site) assign(w http.ResponseWriter, r *http.Request) error {
	person, err := formValue(r, "person")
	if err != nil {
		return err
	}
	configuration, err := s.OnCall.Configuration(r.Context())
	if err != nil {
		return err
	}
	return s.change(w, r, func(ctx context.Context, number int64, actor string) (tickets.Ticket, error) {
		if _, known := configuration.Person(person); !known && person != "" {
			return tickets.Ticket{}, &tickets.InvalidError{Field: "person", Reason: "this person is not in the configuration any more"}
		}
		return s.Tickets.Assign(ctx, number, actor, person)
	})
}

// note is POST /tickets/{number}/notes.
func (s *Site) note(w http.ResponseWriter, r *http.Request) error {
	text, err := formValue(r, "text")
	if err != nil {
		return err
	}
	return s.change(w, r, func(ctx context.Context, number int64, actor string) (tickets.Ticket, error) {
		return s.Tickets.Note(ctx, number, actor, text)
	})
}

// hold is POST /tickets/{number}/hold: the ticket and its mails are kept beyond every retention.
func (s *Site) hold(w http.ResponseWriter, r *http.Request) error {
	reason, err := formValue(r, "reason")
	if err != nil {
		return err
	}
	return s.change(w, r, func(ctx context.Context, number int64, actor string) (tickets.Ticket, error) {
		return s.Tickets.Hold(ctx, number, actor, reason)
	})
}

// release is POST /tickets/{number}/release.
func (s *Site) release(w http.ResponseWriter, r *http.Request) error {
	return s.change(w, r, s.Tickets.Release)
}

// change runs an action of whoever is signed in and shows the ticket again. Where it was not possible, the ticket says
// why and keeps what was written.
func (s *Site) change(w http.ResponseWriter, r *http.Request, act func(ctx context.Context, number int64, actor string) (tickets.Ticket, error)) error {
	number, err := pathNumber(r, "number")
	if err != nil {
		return err
	}
	who, _ := identity(r.Context())
	_, err = act(r.Context(), number, who.ID)
	var conflict *tickets.ConflictError
	var invalid *tickets.InvalidError
	switch {
	case errors.As(err, &conflict):
		return s.complain(w, r, number, http.StatusConflict, conflict.Reason)
	case errors.As(err, &invalid):
		return s.complain(w, r, number, http.StatusBadRequest, invalid.Reason)
	case err != nil:
		return err
	}
	redirect(w, r, ticketURL(number))
	return nil
}

func (s *Site) complain(w http.ResponseWriter, r *http.Request, number int64, status int, reason string) error {
	view, err := s.ticketView(r, number)
	if err != nil {
		return err
	}
	view.Complaint, view.Note = sentenceOf(reason), r.PostForm.Get("text")
	if r.PostForm.Has("reason") {
		view.Mute = muteForm{r.PostForm.Get("title"), r.PostForm.Get("device"), r.PostForm.Get("reason")}
	}
	return s.render(w, status, "ticket", view)
}
