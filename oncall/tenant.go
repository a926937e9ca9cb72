package oncall

import (
	"slices"
	"strings"
	"time"
)

// Tenant is one Microsoft directory whose Defender is polled with an application's token.
type Tenant struct {
	ID           string   `json:"id" yaml:"id"`
	TenantID     string   `json:"tenant_id" yaml:"tenant_id"` // the directory's GUID
	ClientID     string   `json:"client_id" yaml:"client_id"`
	ClientSecret string   `json:"client_secret,omitempty" yaml:"client_secret"`
	Poll         Duration `json:"poll,omitempty" yaml:"poll"`           // empty: a minute
	APIURL       string   `json:"api_url,omitempty" yaml:"api_url"`     // the host without /api; empty: Microsoft's
	TokenURL     string   `json:"token_url,omitempty" yaml:"token_url"` // the whole endpoint; empty: Microsoft's
	GraphURL     string   `json:"graph_url,omitempty" yaml:"graph_url"`
	Source       string   `json:"source,omitempty" yaml:"source"` // SourceDefender (the default) or SourceGraph
	// Organisation is the name by which mails without a tenant's id are given to this one.
	Organisation string   `json:"organisation,omitempty" yaml:"organisation"`
	WriteBack    bool     `json:"write_back,omitempty" yaml:"write_back"`
	ExpectMail   Values   `json:"expect_mail,omitempty" yaml:"expect_mail"` // severities that the notification rules mail
	Notify       []Target `json:"notify,omitempty" yaml:"notify"`           // who can mend what is wrong with it
}

// Where a tenant's alerts come from.
const (
	SourceDefender = "defender"
	SourceGraph    = "graph"
)

// leastPoll is the shortest interval of polls.
const leastPoll = time.Second

// Tenant returns the tenant of the given id.
func (c Configuration) Tenant(id string) (Tenant, bool) {
	return find(c.Tenants, func(t Tenant) bool { return t.ID == id })
}

func (v *validator) tenant(path string, t Tenant) {
	for _, needed := range []struct{ key, value, like string }{
		{"tenant_id", t.TenantID, "the directory's id from the Entra admin center"},
		{"client_id", t.ClientID, "the application (client) id of the app registration"},
		{"client_secret", t.ClientSecret, "the value of a client secret of the app registration"},
	} {
		if strings.TrimSpace(needed.value) == "" {
			v.add(path+"."+needed.key, "tenant %s has no %s; add %s", t.ID, needed.key, needed.like)
		}
	}
	if t.Poll != 0 && time.Duration(t.Poll) < leastPoll || time.Duration(t.Poll) > 24*time.Hour {
		v.add(path+".poll", "poll of tenant %s must be from 1s to 1d; each poll costs one of the 1500 requests that Microsoft allows an hour", t.ID)
	}
	for _, address := range []struct{ key, value string }{{"api_url", t.APIURL}, {"token_url", t.TokenURL}, {"graph_url", t.GraphURL}} {
		if address.value == "" {
			continue
		}
		if err := v.check("webhook", address.value, ""); err != nil {
			v.add(path+"."+address.key, "%s of tenant %s: %s", address.key, t.ID, err)
		}
	}
	if strings.HasSuffix(strings.TrimRight(t.APIURL, "/"), "/api") {
		v.add(path+".api_url", "api_url of tenant %s is the host without /api; take that off", t.ID)
	}
	v.oneOf(path+".source", "source", t.Source, SourceDefender, SourceGraph)
	v.severities(path+".expect_mail", t.ExpectMail)
	v.targets(path+".notify", t.Notify)
}

// twins finds tenants that are one directory.
func (v *validator) twins(list []Tenant) {
	for i, t := range list {
		first := slices.IndexFunc(list, func(other Tenant) bool { return strings.EqualFold(other.TenantID, t.TenantID) })
		if t.TenantID != "" && first != i {
			v.add("tenants["+itoa(i)+"].tenant_id", "tenants %s and %s are the same directory; keep one", list[first].ID, t.ID)
		}
	}
}
