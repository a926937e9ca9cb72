package auth

import (
	"encoding/json"
	"errors"
	"net/mail"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
)

// maxSubject bounds a provider's name for somebody (OpenID Connect Core 1.0, section 2).
const maxSubject = 255

// claims are what a provider says of somebody.
type claims struct {
	issuer    string
	subject   string
	name      string
	email     string
	party     string   // to whom the token was issued, where that is said
	values    []string // of the claim that gives roles
	elsewhere bool     // that claim is too long for the token (OpenID Connect Core 1.0, 5.6.2)
}

// readClaims reads a verified token. Nothing is made of an address but the account's own: it is not said to be verified, and
// people can change it.
func readClaims(token *oidc.IDToken, roleClaim string) (claims, error) {
	found := claims{subject: token.Subject}
	if found.subject == "" || len(found.subject) > maxSubject || !storable(found.subject) {
		return claims{}, errors.New("the identity token names nobody")
	}
	var standard struct {
		Name      string                     `json:"name"`
		Email     string                     `json:"email"`
		Preferred string                     `json:"preferred_username"`
		UPN       string                     `json:"upn"`
		Party     string                     `json:"azp"`
		Elsewhere map[string]json.RawMessage `json:"_claim_names"`
	}
	var all map[string]json.RawMessage
	if err := errors.Join(token.Claims(&standard), token.Claims(&all)); err != nil {
		return claims{}, errors.New("the claims of the identity token cannot be read")
	}
	found.party = standard.Party
	for _, address := range []string{standard.Email, standard.Preferred, standard.UPN} {
		if parsed, err := mail.ParseAddress(address); err == nil && parsed.Address == address && found.email == "" {
			found.email = address
		}
	}
	found.name = strings.TrimSpace(standard.Name)
	if found.name == "" {
		found.name = found.email
	}
	_, found.elsewhere = standard.Elsewhere[roleClaim]
	if value, ok := all[roleClaim]; ok {
		var one string
		if json.Unmarshal(value, &one) == nil {
			found.values = []string{one}
		} else if err := json.Unmarshal(value, &found.values); err != nil {
			return claims{}, errors.New("the claim " + roleClaim + " is neither a text nor a list of texts")
		}
	}
	return found, nil
}
