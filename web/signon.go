package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-chi/chi/v5"

	"afterhours/tickets"
	"afterhours/web/auth"
)

// The cookie that binds a sign-in with the provider to the browser that began it.
const (
	signOnCookie   = "afterhours_sign_on"
	signOnPath     = "/login/sso"
	signOnLifetime = 5 * 60 // seconds
)

// onwardView is the page that leads to the provider.
type onwardView struct {
	bare
	To   string
	Host string
}

// signOn is POST /login/sso: it leads to the provider.
func (s *Site) signOn(w http.ResponseWriter, r *http.Request) error {
	next, err := formValue(r, "next")
	if err != nil {
		return err
	}
	return s.leadToProvider(w, r, auth.SignOnPurpose{Next: localPath(next)})
}

// connectSignOn is POST /account/sso: it ties whoever is signed in to who they are at the provider.
func (s *Site) connectSignOn(w http.ResponseWriter, r *http.Request) error {
	who, _ := identity(r.Context())
	return s.leadToProvider(w, r, auth.SignOnPurpose{Next: "/account?done=connected", Account: who.ID})
}

// acceptBySignOn is POST /invitation/{token}/sso: the provider vouches for whoever has the link, in the place of a password.
func (s *Site) acceptBySignOn(w http.ResponseWriter, r *http.Request) error {
	token := chi.URLParam(r, "token")
	invitation, err := s.Auth.InvitationOf(r.Context(), token)
	if err != nil || invitation.State != auth.InvitationOpen {
		return s.deadInvitation(w, invitation, err)
	}
	return s.leadToProvider(w, r, auth.SignOnPurpose{Next: "/tickets", Invitation: token})
}

// leadToProvider sends the browser on with a page and not with a redirect: a browser holds every address that a posted form
// leads to against the policy of its page, and which those are is the provider's affair.
func (s *Site) leadToProvider(w http.ResponseWriter, r *http.Request, purpose auth.SignOnPurpose) error {
	to, browser, err := s.Auth.BeginSignOn(r.Context(), purpose, r.RemoteAddr)
	if err != nil {
		return s.refuseSignOn(w, r, purpose, err)
	}
	target, err := url.Parse(to)
	if err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{
		Name: signOnCookie, Value: browser, Path: signOnPath, MaxAge: signOnLifetime, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: s.Auth.Secure(),
	})
	w.Header().Set("Refresh", "0; url="+to)
	return s.render(w, http.StatusOK, "onward", onwardView{bare: s.bare("Sign in", false), To: to, Host: target.Host})
}

// signOnAnswer is GET /login/sso/callback, where the provider sends browsers back to. It is the one GET that changes something:
// it signs in, and only the browser that began it, once (RFC 6749, 4.1.2).
func (s *Site) signOnAnswer(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	answer := auth.SignOnAnswer{Code: query.Get("code"), State: query.Get("state"), Error: query.Get("error"), Issuer: query.Get("iss")}
	if cookie, err := r.Cookie(signOnCookie); err == nil {
		answer.Browser = cookie.Value
	}
	if r.Method == http.MethodHead { // whoever looks before they come uses nothing up
		answer = auth.SignOnAnswer{}
	}
	configuration, err := s.OnCall.Configuration(r.Context())
	if err != nil {
		return err
	}
	purpose, err := s.Auth.SignOnAs(r.Context(), answer, r.RemoteAddr, idsOf(configuration))
	if err != nil {
		return s.refuseSignOn(w, r, purpose, err)
	}
	http.SetCookie(w, &http.Cookie{Name: signOnCookie, Path: signOnPath, MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: s.Auth.Secure()})
	redirect(w, r, localPath(purpose.Next))
	return nil
}

// refuseSignOn says why nobody was signed in, and leads back to where it was tried.
func (s *Site) refuseSignOn(w http.ResponseWriter, r *http.Request, purpose auth.SignOnPurpose, err error) error {
	view := errorView{bare: s.bare("Sign in", false), Heading: "You are not signed in", Back: signInURL(localPath(purpose.Next)), BackText: "Sign in another way"}
	switch {
	case purpose.Account != "":
		view.Heading, view.Back, view.BackText = "Nothing was connected", "/account", "Your account"
	case purpose.Invitation != "":
		view.Back, view.BackText = "/invitation/"+url.PathEscape(purpose.Invitation), "Back to the invitation"
	}
	var refused *auth.SignOnError
	var limited *auth.LimitError
	status := http.StatusForbidden
	switch {
	case errors.As(err, &refused):
		if refused.Away {
			status = http.StatusBadGateway
		}
		if refused.Cause != nil {
			s.Log.WarnContext(r.Context(), "single sign-on refused", "error", refused.Cause)
		}
		view.Sentence = refused.Reason
	case errors.As(err, &limited):
		w.Header().Set("Retry-After", strconv.Itoa(int(limited.RetryAfter.Seconds())+1))
		status, view.Sentence = http.StatusTooManyRequests, sentenceOf(limited.Error())
	case errors.Is(err, tickets.ErrConflict):
		status, view.Sentence = http.StatusConflict, sentenceOf(err.Error())
	default:
		return err
	}
	return s.render(w, status, "error", view)
}
