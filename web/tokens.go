package web

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"afterhours/tickets"
	"afterhours/web/auth"
)

type tokensView struct {
	frame
	Rows      []tokenRow
	Made      string // a token that was just made; it is shown this once
	Name      string // what was typed
	Complaint string
	Roles     []choice
}

type tokenRow struct {
	Name    string
	Role    auth.Role
	Made    when
	Expires *when
	State   string // valid, expired or revoked
}

// listTokens is GET /settings/tokens.
func (s *Site) listTokens(w http.ResponseWriter, r *http.Request) error {
	return s.showTokens(w, r, http.StatusOK, tokensView{})
}

func (s *Site) showTokens(w http.ResponseWriter, r *http.Request, status int, view tokensView) error {
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	if view.frame, err = s.frame(r, "Tokens", "tokens"); err != nil {
		return err
	}
	tokens, err := s.Auth.Tokens(r.Context())
	if err != nil {
		return err
	}
	for _, token := range tokens {
		row := tokenRow{Name: token.Name, Role: token.Role, Made: reader.ago(token.CreatedAt), State: "valid"}
		if token.ExpiresAt != nil {
			at := reader.day(*token.ExpiresAt)
			row.Expires = &at
			if !token.ExpiresAt.After(reader.now) {
				row.State = "expired"
			}
		}
		if token.RevokedAt != nil {
			row.State = "revoked"
		}
		view.Rows = append(view.Rows, row)
	}
	view.Roles = choices("viewer", "responder", "admin")
	return s.render(w, status, "tokens", view)
}

// createToken is POST /settings/tokens. The answer is the page itself: the token is shown once and stands in no address.
func (s *Site) createToken(w http.ResponseWriter, r *http.Request) error {
	name, err := formValue(r, "name")
	if err != nil {
		return err
	}
	var expires *time.Time
	if days, err := strconv.Atoi(r.PostForm.Get("days")); err == nil && days > 0 && days <= 3650 {
		end := s.Now().AddDate(0, 0, days)
		expires = &end
	}
	who, _ := identity(r.Context())
	name = strings.TrimSpace(name)
	token, err := s.Auth.CreateToken(r.Context(), who.ID, name, r.PostForm.Get("role"), expires)
	if status, reason := refusal(err); status != 0 {
		return s.showTokens(w, r, status, tokensView{Name: name, Complaint: reason})
	}
	if err != nil {
		return err
	}
	return s.showTokens(w, r, http.StatusOK, tokensView{Made: token})
}

// revokeToken is POST /settings/tokens/{name}/revoke.
func (s *Site) revokeToken(w http.ResponseWriter, r *http.Request) error {
	who, _ := identity(r.Context())
	err := s.Auth.RevokeToken(r.Context(), who.ID, chi.URLParam(r, "name"))
	if errors.Is(err, tickets.ErrNotFound) {
		return s.showTokens(w, r, http.StatusConflict, tokensView{Complaint: "This token is revoked already, or never was."})
	}
	if err != nil {
		return err
	}
	redirect(w, r, "/settings/tokens")
	return nil
}

// refusal is the status and the sentence for an error that whoever posted can mend; 0 for every other.
func refusal(err error) (status int, reason string) {
	var conflict *tickets.ConflictError
	var forbidden *tickets.ForbiddenError
	var invalid *tickets.InvalidError
	switch {
	case errors.As(err, &conflict):
		return http.StatusConflict, sentenceOf(conflict.Reason)
	case errors.As(err, &forbidden):
		return http.StatusForbidden, sentenceOf(forbidden.Reason)
	case errors.As(err, &invalid):
		return http.StatusBadRequest, sentenceOf(invalid.Reason)
	}
	return 0, ""
}
