package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// identityProvider signs everybody in as Ben, on a page with one button, and sends browsers on to another page of its own
// before it sends them back, as those do that ask a directory behind them.
type identityProvider struct {
	*httptest.Server
	key    *rsa.PrivateKey
	role   atomic.Value
	hangs  atomic.Bool
	silent atomic.Bool // leaves browsers where they are
	nonces chan string
}

func newIdentityProvider(t *testing.T) *identityProvider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &identityProvider{key: key, nonces: make(chan string, 100)}
	p.role.Store("Afterhours.Responder")
	write := func(w http.ResponseWriter, content any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(content)
	}
	part := base64.RawURLEncoding.EncodeToString
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		if p.hangs.Load() {
			<-r.Context().Done()
			return
		}
		write(w, map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys"})
	})
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		if p.silent.Load() {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		http.Redirect(w, r, "/directory?"+r.URL.RawQuery, http.StatusFound)
	})
	mux.HandleFunc("GET /directory", func(w http.ResponseWriter, r *http.Request) {
		asked := r.URL.Query()
		p.nonces <- asked.Get("nonce")
		back := asked.Get("redirect_uri") + "?" + url.Values{"code": {"c"}, "state": {asked.Get("state")}}.Encode()
		fmt.Fprintf(w, `<!doctype html><title>Directory</title><h1>Directory</h1><a id="back" href="%s">I am Ben</a>`, html.EscapeString(back))
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		write(w, map[string]any{"keys": []map[string]string{{"kty": "RSA", "kid": "k", "n": part(key.N.Bytes()), "e": part(big.NewInt(int64(key.E)).Bytes())}}})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		claims, err := json.Marshal(map[string]any{
			"iss": p.URL, "aud": "app", "sub": "of ben", "nonce": <-p.nonces, "exp": time.Now().Add(time.Hour).Unix(), "name": "Ben Okafor",
			"email": "ben@people.example", "roles": []any{p.role.Load()},
		})
		if err != nil {
			return
		}
		signed := part([]byte(`{"alg":"RS256","kid":"k"}`)) + "." + part(claims)
		sum := sha256.Sum256([]byte(signed))
		signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		if err != nil {
			return
		}
		write(w, map[string]any{"access_token": "opaque", "token_type": "Bearer", "id_token": signed + "." + part(signature)})
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// signingOn is an application whose people sign in with a provider.
func signingOn(t *testing.T) (*application, *identityProvider) {
	t.Helper()
	p, address := newIdentityProvider(t), named(t)
	app := serveTest(t, func(s *settings) { address(s); p.known(s) })
	app.configure(t, mailTeam)
	return app, p
}

// known are the settings of an application that knows the provider.
func (p *identityProvider) known(s *settings) {
	s.OIDCIssuer, s.OIDCClientID, s.OIDCClientSecret, s.OIDCScopes = p.URL, "app", "the secret", "openid profile email"
	s.OIDCRoleClaim, s.OIDCViewers, s.OIDCResponders, s.OIDCButton = "roles", "Afterhours.Viewer", "Afterhours.Responder", "Sign in with Entra ID"
}

// TestTheProviderSignsInWithoutScripts goes to the provider and back, under the policy of our pages, which its addresses are
// not in.
func TestTheProviderSignsInWithoutScripts(t *testing.T) {
	t.Parallel()
	app, p := signingOn(t)
	ctx := browserFor(t, 3*time.Minute)
	complaints, judge := listen(t, ctx), axe(t)
	k := keyboard{t, ctx, app}
	p.silent.Store(true)
	k.do(chromedp.EmulateViewport(360, 780), chromedp.Navigate(app.baseURL+"/login"), chromedp.Click(`form[action="/login/sso"] button`))
	k.sees("h1", "On to your identity provider")
	k.picture("onward")
	for _, fault := range judge(ctx) {
		t.Error(fault)
	}
	p.silent.Store(false)
	k.do(withoutScript, chromedp.EmulateViewport(360, 780), chromedp.Navigate(app.baseURL+"/login?next=%2Foncall"))
	if shown, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.getElementById("passkey").offsetParent !== null`)); err != nil || shown {
		t.Errorf("the button that needs a script is shown without: %t, %v", shown, err)
	}
	k.picture("provider-sign-in")
	k.do(chromedp.Click(`form[action="/login/sso"] button`))
	k.sees("h1", "Directory")
	k.do(chromedp.Click(`#back`))
	k.sees("h1", "On call")
	k.sees(".who", "Ben Okafor responder")
	k.opens("/account")
	k.sees("#main", "Your account is connected")
	k.do(chromedp.Click(`form.who button`))
	k.sees("h1", "Sign in")
	p.role.Store("Other")
	k.do(chromedp.Click(`form[action="/login/sso"] button`))
	k.sees("h1", "Directory")
	k.do(chromedp.Click(`#back`))
	k.sees("h1", "You are not signed in")
	k.sees("main", "Ask for one of these there: Afterhours.Viewer, Afterhours.Responder.")
	k.picture("provider-refused")
	var faults []string
	for _, told := range complaints() {
		if !strings.Contains(told, "403 (Forbidden)") && !strings.Contains(told, "favicon.ico") {
			faults = append(faults, told)
		}
	}
	if len(faults) > 0 {
		t.Errorf("the browser complains:\n%s", strings.Join(faults, "\n"))
	}
}

// visitor is a browser without a window.
func visitor(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// begin presses the button of the sign-in and returns where the provider sends the browser back to.
func (p *identityProvider) begin(t *testing.T, app *application, who *http.Client, next string) (back string) {
	t.Helper()
	response, err := who.PostForm(app.baseURL+"/login/sso", url.Values{"next": {next}})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	_, to, _ := strings.Cut(response.Header.Get("Refresh"), "url=")
	at, err := url.Parse(to)
	if err != nil || response.StatusCode != http.StatusOK || !strings.HasPrefix(to, p.URL+"/authorize?") {
		t.Fatalf("begin: got %s to %q", response.Status, to)
	}
	asked := at.Query()
	p.nonces <- asked.Get("nonce")
	return asked.Get("redirect_uri") + "?" + url.Values{"code": {"c"}, "state": {asked.Get("state")}}.Encode()
}

func get(t *testing.T, who *http.Client, at string) *http.Response {
	t.Helper()
	response, err := who.Get(at)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response
}

// TestTheProviderLeadsNowhereElseAndFixesNoSession holds the way back to addresses of ours, and to the browser that began it.
func TestTheProviderLeadsNowhereElseAndFixesNoSession(t *testing.T) {
	t.Parallel()
	app, p := signingOn(t)
	for next, want := range map[string]string{"/oncall?x=1": "/oncall?x=1", "https://evil.example/": "/tickets", "//evil.example": "/tickets", `/\evil.example`: "/tickets"} {
		who := visitor(t)
		response := get(t, who, p.begin(t, app, who, next))
		if got := response.Header.Get("Location"); response.StatusCode != http.StatusSeeOther || got != want {
			t.Errorf("%q: got %s to %q, want %q", next, response.Status, got, want)
		}
	}
	attacker, victim := visitor(t), visitor(t)
	back := p.begin(t, app, attacker, "/tickets")
	response := get(t, victim, back)
	if response.StatusCode != http.StatusForbidden || len(response.Cookies()) != 0 {
		t.Errorf("another browser with the attacker's answer: got %s and %v, want no session", response.Status, response.Cookies())
	}
	<-p.nonces // whose code was never traded
	desk, err := url.Parse(app.baseURL)
	if err != nil {
		t.Fatal(err)
	}
	planted := strings.Repeat("x", 43)
	victim.Jar.SetCookies(desk, []*http.Cookie{{Name: "afterhours", Value: planted, Path: "/"}})
	if response := get(t, victim, p.begin(t, app, victim, "/tickets")); response.StatusCode != http.StatusSeeOther {
		t.Fatalf("got %s", response.Status)
	}
	for _, cookie := range victim.Jar.Cookies(desk) {
		if cookie.Name == "afterhours" && cookie.Value == planted {
			t.Error("the session has the id that was planted")
		}
	}
	if response := get(t, victim, app.baseURL+"/tickets"); response.StatusCode != http.StatusOK {
		t.Errorf("signed in: got %s", response.Status)
	}
}

// TestTheSignInPageWaitsForNoProvider opens it while the provider hangs, before anybody has ever signed in with it.
func TestTheSignInPageWaitsForNoProvider(t *testing.T) {
	t.Parallel()
	app, p := signingOn(t)
	p.hangs.Store(true)
	begun := time.Now()
	if response := get(t, visitor(t), app.baseURL+"/login"); response.StatusCode != http.StatusOK {
		t.Errorf("got %s", response.Status)
	}
	within(t, "the sign-in page", time.Since(begun), time.Second)
	p.CloseClientConnections()
	p.Listener.Close()
	response, err := visitor(t).PostForm(app.baseURL+"/login/sso", url.Values{})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusBadGateway {
		t.Errorf("with the provider: got %s, want 502", response.Status)
	}
}
