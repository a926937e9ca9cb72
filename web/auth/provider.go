package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Bounds of what an identity provider answers.
const (
	providerWithin = 10 * time.Second
	maxProvided    = 1 << 20 // octets of one answer
)

// SignOnOptions name the identity provider that people sign in with (OpenID Connect).
type SignOnOptions struct {
	Issuer       string
	ClientID     string
	ClientSecret string
	Scopes       []string
	RoleClaim    string            // of the identity token; it holds one value or a list
	Roles        map[Role][]string // the values of that claim that give a role; the highest counts
	Button       string            // what the button says
	RedirectURL  string            // where the provider sends people back to
	Client       *http.Client
}

// provider asks an identity provider. What it says of itself is asked for with the first sign-in, so that nothing here waits
// for it before.
type provider struct {
	SignOnOptions
	now func() time.Time

	mutex sync.Mutex
	known *oidc.Provider
}

func newProvider(options SignOnOptions, now func() time.Time) *provider {
	client := *options.Client
	client.Timeout = providerWithin
	client.Transport = bounded{client.Transport}
	// An answer that leads elsewhere would take the secret there.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	options.Client = &client
	return &provider{SignOnOptions: options, now: now}
}

// bounded cuts answers that are too long to be meant.
type bounded struct{ inner http.RoundTripper }

func (b bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	inner := b.inner
	if inner == nil {
		inner = http.DefaultTransport
	}
	response, err := inner.RoundTrip(request)
	if err == nil {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(response.Body, maxProvided), response.Body}
	}
	return response, err
}

// discover reads the provider's own description (OpenID Connect Discovery 1.0), until it was read once.
func (p *provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mutex.Lock()
	known := p.known
	p.mutex.Unlock()
	if known != nil {
		return known, nil
	}
	known, err := oidc.NewProvider(oidc.ClientContext(ctx, p.Client), p.Issuer)
	if err != nil {
		return nil, err
	}
	p.mutex.Lock()
	p.known = known
	p.mutex.Unlock()
	return known, nil
}

// oauth is how the provider is spoken to. How it wants the secret is read in its description (OpenID Connect Discovery 1.0,
// section 3), because trying both ways would use a code twice.
func (p *provider) oauth(known *oidc.Provider) *oauth2.Config {
	endpoint := known.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	var description struct {
		Methods []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := known.Claims(&description); err == nil && len(description.Methods) > 0 && !slices.Contains(description.Methods, "client_secret_basic") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: endpoint, RedirectURL: p.RedirectURL, Scopes: p.Scopes}
}

// CheckSignOn asks a provider for its description and says in a sentence what is wrong with it.
func CheckSignOn(ctx context.Context, options SignOnOptions, now func() time.Time) error {
	_, err := newProvider(options, now).discover(ctx)
	var mismatch *oidc.IssuerMismatchError
	if errors.As(err, &mismatch) {
		return fmt.Errorf("it calls itself %q; write the issuer exactly so, and with Entra ID name the directory by its id, not by common", mismatch.Discovered)
	}
	if err != nil {
		return errors.New("its description cannot be read at /.well-known/openid-configuration")
	}
	return nil
}

// SignOn is what the button of the single sign-on says; empty where there is none.
func (a *Auth) SignOn() string {
	if a.provider == nil {
		return ""
	}
	return a.provider.Button
}
