package auth

import (
	"net"
	"net/url"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// newRelyingParty is the site as authenticators know it, from its public address; without one that browsers take passkeys
// for, off says what to change.
func newRelyingParty(publicURL string) (party *webauthn.WebAuthn, off string) {
	base, err := url.Parse(publicURL)
	if err != nil || base.Hostname() == "" {
		return nil, "Passkeys need the https address of this desk: set AFTERHOURS_PUBLIC_URL."
	}
	host := strings.ToLower(base.Hostname())
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	switch {
	case net.ParseIP(host) != nil:
		return nil, "Passkeys belong to a name, and " + host + " is a number: set AFTERHOURS_PUBLIC_URL to the https address of this desk."
	case base.Scheme != "https" && !local:
		return nil, "Browsers take passkeys over https alone: set AFTERHOURS_PUBLIC_URL to the https address of this desk."
	}
	party, err = webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: "afterhours", RPOrigins: []string{base.Scheme + "://" + strings.ToLower(base.Host)},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			RequireResidentKey: protocol.ResidentKeyRequired(), ResidentKey: protocol.ResidentKeyRequirementRequired,
			UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{ // for the browser; what the server holds to is ceremonyLifetime
			Login:        webauthn.TimeoutConfig{Timeout: ceremonyLifetime},
			Registration: webauthn.TimeoutConfig{Timeout: ceremonyLifetime},
		},
	})
	if err != nil {
		return nil, "Passkeys cannot be used at " + host + ": set AFTERHOURS_PUBLIC_URL to the https address of this desk."
	}
	return party, ""
}

// PasskeysOff says why no passkey can be used, with the mend; empty where they can.
func (a *Auth) PasskeysOff() string { return a.passkeysOff }

// PasskeysOffAt is PasskeysOff for a desk at an address.
func PasskeysOffAt(publicURL string) string {
	_, off := newRelyingParty(publicURL)
	return off
}
