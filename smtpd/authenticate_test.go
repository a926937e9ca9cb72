package smtpd_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"afterhours/smtpd"
)

const plainMail = "From: Microsoft Defender <defender-noreply@microsoft.com>\r\nTo: soc@contoso.example\r\nSubject: so\r\n\r\nbody\r\n"

// zone is a resolver that knows a few names. What begins with "down." answers nothing.
type zone struct {
	txt   map[string]string
	asked atomic.Int64
}

func (z *zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	z.asked.Add(1)
	name = strings.TrimSuffix(name, ".")
	if strings.Contains(name, "down.example") {
		return nil, &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
	}
	if text, ok := z.txt[name]; ok {
		return []string{text}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (z *zone) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (z *zone) LookupIPAddr(_ context.Context, name string) ([]net.IPAddr, error) {
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (z *zone) LookupAddr(_ context.Context, name string) ([]string, error) {
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func sign(t *testing.T, key ed25519.PrivateKey, domain, raw string) string {
	t.Helper()
	var out bytes.Buffer
	if err := dkim.Sign(&out, strings.NewReader(raw), &dkim.SignOptions{Domain: domain, Selector: "s", Signer: key}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// from replaces the author of plainMail.
func from(text string) string {
	return strings.Replace(plainMail, "Microsoft Defender <defender-noreply@microsoft.com>", text, 1)
}

// TestWhoSentIt is a table of mails by who hands them over, what their header claims and what the DNS says.
func TestWhoSentIt(t *testing.T) {
	t.Parallel()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key := "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
	authenticator := &smtpd.Authenticator{
		TrustedRelays: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48")}, AuthservID: "mx.contoso.example",
		Resolver: &zone{txt: map[string]string{
			"microsoft.com": "v=spf1 ip4:198.51.100.0/24 -all", "_dmarc.microsoft.com": "v=DMARC1; p=reject", "s._domainkey.microsoft.com": key,
			"s._domainkey.mail.microsoft.com": key, "s._domainkey.evil.example": key, "evil.example": "v=spf1 ip4:203.0.113.0/24 -all",
			"_dmarc.evil.example": "v=DMARC1; p=reject", "s._domainkey.micros0ft.com": key, "_dmarc.micros0ft.com": "v=DMARC1; p=none",
			"s._domainkey.microsoft.com.evil.example": key, "strict.example": "v=spf1 ip4:203.0.113.0/24 -all",
			"_dmarc.strict.example": "v=DMARC1; p=reject; adkim=s; aspf=s", "s._domainkey.sub.strict.example": key, "mail.strict.example": "v=spf1 ip4:203.0.113.0/24 -all",
			"quiet.example": "v=spf1 ip4:203.0.113.0/24 -all", "s._domainkey.quiet.example": key,
			"_dmarc.down.example": "never answered", "softly.example": "v=spf1 ~all",
		}},
	}
	const relay, stranger, microsoft, attacker, inside = "10.1.2.3", "192.0.2.1", "198.51.100.7", "203.0.113.5", "127.0.0.1"
	results := func(id, text string) string { return "Authentication-Results: " + id + "; " + text + "\r\n" }
	received := func(from string) string {
		return "Received: from outside.example (outside.example [" + from + "])\r\n\tby mx.contoso.example (Postfix) with ESMTPS id 1\r\n"
	}
	const ours, pass, fail = "mx.contoso.example", "dmarc=pass action=none header.from=microsoft.com", "dmarc=fail header.from=microsoft.com"
	signed := sign(t, private, "microsoft.com", plainMail)
	const verified, refuted, unknown = "true", "false", "nil"
	cases := []struct {
		name, remote, envelope, raw, want string
		spoof                             bool
		words                             string // part of what is told
	}{
		// By the word of a relay.
		{"a relay vouches", relay, "", results(ours, pass) + received(microsoft) + plainMail, verified, false, "dmarc=pass"},
		{"a relay vouches without a line of its own", relay, "", results(ours, pass) + plainMail, verified, false, ""},
		{"a relay vouches, folded, other case", relay, "", "Authentication-Results: MX.contoso.example;\r\n spf=fail; " + pass + "\r\n" + plainMail, verified, false, "spf=fail"},
		{"a relay vouches, with comments and a version", relay, "", results(ours+" 1", "dmarc=pass (p=reject (dis=none; x)) header.from=microsoft.com") + plainMail, verified, false, ""},
		{"a relay says no", relay, "", results(ours, fail) + received(attacker) + plainMail, refuted, true, "relay: dmarc=fail"},
		{"a relay knows nothing", relay, "", results(ours, "dmarc=none header.from=microsoft.com") + plainMail, unknown, false, "dmarc=none"},
		{"Exchange's own word", relay, "", results(ours, "spf=none; compauth=pass reason=100") + plainMail, verified, false, "compauth=pass"},
		{"Exchange's own no", relay, "", results(ours, "spf=none; compauth=fail reason=001") + plainMail, refuted, true, "compauth=fail"},
		{"DMARC outdoes Exchange's own word", relay, "", results(ours, fail+"; compauth=pass reason=100") + plainMail, refuted, true, ""},
		{"forged below the relay's own", relay, "", results(ours, fail) + received(attacker) + results(ours, pass) + plainMail, refuted, true, ""},
		{"forged, and the relay wrote none", relay, "", received(attacker) + results(ours, pass) + plainMail, unknown, false, ""},
		{"written at an earlier trusted hop", relay, "", received("10.9.9.9") + results(ours, pass) + received(microsoft) + plainMail, verified, false, ""},
		{"forged below two trusted hops", relay, "", received("10.9.9.9") + received(attacker) + results(ours, pass) + plainMail, unknown, false, ""},
		{"two results, the topmost counts", relay, "", results(ours, pass) + results(ours, fail) + received(microsoft) + plainMail, verified, false, ""},
		{"another name", relay, "", results("mx.evil.example", pass) + plainMail, unknown, false, ""},
		{"another name above the relay's", relay, "", results("mx.evil.example", fail) + results(ours, pass) + plainMail, verified, false, ""},
		{"another author", relay, "", results(ours, "dmarc=pass header.from=evil.example") + plainMail, unknown, false, ""},
		{"results missing", relay, "", received(microsoft) + plainMail, unknown, false, ""},
		{"a relay's no is not outdone by a key", relay, "", results(ours, fail) + signed, refuted, true, ""},
		{"a relay without a word, and a key", relay, "", received(microsoft) + signed, verified, false, "dkim=pass dmarc=pass"},
		{"a look-alike that a relay vouches for", relay, "", results(ours, "dmarc=pass header.from=micros0ft.com") + from("Microsoft Defender <defender-noreply@micros0ft.com>"), refuted, true, ""},
		{"Microsoft's name before a stranger's address", relay, "", results(ours, "dmarc=pass header.from=evil.example") + from("Microsoft Defender <x@evil.example>"), unknown, false, ""},
		{"a colleague whom a relay vouches for", relay, "", results(ours, "dmarc=pass header.from=quiet.example") + from("Ana <ana@quiet.example>"), verified, false, ""},
		{"no author", relay, "", results(ours, pass) + "Subject: so\r\n\r\nbody\r\n", unknown, false, ""},
		{"a header that cannot be read", relay, "", "no header\x00", unknown, false, ""},

		// By our own checks.
		{"a stranger's word", stranger, "a@quiet.example", results(ours, pass) + plainMail, refuted, true, "dmarc=fail"},
		{"Microsoft's own servers", microsoft, "azure-noreply@microsoft.com", plainMail, verified, false, "spf=pass dkim=none dmarc=pass"},
		{"signed by the author's domain", stranger, "x@quiet.example", signed, verified, false, "spf=fail dkim=pass dmarc=pass"},
		{"signed by a domain below it", stranger, "x@quiet.example", sign(t, private, "mail.microsoft.com", plainMail), verified, false, ""},
		{"signed by somebody else", attacker, "x@evil.example", sign(t, private, "evil.example", plainMail), refuted, true, "spf=pass dkim=pass dmarc=fail"},
		{"signed by Microsoft's name below another", attacker, "x@evil.example", sign(t, private, "microsoft.com.evil.example", plainMail), refuted, true, ""},
		{"signed and changed", attacker, "x@evil.example", strings.Replace(signed, "body", "evil", 1), refuted, true, "dkim=fail"},
		{"signed, with a second author on top", attacker, "x@evil.example", "From: evil@evil.example\r\n" + signed, unknown, false, ""},
		{"two addresses in one From", attacker, "x@evil.example", sign(t, private, "microsoft.com", from("<a@microsoft.com>, b@evil.example")), unknown, false, ""},
		{"a look-alike with a key of its own", attacker, "x@micros0ft.com", sign(t, private, "micros0ft.com", from("<defender-noreply@micros0ft.com>")), refuted, true, ""},
		{"strict alignment by a key", attacker, "x@evil.example", sign(t, private, "sub.strict.example", from("<a@strict.example>")), refuted, false, "dmarc=fail"},
		{"strict alignment by the envelope", attacker, "a@mail.strict.example", from("<a@strict.example>"), refuted, false, "spf=pass"},
		{"strict alignment that holds", attacker, "a@strict.example", from("<a@strict.example>"), verified, false, "dmarc=pass"},
		{"a domain without a policy", attacker, "a@quiet.example", from("<a@quiet.example>"), verified, false, "spf=pass dkim=none dmarc=none"},
		{"a domain without a policy, from elsewhere", stranger, "a@softly.example", from("<a@quiet.example>"), unknown, false, "spf=softfail"},
		{"a name server that is away", attacker, "a@down.example", from("<a@down.example>"), unknown, false, "spf=temperror"},
		{"a bounce", attacker, "", from("<postmaster@evil.example>"), verified, false, "spf=pass"},
		{"our own network", inside, "azure-noreply@microsoft.com", plainMail, unknown, false, ""},
		{"our own network, with a key", inside, "x@quiet.example", signed, verified, false, "dkim=pass"},
		{"ARC is recorded and not believed", attacker, "x@evil.example", "ARC-Seal: i=1; cv=none; a=x\r\nARC-Seal: i=2; cv=pass; a=x\r\n" + plainMail, refuted, true, "arc=cv=pass"},
	}
	for _, c := range cases {
		envelope := smtpd.Envelope{Remote: netip.MustParseAddr(c.remote), From: c.envelope, Helo: "evil.example"}
		found := authenticator.Begin(envelope)([]byte(c.raw))
		got := unknown
		if found.Verified != nil {
			got = fmt.Sprint(*found.Verified)
		}
		words := fmt.Sprintf("spf=%s dkim=%s dmarc=%s arc=%s relay: %s", found.SPF, found.DKIM, found.DMARC, found.ARC, found.Relay)
		if got != c.want || found.Spoof != c.spoof || !strings.Contains(words, c.words) {
			t.Errorf("%s: got %s, spoof %v, %s, want %s, %v, %s", c.name, got, found.Spoof, words, c.want, c.spoof, c.words)
		}
	}
	t.Logf("%d mails", len(cases))
}

func TestAnAccountIsTrustedLikeARelay(t *testing.T) {
	t.Parallel()
	authenticator := &smtpd.Authenticator{AuthservID: "mx.contoso.example", Resolver: &zone{}}
	raw := []byte("Authentication-Results: mx.contoso.example; dmarc=pass header.from=microsoft.com\r\n" + plainMail)
	for account, want := range map[string]bool{"relay": true, "": false} {
		found := authenticator.Begin(smtpd.Envelope{Remote: netip.MustParseAddr("192.0.2.1"), Account: account})(raw)
		if got := found.Verified != nil && *found.Verified; got != want {
			t.Errorf("account %q: got %v, want %v", account, got, want)
		}
	}
}

// slow is a resolver that never answers.
type slow struct{ zone }

func (s *slow) LookupTXT(ctx context.Context, _ string) ([]string, error) {
	s.asked.Add(1)
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestASlowNameServerLeavesItUndecidedAndIsNotAskedForEachMail(t *testing.T) {
	t.Parallel()
	server := &slow{}
	authenticator := &smtpd.Authenticator{Resolver: &smtpd.CachingResolver{Resolver: server, Now: time.Now}}
	envelope := smtpd.Envelope{Remote: netip.MustParseAddr("192.0.2.1"), From: "a@microsoft.com", Helo: "x.example"}
	began := time.Now()
	for range 3 {
		if found := authenticator.Begin(envelope)([]byte(plainMail)); found.Verified != nil || found.SPF != "temperror" {
			t.Errorf("got %+v, want it undecided", found)
		}
	}
	if took := time.Since(began); took > 9*time.Second {
		t.Errorf("three mails took %s, want the wait of one", took)
	}
	if asked := server.asked.Load(); asked > 4 {
		t.Errorf("the name server was asked %d times", asked)
	}
}

func TestUnverifiedMailIsRefusedWhereTheConfigurationSaysSo(t *testing.T) {
	t.Parallel()
	p := open(t, func(c *smtpd.Config) {
		c.RefuseUnverified = func(_ context.Context, envelope smtpd.Envelope) bool {
			return envelope.To[0] == "defender@test.example"
		}
		c.Authenticate = func(smtpd.Envelope) func([]byte) smtpd.Authentication {
			return func(raw []byte) smtpd.Authentication {
				return smtpd.Authentication{Verified: new(bytes.Contains(raw, []byte("good"))), DMARC: "x"}
			}
		}
	})
	c := p.greeted(t)
	for body, want := range map[string]string{"good": "250", "bad": "550 5.7.26"} {
		c.begin()
		c.say("DATA", "354")
		c.send(body + "\r\n.\r\n")
		c.expect(want)
	}
	c.say("MAIL FROM:<a@client.example>", "250")
	c.say("RCPT TO:<other@test.example>", "250")
	c.say("DATA", "354")
	c.send("bad\r\n.\r\n")
	c.expect("250")
	if kept := p.kept(); len(kept) != 2 || kept[0].envelope.Authentication.DMARC != "x" {
		t.Errorf("kept: got %+v", kept)
	}
}
