package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"afterhours/tickets"
	"afterhours/web/auth"
)

// invitationLifetime is how long the link of a new account lets in, once.
const invitationLifetime = 7 * 24 * time.Hour

type accountsView struct {
	frame
	Rows      []accountRow
	Link      string // lets one person in once; shown this once
	For       string // whom
	Complaint string
	Name      string // what was typed
	Email     string
	Roles     []choice
}

type accountRow struct {
	ID       string
	Name     string
	Email    string
	Roles    []choice
	Disabled *when
	Sessions int
	Self     bool
	Person   bool // the same human can be paged
}

// listAccounts is GET /settings/accounts.
func (s *Site) listAccounts(w http.ResponseWriter, r *http.Request) error {
	return s.showAccounts(w, r, http.StatusOK, accountsView{})
}

func (s *Site) showAccounts(w http.ResponseWriter, r *http.Request, status int, view accountsView) error {
	reader, err := s.readerOf(r)
	if err != nil {
		return err
	}
	if view.frame, err = s.frame(r, "Accounts", "accounts"); err != nil {
		return err
	}
	accounts, err := s.Auth.Accounts(r.Context())
	if err != nil {
		return err
	}
	sessions, err := s.Auth.OpenSessions(r.Context(), "")
	if err != nil {
		return err
	}
	open := map[string]int{}
	for _, session := range sessions {
		open[session.Account]++
	}
	for _, account := range accounts {
		row := accountRow{ID: account.ID, Name: account.Name, Email: account.Email, Sessions: open[account.ID], Self: account.ID == reader.who.ID}
		_, row.Person = reader.configuration.Person(account.ID)
		for _, role := range choices("viewer", "responder", "admin") {
			role.Chosen = role.ID == string(account.Role)
			row.Roles = append(row.Roles, role)
		}
		if account.DisabledAt != nil {
			at := reader.ago(*account.DisabledAt)
			row.Disabled = &at
		}
		view.Rows = append(view.Rows, row)
	}
	view.Roles = choices("viewer", "responder", "admin")
	return s.render(w, status, "accounts", view)
}

// createAccount is POST /settings/accounts: it answers with a link that lets the new colleague in once.
func (s *Site) createAccount(w http.ResponseWriter, r *http.Request) error {
	email, err := formValue(r, "email")
	if err != nil {
		return err
	}
	who, _ := identity(r.Context())
	account := auth.Account{Name: strings.TrimSpace(r.PostForm.Get("name")), Email: strings.TrimSpace(email), Role: auth.Role(r.PostForm.Get("role"))}
	account.ID = strings.TrimSpace(r.PostForm.Get("id"))
	id, _, err := s.Auth.CreateAccount(r.Context(), who.ID, account)
	if status, reason := refusal(err); status != 0 {
		return s.showAccounts(w, r, status, accountsView{Complaint: reason, Name: account.Name, Email: account.Email})
	}
	if err != nil {
		return err
	}
	return s.invite(w, r, id)
}

// invite shows a link that lets an account in once.
func (s *Site) invite(w http.ResponseWriter, r *http.Request, id string) error {
	token, err := s.Auth.CreateLoginLink(r.Context(), &id, invitationLifetime)
	if err != nil {
		return err
	}
	return s.showAccounts(w, r, http.StatusOK, accountsView{Link: strings.TrimSuffix(s.PublicURL, "/") + "/login/" + token, For: id})
}

// changeAccount is POST /settings/accounts/{account}/change: another role, disabled or enabled, or a link to sign in.
func (s *Site) changeAccount(w http.ResponseWriter, r *http.Request) error {
	what, err := formValue(r, "what")
	if err != nil {
		return err
	}
	id := chi.URLParam(r, "account")
	who, _ := identity(r.Context())
	if id == who.ID && what != "link" {
		return s.showAccounts(w, r, http.StatusConflict, accountsView{Complaint: "This is your own account; another administrator can change it."})
	}
	switch what {
	case "role":
		err = s.Auth.SetRole(r.Context(), who.ID, id, auth.Role(r.PostForm.Get("role")))
	case "disable":
		err = s.Auth.Disable(r.Context(), who.ID, id)
	case "enable":
		err = s.Auth.Enable(r.Context(), who.ID, id)
	case "link":
		err = s.invite(w, r, id)
		if err == nil {
			return nil
		}
	default:
		err = &tickets.InvalidError{Field: "what", Reason: "choose role, disable, enable or link"}
	}
	if errors.Is(err, tickets.ErrNotFound) {
		return s.showAccounts(w, r, http.StatusConflict, accountsView{Complaint: "This account is not there any more."})
	}
	if status, reason := refusal(err); status != 0 {
		return s.showAccounts(w, r, status, accountsView{Complaint: reason})
	}
	if err != nil {
		return err
	}
	redirect(w, r, "/settings/accounts")
	return nil
}
