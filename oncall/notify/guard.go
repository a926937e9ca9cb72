package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// Bounds of one HTTP request to a contact.
const (
	httpTimeout  = 10 * time.Second
	dialTimeout  = 5 * time.Second
	perHost      = 20
	maxURLLength = 2000
)

// Guard keeps requests to addresses that users write away from the inside of the network. AllowPrivate lifts it: any
// address and port, also over http.
type Guard struct{ AllowPrivate bool }

// refusedNetworks are those that are neither public nor covered by netip's own tests (IANA special-purpose registries).
var refusedNetworks = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("::ffff:0:0/96"), netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("3fff::/20"),
	netip.MustParsePrefix("5f00::/16"), netip.MustParsePrefix("fec0::/10"),
}

// ErrRefusedAddress says that a target lies on the inside.
var ErrRefusedAddress = errors.New("the target's address is not a public one; AFTERHOURS_ALLOW_PRIVATE_WEBHOOKS=true allows it")

// NewHTTPClient returns a client that checks each address when it dials, after name resolution, so that no name and no
// second answer of a resolver leads inside. It follows no redirect and no proxy.
func NewHTTPClient(guard Guard) *http.Client {
	dialer := &net.Dialer{Timeout: dialTimeout, ControlContext: guard.control}
	return &http.Client{
		Timeout: httpTimeout,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, MaxConnsPerHost: perHost, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
			TLSHandshakeTimeout: dialTimeout, ResponseHeaderTimeout: httpTimeout, ForceAttemptHTTP2: true,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (g Guard) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	if g.AllowPrivate {
		return nil
	}
	target, err := netip.ParseAddrPort(address)
	if err != nil || target.Port() != 443 || !public(target.Addr()) {
		return ErrRefusedAddress
	}
	return nil
}

// public says whether an address is one of the open internet.
func public(address netip.Addr) bool {
	if !address.IsGlobalUnicast() || address.IsPrivate() || address.Zone() != "" {
		return false
	}
	for _, network := range refusedNetworks {
		if network.Contains(address) {
			return false
		}
	}
	return true
}

// CheckURL says whether a target may be stored: absolute, without user information, and https on its usual port unless
// the guard is lifted.
func (g Guard) CheckURL(raw string) error {
	target, err := url.Parse(raw)
	switch {
	case err != nil || target.Host == "" || target.Opaque != "" || len(raw) > maxURLLength || strings.ContainsAny(raw, " \t\r\n"):
		return errors.New("is not a URL; write one like https://hooks.example.com/in")
	case target.User != nil:
		return errors.New("a URL must not carry a user or password; use secret")
	case g.AllowPrivate && (target.Scheme == "http" || target.Scheme == "https"):
		return nil
	case target.Scheme != "https":
		return fmt.Errorf("%s is not allowed; use https, or set AFTERHOURS_ALLOW_PRIVATE_WEBHOOKS=true", schemeOf(target))
	case target.Port() != "" && target.Port() != "443":
		return fmt.Errorf("port %s is not allowed; use 443, or set AFTERHOURS_ALLOW_PRIVATE_WEBHOOKS=true", target.Port())
	}
	if address, err := netip.ParseAddr(target.Hostname()); err == nil && !public(address) || strings.EqualFold(target.Hostname(), "localhost") {
		return ErrRefusedAddress
	}
	return nil
}

func schemeOf(target *url.URL) string {
	if target.Scheme == "" {
		return "a URL without a scheme"
	}
	return target.Scheme
}

// Redact is a URL without what may be a credential: scheme and host.
func Redact(raw string) string {
	target, err := url.Parse(raw)
	if err != nil || target.Host == "" {
		return "the target"
	}
	return target.Scheme + "://" + target.Host + "/…"
}
