package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/web/auth"
)

// mailWithin is how long an invitation's page waits for the mail server.
const mailWithin = 15 * time.Second

// Mail is a mail that belongs to no ticket: ID is in its Message-ID, Text in its body.
type Mail struct{ To, ID, Subject, Text string }

// invitationRow is an invitation that waits for somebody.
type invitationRow struct {
	ID      int64
	Email   string
	Role    auth.Role
	Person  string // who of the team it is
	Inviter string
	At      when
	Ends    when
	Expired bool
	Sent    *when
	Fault   string // why it was not mailed
}

func (r reader) invitation(invitation auth.Invitation) invitationRow {
	row := invitationRow{
		ID: invitation.ID, Email: invitation.Email, Role: invitation.Role, Inviter: r.name(invitation.InvitedBy), At: r.ago(invitation.CreatedAt),
		Ends: r.in(invitation.ExpiresAt), Expired: invitation.State == auth.InvitationExpired, Fault: invitation.SendError,
	}
	if row.Inviter == invitation.InvitedBy {
		row.Inviter = invitation.Inviter
	}
	if row.Expired {
		row.Ends = r.ago(invitation.ExpiresAt)
	}
	if invitation.Person != "" {
		row.Person = r.name(invitation.Person)
	}
	if invitation.SentAt != nil {
		at := r.ago(*invitation.SentAt)
		row.Sent = &at
	}
	return row
}

// invite is POST /settings/accounts: a mail with a link by which its reader makes an account, and the link to hand over.
func (s *Site) invite(w http.ResponseWriter, r *http.Request) error {
	email, err := formValue(r, "email")
	if err != nil {
		return err
	}
	configuration, err := s.OnCall.Configuration(r.Context())
	if err != nil {
		return err
	}
	who, _ := identity(r.Context())
	wanted := auth.Invitation{
		Email: strings.TrimSpace(email), Name: strings.TrimSpace(r.PostForm.Get("name")), Role: auth.Role(r.PostForm.Get("role")),
		Person: strings.TrimSpace(r.PostForm.Get("person")),
	}
	made, token := auth.Invitation{}, ""
	if wanted.Person, err = invitedPerson(configuration, wanted); err == nil {
		if person, ok := configuration.Person(wanted.Person); ok && wanted.Name == "" {
			wanted.Name = person.Name
		}
		made, token, err = s.Auth.Invite(r.Context(), who.ID, wanted)
	}
	return s.invited(w, r, made, token, wanted, err)
}

// invitedPerson is who of the team is invited: whoever was chosen, else whose address it is.
func invitedPerson(configuration oncall.Configuration, invitation auth.Invitation) (string, error) {
	if invitation.Person != "" {
		if _, ok := configuration.Person(invitation.Person); !ok {
			return "", &tickets.InvalidError{Field: "person", Reason: "there is no person " + invitation.Person + "; choose one of the list"}
		}
		return invitation.Person, nil
	}
	for _, person := range configuration.People {
		if invitation.Email != "" && strings.EqualFold(person.Email, invitation.Email) {
			return person.ID, nil
		}
	}
	return "", nil
}

// inviteAgain is POST /settings/accounts/invitations/{id}/again: a new link, for another week.
func (s *Site) inviteAgain(w http.ResponseWriter, r *http.Request) error {
	id, err := pathNumber(r, "id")
	if err != nil {
		return err
	}
	who, _ := identity(r.Context())
	made, token, err := s.Auth.InviteAgain(r.Context(), who.ID, id)
	return s.invited(w, r, made, token, auth.Invitation{}, err)
}

// revokeInvitation is POST /settings/accounts/invitations/{id}/revoke.
func (s *Site) revokeInvitation(w http.ResponseWriter, r *http.Request) error {
	id, err := pathNumber(r, "id")
	if err != nil {
		return err
	}
	who, _ := identity(r.Context())
	err = s.Auth.RevokeInvitation(r.Context(), who.ID, id)
	if status, reason := refusal(err); status != 0 {
		return s.showAccounts(w, r, status, accountsView{Complaint: reason})
	}
	if err != nil {
		return err
	}
	redirect(w, r, "/settings/accounts")
	return nil
}

// invited mails the link of an invitation and shows it, this once; or says why there is none.
func (s *Site) invited(w http.ResponseWriter, r *http.Request, made auth.Invitation, token string, wanted auth.Invitation, err error) error {
	if status, reason := refusal(err); status != 0 {
		return s.showAccounts(w, r, status, accountsView{Complaint: reason, Name: wanted.Name, Email: wanted.Email, Wanted: wanted.Role, Person: wanted.Person})
	}
	if err != nil {
		return err
	}
	link := strings.TrimSuffix(s.PublicURL, "/") + "/invitation/" + token
	fault := s.mailInvitation(r.Context(), made, link)
	if err := s.Auth.NoteInvitationMail(r.Context(), made.ID, fault); err != nil {
		return err
	}
	return s.showAccounts(w, r, http.StatusOK, accountsView{Link: link, For: made.Email, Invited: true, Unsent: fault})
}

func (s *Site) mailInvitation(ctx context.Context, invitation auth.Invitation, link string) (fault string) {
	ctx, cancel := context.WithTimeout(ctx, mailWithin)
	defer cancel()
	err := s.SendMail(ctx, Mail{
		To: invitation.Email, ID: fmt.Sprintf("invitation_%d_%d", invitation.ID, invitation.CreatedAt.Unix()), Subject: "Invitation to afterhours",
		Text: fmt.Sprintf(`%s invites you to afterhours, where alerts of Microsoft Defender become tickets and wake whoever is on call.

Open this link to choose your password. You sign in with %s, as %s:

%s

It works once, until %s. Whoever has the link can use it, so do not pass it on. If you expect no invitation, do nothing.
`, invitation.Inviter, invitation.Email, invitation.Role, link, invitation.ExpiresAt.UTC().Format("Mon 2 Jan 2006 15:04 UTC")),
	})
	if err != nil {
		return err.Error()
	}
	return ""
}

// idsOf are the ids of the people of the team.
func idsOf(configuration oncall.Configuration) []string {
	var ids []string
	for _, person := range configuration.People {
		ids = append(ids, person.ID)
	}
	return ids
}

// invitationView is the page behind an invitation's link.
type invitationView struct {
	bare
	Email       string
	Name        string
	Role        auth.Role
	Inviter     string
	Until       when
	Error       string
	MinPassword int
	SignOn      string // what the button to the identity provider says; empty where there is none
	SignOnPath  string
}

// showInvitation is GET /invitation/{token}. It uses nothing up: programs that look into mails open links, too.
func (s *Site) showInvitation(w http.ResponseWriter, r *http.Request) error {
	invitation, err := s.Auth.InvitationOf(r.Context(), chi.URLParam(r, "token"))
	if err != nil {
		return s.deadInvitation(w, auth.Invitation{}, err)
	}
	if invitation.State != auth.InvitationOpen {
		return s.deadInvitation(w, invitation, nil)
	}
	return s.render(w, http.StatusOK, "invitation", s.invitationView(r, invitation))
}

func (s *Site) invitationView(r *http.Request, invitation auth.Invitation) invitationView {
	return invitationView{
		bare: s.bare("Invitation", false), Email: invitation.Email, Name: invitation.Name, Role: invitation.Role, Inviter: invitation.Inviter,
		Until: clock{now: s.Now(), zone: time.UTC}.in(invitation.ExpiresAt), MinPassword: auth.MinPassword,
		SignOn: s.Auth.SignOn(), SignOnPath: "/invitation/" + chi.URLParam(r, "token") + "/sso",
	}
}

// deadInvitation says why a link lets nobody in. Of one that never was it says no more than that.
func (s *Site) deadInvitation(w http.ResponseWriter, invitation auth.Invitation, err error) error {
	if err != nil && !errors.Is(err, tickets.ErrNotFound) {
		return err
	}
	view := errorView{bare: s.bare("Invitation", false), Back: "/login", BackText: "Sign in"}
	ask := "Ask " + invitation.Inviter + " for a new one."
	switch invitation.State {
	case auth.InvitationExpired:
		view.Heading, view.Sentence = "This invitation has expired", "An invitation works for a week. "+ask
	case auth.InvitationUsed:
		view.Heading, view.Sentence = "This invitation was used", "An account was made with it. If that was you, sign in; if it was not, tell "+invitation.Inviter+" at once."
	case auth.InvitationRevoked:
		view.Heading, view.Sentence = "This invitation was revoked", "It lets nobody in any more. "+ask
	case auth.InvitationReplaced:
		view.Heading, view.Sentence = "There is a newer invitation", "It was sent again, and only the link of the newest mail works. Look for that mail, or ask "+invitation.Inviter+"."
	case auth.InvitationOpen:
		return fmt.Errorf("invitation %d is open", invitation.ID)
	default:
		view.Heading, view.Sentence = "This link does not work", "It is not complete, or too old. Copy the whole address from the mail, or ask whoever invited you for a new one."
	}
	return s.render(w, http.StatusNotFound, "error", view)
}

// acceptInvitation is POST /invitation/{token}: it uses the link up, makes the account and signs it in.
func (s *Site) acceptInvitation(w http.ResponseWriter, r *http.Request) error {
	token := chi.URLParam(r, "token")
	name, err := formValue(r, "name")
	if err != nil {
		return err
	}
	configuration, err := s.OnCall.Configuration(r.Context())
	if err != nil {
		return err
	}
	_, err = s.Auth.Accept(r.Context(), token, name, r.PostForm.Get("password"), idsOf(configuration))
	status, reason := refusal(err)
	if err != nil && status == 0 && !errors.Is(err, tickets.ErrNotFound) {
		return err
	}
	if err == nil {
		redirect(w, r, "/tickets")
		return nil
	}
	invitation, again := s.Auth.InvitationOf(r.Context(), token)
	if again != nil || invitation.State != auth.InvitationOpen {
		return s.deadInvitation(w, invitation, again)
	}
	view := s.invitationView(r, invitation)
	view.Name, view.Error = name, reason
	return s.render(w, status, "invitation", view)
}
