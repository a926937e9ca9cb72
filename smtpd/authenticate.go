package smtpd

import (
	"bufio"
	"bytes"
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-message/textproto"
)

// authenticateWithin bounds the look-ups that a reply waits for.
const authenticateWithin = 3 * time.Second

// Authentication is what was found out about who sent a mail. SPF, DKIM and DMARC are words of RFC 8601, empty where
// they were not looked at.
type Authentication struct {
	Author string // the domain that From claims; empty where it claims none, or several
	SPF    string
	DKIM   string
	DMARC  string
	ARC    string // what the newest ARC set claims: recorded, never believed
	Relay  string // a trusted relay's own words
	Spoof  bool   // From claims to be Microsoft, by its domain or by one that looks like it, and is not
	Loop   string // why the mail goes in a circle; empty where it does not
	// Verified is true where the author is authenticated, false where it is found not to be, nil where nothing is known.
	Verified *bool
}

// Authenticator says who sent a mail: by the word of a trusted relay (Authentication-Results, RFC 8601), else by SPF
// (RFC 7208), DKIM (RFC 6376) and DMARC (RFC 7489). What cannot be decided in time is told as undecided; it never
// decides whether a mail is taken.
type Authenticator struct {
	// TrustedRelays are the networks whose word is believed, under the name AuthservID alone.
	TrustedRelays []netip.Prefix
	AuthservID    string
	Resolver      Resolver
	// OwnHeader is a header field that stands in every mail of ours. IsOwn knows its value, which others' mails of such a
	// kind do not have.
	OwnHeader string
	IsOwn     func(mark string) bool
}

// Begin looks up what the envelope alone decides, beside the data. The function that it returns judges the whole mail.
func (a *Authenticator) Begin(envelope Envelope) func(raw []byte) Authentication {
	if a.trusts(envelope) { // the relay's address says nothing about the author
		return func(raw []byte) Authentication { return a.judge(envelope, raw, nil) }
	}
	spf := a.beginSPF(envelope)
	return func(raw []byte) Authentication { return a.judge(envelope, raw, spf) }
}

func (a *Authenticator) trusts(envelope Envelope) bool {
	return a.AuthservID != "" && (envelope.Account != "" || a.isRelay(envelope.Remote))
}

func (a *Authenticator) isRelay(address netip.Addr) bool {
	return slices.ContainsFunc(a.TrustedRelays, func(network netip.Prefix) bool { return network.Contains(address.Unmap()) })
}

// headerLine is as much of a header as is read at once, in octets; lines can be longer.
const headerLine = 1 << 10

// judge puts together what a mail's header and body, its relay and the domain's own word say.
func (a *Authenticator) judge(envelope Envelope, raw []byte, spf *spfCheck) Authentication {
	header, err := textproto.ReadHeader(bufio.NewReaderSize(bytes.NewReader(raw), headerLine))
	if err != nil {
		return Authentication{SPF: spf.word()}
	}
	author := authorOf(header)
	found := Authentication{Author: author.domain, ARC: arcClaim(header), SPF: spf.word(), Loop: a.loop(header)}
	if author.domain == "" {
		return found
	}
	relayed := false
	if a.trusts(envelope) {
		relayed = a.relayed(header, &found)
	}
	if !relayed {
		ctx, cancel := context.WithTimeout(context.Background(), authenticateWithin)
		defer cancel()
		a.check(ctx, header, raw, spf, &found)
	}
	distrustImpostors(author, &found)
	return found
}

// check goes by SPF, DKIM and the DMARC policy of the author's domain. Identifiers that are aligned with the author
// verify it, whether or not its domain asks for that; only where the domain asks, and everything was decided, does a
// mail without one fail.
func (a *Authenticator) check(ctx context.Context, header textproto.Header, raw []byte, spf *spfCheck, found *Authentication) {
	var signed dkimCheck
	if header.Has("Dkim-Signature") {
		signed = a.checkDKIM(ctx, raw)
		found.DKIM = signed.word
	} else {
		found.DKIM = "none"
	}
	policy := dmarcPolicy{word: "none"}
	if len(signed.domains) > 0 || spf != nil { // else nothing can come of it
		policy = a.lookupDMARC(ctx, found.Author)
	}
	aligned := slices.ContainsFunc(signed.domains, func(domain string) bool { return policy.alignsDKIM(domain, found.Author) }) ||
		spf.word() == "pass" && policy.alignsSPF(spf.domain, found.Author)
	undecided := spf == nil || spf.word() == "temperror" || found.DKIM == "temperror"
	found.DMARC = policy.word
	switch {
	case aligned:
		found.Verified = new(true)
		if policy.found {
			found.DMARC = "pass"
		}
	case policy.found && undecided:
		found.DMARC = "temperror"
	case policy.found:
		found.DMARC, found.Verified = "fail", new(false)
	}
}

// arcClaim is the verdict in the newest ARC-Seal (RFC 8617), like "cv=pass"; empty without one.
func arcClaim(header textproto.Header) string {
	newest, claim := 0, ""
	for _, value := range header.Values("Arc-Seal") {
		instance, verdict := 0, "none"
		for tag := range strings.SplitSeq(value, ";") {
			name, content, _ := strings.Cut(tag, "=")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "i":
				for _, digit := range strings.TrimSpace(content) {
					if digit < '0' || digit > '9' || instance > 50 {
						instance = 0
						break
					}
					instance = instance*10 + int(digit-'0')
				}
			case "cv":
				verdict = strings.ToLower(strings.TrimSpace(content))
			}
		}
		if instance > newest && slices.Contains([]string{"none", "pass", "fail"}, verdict) {
			newest, claim = instance, "cv="+verdict
		}
	}
	return claim
}
