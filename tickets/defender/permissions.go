package defender

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// permission is one that a tenant's application needs, as the portal writes it: the API, then the role.
type permission struct {
	of   service
	text string
}

func (p permission) role() string {
	_, role, _ := strings.Cut(p.text, " > ")
	return role
}

// needed are the permissions for what a tenant is configured for: polls, what is written back, and actions by their paths,
// like isolate.
func needed(t Tenant, actions []string) []permission {
	var all []permission
	add := func(of service, method, path string) {
		one := permission{of, roleOf(of, method, path)}
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	alerts := endpointAPI
	if t.Source == SourceGraph {
		alerts = graphAPI
	}
	add(alerts, http.MethodGet, "/api/alerts")
	if t.Source != SourceGraph {
		add(xdrAPI, http.MethodGet, "/api/incidents")
	}
	if t.WriteBack {
		add(alerts, http.MethodPatch, "/api/alerts/id")
	}
	for _, action := range actions {
		add(endpointAPI, http.MethodGet, "/api/machines/id")
		add(endpointAPI, http.MethodPost, "/api/machines/id/"+action)
	}
	return all
}

// Missing are faults, one for each permission that a tenant's tokens lack for what it is configured for. A token says its
// roles itself; one that cannot be read says nothing, because Microsoft may change what stands in it.
func (c *Client) Missing(ctx context.Context, t Tenant, actions []string) ([]*Fault, error) {
	granted := map[service][]string{}
	var faults []*Fault
	for _, one := range needed(t, actions) {
		roles, asked := granted[one.of]
		if !asked {
			token, err := c.token(ctx, t, one.of, "")
			if err != nil {
				return nil, err
			}
			var ok bool
			if roles, ok = rolesOf(token); !ok {
				roles = []string{anyRole}
			}
			granted[one.of] = roles
		}
		more := strings.Replace(one.role(), ".Read.", ".ReadWrite.", 1) // one to read and write includes reading
		if !slices.Contains(roles, anyRole) && !slices.Contains(roles, one.role()) && !slices.Contains(roles, more) {
			faults = append(faults, missing(t, one.text))
		}
	}
	return faults, nil
}

// anyRole stands for those of a token that cannot be read.
const anyRole = "*"

// rolesOf reads the application permissions out of an access token. It is not verified: it is our own.
func rolesOf(token string) (roles []string, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, false
	}
	var claims struct {
		Roles []string `json:"roles"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return nil, false
	}
	return claims.Roles, true
}

// missing is the fault of a permission that is not there.
func missing(t Tenant, what string) *Fault {
	return &Fault{
		Code: "Forbidden", Lasting: true, status: http.StatusForbidden,
		Says: "the application " + t.ClientID + " may not do this: the permission " + what + " is missing or not consented to",
		Mend: fmt.Sprintf("add it as an application permission and press Grant admin consent "+permissions, t.ClientID),
	}
}
