package smtpd

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"

	"blitiri.com.ar/go/spf"
	"github.com/emersion/go-msgauth/dkim"
	"github.com/emersion/go-msgauth/dmarc"
)

// maxSignatures bounds how many DKIM signatures of one mail are checked.
const maxSignatures = 5

// spfCheck is a check of the envelope that runs beside the data; nil where the client's address says nothing.
type spfCheck struct {
	domain string // that it is about
	done   chan struct{}
	result string
}

// beginSPF checks the envelope's sender, or of a bounce the name of the greeting. An address of our own networks stands
// for nobody outside.
func (a *Authenticator) beginSPF(envelope Envelope) *spfCheck {
	remote := envelope.Remote
	if !remote.IsValid() || remote.IsLoopback() || remote.IsPrivate() || remote.IsLinkLocalUnicast() || remote.IsUnspecified() {
		return nil
	}
	sender := envelope.From
	if sender == "" {
		sender = "postmaster@" + envelope.Helo
	}
	_, domain, _ := cutAddress(strings.ToLower(sender))
	check := &spfCheck{domain: domain, done: make(chan struct{})}
	go func() {
		defer close(check.done)
		ctx, cancel := context.WithTimeout(context.Background(), authenticateWithin)
		defer cancel()
		result, _ := spf.CheckHostWithSender(net.IP(remote.AsSlice()), envelope.Helo, sender, // the result says what the error means
			spf.WithContext(ctx), spf.WithResolver(a.Resolver))
		check.result = string(result)
		if ctx.Err() != nil {
			check.result = "temperror"
		}
	}()
	return check
}

// word waits for the check, which ends by itself.
func (c *spfCheck) word() string {
	if c == nil {
		return ""
	}
	<-c.done
	return c.result
}

// dkimCheck is what became of a mail's signatures.
type dkimCheck struct {
	word    string
	domains []string // of those that are valid
}

func (a *Authenticator) checkDKIM(ctx context.Context, raw []byte) dkimCheck {
	done := make(chan dkimCheck, 1)
	go func() { // the library's look-ups end with ctx, its arithmetic by itself
		verifications, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{
			LookupTXT:        func(name string) ([]string, error) { return a.Resolver.LookupTXT(ctx, name) },
			MaxVerifications: maxSignatures,
		})
		check := dkimCheck{word: "fail"}
		if err != nil && len(verifications) == 0 {
			check.word = "permerror"
		}
		for _, v := range verifications {
			switch {
			case v.Err == nil:
				check.domains = append(check.domains, v.Domain)
			case dkim.IsTempFail(v.Err):
				check.word = "temperror"
			}
		}
		if len(check.domains) > 0 {
			check.word = "pass"
		}
		done <- check
	}()
	select {
	case check := <-done:
		return check
	case <-ctx.Done():
		return dkimCheck{word: "temperror"}
	}
}

// dmarcPolicy is what the author's domain asks for.
type dmarcPolicy struct {
	found      bool
	word       string // none or temperror where nothing was found
	strictDKIM bool
	strictSPF  bool
}

// lookupDMARC asks the domain, and then its organisation (RFC 7489, 6.6.3).
func (a *Authenticator) lookupDMARC(ctx context.Context, domain string) dmarcPolicy {
	names := []string{domain}
	if parent := organisation(domain); parent != domain {
		names = append(names, parent)
	}
	for _, name := range names {
		record, err := dmarc.LookupWithOptions(name, &dmarc.LookupOptions{
			LookupTXT: func(name string) ([]string, error) { return a.Resolver.LookupTXT(ctx, name) },
		})
		switch {
		case err == nil:
			return dmarcPolicy{
				found: true, strictDKIM: record.DKIMAlignment == dmarc.AlignmentStrict, strictSPF: record.SPFAlignment == dmarc.AlignmentStrict,
			}
		case errors.Is(err, dmarc.ErrNoPolicy) || isNotFound(err):
		case dmarc.IsTempFail(err) || ctx.Err() != nil:
			return dmarcPolicy{word: "temperror"}
		default:
			return dmarcPolicy{word: "permerror"}
		}
	}
	return dmarcPolicy{word: "none"}
}

func isNotFound(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}

func (p dmarcPolicy) alignsDKIM(domain, author string) bool {
	return aligned(domain, author, p.strictDKIM)
}

func (p dmarcPolicy) alignsSPF(domain, author string) bool {
	return aligned(domain, author, p.strictSPF)
}

// aligned compares identifiers (RFC 7489, 3.1).
func aligned(domain, author string, strict bool) bool {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	return domain == author || !strict && organisation(domain) == organisation(author)
}
