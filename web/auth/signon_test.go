package auth

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/migrations/pgtest"
	"afterhours/tickets"
)

// identityProvider signs people in as vendors do: it describes itself, takes a code once and holds the verifier against the
// challenge of its beginning. A test changes what it answers.
type identityProvider struct {
	*httptest.Server
	t   testing.TB
	now func() time.Time

	mutex   sync.Mutex
	key     *rsa.PrivateKey
	keyName string
	shown   string                      // the name of the key that it publishes
	who     map[string]any              // claims of whoever signs in
	change  func(claims map[string]any) // of one token, and
	header  map[string]any              // of its header
	answer  http.HandlerFunc            // to a code; nil: as it should
	away    map[string]http.HandlerFunc // by path
	codes   map[string]url.Values       // that were given, with what they were asked for by
	asked   int                         // for codes
}

var providerKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newIdentityProvider(t testing.TB, now func() time.Time) *identityProvider {
	t.Helper()
	key, err := providerKey()
	if err != nil {
		t.Fatal(err)
	}
	p := &identityProvider{
		t: t, now: now, key: key, keyName: "k1", shown: "k1", codes: map[string]url.Values{}, away: map[string]http.HandlerFunc{}, header: map[string]any{},
		who: map[string]any{"sub": "subject-of-ben", "name": "Ben Okafor", "email": "ben@example.com", "roles": []string{"Afterhours.Responder"}},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		p.write(w, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256", "none"}, "token_endpoint_auth_methods_supported": []string{"client_secret_post"},
		})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		public := p.key.PublicKey
		p.write(w, map[string]any{"keys": []map[string]string{{
			"kty": "RSA", "use": "sig", "kid": p.shown, "n": encoded(public.N.Bytes()), "e": encoded(big.NewInt(int64(public.E)).Bytes()),
		}}})
	})
	mux.HandleFunc("/token", p.token)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mutex.Lock()
		answer := p.away[r.URL.Path]
		p.mutex.Unlock()
		if answer != nil {
			answer(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *identityProvider) write(w http.ResponseWriter, content any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(content)
}

// authorise is what happens at the provider: somebody signs in, and the browser is sent back with a code.
func (p *identityProvider) authorise(to string) (answer SignOnAnswer) {
	p.t.Helper()
	target, err := url.Parse(to)
	if err != nil || !strings.HasPrefix(to, p.URL+"/authorize?") {
		p.t.Fatalf("sent to %q, %v", to, err)
	}
	asked := target.Query()
	for name, want := range map[string]string{
		"response_type": "code", "client_id": "app", "redirect_uri": deskURL + "/login/sso/callback", "scope": "openid profile email", "code_challenge_method": "S256",
	} {
		if got := asked.Get(name); got != want {
			p.t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if len(asked.Get("state")) < 22 || len(asked.Get("nonce")) < 22 || asked.Get("state") == asked.Get("nonce") {
		p.t.Errorf("state %q and nonce %q: want 128 bits each", asked.Get("state"), asked.Get("nonce"))
	}
	code := newSecret()
	p.mutex.Lock()
	p.codes[code] = asked
	p.mutex.Unlock()
	return SignOnAnswer{Code: code, State: asked.Get("state")}
}

func (p *identityProvider) token(w http.ResponseWriter, r *http.Request) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.asked++
	if p.answer != nil {
		p.answer(w, r)
		return
	}
	refuse := func(status int, code string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": "no"})
	}
	if r.PostFormValue("client_id") != "app" || r.PostFormValue("client_secret") != "the secret" {
		refuse(http.StatusUnauthorized, "invalid_client")
		return
	}
	asked, known := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !known || encoded(sum[:]) != asked.Get("code_challenge") || r.PostFormValue("redirect_uri") != asked.Get("redirect_uri") {
		refuse(http.StatusBadRequest, "invalid_grant")
		return
	}
	claims := map[string]any{
		"iss": p.URL, "aud": "app", "nonce": asked.Get("nonce"), "iat": p.now().Unix(), "exp": p.now().Add(time.Hour).Unix(),
	}
	maps.Copy(claims, p.who)
	if p.change != nil {
		p.change(claims)
	}
	p.write(w, map[string]any{"access_token": "opaque", "token_type": "Bearer", "expires_in": 3600, "id_token": p.sign(claims)})
}

func (p *identityProvider) sign(claims map[string]any) string {
	header := map[string]any{"alg": "RS256", "typ": "JWT", "kid": p.keyName}
	maps.Copy(header, p.header)
	var parts [2]string
	for i, part := range []any{header, claims} {
		content, err := json.Marshal(part)
		if err != nil {
			p.t.Error(err)
		}
		parts[i] = encoded(content)
	}
	signed := parts[0] + "." + parts[1]
	if header["alg"] == "none" {
		return signed + "."
	}
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, p.key, crypto.SHA256, sum[:])
	if err != nil {
		p.t.Error(err)
	}
	return signed + "." + encoded(signature)
}

func (p *identityProvider) options() *SignOnOptions {
	return &SignOnOptions{
		Issuer: p.URL, ClientID: "app", ClientSecret: "the secret", Scopes: []string{"openid", "profile", "email"}, RoleClaim: "roles", Button: "Sign in with Entra ID",
		Roles:       map[Role][]string{Admin: {"Afterhours.Admin"}, Responder: {"Afterhours.Responder", "SOC"}, Viewer: {"Afterhours.Viewer"}},
		RedirectURL: deskURL + "/login/sso/callback", Client: &http.Client{},
	}
}

// withProvider is an Auth whose people sign in with a provider, and the account ana, who has a password.
func withProvider(t testing.TB, change func(*SignOnOptions)) (*Auth, *identityProvider, *pgxpool.Pool, *clock) {
	t.Helper()
	pool, now := pgtest.New(t), newClock()
	p := newIdentityProvider(t, now.now)
	options := p.options()
	if change != nil {
		change(options)
	}
	a := New(pool, Options{Now: now.now, Secure: true, PublicURL: deskURL, SignOn: options})
	a.first(t)
	return a, p, pool, now
}

// answered is the whole way: to the provider, and back with its answer as change leaves it.
func (a *Auth) answered(t testing.TB, p *identityProvider, before *http.Cookie, purpose SignOnPurpose, change func(*SignOnAnswer)) (who Identity, cookie *http.Cookie, err error) {
	t.Helper()
	to, browser, err := a.BeginSignOn(t.Context(), purpose, somewhere)
	if err != nil {
		return Identity{}, nil, err
	}
	answer := p.authorise(to)
	answer.Browser = browser
	if change != nil {
		change(&answer)
	}
	return a.back(t, before, answer)
}

func (a *Auth) back(t testing.TB, before *http.Cookie, answer SignOnAnswer) (who Identity, cookie *http.Cookie, err error) {
	t.Helper()
	cookie = a.within(t, before, func(ctx context.Context) {
		if _, err = a.SignOnAs(ctx, answer, somewhere, []string{"ana", "ben"}); err == nil {
			who, _, err = a.Current(ctx)
		}
	})
	return who, cookie, err
}

// wantRefused holds an error to be a refusal whose sentence says something.
func wantRefused(t testing.TB, name string, err error, says string, away bool) {
	t.Helper()
	var refused *SignOnError
	if !errors.As(err, &refused) || !strings.Contains(refused.Reason, says) || refused.Away != away {
		t.Errorf("%s: got %v, want a refusal (away: %t) that says %q", name, err, away, says)
	}
}

func TestSomebodyNewGetsTheRoleOfTheirClaims(t *testing.T) {
	t.Parallel()
	a, p, pool, _ := withProvider(t, nil)
	before := a.within(t, nil, func(ctx context.Context) { a.sessions.Put(ctx, "anything", 1) })
	who, cookie, err := a.answered(t, p, before, SignOnPurpose{Next: "/tickets"}, nil)
	if err != nil || who.Name != "Ben Okafor" || who.Role != Responder {
		t.Fatalf("got %+v, %v", who, err)
	}
	if who.ID == "ben" {
		t.Errorf("an address made it the account of a person")
	}
	if cookie == nil || cookie.Value == before.Value {
		t.Errorf("cookie: got %v after %v, want another one", cookie, before)
	}
	for _, step := range []struct {
		roles any
		want  Role
	}{{[]string{"Afterhours.Viewer", "Afterhours.Admin"}, Admin}, {"SOC", Responder}, {[]string{"Afterhours.Viewer"}, Viewer}} {
		p.who["roles"] = step.roles
		p.who["email"] = "other@example.com" // which is followed by nothing
		if again, _, err := a.answered(t, p, nil, SignOnPurpose{}, nil); err != nil || again.ID != who.ID || again.Role != step.want {
			t.Errorf("%v: got %+v, %v, want %s", step.roles, again, err, step.want)
		}
	}
	var log string
	if err := pool.QueryRow(t.Context(), `SELECT string_agg(action, '; ' ORDER BY id) FROM audit_log`).Scan(&log); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"account " + who.ID + " made by the identity provider: responder", "has the role admin now, by the identity provider", "has the role viewer now"} {
		if !strings.Contains(log, want) {
			t.Errorf("audit log: got %q, want %q in it", log, want)
		}
	}
	for name, roles := range map[string]any{"nothing that is mapped": []string{"Other"}, "an empty list": []string{}, "none": nil} {
		p.who["roles"] = roles
		_, cookie, err := a.answered(t, p, nil, SignOnPurpose{}, nil)
		wantRefused(t, name, err, `nothing in "roles" gives you a role here. Ask for one of these there: Afterhours.Viewer, Afterhours.Responder, SOC, Afterhours.Admin.`, false)
		if cookie != nil {
			t.Errorf("%s: a session began", name)
		}
	}
	p.who["roles"] = 7
	_, _, err = a.answered(t, p, nil, SignOnPurpose{}, nil)
	wantRefused(t, "a number", err, "could not be trusted", false)
	p.who["roles"] = "SOC"
	if err := a.Disable(t.Context(), "ana", who.ID); err != nil {
		t.Fatal(err)
	}
	_, _, err = a.answered(t, p, nil, SignOnPurpose{}, nil)
	wantRefused(t, "disabled", err, "is disabled", false)
}

func TestAnAddressAloneTakesNoAccountOver(t *testing.T) {
	t.Parallel()
	a, p, pool, _ := withProvider(t, nil)
	p.who["email"], p.who["roles"] = "ANA@example.com", "Afterhours.Admin"
	_, cookie, err := a.answered(t, p, nil, SignOnPurpose{}, nil)
	wantRefused(t, "the address of another account", err, "is here already, and an address alone does not prove", false)
	var identities int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM account_identities`).Scan(&identities); err != nil || identities != 0 || cookie != nil {
		t.Errorf("got %d identities, %v and the session %v, want none", identities, err, cookie)
	}
	_, session, err := a.signIn(t, "ana@example.com", password, somewhere)
	if err != nil {
		t.Fatal(err)
	}
	p.who["roles"] = "SOC"
	who, connected, err := a.answered(t, p, session, SignOnPurpose{Account: "ana"}, nil)
	if err != nil || who.ID != "ana" || who.Role != Responder {
		t.Fatalf("connected by whoever is signed in: got %+v, %v", who, err)
	}
	if connected.Value == session.Value {
		t.Error("the session id of before is that of after")
	}
	if who, _, err := a.answered(t, p, nil, SignOnPurpose{}, nil); err != nil || who.ID != "ana" {
		t.Errorf("afterwards: got %+v, %v", who, err)
	}
	if all, err := a.SignsOn(t.Context()); err != nil || len(all) != 1 || !all["ana"] {
		t.Errorf("connected: got %v, %v", all, err)
	}
	p.who["sub"] = "somebody else"
	_, _, err = a.answered(t, p, connected, SignOnPurpose{Account: "ana"}, nil)
	wantRefused(t, "a second somebody", err, "connected with somebody else", false)
	_, _, err = a.answered(t, p, nil, SignOnPurpose{Account: "ana"}, nil)
	wantRefused(t, "in a browser that is not signed in", err, "signed in to another account", false)
	if _, _, err := a.signIn(t, "ana@example.com", password, somewhere); err != nil {
		t.Errorf("the password: got %v, want it to work still", err)
	}
	err = pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		_, err := a.EraseIn(t.Context(), tx, tickets.Erasure{Person: "ana"})
		return err
	})
	if all, read := a.SignsOn(t.Context()); err != nil || read != nil || len(all) != 0 {
		t.Errorf("after the erasure: got %v, %v, %v", all, err, read)
	}
}

func TestAnInvitationIsAcceptedWithTheProvider(t *testing.T) {
	t.Parallel()
	a, p, _, _ := withProvider(t, nil)
	_, token := a.inviteOf(t, Invitation{Email: "ben@example.com", Role: Viewer, Person: "ben"})
	who, _, err := a.answered(t, p, nil, SignOnPurpose{Invitation: token}, nil)
	if err != nil || who != (Identity{ID: "ben", Name: "Ben Okafor", Role: Responder}) {
		t.Errorf("got %+v, %v, want the person's id and the provider's role", who, err)
	}
	if got, err := a.InvitationOf(t.Context(), token); err != nil || got.State != InvitationUsed {
		t.Errorf("the invitation: got %+v, %v", got, err)
	}
	_, second := a.inviteOf(t, Invitation{Email: "chi@example.com", Role: Viewer})
	_, _, err = a.answered(t, p, nil, SignOnPurpose{Invitation: second}, nil)
	wantRefused(t, "by somebody who has an account", err, "You have an account here already: ben", false)
	p.who["sub"], p.who["roles"] = "of chi", "Other"
	_, _, err = a.answered(t, p, nil, SignOnPurpose{Invitation: second}, nil)
	wantRefused(t, "by somebody without a role", err, "gives you a role", false)
	if got, err := a.InvitationOf(t.Context(), second); err != nil || got.State != InvitationOpen {
		t.Errorf("the invitation of a refused one: got %+v, %v", got, err)
	}
	p.who["roles"] = "SOC"
	_, _, err = a.answered(t, p, nil, SignOnPurpose{Invitation: token}, nil)
	wantRefused(t, "a used one", err, "does not work any more", false)
}

func TestWhatDoesNotProveWhoSomebodyIsSignsNobodyIn(t *testing.T) {
	t.Parallel()
	a, p, pool, now := withProvider(t, nil)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(claims map[string]any){
		"another nonce":                 func(c map[string]any) { c["nonce"] = "other" },
		"no nonce":                      func(c map[string]any) { delete(c, "nonce") },
		"another audience":              func(c map[string]any) { c["aud"] = "other" },
		"issued to another":             func(c map[string]any) { c["aud"], c["azp"] = []string{"app", "other"}, "other" },
		"for several, to nobody's name": func(c map[string]any) { c["aud"] = []string{"app", "other"} },
		"another issuer":                func(c map[string]any) { c["iss"] = "https://evil.example" },
		"expired":                       func(c map[string]any) { c["exp"] = now.now().Add(-time.Minute).Unix() },
		"of tomorrow":                   func(c map[string]any) { c["nbf"] = now.now().Add(time.Hour).Unix() },
		"without a subject":             func(c map[string]any) { delete(c, "sub") },
		"an empty subject":              func(c map[string]any) { c["sub"] = "" },
		"a subject with NUL":            func(c map[string]any) { c["sub"] = "a\x00b" },
		"a long subject":                func(c map[string]any) { c["sub"] = strings.Repeat("x", 300) },
	} {
		p.change = change
		_, cookie, err := a.answered(t, p, nil, SignOnPurpose{}, nil)
		wantRefused(t, name, err, "could not be trusted", false)
		if cookie != nil {
			t.Errorf("%s: a session began", name)
		}
		a.senders.clear(senderKey(somewhere))
	}
	p.change = nil
	for name, header := range map[string]map[string]any{
		"no algorithm": {"alg": "none"}, "a shared key": {"alg": "HS256"}, "an unknown algorithm": {"alg": "RS1"}, "an unknown key": {"kid": "other"},
	} {
		p.header = header
		_, _, err := a.answered(t, p, nil, SignOnPurpose{}, nil)
		wantRefused(t, name, err, "could not be trusted", false)
	}
	p.header = map[string]any{}
	good := p.key
	p.key, p.shown = other, "k0" // it signs with a key that it does not publish under that name
	_, _, err = a.answered(t, p, nil, SignOnPurpose{}, nil)
	wantRefused(t, "another key", err, "could not be trusted", false)
	p.key, p.shown = good, "k1"
	var accounts int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM accounts`).Scan(&accounts); err != nil || accounts != 1 {
		t.Errorf("accounts: got %d, %v, want ana alone", accounts, err)
	}
	if _, _, err := a.answered(t, p, nil, SignOnPurpose{}, nil); err != nil {
		t.Fatalf("as it should be: %v", err)
	}
	p.keyName, p.shown, p.key = "k2", "k2", other // the provider has changed its keys
	if _, _, err := a.answered(t, p, nil, SignOnPurpose{}, nil); err != nil {
		t.Errorf("after a change of keys: %v", err)
	}
}

func TestAnAnswerBelongsToTheBrowserThatAskedOnce(t *testing.T) {
	t.Parallel()
	a, p, _, now := withProvider(t, nil)
	const elsewhere = "was not begun here"
	for name, change := range map[string]func(*SignOnAnswer){
		"of another browser": func(answer *SignOnAnswer) { answer.Browser = newSecret() },
		"without a cookie":   func(answer *SignOnAnswer) { answer.Browser = "" },
		"with another state": func(answer *SignOnAnswer) { answer.State = newSecret() },
		"without a state":    func(answer *SignOnAnswer) { answer.State = "" },
		"later":              func(*SignOnAnswer) { now.pass(ceremonyLifetime) },
	} {
		_, cookie, err := a.answered(t, p, nil, SignOnPurpose{}, change)
		wantRefused(t, name, err, elsewhere, false)
		if cookie != nil {
			t.Errorf("%s: a session began", name)
		}
	}
	if p.asked != 0 {
		t.Errorf("codes: %d were traded, want none", p.asked)
	}
	to, browser, err := a.BeginSignOn(t.Context(), SignOnPurpose{}, somewhere)
	if err != nil {
		t.Fatal(err)
	}
	answer := p.authorise(to)
	answer.Browser = browser
	if _, _, err := a.back(t, nil, answer); err != nil {
		t.Fatal(err)
	}
	_, _, err = a.back(t, nil, answer)
	wantRefused(t, "twice", err, elsewhere, false)
	_, _, err = a.answered(t, p, nil, SignOnPurpose{}, func(answer *SignOnAnswer) { answer.Issuer = "https://evil.example" })
	wantRefused(t, "of another issuer", err, "could not be trusted", false)
	if _, _, err := a.answered(t, p, nil, SignOnPurpose{}, func(answer *SignOnAnswer) { answer.Issuer = p.URL }); err != nil {
		t.Errorf("of ours: %v", err)
	}
	_, _, err = a.answered(t, p, nil, SignOnPurpose{}, func(answer *SignOnAnswer) { answer.Code = "injected" })
	wantRefused(t, "with a code of another", err, "could not be trusted", false)
	for code, says := range map[string]string{
		"access_denied": "did not let you in", "temporarily_unavailable": "at the moment", "invalid_request": "refused this application", "<script>": "refused this application",
	} {
		_, _, err = a.answered(t, p, nil, SignOnPurpose{}, func(answer *SignOnAnswer) { answer.Error, answer.Code = code, "" })
		wantRefused(t, code, err, says, false)
	}
}

func TestAProviderThatIsAwayKeepsNobodyFromTheirPassword(t *testing.T) {
	t.Parallel()
	const away = "did not answer"
	broken := map[string]http.HandlerFunc{
		"an error": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, strings.Repeat("x", 5000))
		},
		"nothing whole": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5000")
			_, _ = io.WriteString(w, `{"issuer":`)
		},
		"a way elsewhere": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		},
		"never": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // so that the server notes that whoever asks has left
			<-r.Context().Done()
		},
	}
	for name, answer := range broken {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, p, _, _ := withProvider(t, nil)
			a.provider.Client.Timeout = time.Second // of a promise of providerWithin
			set := func(path string) {
				p.mutex.Lock()
				defer p.mutex.Unlock()
				p.away = map[string]http.HandlerFunc{path: answer}
			}
			set("/.well-known/openid-configuration")
			_, _, err := a.BeginSignOn(t.Context(), SignOnPurpose{}, somewhere)
			wantRefused(t, "description", err, away, true)
			if _, _, err := a.signIn(t, "ana@example.com", password, somewhere); err != nil {
				t.Errorf("the password meanwhile: %v", err)
			}
			set("")
			to, browser, err := a.BeginSignOn(t.Context(), SignOnPurpose{}, somewhere)
			if err != nil {
				t.Fatalf("once it is back: %v", err)
			}
			back := p.authorise(to)
			back.Browser = browser
			set("/keys")
			_, _, err = a.back(t, nil, back)
			wantRefused(t, "keys", err, away, true)
			set("/token")
			_, _, err = a.answered(t, p, nil, SignOnPurpose{}, nil)
			if name == "a way elsewhere" {
				wantRefused(t, "token", err, "could not be trusted", false)
			} else {
				wantRefused(t, "token", err, away, true)
			}
			var refused *SignOnError
			if errors.As(err, &refused) && len(refused.Cause.Error()) > 400 {
				t.Errorf("cause: got %d octets for the log", len(refused.Cause.Error()))
			}
			set("")
			if _, _, err := a.answered(t, p, nil, SignOnPurpose{}, nil); err != nil {
				t.Errorf("at the end: %v", err)
			}
		})
	}
}

func TestWhatAProviderDoesNotSay(t *testing.T) {
	t.Parallel()
	a, p, _, _ := withProvider(t, func(o *SignOnOptions) { o.RoleClaim = "groups"; o.Roles = map[Role][]string{Viewer: {"g1"}} })
	p.who["_claim_names"] = map[string]string{"groups": "src1"}
	p.who["_claim_sources"] = map[string]any{"src1": map[string]string{"endpoint": p.URL + "/groups"}}
	_, _, err := a.answered(t, p, nil, SignOnPurpose{}, nil)
	wantRefused(t, "too many groups", err, "AFTERHOURS_OIDC_ROLE_CLAIM=roles", false)
	delete(p.who, "_claim_names")
	p.who["groups"] = []string{"g0", "g1"}
	delete(p.who, "email")
	_, _, err = a.answered(t, p, nil, SignOnPurpose{}, nil)
	wantRefused(t, "no address", err, "lets it send the claim email", false)
	p.who["preferred_username"] = "ben@corp.example"
	if who, _, err := a.answered(t, p, nil, SignOnPurpose{}, nil); err != nil || who.Role != Viewer {
		t.Errorf("the name of the account as its address: got %+v, %v", who, err)
	}
	p.answer = func(w http.ResponseWriter, _ *http.Request) {
		p.write(w, map[string]string{"access_token": "opaque", "token_type": "Bearer"})
	}
	_, _, err = a.answered(t, p, nil, SignOnPurpose{}, nil)
	wantRefused(t, "no identity token", err, "could not be trusted", false)
	p.answer = nil
	a.provider.ClientSecret = "former"
	_, _, err = a.answered(t, p, nil, SignOnPurpose{}, nil)
	wantRefused(t, "an expired secret", err, "AFTERHOURS_OIDC_CLIENT_SECRET", false)
	if strings.Contains(err.Error(), "former") {
		t.Errorf("the error holds the secret: %v", err)
	}
}

func TestFailedSignOnsAreLimitedBySender(t *testing.T) {
	t.Parallel()
	a, _, _, _ := withProvider(t, nil)
	for range failuresPerAddress {
		_, _, err := a.back(t, nil, SignOnAnswer{State: "forged", Browser: "x"})
		wantRefused(t, "forged", err, "was not begun here", false)
	}
	var limited *LimitError
	if _, _, err := a.back(t, nil, SignOnAnswer{State: "forged"}); !errors.As(err, &limited) {
		t.Errorf("above the limit: got %v", err)
	}
}

func TestTheProviderIsCheckedBeforehand(t *testing.T) {
	t.Parallel()
	p := newIdentityProvider(t, time.Now)
	if err := CheckSignOn(t.Context(), *p.options(), time.Now); err != nil {
		t.Errorf("got %v", err)
	}
	p.away["/.well-known/openid-configuration"] = func(w http.ResponseWriter, _ *http.Request) {
		p.write(w, map[string]string{"issuer": "https://login.example/{tenantid}/v2.0"})
	}
	if err := CheckSignOn(t.Context(), *p.options(), time.Now); err == nil || !strings.Contains(err.Error(), "name the directory by its id") {
		t.Errorf("another issuer: got %v", err)
	}
	p.Close()
	if err := CheckSignOn(t.Context(), *p.options(), time.Now); err == nil || !strings.Contains(err.Error(), "/.well-known/openid-configuration") {
		t.Errorf("nobody: got %v", err)
	}
}
