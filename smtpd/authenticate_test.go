package smtpd_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"afterhours/smtpd"
)

const plainMail = "From: Microsoft Defender <defender-noreply@microsoft.com>\r\nTo: soc@contoso.example\r\nSubject: so\r\n\r\nbody\r\n"

func sign(t *testing.T, key ed25519.PrivateKey, domain, raw string) string {
	t.Helper()
	var out bytes.Buffer
	if err := dkim.Sign(&out, strings.NewReader(raw), &dkim.SignOptions{Domain: domain, Selector: "s", Signer: key}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestWhoIsVerified(t *testing.T) {
	t.Parallel()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	authenticator := &smtpd.Authenticator{
		TrustedRelays: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, AuthservID: "mx.contoso.example",
		LookupTXT: func(_ context.Context, name string) ([]string, error) {
			if strings.HasPrefix(name, "s._domainkey.") {
				return []string{"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)}, nil
			}
			return nil, errors.New("no such name")
		},
	}
	relay, stranger := netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("192.0.2.1")
	results := func(id, text string) string {
		return fmt.Sprintf("Authentication-Results: %s; %s\r\n", id, text)
	}
	const pass, fail = "dmarc=pass action=none header.from=microsoft.com", "dmarc=fail header.from=microsoft.com"
	signed := sign(t, private, "microsoft.com", plainMail)
	for name, c := range map[string]struct {
		remote netip.Addr
		raw    string
		want   string
	}{
		"a relay vouches":                      {relay, results("mx.contoso.example", pass) + plainMail, "true"},
		"a relay vouches, folded, other case":  {relay, "Authentication-Results: MX.contoso.example;\r\n spf=fail; " + pass + "\r\n" + plainMail, "true"},
		"a relay says no":                      {relay, results("mx.contoso.example", fail) + plainMail, "false"},
		"Exchange's own word":                  {relay, results("mx.contoso.example", "spf=none; compauth=pass reason=100") + plainMail, "true"},
		"forged below the relay's own":         {relay, results("mx.contoso.example", fail) + results("mx.contoso.example", pass) + plainMail, "false"},
		"another name":                         {relay, results("mx.evil.example", pass) + plainMail, "nil"},
		"another author":                       {relay, results("mx.contoso.example", "dmarc=pass header.from=evil.example") + plainMail, "nil"},
		"a stranger's word":                    {stranger, results("mx.contoso.example", pass) + plainMail, "nil"},
		"nothing":                              {relay, plainMail, "nil"},
		"signed by the author's domain":        {stranger, signed, "true"},
		"signed by a domain below it":          {stranger, sign(t, private, "mail.microsoft.com", plainMail), "true"},
		"signed by somebody else":              {stranger, sign(t, private, "evil.example", plainMail), "nil"},
		"signed by a lookalike":                {stranger, sign(t, private, "microsoft.com.evil.example", plainMail), "nil"},
		"signed and changed":                   {stranger, strings.Replace(signed, "body", "evil", 1), "nil"},
		"signed, with a second author on top":  {stranger, "From: evil@evil.example\r\n" + signed, "nil"},
		"two addresses in one From":            {stranger, sign(t, private, "microsoft.com", strings.Replace(plainMail, "<defender-noreply@microsoft.com>", "<a@microsoft.com>, b@evil.example", 1)), "nil"},
		"no From":                              {relay, results("mx.contoso.example", pass) + "Subject: so\r\n\r\nbody\r\n", "nil"},
		"a header that cannot be read":         {relay, "no header\x00", "nil"},
		"a relay's no is not outdone by a key": {relay, results("mx.contoso.example", fail) + signed, "false"},
	} {
		got := "nil"
		if verified := authenticator.Authenticate(t.Context(), c.remote, []byte(c.raw)); verified != nil {
			got = fmt.Sprint(*verified)
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestUnverifiedMailIsRefusedWhereTheConfigurationSaysSo(t *testing.T) {
	t.Parallel()
	p := open(t, func(c *smtpd.Config) {
		c.RefuseUnverified = true
		c.Authenticate = func(_ context.Context, _ netip.Addr, raw []byte) *bool {
			return new(bytes.Contains(raw, []byte("good")))
		}
	})
	c := p.greeted(t)
	for body, want := range map[string]string{"good": "250", "bad": "550 5.7.26"} {
		c.begin()
		c.say("DATA", "354")
		c.send(body + "\r\n.\r\n")
		c.expect(want)
	}
	if kept := p.kept(); len(kept) != 1 || kept[0].envelope.Verified == nil || !*kept[0].envelope.Verified {
		t.Errorf("kept: got %+v", kept)
	}
}
