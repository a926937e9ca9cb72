package web

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"afterhours/tickets"
	"afterhours/web/auth"
)

// linkLifetime is how long a sign-in link lets an account in, once.
const linkLifetime = 7 * 24 * time.Hour

type accountsView struct {
	frame
	Rows        []accountRow
	Invitations []invitationRow
	Link        string // lets one person in once; shown this once
	For         string // whom
	Invited     bool   // the link is an invitation's
	Unsent      string // why it was not mailed
	Complaint   string
	Name        string // what was typed
	Email       string
	Wanted      auth.Role
	Person      string
	Roles       []choice
	People      []choice // of whom none has an account
}

type accountRow struct {
	ID       string
	Name     string
	Email    string
	Roles    []choice
	Disabled *when
	Sessions int
	Passkeys int
	SignsOn  bool // the identity provider vouches for it
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
	passkeys, err := s.Auth.Passkeys(r.Context(), "")
	if err != nil {
		return err
	}
	keys := map[string]int{}
	for _, passkey := range passkeys {
		keys[passkey.Account]++
	}
	connected, err := s.Auth.SignsOn(r.Context())
	if err != nil {
		return err
	}
	for _, account := range accounts {
		row := accountRow{SignsOn: connected[account.ID], ID: account.ID, Name: account.Name, Email: account.Email, Sessions: open[account.ID], Passkeys: keys[account.ID], Self: account.ID == reader.who.ID}
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
	invitations, err := s.Auth.Invitations(r.Context())
	if err != nil {
		return err
	}
	for _, invitation := range invitations {
		view.Invitations = append(view.Invitations, reader.invitation(invitation))
	}
	if view.Wanted == "" {
		view.Wanted = auth.Responder
	}
	view.Roles = chosen(choices("viewer", "responder", "admin"), string(view.Wanted))
	for _, person := range reader.configuration.People {
		taken := slices.ContainsFunc(accounts, func(account auth.Account) bool { return account.ID == person.ID })
		if !taken {
			view.People = append(view.People, choice{person.ID, person.Name, person.ID == view.Person})
		}
	}
	return s.render(w, status, "accounts", view)
}

// signInLink shows a link that lets an account in once.
func (s *Site) signInLink(w http.ResponseWriter, r *http.Request, id string) error {
	token, err := s.Auth.CreateLoginLink(r.Context(), &id, linkLifetime)
	if err != nil {
		return err
	}
	return s.showAccounts(w, r, http.StatusOK, accountsView{Link: strings.TrimSuffix(s.PublicURL, "/") + "/login/" + token, For: id})
}

// changeAccount is POST /settings/accounts/{account}/change: another role, disabled or enabled, without
// its passkeys, or a link to sign in.
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
	case "passkeys":
		err = s.Auth.RemovePasskeys(r.Context(), who.ID, id)
	case "link":
		err = s.signInLink(w, r, id)
		if err == nil {
			return nil
		}
	default:
		err = &tickets.InvalidError{Field: "what", Reason: "choose role, disable, enable, passkeys or link"}
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
