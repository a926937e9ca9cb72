package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"afterhours/web/auth"
)

type loginView struct {
	bare
	Next   string
	Email  string
	Error  string
	Nobody bool   // there is no account yet
	SignOn string // what the button to the identity provider says; empty where there is none
	Script string // of the button for passkeys; empty where none can be used
}

// showLogin is GET /login.
func (s *Site) showLogin(w http.ResponseWriter, r *http.Request) error {
	next := localPath(r.URL.Query().Get("next"))
	_, signedIn, err := s.Auth.Current(r.Context())
	if err != nil {
		return err
	}
	if signedIn {
		redirect(w, r, next)
		return nil
	}
	exist, err := s.Auth.HasAccounts(r.Context())
	if err != nil {
		return err
	}
	view := s.loginView(next)
	view.Nobody = !exist
	return s.render(w, http.StatusOK, "login", view)
}

func (s *Site) loginView(next string) loginView {
	view := loginView{bare: s.bare("Sign in", false), Next: next, SignOn: s.Auth.SignOn()}
	if s.Auth.PasskeysOff() == "" {
		view.Script = s.assets.path["passkeys.js"]
	}
	return view
}

// login is POST /login.
func (s *Site) login(w http.ResponseWriter, r *http.Request) error {
	email, err := formValue(r, "email")
	if err != nil {
		return err
	}
	next := localPath(r.PostForm.Get("next"))
	_, err = s.Auth.SignIn(r.Context(), email, r.PostForm.Get("password"), r.RemoteAddr)
	view := s.loginView(next)
	view.Email = email
	var limited *auth.LimitError
	switch {
	case errors.As(err, &limited):
		w.Header().Set("Retry-After", strconv.Itoa(int(limited.RetryAfter.Seconds())+1))
		view.Error = sentenceOf(limited.Error())
		return s.render(w, http.StatusTooManyRequests, "login", view)
	case errors.Is(err, auth.ErrWrongCredentials):
		view.Error = sentenceOf(err.Error())
		return s.render(w, http.StatusUnauthorized, "login", view)
	case err != nil:
		return err
	}
	redirect(w, r, next)
	return nil
}

// logout is POST /logout.
func (s *Site) logout(w http.ResponseWriter, r *http.Request) error {
	if err := s.Auth.SignOut(r.Context()); err != nil {
		return err
	}
	redirect(w, r, "/login")
	return nil
}

// localPath is where to go after the sign-in: a path here, whatever was asked for.
func localPath(next string) string {
	const home = "/tickets"
	parsed, err := url.Parse(next)
	if err != nil || parsed.Scheme != "" || parsed.Host != "" || parsed.User != nil || !strings.HasPrefix(next, "/") ||
		strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") || next == "/" {
		return home
	}
	return next
}
