package web

import (
	"errors"
	"net/http"
	"strconv"

	"afterhours/tickets"
	"afterhours/web/auth"
)

// changePassword is POST /account/password: one's own, for the present one.
func (s *Site) changePassword(w http.ResponseWriter, r *http.Request) error {
	var fields [3]string
	for i, name := range []string{"present", "password", "again"} {
		value, err := formValue(r, name)
		if err != nil {
			return err
		}
		fields[i] = value
	}
	if fields[1] != fields[2] {
		return s.renderAccount(w, r, accountAnswer{http.StatusBadRequest, nil, "The new passwords are not the same. Type both again.", "password"})
	}
	who, _ := identity(r.Context())
	if err := s.Auth.ChangePassword(r.Context(), who.ID, fields[0], fields[1], r.RemoteAddr); err != nil {
		return s.refuseAccount(w, r, err, "password")
	}
	redirect(w, r, "/account?done=password")
	return nil
}

// confirmAccount is POST /account/confirm: the password shows that whoever has the session is its owner.
func (s *Site) confirmAccount(w http.ResponseWriter, r *http.Request) error {
	password, err := formValue(r, "present")
	if err != nil {
		return err
	}
	who, _ := identity(r.Context())
	if err := s.Auth.Confirm(r.Context(), who.ID, password, r.RemoteAddr); err != nil {
		return s.refuseAccount(w, r, err, "confirm")
	}
	redirect(w, r, "/account?done=confirmed")
	return nil
}

// askConfirmation is POST /account/confirm/passkey: a challenge for a passkey of one's own.
func (s *Site) askConfirmation(w http.ResponseWriter, r *http.Request) error {
	who, _ := identity(r.Context())
	challenge, err := s.Auth.BeginConfirmation(r.Context(), who.ID, r.RemoteAddr)
	return answerChallenge(w, challenge, err)
}

// answerConfirmation is POST /account/confirm/passkey/answer: the same as the password does, by a passkey.
func (s *Site) answerConfirmation(w http.ResponseWriter, r *http.Request) error {
	post, err := readPasskey(r)
	if err != nil {
		return refuseScript(w, err)
	}
	who, _ := identity(r.Context())
	return answerNext(w, "/account?done=confirmed", s.Auth.ConfirmByPasskey(r.Context(), who.ID, post.Token, post.Answer, r.RemoteAddr))
}

// disconnectSignOn is POST /account/sso/disconnect.
func (s *Site) disconnectSignOn(w http.ResponseWriter, r *http.Request) error {
	who, _ := identity(r.Context())
	err := s.Auth.Disconnect(r.Context(), who.ID)
	if err != nil && !errors.Is(err, tickets.ErrNotFound) { // it is disconnected already
		return s.refuseAccount(w, r, err, "signon")
	}
	redirect(w, r, "/account?done=disconnected")
	return nil
}

// refuseAccount shows the page again with what whoever filled in a form of it can do about an error.
func (s *Site) refuseAccount(w http.ResponseWriter, r *http.Request, err error, form string) error {
	status, reason := refusalOfProof(w, err)
	if status == 0 {
		return err
	}
	return s.renderAccount(w, r, accountAnswer{status, nil, reason, form})
}

// refusalOfProof is refusal for what somebody offers to show who they are: there are limits, and it may be wrong.
func refusalOfProof(w http.ResponseWriter, err error) (status int, reason string) {
	var limited *auth.LimitError
	switch {
	case errors.As(err, &limited):
		w.Header().Set("Retry-After", strconv.Itoa(int(limited.RetryAfter.Seconds())+1))
		return http.StatusTooManyRequests, sentenceOf(limited.Error())
	case errors.Is(err, auth.ErrPasskeyRefused), errors.Is(err, auth.ErrPasskeySuspect), errors.Is(err, auth.ErrWrongPassword), errors.Is(err, auth.ErrUnconfirmed):
		return http.StatusUnauthorized, sentenceOf(err.Error())
	}
	return refusal(err)
}
