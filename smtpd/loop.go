package smtpd

import (
	"slices"

	"github.com/emersion/go-message/textproto"
)

// mostHops is how many servers a mail may have gone through (RFC 5321, 6.3, asks for at least 100 before it is refused;
// here it is kept, and only pages nobody).
const mostHops = 50

// loop says why a mail goes in a circle: a page that comes back would page again, for ever.
func (a *Authenticator) loop(header textproto.Header) string {
	if a.OwnHeader != "" && slices.ContainsFunc(header.Values(a.OwnHeader), a.IsOwn) {
		return "it is a mail of afterhours itself that came back"
	}
	if len(header.Values("Received")) > mostHops {
		return "it went through more than 50 servers: it goes in a circle"
	}
	return ""
}
