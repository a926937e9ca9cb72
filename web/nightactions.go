package web

import (
	"errors"
	"net/http"
	"time"

	"afterhours/tickets"
)

// snoozeFor is how long the night page's snooze silences a ticket.
const snoozeFor = 30 * time.Minute

// nightAcknowledge is POST /ack/{token}, with any body or none. It answers with the page itself and not with a redirect:
// phones and scripts post too, and want to know. A second POST says who acknowledged and when.
func (s *Site) nightAcknowledge(w http.ResponseWriter, r *http.Request, caller nightCaller) error {
	ticket, err := s.Tickets.Acknowledge(r.Context(), caller.ticket.Number, caller.actor)
	if errors.Is(err, tickets.ErrConflict) {
		ticket, err = s.Tickets.Get(r.Context(), caller.ticket.Number)
	}
	if err != nil {
		return err
	}
	caller.ticket = ticket
	view, err := s.nightView(r, caller)
	if err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "night", view)
}

// nightTakeOver is POST /ack/{token}/take-over: of a ticket that somebody else has.
func (s *Site) nightTakeOver(w http.ResponseWriter, r *http.Request, caller nightCaller) error {
	_, err := s.Tickets.TakeOver(r.Context(), caller.ticket.Number, caller.actor)
	return s.nightDone(w, r, caller, "taken", err)
}

// nightUndo is POST /ack/{token}/undo: for the minute after an acknowledgement, by whoever gave it.
func (s *Site) nightUndo(w http.ResponseWriter, r *http.Request, caller nightCaller) error {
	if caller.ticket.State == tickets.Acknowledged && caller.ticket.AcknowledgedBy != caller.actor {
		reason := "only " + caller.name(caller.ticket.AcknowledgedBy) + " can take this acknowledgement back; take the ticket over instead"
		return s.nightDone(w, r, caller, "", &tickets.ConflictError{Reason: reason})
	}
	_, err := s.Tickets.UndoAcknowledge(r.Context(), caller.ticket.Number, caller.actor)
	return s.nightDone(w, r, caller, "undone", err)
}

// nightEscalate is POST /ack/{token}/escalate.
func (s *Site) nightEscalate(w http.ResponseWriter, r *http.Request, caller nightCaller) error {
	return s.nightDone(w, r, caller, "escalated", s.OnCall.Escalate(r.Context(), caller.ticket.Number, caller.actor))
}

// nightSnooze is POST /ack/{token}/snooze.
func (s *Site) nightSnooze(w http.ResponseWriter, r *http.Request, caller nightCaller) error {
	return s.nightDone(w, r, caller, "snoozed", s.OnCall.Snooze(r.Context(), caller.ticket.Number, caller.actor, caller.now.Add(snoozeFor)))
}

// nightNote is POST /ack/{token}/note.
func (s *Site) nightNote(w http.ResponseWriter, r *http.Request, caller nightCaller) error {
	text, err := formValue(r, "text")
	if err != nil {
		return err
	}
	_, err = s.Tickets.Note(r.Context(), caller.ticket.Number, caller.actor, text)
	return s.nightDone(w, r, caller, "noted", err)
}

// nightDone shows the page again, by a redirect so that a reload does nothing twice, or says why it was not possible.
func (s *Site) nightDone(w http.ResponseWriter, r *http.Request, caller nightCaller, what string, err error) error {
	var status int
	var reason string
	var conflict *tickets.ConflictError
	var invalid *tickets.InvalidError
	switch {
	case errors.As(err, &conflict):
		status, reason = http.StatusConflict, conflict.Reason
	case errors.As(err, &invalid):
		status, reason = http.StatusBadRequest, invalid.Reason
	case err != nil:
		return err
	default:
		redirect(w, r, caller.base+"?done="+what)
		return nil
	}
	view, err := s.nightView(r, caller)
	if err != nil {
		return err
	}
	view.Complaint, view.Note = sentenceOf(reason), r.PostForm.Get("text")
	return s.render(w, status, "night", view)
}
