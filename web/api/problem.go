package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"afterhours/tickets"
)

// StatusOf is the one table of what an error means in HTTP; the pages of the web use it too. detail is for the user, and
// empty where the error is nobody's business but the operator's.
func StatusOf(err error) (status int, detail string) {
	var invalid *tickets.InvalidError
	var conflict *tickets.ConflictError
	var forbidden *tickets.ForbiddenError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &invalid):
		return http.StatusBadRequest, invalid.Error()
	case errors.As(err, &conflict):
		return http.StatusConflict, conflict.Reason
	case errors.As(err, &forbidden):
		return http.StatusForbidden, forbidden.Reason
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge, "the request is larger than this server takes"
	case errors.Is(err, tickets.ErrNotFound):
		return http.StatusNotFound, "there is nothing of that number or id"
	case errors.Is(err, tickets.ErrInvalid):
		return http.StatusBadRequest, "the request is malformed"
	case errors.Is(err, tickets.ErrConflict):
		return http.StatusConflict, "the present state forbids it"
	case errors.Is(err, tickets.ErrForbidden):
		return http.StatusForbidden, "the role forbids it"
	case errors.Is(err, tickets.ErrUnavailable):
		return http.StatusServiceUnavailable, "the database cannot be reached; try again in a moment"
	}
	return http.StatusInternalServerError, ""
}

// problem is an error as its reader gets it; the operator gets the chain.
func (s *service) problem(ctx context.Context, err error) *huma.ErrorModel {
	status, detail := StatusOf(err)
	if status >= http.StatusInternalServerError && !errors.Is(err, context.Canceled) {
		s.Log.ErrorContext(ctx, "api request failed", "error", err)
	}
	if detail == "" {
		detail = "the server failed; its log says why"
	}
	return newProblem(status, detail)
}

func newProblem(status int, detail string) *huma.ErrorModel {
	return &huma.ErrorModel{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail}
}

// WriteProblem answers a request under Prefix with an error.
func WriteProblem(w http.ResponseWriter, status int, detail string) {
	body, err := json.Marshal(newProblem(status, detail))
	if err != nil {
		status = http.StatusInternalServerError // unreachable: two strings and a number
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the reader has gone; there is nobody to tell
}
