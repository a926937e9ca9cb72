package web

import (
	"errors"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"afterhours/tickets"
	"afterhours/web/auth"
)

// loginLinkView is the page of a one-time link: one button, or the form of the first administrator.
type loginLinkView struct {
	bare
	Name        string // who signs in; empty for the first administrator
	Email       string
	Error       string
	First       bool
	MinPassword int
}

// showLoginLink is GET /login/{token}. It does not use the link up: programs that look into mails open links too.
func (s *Site) showLoginLink(w http.ResponseWriter, r *http.Request) error {
	link, err := s.Auth.LoginLink(r.Context(), chi.URLParam(r, "token"))
	if errors.Is(err, tickets.ErrNotFound) {
		return s.showDeadLoginLink(w)
	}
	if err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "loginlink", s.loginLinkView(link))
}

func (s *Site) loginLinkView(link auth.LoginLink) loginLinkView {
	title := "Sign in"
	if link.First {
		title = "Make the first account"
	}
	return loginLinkView{bare: s.bare(title, false), Name: link.Name, First: link.First, MinPassword: auth.MinPassword}
}

func (s *Site) showDeadLoginLink(w http.ResponseWriter) error {
	return s.render(w, http.StatusNotFound, "error", errorView{
		bare: s.bare("Sign-in link", false), Heading: "This sign-in link does not work",
		Sentence: "It was used already, has expired, or is not complete. If you have a password, sign in with it; otherwise ask whoever runs afterhours for a new link.",
		Back:     "/login", BackText: "Sign in",
	})
}

// loginByLink is POST /login/{token}: it uses the link up.
func (s *Site) loginByLink(w http.ResponseWriter, r *http.Request) error {
	token := chi.URLParam(r, "token")
	link, err := s.Auth.LoginLink(r.Context(), token)
	if err == nil && link.First {
		return s.makeFirst(w, r, token, link)
	}
	if err == nil {
		_, err = s.Auth.RedeemLink(r.Context(), token)
	}
	if errors.Is(err, tickets.ErrNotFound) {
		return s.showDeadLoginLink(w)
	}
	if err != nil {
		return err
	}
	redirect(w, r, "/tickets")
	return nil
}

func (s *Site) makeFirst(w http.ResponseWriter, r *http.Request, token string, link auth.LoginLink) error {
	name, err := formValue(r, "name")
	if err != nil {
		return err
	}
	account := auth.FirstAccount{Name: name, Email: strings.TrimSpace(r.PostForm.Get("email")), Password: r.PostForm.Get("password")}
	configuration, err := s.OnCall.Configuration(r.Context())
	if err != nil {
		return err
	}
	for _, person := range configuration.People { // the same human has the same id
		if account.Email != "" && strings.EqualFold(person.Email, account.Email) {
			account.ID = person.ID
		}
	}
	_, err = s.Auth.CreateAdministrator(r.Context(), token, account)
	var invalid *tickets.InvalidError
	if errors.As(err, &invalid) {
		view := s.loginLinkView(link)
		view.Name, view.Email, view.Error = account.Name, account.Email, sentenceOf(invalid.Error())
		return s.render(w, http.StatusBadRequest, "loginlink", view)
	}
	if errors.Is(err, tickets.ErrNotFound) {
		return s.showDeadLoginLink(w)
	}
	if err != nil {
		return err
	}
	redirect(w, r, "/setup")
	return nil
}
