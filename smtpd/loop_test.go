package smtpd_test

import (
	"net/netip"
	"strings"
	"testing"

	"afterhours/smtpd"
)

func TestAMailThatGoesInACircleIsTold(t *testing.T) {
	t.Parallel()
	authenticator := &smtpd.Authenticator{Resolver: &zone{}, OwnHeader: "X-Afterhours-Loop", IsOwn: func(mark string) bool { return mark == "0a1b" }}
	const hop = "Received: from a.example by b.example; Sun, 1 Mar 2026 03:00:00 +0000\r\n"
	for name, c := range map[string]struct {
		raw  string
		loop bool
	}{
		"a mail of ours":                    {"X-Afterhours-Loop: 0a1b\r\n" + plainMail, true},
		"a mail of ours by way of another":  {"X-Afterhours-Loop: 99\r\nX-Afterhours-Loop: 0a1b\r\n" + plainMail, true},
		"another mail by way of our server": {"Message-ID: <1234@mx.contoso.example>\r\n" + plainMail, false},
		"a page of another afterhours":      {"Message-ID: <page_7_0a1b@mx.fabrikam.example>\r\nX-Afterhours-Loop: 99\r\n" + plainMail, false},
		"one that claims to be ours":        {"Message-ID: <page_7_0a1b@mx.contoso.example>\r\nX-Afterhours-Loop: mx.contoso.example\r\n" + plainMail, false},
		"fifty hops":                        {strings.Repeat(hop, 50) + plainMail, false},
		"fifty-one hops":                    {strings.Repeat(hop, 51) + plainMail, true},
		"made by a machine":                 {"Auto-Submitted: auto-generated\r\n" + plainMail, false},
	} {
		found := authenticator.Begin(smtpd.Envelope{Remote: netip.MustParseAddr("127.0.0.1")})([]byte(c.raw))
		if got := found.Loop != ""; got != c.loop {
			t.Errorf("%s: got %q, want a loop: %v", name, found.Loop, c.loop)
		}
	}
}
