package smtpd

import (
	"bufio"
	"bytes"
	"context"
	"net/mail"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-message/textproto"
	"github.com/emersion/go-msgauth/authres"
	"github.com/emersion/go-msgauth/dkim"
	"golang.org/x/net/publicsuffix"
)

// maxSignatures bounds how many DKIM signatures of one mail are checked.
const maxSignatures = 5

// Authenticator says whether the author that a mail's From header claims is authenticated: by a trusted relay's
// Authentication-Results (RFC 8601), or by a DKIM signature (RFC 6376) of the author's own domain.
type Authenticator struct {
	// TrustedRelays are the networks whose word is believed, under the name AuthservID alone.
	TrustedRelays []netip.Prefix
	AuthservID    string
	LookupTXT     func(ctx context.Context, name string) ([]string, error)
}

// Authenticate returns true where the author is authenticated, false where a trusted relay found that it is not, and nil
// where nothing is known. It never decides about a mail it cannot read.
func (a *Authenticator) Authenticate(ctx context.Context, remote netip.Addr, raw []byte) *bool {
	header, err := textproto.ReadHeader(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return nil
	}
	author := authorDomain(header)
	if author == "" {
		return nil
	}
	if a.trusts(remote) {
		if verdict := a.relayed(header, author); verdict != nil {
			return verdict
		}
	}
	if header.Has("Dkim-Signature") && a.signed(ctx, raw, author) {
		return new(true)
	}
	return nil
}

// authorDomain is the domain of the one address in the one From header; a mail with more has no author to speak of.
func authorDomain(header textproto.Header) string {
	values := header.Values("From")
	if len(values) != 1 {
		return ""
	}
	addresses, err := mail.ParseAddressList(values[0])
	if err != nil || len(addresses) != 1 {
		return ""
	}
	_, domain, _ := cutAddress(strings.ToLower(addresses[0].Address))
	return domain
}

func (a *Authenticator) trusts(remote netip.Addr) bool {
	return a.AuthservID != "" && slices.ContainsFunc(a.TrustedRelays, func(network netip.Prefix) bool { return network.Contains(remote) })
}

// relayed is the verdict of the topmost results that carry our name: what a sender forged stands below what its relay
// wrote.
func (a *Authenticator) relayed(header textproto.Header, author string) *bool {
	for _, value := range header.Values("Authentication-Results") {
		name, results, err := authres.Parse(value)
		if !strings.EqualFold(strings.TrimSpace(name), a.AuthservID) {
			continue
		}
		if err != nil {
			return nil
		}
		for _, result := range results {
			if dmarc, ok := result.(*authres.DMARCResult); ok && (dmarc.From == "" || strings.EqualFold(dmarc.From, author)) {
				switch dmarc.Value {
				case authres.ResultPass:
					return new(true)
				case authres.ResultFail:
					return new(false)
				}
			}
		}
		for _, result := range results {
			if exchange, ok := result.(*authres.GenericResult); ok && strings.EqualFold(exchange.Method, "compauth") && exchange.Value == authres.ResultPass {
				return new(true)
			}
		}
		return nil
	}
	return nil
}

// signed says whether a valid signature is of the author's own organisation (RFC 7489, 3.1.1: relaxed alignment).
func (a *Authenticator) signed(ctx context.Context, raw []byte, author string) bool {
	type result struct{ aligned bool }
	done := make(chan result, 1)
	go func() { // the library's look-ups end with ctx, its arithmetic by itself
		verifications, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{
			LookupTXT:        func(name string) ([]string, error) { return a.LookupTXT(ctx, name) },
			MaxVerifications: maxSignatures,
		})
		aligned := slices.ContainsFunc(verifications, func(v *dkim.Verification) bool {
			return v.Err == nil && organisation(v.Domain) == organisation(author)
		})
		done <- result{aligned && (err == nil || len(verifications) > 0)}
	}()
	select {
	case got := <-done:
		return got.aligned
	case <-ctx.Done():
		return false
	}
}

func organisation(domain string) string {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if registered, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return registered
	}
	return domain
}

// authenticateWithin bounds the look-ups that a reply waits for.
const authenticateWithin = 3 * time.Second
