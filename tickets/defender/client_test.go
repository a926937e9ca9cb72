package defender

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// vendor is Microsoft as far as a client sees it. answer gets the number of the request to the API, from 1.
type vendor struct {
	tenant Tenant
	client *Client

	mutex   sync.Mutex
	now     time.Time
	tokens  []string // the scopes that tokens were asked for
	asked   []string
	taken   int // requests that the budget counted
	blocked time.Time
	full    []time.Time // what the budget answers instead of room, one after the other
	life    int         // of tokens, in seconds
	answer  func(n int, w http.ResponseWriter, r *http.Request)
}

func newVendor(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *vendor {
	t.Helper()
	v := &vendor{now: time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC), life: 3599, answer: answer}
	server := httptest.NewServer(v)
	t.Cleanup(server.Close)
	// A connection that is used again lets net/http repeat what was cut off by itself.
	server.Client().Transport.(*http.Transport).DisableKeepAlives = true
	v.tenant = Tenant{ID: "contoso", TenantID: "0a1b", ClientID: "app", ClientSecret: "a~secret", APIURL: server.URL, GraphURL: server.URL, TokenURL: server.URL + "/token"}
	v.client = NewClient(ClientOptions{HTTP: server.Client(), Budget: v, Now: v.clock, Wait: v.wait})
	return v
}

func (v *vendor) clock() time.Time {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	return v.now
}

func (v *vendor) wait(ctx context.Context, span time.Duration) error {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.now = v.now.Add(span)
	return ctx.Err()
}

func (v *vendor) Take(context.Context, string, string, bool) (time.Time, error) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if len(v.full) > 0 {
		until := v.full[0]
		v.full = v.full[1:]
		return until, nil
	}
	v.taken++
	return time.Time{}, nil
}

func (v *vendor) Block(_ context.Context, _, _ string, until time.Time) error {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.blocked = until
	return nil
}

func (v *vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mutex.Lock()
	if r.URL.Path == "/token" {
		_ = r.ParseForm()
		v.tokens = append(v.tokens, r.PostForm.Get("scope"))
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"token_type": "Bearer", "expires_in": v.life, "access_token": fmt.Sprint("token-", len(v.tokens))})
		v.mutex.Unlock()
		return
	}
	v.asked = append(v.asked, r.Header.Get("Authorization"))
	n := len(v.asked)
	v.mutex.Unlock()
	v.answer(n, w, r)
}

// requests is how many requests the API got, and issued how many tokens there are.
func (v *vendor) requests() int {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	return len(v.asked)
}

func (v *vendor) issued() int {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	return len(v.tokens)
}

// get asks for one thing.
func (v *vendor) get(t *testing.T) error {
	t.Helper()
	return v.client.do(t.Context(), call{tenant: v.tenant, of: endpointAPI, method: http.MethodGet, path: "/api/alerts"}, ignore)
}

func ok(w http.ResponseWriter) { _, _ = w.Write([]byte(`{}`)) }

func refuseWith(w http.ResponseWriter, status int, header ...string) {
	for i := 0; i+1 < len(header); i += 2 {
		w.Header().Set(header[i], header[i+1])
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`{"error":{"code":"Code","message":"Words"}}`))
}

func TestATokenServesUntilShortlyBeforeItsEnd(t *testing.T) {
	t.Parallel()
	v := newVendor(t, func(_ int, w http.ResponseWriter, _ *http.Request) { ok(w) })
	for _, after := range []time.Duration{0, 30 * time.Minute, 24 * time.Minute, 2 * time.Minute} {
		if err := v.wait(t.Context(), after); err != nil {
			t.Fatal(err)
		}
		if err := v.get(t); err != nil {
			t.Fatal(err)
		}
	}
	if v.issued() != 2 || v.asked[2] != "Bearer token-1" || v.asked[3] != "Bearer token-2" {
		t.Errorf("got %d tokens for %v, want a second one five minutes before the first ends", v.issued(), v.asked)
	}
	if err := v.client.do(t.Context(), call{tenant: v.tenant, of: graphAPI, method: http.MethodGet, path: "/v1.0/x"}, ignore); err != nil {
		t.Fatal(err)
	}
	if got := v.tokens[v.issued()-1]; v.issued() != 3 || got != "https://graph.microsoft.com/.default" {
		t.Errorf("got the scopes %v, want one of its own for Graph", v.tokens)
	}
}

func TestARefusedTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ refused, requests, tokens int }{"and taken then": {1, 2, 2}, "and refused again": {9, 2, 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVendor(t, func(n int, w http.ResponseWriter, _ *http.Request) {
				if n <= c.refused {
					refuseWith(w, http.StatusUnauthorized)
					return
				}
				ok(w)
			})
			err := v.get(t)
			var fault *Fault
			if failed := errors.As(err, &fault) && fault.Lasting; failed != (c.refused > 1) || v.requests() != c.requests || v.issued() != c.tokens {
				t.Errorf("got %v after %d requests with %d tokens", err, v.requests(), v.issued())
			}
		})
	}
}

func TestAPermissionThatIsGrantedNeedsNoNewHour(t *testing.T) {
	t.Parallel()
	v := newVendor(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer token-1" { // it was issued before the permission was granted
			refuseWith(w, http.StatusForbidden)
			return
		}
		ok(w)
	})
	if err := v.get(t); err == nil {
		t.Error("without the permission: got no error")
	}
	if err := v.get(t); err != nil || v.issued() != 2 {
		t.Errorf("a request later: got %v with %d tokens, want it through with a second one", err, v.issued())
	}
}

func TestWhatMayPassIsTriedAgainAndWhatMayNotIsNot(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method   string
		answer   func(n int, w http.ResponseWriter)
		requests int
		failed   bool
		waited   time.Duration
	}{
		"throttled with a wait": {http.MethodGet, func(n int, w http.ResponseWriter) {
			if n == 1 {
				refuseWith(w, http.StatusTooManyRequests, "Retry-After", "17")
				return
			}
			ok(w)
		}, 2, false, 17 * time.Second},
		"throttled until a date": {http.MethodGet, func(n int, w http.ResponseWriter) {
			if n == 1 {
				refuseWith(w, http.StatusTooManyRequests, "Date", "Sun, 01 Mar 2026 03:00:00 GMT", "Retry-After", "Sun, 01 Mar 2026 03:00:40 GMT")
				return
			}
			ok(w)
		}, 2, false, 40 * time.Second},
		"throttled for long": {http.MethodGet, func(_ int, w http.ResponseWriter) {
			refuseWith(w, http.StatusTooManyRequests, "Retry-After", "600")
		}, 1, true, 0},
		"throttled on an action": {http.MethodPost, func(n int, w http.ResponseWriter) {
			if n == 1 {
				refuseWith(w, http.StatusTooManyRequests, "Retry-After", "5")
				return
			}
			ok(w)
		}, 2, false, 5 * time.Second}, // it was not looked at
		"broken for a while": {http.MethodGet, func(n int, w http.ResponseWriter) {
			if n < 4 {
				refuseWith(w, http.StatusBadGateway)
				return
			}
			ok(w)
		}, 4, false, 3500 * time.Millisecond},
		"broken": {http.MethodGet, func(_ int, w http.ResponseWriter) { refuseWith(w, http.StatusInternalServerError) }, maxAttempts, true, 7500 * time.Millisecond},
		"broken on an action, whose outcome nobody knows": {http.MethodPost, func(_ int, w http.ResponseWriter) {
			refuseWith(w, http.StatusInternalServerError)
		}, 1, true, 0},
		"refused":   {http.MethodGet, func(_ int, w http.ResponseWriter) { refuseWith(w, http.StatusBadRequest) }, 1, true, 0},
		"forbidden": {http.MethodGet, func(_ int, w http.ResponseWriter) { refuseWith(w, http.StatusForbidden) }, 1, true, 0},
		"cut off":   {http.MethodGet, func(int, http.ResponseWriter) { panic(http.ErrAbortHandler) }, maxAttempts, true, 7500 * time.Millisecond},
		"sent elsewhere": {http.MethodGet, func(_ int, w http.ResponseWriter) {
			refuseWith(w, http.StatusFound, "Location", "https://elsewhere.example/")
		}, 1, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVendor(t, func(n int, w http.ResponseWriter, _ *http.Request) { c.answer(n, w) })
			began := v.clock()
			err := v.client.do(t.Context(), call{tenant: v.tenant, of: endpointAPI, method: c.method, path: "/api/machines/1/isolate"}, ignore)
			if (err != nil) != c.failed || v.requests() != c.requests || v.clock().Sub(began) != c.waited || v.taken != c.requests {
				t.Errorf("got %v after %d requests (%d counted) in %s; want %d in %s", err, v.requests(), v.taken, v.clock().Sub(began), c.requests, c.waited)
			}
			if err != nil && strings.Contains(err.Error(), "a~secret") {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
}

func TestAThrottledClientBlocksAllOthers(t *testing.T) {
	t.Parallel()
	v := newVendor(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		refuseWith(w, http.StatusTooManyRequests, "Retry-After", "600")
	})
	_ = v.get(t)
	if want := v.clock().Add(10 * time.Minute); !v.blocked.Equal(want) {
		t.Errorf("got a block until %s, want %s", v.blocked, want)
	}
}

func TestAUsedUpBudgetIsWaitedFor(t *testing.T) {
	t.Parallel()
	v := newVendor(t, func(_ int, w http.ResponseWriter, _ *http.Request) { ok(w) })
	began := v.clock()
	v.full = []time.Time{began.Add(30 * time.Second), began.Add(time.Minute)}
	if err := v.get(t); err != nil || v.clock().Sub(began) != time.Minute || v.requests() != 1 {
		t.Errorf("got %v after %s and %d requests, want one request after a minute", err, v.clock().Sub(began), v.requests())
	}
	v.full = []time.Time{v.clock().Add(20 * time.Minute)}
	var fault *Fault
	if err := v.get(t); !errors.As(err, &fault) || fault.Code != "Budget" || fault.Again.IsZero() {
		t.Errorf("got %v, want it to be left to the caller", err)
	}
}

func TestADeviceIsTheOneThatWasNamedOrNone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		asked, name string
		found       bool
	}{
		"its id":                   {"f00d", "srv.contoso.example", true},
		"its whole name":           {"SRV.contoso.example", "srv.contoso.example", true},
		"its short name":           {"srv", "srv.contoso.example", true},
		"a name that begins so":    {"srv-1", "srv-10.contoso.example", false},
		"the same of other domain": {"srv.fabrikam.example", "srv.contoso.example", false},
		"a name without a domain":  {"srv.contoso.example", "srv", true},
	} {
		v := newVendor(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]any{"id": "f00d", "computerDnsName": c.name, "rbacGroupName": nil, "machineTags": []string{"a"}})
		})
		machine, err := v.client.Machine(t.Context(), v.tenant, c.asked)
		if (err == nil) != c.found || c.found && machine.ID != "f00d" {
			t.Errorf("%s: got %+v, %v", name, machine, err)
		}
	}
}

func TestTheNextPageIsOfTheSameHost(t *testing.T) {
	t.Parallel()
	const host = "https://api.security.microsoft.com"
	for next, want := range map[string]string{
		host + "/api/alerts?$skip=10": "/api/alerts?$skip=10",
		"/api/alerts?$skip=10":        "/api/alerts?$skip=10",
		"https://evil.example/api":    "",
		"//evil.example/api":          "",
		":":                           "",
	} {
		got, err := follow(host, next)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %q, %v", next, got, err)
		}
	}
}

func TestHostsAndScopesFollowTheCloud(t *testing.T) {
	t.Parallel()
	for address, want := range map[string][2]string{
		"":                                       {DefaultAPI, "https://api.securitycenter.microsoft.com/.default"},
		"https://eu.api.security.microsoft.com/": {"https://eu.api.security.microsoft.com", "https://api.securitycenter.microsoft.com/.default"},
		"https://api-gov.securitycenter.microsoft.us": {"https://api-gov.securitycenter.microsoft.us", "https://api-gov.securitycenter.microsoft.us/.default"},
	} {
		tenant := Tenant{TenantID: "0a1b", APIURL: address}
		if got := [2]string{tenant.host(endpointAPI), tenant.scope(endpointAPI)}; got != want {
			t.Errorf("%q: got %v, want %v", address, got, want)
		}
		if got := tenant.tokenURL(); got != "https://login.microsoftonline.com/0a1b/oauth2/v2.0/token" {
			t.Errorf("got the token endpoint %s", got)
		}
	}
}
