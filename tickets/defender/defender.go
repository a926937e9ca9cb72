// Package defender speaks with Microsoft: it polls the Defender API for alerts and incidents, writes back what people
// decided, and carries out response actions on devices.
//
// It promises that a tenant is polled by one replica at a time, that the limits which Microsoft sets are kept by all
// replicas together (budget.go), that what a poll brought is written before the poll's mark moves on, so that nothing is
// lost by a crash and nothing counts twice, and that an error is told in a sentence that names the mend (fault.go).
//
// It refuses to guess: unknown fields are skipped, unknown values of an enumeration are kept as they are written, and an
// answer that is no JSON is an error.
//
// A poll asks for everything that changed since the mark less an overlap, page by page. The documentation does not say in
// which order a list comes, so each page begins with the last rows of the page before: where they are not found again the
// list has shifted, and the poll begins anew. The mark is the moment at which the poll began.
package defender

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// Where a tenant's alerts come from.
const (
	SourceDefender = "defender" // the Defender for Endpoint API, and the incidents of Defender XDR
	SourceGraph    = "graph"    // Graph's alerts_v2: the alerts of all products
)

// Microsoft's hosts.
const (
	DefaultAPI   = "https://api.security.microsoft.com"
	DefaultGraph = "https://graph.microsoft.com"
	defaultLogin = "https://login.microsoftonline.com"
)

// Tenant is one directory with the application that may read it.
type Tenant struct {
	ID           string // ours
	TenantID     string // the directory's GUID
	ClientID     string
	ClientSecret string
	APIURL       string // without /api; empty is DefaultAPI
	TokenURL     string // the whole endpoint; empty is Microsoft's
	GraphURL     string // empty is DefaultGraph
	Source       string // SourceDefender (also empty) or SourceGraph
	Poll         time.Duration
	WriteBack    bool
	// ExpectMail are the severities that the tenant's notification rules mail; empty expects none.
	ExpectMail []string
	// Sole says that no other tenant is configured, so that a mail that names no tenant is this one's.
	Sole bool
}

// service is one of Microsoft's APIs: each has its own host, scope and limits.
type service string

const (
	endpointAPI service = "endpoint" // alerts, machines and actions
	xdrAPI      service = "xdr"      // incidents
	graphAPI    service = "graph"
)

// host is the base of a service's addresses.
func (t Tenant) host(of service) string {
	address := t.APIURL
	if of == graphAPI {
		address = t.GraphURL
	}
	switch {
	case address != "":
		return strings.TrimSuffix(address, "/")
	case of == graphAPI:
		return DefaultGraph
	}
	return DefaultAPI
}

func (t Tenant) tokenURL() string {
	if t.TokenURL != "" {
		return t.TokenURL
	}
	return defaultLogin + "/" + t.TenantID + "/oauth2/v2.0/token"
}

// scope is what a token for a service is asked for. The national clouds name their resources by their hosts.
func (t Tenant) scope(of service) string {
	host := t.host(of)
	if address, err := url.Parse(host); err == nil && slices.ContainsFunc([]string{".us", ".cn"}, func(cloud string) bool { return strings.HasSuffix(address.Hostname(), cloud) }) {
		return host + "/.default"
	}
	switch of {
	case graphAPI:
		return "https://graph.microsoft.com/.default"
	case xdrAPI:
		return "https://api.security.microsoft.com/.default"
	}
	return "https://api.securitycenter.microsoft.com/.default"
}

// Find returns the tenant of our id, or of the directory's.
func Find(tenants []Tenant, id string) (Tenant, bool) {
	at := slices.IndexFunc(tenants, func(t Tenant) bool { return t.ID == id || id != "" && strings.EqualFold(t.TenantID, id) })
	if at < 0 {
		return Tenant{}, false
	}
	return tenants[at], true
}
