package main

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"afterhours/oncall"
	"afterhours/web/auth"
)

// signInSettings say how people sign in, and for how long.
type signInSettings struct {
	SessionIdle     time.Duration `name:"session-idle" default:"12h" placeholder:"TIME" help:"How long a session lasts without a request (default ${default})."`
	SessionLifetime time.Duration `name:"session-lifetime" default:"24h" placeholder:"TIME" help:"How long a session lasts at most (default ${default})."`

	OIDCIssuer       string `name:"oidc-issuer" placeholder:"URL" help:"Identity provider to sign in with (OpenID Connect)."`
	OIDCClientID     string `name:"oidc-client-id" placeholder:"ID" help:"The application there."`
	OIDCClientSecret string `name:"oidc-client-secret" placeholder:"SECRET" help:"Its client secret."`
	OIDCScopes       string `name:"oidc-scopes" default:"openid profile email" placeholder:"LIST" help:"What is asked for (default ${default})."`
	OIDCRoleClaim    string `name:"oidc-role-claim" default:"roles" placeholder:"NAME" help:"Claim that gives roles: roles, groups or another (default ${default})."`
	OIDCAdmins       string `name:"oidc-admins" placeholder:"LIST" help:"Values of that claim that make an admin."`
	OIDCResponders   string `name:"oidc-responders" placeholder:"LIST" help:"Values that make a responder."`
	OIDCViewers      string `name:"oidc-viewers" placeholder:"LIST" help:"Values that make a viewer."`
	OIDCButton       string `name:"oidc-button" default:"Sign in with single sign-on" placeholder:"TEXT" help:"What the button says (default ${default})."`
}

// Bounds of sessions: a shorter one would end in the middle of an incident, a longer one is no longer watched by anybody.
const (
	leastSessionIdle       = 30 * time.Minute
	longestSessionIdle     = 12 * time.Hour
	longestSessionLifetime = 24 * time.Hour
)

func (s signInSettings) validate() error {
	if s.SessionIdle < leastSessionIdle || s.SessionIdle > longestSessionIdle {
		return invalid("session-idle", "must be from %s to %s", oncall.Duration(leastSessionIdle), oncall.Duration(longestSessionIdle))
	}
	if s.SessionLifetime < s.SessionIdle || s.SessionLifetime > longestSessionLifetime {
		return invalid("session-lifetime", "must be from %s, the time without a request, to %s", oncall.Duration(s.SessionIdle), oncall.Duration(longestSessionLifetime))
	}
	return s.validateSignOn()
}

// validateSignOn checks the settings of the identity provider, of which there are all or none.
func (s signInSettings) validateSignOn() error {
	given := 0
	for _, value := range []string{s.OIDCIssuer, s.OIDCClientID, s.OIDCClientSecret} {
		if value != "" {
			given++
		}
	}
	roles := s.signOnRoles()
	switch {
	case given == 0 && len(roles) > 0:
		return invalid("oidc-issuer", "is missing: roles are mapped and no identity provider is set")
	case given == 0:
		return nil
	case given != 3:
		return invalid("oidc-issuer", "goes together with %s and %s: give all three", variable("oidc-client-id"), variable("oidc-client-secret"))
	case len(roles) == 0:
		return invalid("oidc-responders", "nobody would be let in: give values of the claim %q here, in %s or in %s", s.OIDCRoleClaim, variable("oidc-viewers"), variable("oidc-admins"))
	case s.OIDCRoleClaim == "":
		return invalid("oidc-role-claim", "is empty; write roles or groups")
	case !slices.Contains(strings.Fields(s.OIDCScopes), "openid"):
		return invalid("oidc-scopes", "must hold openid")
	case strings.TrimSpace(s.OIDCButton) == "" || len(s.OIDCButton) > 60:
		return invalid("oidc-button", "must be a text of at most 60 octets")
	}
	issuer, err := url.Parse(s.OIDCIssuer)
	if err != nil || issuer.Host == "" || issuer.RawQuery != "" || issuer.Fragment != "" || issuer.User != nil {
		return invalid("oidc-issuer", "is not an address like https://login.microsoftonline.com/<directory id>/v2.0")
	}
	host := net.ParseIP(issuer.Hostname())
	if local := issuer.Hostname() == "localhost" || host != nil && host.IsLoopback(); issuer.Scheme != "https" && (issuer.Scheme != "http" || !local) {
		return invalid("oidc-issuer", "must be an https address")
	}
	return nil
}

// signOnRoles are the values of the claim that give each role.
func (s signInSettings) signOnRoles() map[auth.Role][]string {
	roles := map[auth.Role][]string{}
	for role, list := range map[auth.Role]string{auth.Admin: s.OIDCAdmins, auth.Responder: s.OIDCResponders, auth.Viewer: s.OIDCViewers} {
		for value := range strings.SplitSeq(list, ",") {
			if value = strings.TrimSpace(value); value != "" {
				roles[role] = append(roles[role], value)
			}
		}
	}
	return roles
}

// signOn are the settings of the identity provider; nil where there is none. base is the address of the desk.
func (s signInSettings) signOn(base string) *auth.SignOnOptions {
	if s.OIDCIssuer == "" {
		return nil
	}
	return &auth.SignOnOptions{
		Issuer: s.OIDCIssuer, ClientID: s.OIDCClientID, ClientSecret: s.OIDCClientSecret, Scopes: strings.Fields(s.OIDCScopes),
		RoleClaim: s.OIDCRoleClaim, Roles: s.signOnRoles(), Button: s.OIDCButton, RedirectURL: base + "/login/sso/callback", Client: operators(),
	}
}

// deskURL is the address of the desk as serve takes it, without the port that it binds.
func (s settings) deskURL() string {
	if s.PublicURL != "" {
		return strings.TrimSuffix(s.PublicURL, "/")
	}
	return "http://" + dialAddress(s.HTTPAddr)
}

// checkPasskeys says whether passkeys can be used at the desk's address.
func checkPasskeys(s settings) verdict {
	off := auth.PasskeysOffAt(s.deskURL())
	if off == "" {
		return good("can be used at %s", s.deskURL())
	}
	found, mend, _ := strings.Cut(strings.TrimSuffix(off, "."), ": ")
	return warning(mend, "%s", found)
}

// checkSignOn asks the identity provider for its description.
func checkSignOn(ctx context.Context, s settings, now func() time.Time) verdict {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	options := s.signOn(s.deskURL())
	if err := auth.CheckSignOn(ctx, *options, now); err != nil {
		return bad("check "+variable("oidc-issuer"), "the identity provider %s cannot be used: %s", s.OIDCIssuer, err)
	}
	return good("%s answers; it must know the redirect address %s", s.OIDCIssuer, options.RedirectURL)
}
