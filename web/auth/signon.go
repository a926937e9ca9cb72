package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"afterhours/tickets"
)

// SignOnError is why a single sign-on came to nothing, as a sentence with its mend for whoever tried. Away says that the
// provider did not answer; Cause is for the log, and may be nil.
type SignOnError struct {
	Reason string
	Away   bool
	Cause  error
}

func (e *SignOnError) Error() string { return e.Reason }
func (e *SignOnError) Unwrap() error { return e.Cause }

func errNoProvider() error {
	return &tickets.ConflictError{Reason: "no identity provider is configured here; sign in with your password or a passkey"}
}

// SignOnPurpose is what somebody signs on for: for a session, or, where one is set, to tie who they are to an invitation or
// to the account that they are signed in to.
type SignOnPurpose struct {
	Next       string `json:"next"`                 // where to go afterwards
	Account    string `json:"account,omitempty"`    // to be tied
	Invitation string `json:"invitation,omitempty"` // the token of its link
}

// attempt is what is remembered while somebody is at the provider.
type attempt struct {
	SignOnPurpose
	Browser  []byte `json:"browser"` // digest of the cookie that only the browser that began it has
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
}

// SignOnAnswer is what the provider sends a browser back with (RFC 6749, 4.1.2; RFC 9207), and the cookie that it has of us.
type SignOnAnswer struct{ Code, State, Error, Issuer, Browser string }

// BeginSignOn begins a sign-in with the provider: where to send the browser, and a cookie by which it is known again. address
// is the sender's.
func (a *Auth) BeginSignOn(ctx context.Context, purpose SignOnPurpose, address string) (to, browser string, err error) {
	if a.provider == nil {
		return "", "", errNoProvider()
	}
	ctx, cancel := context.WithTimeout(ctx, providerWithin)
	defer cancel()
	known, err := a.provider.discover(ctx)
	if err != nil {
		return "", "", a.away(err)
	}
	browser = newSecret()
	begun := attempt{SignOnPurpose: purpose, Browser: digest(browser), Nonce: newSecret(), Verifier: oauth2.GenerateVerifier()}
	state, err := a.beginCeremony(ctx, singleSignOn, "", address, begun)
	if err != nil {
		return "", "", err
	}
	return a.provider.oauth(known).AuthCodeURL(state, oidc.Nonce(begun.Nonce), oauth2.S256ChallengeOption(begun.Verifier)), browser, nil
}

// brief is a cause for the log without the whole of what a provider has answered.
func brief(cause error) error {
	return errors.New(strings.ToValidUTF8(fmt.Sprintf("%.300s", cause.Error()), ""))
}

func (a *Auth) away(cause error) error {
	return &SignOnError{Reason: "The identity provider did not answer. Try again in a moment, or use your password or a passkey.", Away: true, Cause: brief(cause)}
}

// SignOnAs ends a sign-in with the provider: it begins a session for whom the provider says it is, and returns what it was
// for. people are the ids of the team, none of which a new account gets. Errors are SignOnErrors, a LimitError, a ConflictError
// where there is no provider, or the database's.
func (a *Auth) SignOnAs(ctx context.Context, answer SignOnAnswer, address string, people []string) (SignOnPurpose, error) {
	if a.provider == nil {
		return SignOnPurpose{}, errNoProvider()
	}
	sender := senderKey(address)
	if wait := a.senders.begin(sender, a.now()); wait > 0 {
		return SignOnPurpose{}, &LimitError{wait}
	}
	begun, identity, err := a.signOn(ctx, answer, people)
	var refused *SignOnError
	if !errors.As(err, &refused) || refused.Away {
		a.senders.takeBack(sender)
	}
	if err != nil {
		return begun.SignOnPurpose, err
	}
	return begun.SignOnPurpose, a.begin(ctx, identity)
}

func (a *Auth) signOn(ctx context.Context, answer SignOnAnswer, people []string) (begun attempt, who Identity, err error) {
	err = a.takeCeremony(ctx, singleSignOn, "", answer.State, &begun)
	if errors.Is(err, tickets.ErrNotFound) || err == nil && subtle.ConstantTimeCompare(begun.Browser, digest(answer.Browser)) != 1 {
		return attempt{}, Identity{}, &SignOnError{Reason: "This sign-in was not begun here, or it took longer than five minutes. Begin it again."}
	}
	if err != nil {
		return attempt{}, Identity{}, err
	}
	if begun.Account != "" && begun.Account != a.sessions.GetString(ctx, accountKey) {
		return begun, Identity{}, &SignOnError{Reason: "You are signed in to another account than the one that was to be connected. Begin again under Your account."}
	}
	if answer.Issuer != "" && answer.Issuer != a.provider.Issuer {
		return begun, Identity{}, a.untrusted(fmt.Errorf("the answer names the issuer %q", answer.Issuer))
	}
	if answer.Error != "" {
		return begun, Identity{}, &SignOnError{Reason: refusalOf(answer.Error), Cause: fmt.Errorf("the provider answered %q", answer.Error)}
	}
	claims, err := a.claims(ctx, answer.Code, begun)
	if err != nil {
		return begun, Identity{}, err
	}
	role, err := a.provider.roleOf(claims)
	if err != nil {
		return begun, Identity{}, err
	}
	who, err = a.known(ctx, claims, role, begun.SignOnPurpose, people)
	return begun, who, err
}

// refusalOf says what an error code of the provider means (RFC 6749, 4.1.2.1; OpenID Connect Core 1.0, 3.1.2.6). What else it
// says is not shown: anybody can write such an address.
func refusalOf(code string) string {
	switch code {
	case "access_denied", "consent_required", "interaction_required", "login_required", "account_selection_required":
		return "The identity provider did not let you in: the sign-in was cancelled, or you may not use this application there. Try again, or ask whoever runs it."
	case "server_error", "temporarily_unavailable":
		return "The identity provider cannot sign anybody in at the moment. Try again later, or use your password or a passkey."
	}
	return "The identity provider refused this application; its settings are wrong here or there. Ask an administrator, and use your password or a passkey meanwhile."
}

// untrusted is the answer to what does not prove who somebody is.
func (a *Auth) untrusted(cause error) error {
	return &SignOnError{Reason: "The identity provider's answer could not be trusted, so nobody was signed in. Begin again; if that does not help, ask an administrator: the log says why.", Cause: brief(cause)}
}

// claims trades the code for an identity token and believes it only where everything about it is right: who issued it, for
// whom, when, in answer to what, and whose key has signed it.
func (a *Auth) claims(ctx context.Context, code string, begun attempt) (claims, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*providerWithin)
	defer cancel()
	ctx = oidc.ClientContext(ctx, a.provider.Client)
	known, err := a.provider.discover(ctx)
	if err != nil {
		return claims{}, a.away(err)
	}
	token, err := a.provider.oauth(known).Exchange(ctx, code, oauth2.VerifierOption(begun.Verifier))
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response.StatusCode < 500 {
		cause := fmt.Errorf("the code was refused with %d %q", refused.Response.StatusCode, refused.ErrorCode)
		if refused.ErrorCode == "invalid_client" {
			return claims{}, &SignOnError{Reason: "The identity provider does not know this application's secret, which may have expired. An administrator sets AFTERHOURS_OIDC_CLIENT_SECRET; use your password or a passkey meanwhile.", Cause: cause}
		}
		return claims{}, a.untrusted(cause)
	}
	if errors.As(err, &refused) {
		return claims{}, a.away(fmt.Errorf("the code was answered with %d", refused.Response.StatusCode))
	}
	if err != nil {
		return claims{}, a.away(err)
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return claims{}, a.untrusted(errors.New("the answer holds no identity token; the scope openid may be missing"))
	}
	verifier := known.VerifierContext(ctx, &oidc.Config{ClientID: a.provider.ClientID, Now: a.now, SupportedSigningAlgs: []string{
		oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA,
	}})
	verified, err := verifier.Verify(ctx, raw)
	if err != nil && strings.Contains(err.Error(), "fetching keys") { // the library tells it by these words alone
		return claims{}, a.away(err)
	}
	if err != nil {
		return claims{}, a.untrusted(err)
	}
	if subtle.ConstantTimeCompare([]byte(verified.Nonce), []byte(begun.Nonce)) != 1 {
		return claims{}, a.untrusted(errors.New("the identity token answers another sign-in: its nonce is not ours"))
	}
	found, err := readClaims(verified, a.provider.RoleClaim)
	if err != nil {
		return claims{}, a.untrusted(err)
	}
	found.issuer = a.provider.Issuer
	if found.party != "" && found.party != a.provider.ClientID || found.party == "" && len(verified.Audience) > 1 {
		return claims{}, a.untrusted(errors.New("the identity token was issued to another application"))
	}
	return found, nil
}

// roleOf is the highest role that a claim gives.
func (p *provider) roleOf(c claims) (Role, error) {
	for _, role := range []Role{Admin, Responder, Viewer} {
		for _, value := range p.Roles[role] {
			if slices.Contains(c.values, value) {
				return role, nil
			}
		}
	}
	if c.elsewhere {
		return "", &SignOnError{Reason: fmt.Sprintf("You are in so many groups that the identity provider does not list them in your sign-in. An administrator lets it send application roles (AFTERHOURS_OIDC_ROLE_CLAIM=roles), or in %q only the groups assigned to this application.", p.RoleClaim)}
	}
	var wanted []string
	for _, role := range []Role{Viewer, Responder, Admin} {
		wanted = append(wanted, p.Roles[role]...)
	}
	return "", &SignOnError{Reason: fmt.Sprintf("You are signed in at the identity provider, but nothing in %q gives you a role here. Ask for one of these there: %s.", p.RoleClaim, strings.Join(wanted, ", "))}
}
