package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"afterhours/tickets"
)

// bulkAcknowledge is POST /tickets/acknowledge: the tickets that are ticked.
func (s *Site) bulkAcknowledge(w http.ResponseWriter, r *http.Request) error {
	return s.bulk(w, r, "acknowledged", func(number int64, actor string) error {
		_, err := s.Tickets.Acknowledge(r.Context(), number, actor)
		return err
	})
}

// bulkResolve is POST /tickets/resolve: the tickets that are ticked, with a classification or without.
func (s *Site) bulkResolve(w http.ResponseWriter, r *http.Request) error {
	classification, err := formValue(r, "classification")
	if err != nil {
		return err
	}
	if _, ok := tickets.ParseClassification(classification); !ok {
		return &tickets.InvalidError{Field: "classification", Reason: "there is no such classification"}
	}
	return s.bulk(w, r, "resolved", func(number int64, actor string) error {
		_, err := s.Tickets.Resolve(r.Context(), number, actor, classification)
		return err
	})
}

// bulk does one thing to each ticked ticket, each in a transaction of its own: one whose state forbids it does not keep
// the others from it. It goes back to the list, which says how many there were of either.
func (s *Site) bulk(w http.ResponseWriter, r *http.Request, done string, act func(number int64, actor string) error) error {
	back, err := formValue(r, "back")
	if err != nil {
		return err
	}
	sel, err := selectionOf(back)
	if err != nil {
		return err
	}
	ticked := r.PostForm["number"]
	if len(ticked) > tickets.MaxLimit {
		return &tickets.InvalidError{Field: "number", Reason: "tick at most " + strconv.Itoa(tickets.MaxLimit) + " tickets at once"}
	}
	who, _ := identity(r.Context())
	changed, refused := 0, 0
	for _, text := range ticked {
		number, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return &tickets.InvalidError{Field: "number", Reason: "it is not a ticket's number"}
		}
		var conflict *tickets.ConflictError
		switch err := act(number, who.ID); {
		case err == nil:
			changed++
		case errors.As(err, &conflict), errors.Is(err, tickets.ErrNotFound):
			refused++
		default:
			return err
		}
	}
	values := sel.values()
	values.Set("done", done)
	values.Set("changed", strconv.Itoa(changed))
	values.Set("refused", strconv.Itoa(refused))
	redirect(w, r, "/tickets?"+values.Encode())
	return nil
}

// bulkNotice says what the bulk action before this page did.
func bulkNotice(values url.Values) (string, error) {
	done := values.Get("done")
	if done != "acknowledged" && done != "resolved" {
		return "", nil
	}
	changed, err := strconv.Atoi(values.Get("changed"))
	refused, err2 := strconv.Atoi(values.Get("refused"))
	if errors.Join(err, err2) != nil || changed < 0 || refused < 0 {
		return "", &tickets.InvalidError{Field: "changed", Reason: "it is not a number"}
	}
	switch {
	case changed+refused == 0:
		return "No ticket was ticked. Tick those that you mean, or press x on them.", nil
	case refused == 0:
		return count(changed, "ticket", "tickets") + " " + done + ".", nil
	}
	return count(changed, "ticket", "tickets") + " " + done + "; " + count(refused, "other was not", "others were not") + " in a state for it.", nil
}
