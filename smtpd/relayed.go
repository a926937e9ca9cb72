package smtpd

import (
	"net/netip"
	"regexp"
	"strings"

	"github.com/emersion/go-message/textproto"
	"github.com/emersion/go-msgauth/authres"
)

// relayed takes over the verdict of a trusted relay: the topmost results that carry our name and stand above the border,
// because what a sender forged stands below what its relay wrote. It says whether the relay gave a verdict.
func (a *Authenticator) relayed(header textproto.Header, found *Authentication) bool {
	fields := header.Fields()
	inside := true
	for fields.Next() && inside {
		switch strings.ToLower(fields.Key()) {
		case "received":
			inside = a.receivedInside(fields.Value())
		case "authentication-results":
			name, results, err := authres.Parse(withoutComments(fields.Value()))
			if name, _, _ = strings.Cut(strings.TrimSpace(name), " "); !strings.EqualFold(name, a.AuthservID) {
				continue
			}
			if err != nil {
				return false
			}
			return a.verdict(results, found)
		}
	}
	return false
}

// receivedFrom finds the address that a relay took a mail from, as relays write it: in brackets or parentheses.
var receivedFrom = regexp.MustCompile(`[\[(](?:IPv6:)?([0-9A-Fa-f.:]{3,45})[\])]`)

// receivedInside says whether a hop was between trusted hosts, so that what stands below it was written by one of them,
// too. A relay writes its results above its own Received line: the first line of a hop from outside is the border.
func (a *Authenticator) receivedInside(value string) bool {
	from, _, _ := strings.Cut(strings.Join(strings.Fields(value), " "), " by ")
	for _, match := range receivedFrom.FindAllStringSubmatch(from, -1) {
		if address, err := netip.ParseAddr(match[1]); err == nil {
			return a.isRelay(address)
		}
	}
	return false
}

// verdict reads results: DMARC of this author, or Exchange's own composite word.
func (a *Authenticator) verdict(results []authres.Result, found *Authentication) bool {
	var words []string
	verified := (*bool)(nil)
	said := false
	for _, result := range results {
		switch r := result.(type) {
		case *authres.SPFResult:
			found.SPF = string(r.Value)
		case *authres.DKIMResult:
			if found.DKIM != "pass" {
				found.DKIM = string(r.Value)
			}
		case *authres.DMARCResult:
			if r.From != "" && !strings.EqualFold(strings.TrimSuffix(r.From, "."), found.Author) {
				continue
			}
			found.DMARC, said = string(r.Value), true
			words = append(words, "dmarc="+string(r.Value))
			switch r.Value {
			case authres.ResultPass:
				verified = new(true)
			case authres.ResultFail:
				verified = new(false)
			}
		}
	}
	for _, result := range results {
		composite, ok := result.(*authres.GenericResult)
		if !ok || !strings.EqualFold(composite.Method, "compauth") {
			continue
		}
		words = append(words, "compauth="+string(composite.Value))
		said = true
		switch { // DMARC decides where it did
		case verified != nil:
		case composite.Value == authres.ResultPass:
			verified = new(true)
		case composite.Value == authres.ResultFail:
			verified = new(false)
		}
	}
	found.Relay, found.Verified = strings.Join(words, " "), verified
	return said
}

// withoutComments takes the comments out of a structured field (RFC 5322, 3.2.2), which may be nested; quoted strings
// stay.
func withoutComments(value string) string {
	var out strings.Builder
	depth, quoted := 0, false
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c == '\\' && i+1 < len(value):
			if depth == 0 {
				out.WriteString(value[i : i+2])
			}
			i++
		case c == '"' && depth == 0:
			quoted = !quoted
			out.WriteByte(c)
		case c == '(' && !quoted:
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth == 0:
			out.WriteByte(c)
		}
	}
	return out.String()
}
