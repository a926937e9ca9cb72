package auth

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/migrations/pgtest"
	"afterhours/tickets"
)

const password = "correct horse battery"

// clock is a clock that a test moves.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Now().UnixNano())
	return c
}
func (c *clock) now() time.Time       { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) pass(d time.Duration) { c.at.Add(int64(d)) }

func setup(t testing.TB) (*Auth, *pgxpool.Pool, *clock) {
	t.Helper()
	pool, now := pgtest.New(t), newClock()
	return New(pool, Options{Now: now.now, Secure: true}), pool, now
}

// within runs do inside a request's session and returns the cookie that the answer set.
func (a *Auth) within(t testing.TB, cookie *http.Cookie, do func(ctx context.Context)) *http.Cookie {
	t.Helper()
	fail := func(_ http.ResponseWriter, _ *http.Request, err error) { t.Errorf("session: %v", err) }
	handler := a.Sessions(fail)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { do(r.Context()) }))
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	if cookie != nil {
		request.AddCookie(cookie)
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	if cookies := recorder.Result().Cookies(); len(cookies) > 0 {
		return cookies[0]
	}
	return nil
}

func (a *Auth) signIn(t testing.TB, email, password, address string) (identity Identity, cookie *http.Cookie, err error) {
	t.Helper()
	cookie = a.within(t, nil, func(ctx context.Context) { identity, err = a.SignIn(ctx, email, password, address) })
	return identity, cookie, err
}

// first makes the account ana with the test's password.
func (a *Auth) first(t testing.TB) {
	t.Helper()
	token, err := a.CreateLoginLink(t.Context(), nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	a.within(t, nil, func(ctx context.Context) {
		if _, err := a.CreateAdministrator(ctx, token, FirstAccount{Name: "Ana", Email: "ana@example.com", Password: password}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestADatabaseThatIsAwayIsUnavailable(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), "postgres://nobody@127.0.0.1:1/none")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	a := New(pool, Options{Now: time.Now})
	_, bearer := a.Bearer(t.Context(), "ah_x")
	_, has := a.HasAccounts(t.Context())
	_, link := a.LoginLink(t.Context(), "x")
	_, verify := a.verify(t.Context(), "ana@example.com", password)
	var session error
	handler := a.Sessions(func(_ http.ResponseWriter, _ *http.Request, err error) { session = err })(http.NotFoundHandler())
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	request.AddCookie(&http.Cookie{Name: "afterhours", Value: "x"})
	handler.ServeHTTP(httptest.NewRecorder(), request)
	for name, err := range map[string]error{"bearer": bearer, "accounts": has, "link": link, "sign-in": verify, "session": session} {
		if !errors.Is(err, tickets.ErrUnavailable) {
			t.Errorf("%s: got %v, want unavailable", name, err)
		}
	}
}

func TestRolesIncludeTheOnesBelow(t *testing.T) {
	t.Parallel()
	order := []Role{Viewer, Responder, Admin}
	for i, role := range order {
		for k, needed := range order {
			if got, want := role.Allows(needed), i >= k; got != want {
				t.Errorf("%s for %s: got %t, want %t", role, needed, got, want)
			}
		}
		if role.Allows("") || role.Allows("owner") || Role("").Allows(role) || Role("owner").Allows(role) {
			t.Errorf("a role that does not exist allowed something beside %s", role)
		}
	}
}

func TestASessionBeginsWithAPasswordUnderANewId(t *testing.T) {
	t.Parallel()
	a, pool, _ := setup(t)
	a.first(t)
	before := a.within(t, nil, func(ctx context.Context) { a.sessions.Put(ctx, "anything", 1) })
	var identity Identity
	after := a.within(t, before, func(ctx context.Context) {
		var err error
		if identity, err = a.SignIn(ctx, " Ana@Example.com ", password, "192.0.2.1:5"); err != nil {
			t.Fatal(err)
		}
	})
	if identity != (Identity{ID: "ana", Name: "Ana", Role: Admin}) {
		t.Errorf("identity: got %+v", identity)
	}
	if after == nil || after.Value == before.Value || !after.HttpOnly || !after.Secure || after.SameSite != http.SameSiteLaxMode {
		t.Errorf("cookie: got %v after %v, want a new one, HttpOnly, Secure, SameSite=Lax", after, before)
	}
	current := func(cookie *http.Cookie) (who Identity, ok bool) {
		a.within(t, cookie, func(ctx context.Context) {
			var err error
			if who, ok, err = a.Current(ctx); err != nil {
				t.Error(err)
			}
		})
		return who, ok
	}
	if who, ok := current(after); !ok || who.ID != "ana" {
		t.Errorf("the new session: got %+v, %t", who, ok)
	}
	if _, ok := current(before); ok {
		t.Errorf("the session id from before the sign-in came in too")
	}
	var stored string
	if err := pool.QueryRow(t.Context(), `SELECT string_agg(token, ' ') FROM sessions`).Scan(&stored); err != nil || strings.Contains(stored, after.Value) {
		t.Errorf("sessions: got %q, %v, want no session id in clear", stored, err)
	}
	if _, err := pool.Exec(t.Context(), `UPDATE accounts SET role = 'viewer'`); err != nil {
		t.Fatal(err)
	}
	if who, _ := current(after); who.Role != Viewer {
		t.Errorf("after the role changed: got %s, want viewer at once", who.Role)
	}
	a.within(t, after, func(ctx context.Context) {
		if err := a.SignOut(ctx); err != nil {
			t.Error(err)
		}
	})
	if _, ok := current(after); ok {
		t.Errorf("the session lives on after the sign-out")
	}
}

func TestWrongCredentialsAreOneAnswer(t *testing.T) {
	t.Parallel()
	a, pool, _ := setup(t)
	a.first(t)
	if err := a.EnsureAccount(t.Context(), "ben", "Ben", "ben@example.com", "responder"); err != nil {
		t.Fatal(err)
	}
	for _, try := range [][2]string{
		{"ana@example.com", "wrong"},
		{"ana@example.com", ""},
		{"nobody@example.com", password},
		{"", ""},
		{"ana@example.com", strings.Repeat("x", 5000)},
		{"ben@example.com", ""},
		{"ben@example.com", password},
		{"a\x00@example.com", "x"},
		{"\xff", "x"},
	} {
		if _, cookie, err := a.signIn(t, try[0], try[1], "192.0.2.1:5"); !errors.Is(err, ErrWrongCredentials) || cookie != nil {
			t.Errorf("%q: got %v and cookie %v, want ErrWrongCredentials and none", try, err, cookie)
		}
	}
	if _, err := pool.Exec(t.Context(), `UPDATE accounts SET disabled_at = now() WHERE id = 'ana'`); err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.signIn(t, "ana@example.com", password, "192.0.2.1:5"); !errors.Is(err, ErrWrongCredentials) {
		t.Errorf("disabled: got %v, want ErrWrongCredentials", err)
	}
}

// TestAnUnknownAddressCostsWhatAWrongPasswordCosts holds the work equal; BenchmarkVerify shows the time.
func TestAnUnknownAddressCostsWhatAWrongPasswordCosts(t *testing.T) {
	t.Parallel()
	a, _, _ := setup(t)
	a.first(t)
	var costs []argon2id.Params
	compare := a.hasher.compare
	a.hasher.compare = func(password, hash string) (bool, error) {
		cost, _, _, err := argon2id.DecodeHash(hash)
		if err != nil {
			return false, err
		}
		costs = append(costs, *cost)
		return compare(password, hash)
	}
	for _, email := range []string{"ana@example.com", "nobody@example.com", "\xff"} {
		if _, err := a.verify(t.Context(), email, "wrong password"); !errors.Is(err, ErrWrongCredentials) {
			t.Fatal(err)
		}
	}
	if len(costs) != 3 || costs[0] != costs[1] || costs[0] != costs[2] {
		t.Errorf("hashes: got %+v, want three of one cost", costs)
	}
}

func BenchmarkVerify(b *testing.B) {
	a, _, _ := setup(b)
	a.first(b)
	for _, email := range []string{"ana@example.com", "nobody@example.com"} {
		b.Run(email, func(b *testing.B) {
			for b.Loop() {
				if _, err := a.verify(b.Context(), email, "wrong password"); !errors.Is(err, ErrWrongCredentials) {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestFailedSignInsAreLimitedByAccountAndBySender(t *testing.T) {
	t.Parallel()
	a, _, now := setup(t)
	a.first(t)
	for range failuresPerAccount {
		if _, _, err := a.signIn(t, "ana@example.com", "wrong", "192.0.2.1:5"); !errors.Is(err, ErrWrongCredentials) {
			t.Fatalf("within the limit: got %v", err)
		}
	}
	var limited *LimitError
	if _, _, err := a.signIn(t, "ANA@example.com ", password, "198.51.100.9:5"); !errors.As(err, &limited) || limited.RetryAfter <= 0 || limited.RetryAfter > failureWindow {
		t.Errorf("above the limit: got %v, want a LimitError from every address", err)
	}
	now.pass(failureWindow)
	if _, _, err := a.signIn(t, "ana@example.com", password, "198.51.100.9:5"); err != nil {
		t.Errorf("after the window: got %v", err)
	}
	for range failuresPerAddress {
		a.senders.begin(senderKey("203.0.113.7:1"), now.now())
	}
	if _, _, err := a.signIn(t, "ana@example.com", password, "203.0.113.7:99"); !errors.As(err, &limited) {
		t.Errorf("a sender above the limit: got %v, want a LimitError", err)
	}
	if _, _, err := a.signIn(t, "ana@example.com", password, "203.0.113.8:99"); err != nil {
		t.Errorf("its neighbour: got %v", err)
	}
}

func TestGoodSignInsNeverCount(t *testing.T) {
	t.Parallel()
	a, _, _ := setup(t)
	a.first(t)
	for range failuresPerAccount + 5 {
		if _, _, err := a.signIn(t, "ana@example.com", password, "192.0.2.1:5"); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.accounts.counts)+len(a.senders.counts) != 0 {
		t.Errorf("counts: got %v and %v, want none", a.accounts.counts, a.senders.counts)
	}
}

func TestALimiterStaysWithinItsMemory(t *testing.T) {
	t.Parallel()
	l, at := newLimiter(3, time.Minute), time.Unix(1000, 0)
	for i := range 3 * maxCounted {
		l.begin(string(digest(string(rune(i)))), at)
	}
	if got := len(l.counts); got > maxCounted {
		t.Errorf("got %d keys, want at most %d", got, maxCounted)
	}
}

func TestASenderIsAnAddressOrANetworkOfVersion6(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.1:99": "192.0.2.1", "192.0.2.1": "192.0.2.1", "[::ffff:192.0.2.1]:99": "192.0.2.1",
		"[2001:db8::1]:99": "2001:db8::/64", "[2001:db8::ffff:0:0:2%eth0]:99": "2001:db8::/64", "@": "@",
	} {
		if got := senderKey(address); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	a, pool, now := setup(t)
	soon := now.now().Add(time.Hour)
	token, err := a.CreateToken(t.Context(), "adm", "siem", "responder", &soon)
	if err != nil || !strings.HasPrefix(token, "ah_") || len(token) < 3+27 {
		t.Fatalf("token: got %q, %v, want ah_ and at least 160 bits", token, err)
	}
	if who, err := a.Bearer(t.Context(), token); err != nil || who != (Identity{ID: "token:siem", Name: "token siem", Role: Responder}) {
		t.Errorf("bearer: got %+v, %v", who, err)
	}
	if _, err := a.CreateToken(t.Context(), "adm", "siem", "viewer", nil); !errors.Is(err, tickets.ErrConflict) || !strings.Contains(err.Error(), "siem exists already") {
		t.Errorf("the name again: got %v, want a conflict that says so", err)
	}
	for _, wrong := range [][2]string{{"a b", "viewer"}, {"", "viewer"}, {"x", "owner"}, {"x", ""}, {"x\x00", "viewer"}} {
		if _, err := a.CreateToken(t.Context(), "adm", wrong[0], wrong[1], nil); !errors.Is(err, tickets.ErrInvalid) {
			t.Errorf("%q: got %v, want invalid", wrong, err)
		}
	}
	forever, err := a.CreateToken(t.Context(), "adm", "forever", "viewer", nil)
	if err != nil {
		t.Fatal(err)
	}
	now.pass(time.Hour)
	if _, err := a.Bearer(t.Context(), token); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("expired: got %v", err)
	}
	if _, err := a.Bearer(t.Context(), forever); err != nil {
		t.Errorf("without an end: got %v", err)
	}
	for _, wrong := range []string{"", "ah_", forever[3:], forever + "x", "ah_\x00\xff"} {
		if _, err := a.Bearer(t.Context(), wrong); !errors.Is(err, ErrUnauthenticated) {
			t.Errorf("%q: got %v", wrong, err)
		}
	}
	var clear int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM tokens WHERE strpos(tokens::text, $1) > 0`, forever[3:]).Scan(&clear); err != nil || clear != 0 {
		t.Errorf("tokens in clear: got %d, %v", clear, err)
	}
	if _, err := pool.Exec(t.Context(), `UPDATE tokens SET revoked_at = now()`); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Bearer(t.Context(), forever); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("revoked: got %v", err)
	}
}

func TestASignInLinkLetsOneIn(t *testing.T) {
	t.Parallel()
	a, _, now := setup(t)
	if err := a.EnsureAccount(t.Context(), "ben", "Ben", "ben@example.com", "responder"); err != nil {
		t.Fatal(err)
	}
	ben := "ben"
	token, err := a.CreateLoginLink(t.Context(), &ben, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if link, err := a.LoginLink(t.Context(), token); err != nil || link != (LoginLink{Account: "ben", Name: "Ben"}) {
		t.Errorf("link: got %+v, %v", link, err)
	}
	var in, out atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			a.within(t, nil, func(ctx context.Context) {
				if who, err := a.RedeemLink(ctx, token); err == nil && who.ID == "ben" && who.Role == Responder {
					in.Add(1)
				} else if errors.Is(err, tickets.ErrNotFound) {
					out.Add(1)
				}
			})
		})
	}
	group.Wait()
	if in.Load() != 1 || out.Load() != 7 {
		t.Errorf("eight at once: got %d in and %d out, want 1 and 7", in.Load(), out.Load())
	}
	late, err := a.CreateLoginLink(t.Context(), &ben, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	now.pass(time.Hour)
	for _, dead := range []string{late, token, "", "\x00"} {
		if _, err := a.LoginLink(t.Context(), dead); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("dead link: got %v, want not found", err)
		}
	}
	a.within(t, nil, func(ctx context.Context) {
		if _, err := a.RedeemLink(ctx, late); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("expired: got %v, want not found", err)
		}
	})
	nobody := "nobody"
	if _, err := a.CreateLoginLink(t.Context(), &nobody, time.Hour); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("for nobody: got %v, want not found", err)
	}
}

func TestTheFirstAdministratorIsOne(t *testing.T) {
	t.Parallel()
	a, pool, _ := setup(t)
	if exist, err := a.HasAccounts(t.Context()); err != nil || exist {
		t.Errorf("accounts: got %t, %v, want none", exist, err)
	}
	links := make([]string, 4)
	for i := range links {
		var err error
		if links[i], err = a.CreateLoginLink(t.Context(), nil, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	var made atomic.Int32
	var group sync.WaitGroup
	for _, link := range links {
		group.Go(func() {
			a.within(t, nil, func(ctx context.Context) {
				_, err := a.CreateAdministrator(ctx, link, FirstAccount{Name: "Ana", Email: "ana@example.com", Password: password})
				if err == nil {
					made.Add(1)
				} else if !errors.Is(err, tickets.ErrNotFound) {
					t.Errorf("got %v, want not found", err)
				}
			})
		})
	}
	group.Wait()
	var hash string
	if err := pool.QueryRow(t.Context(), `SELECT password_hash FROM accounts`).Scan(&hash); err != nil || made.Load() != 1 {
		t.Errorf("four at once: got %d administrators, %v, want 1", made.Load(), err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash: got %q, want argon2id of 19 MiB in two passes", hash)
	}
	if exist, err := a.HasAccounts(t.Context()); err != nil || !exist {
		t.Errorf("accounts: got %t, %v, want one", exist, err)
	}
}

func TestAnAccountWithoutAPersonTakesItsIdFromTheAddress(t *testing.T) {
	t.Parallel()
	for email, want := range map[string]string{
		"ana@example.com": "ana", "Ana.Ruiz+x@example.com": "ana.ruiz-x", "..@example.com": "admin", "é@example.com": "admin",
		strings.Repeat("a", 70) + "@example.com": strings.Repeat("a", 64),
	} {
		if got := idFrom(email); got != want || !accountID.MatchString(got) {
			t.Errorf("%s: got %q, want %q", email, got, want)
		}
	}
}

func TestEnsureAccountChangesWhatIsThere(t *testing.T) {
	t.Parallel()
	a, _, _ := setup(t)
	for _, role := range []string{"viewer", "admin"} {
		if err := a.EnsureAccount(t.Context(), "ana", "Ana "+role, "ana@example.com", role); err != nil {
			t.Fatal(err)
		}
	}
	var name, role string
	if err := a.pool.QueryRow(t.Context(), `SELECT name, role FROM accounts`).Scan(&name, &role); err != nil || name != "Ana admin" || role != "admin" {
		t.Errorf("account: got %s, %s, %v", name, role, err)
	}
	if err := a.EnsureAccount(t.Context(), "ben", "Ben", "ANA@example.com", "viewer"); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("the same address: got %v, want a conflict", err)
	}
	for _, wrong := range [][4]string{{"A b", "x", "x@y.z", "viewer"}, {"x", "", "x@y.z", "viewer"}, {"x", "x", "nowhere", "viewer"}, {"x", "x", "x@y.z", "root"}} {
		if err := a.EnsureAccount(t.Context(), wrong[0], wrong[1], wrong[2], wrong[3]); !errors.Is(err, tickets.ErrInvalid) {
			t.Errorf("%q: got %v, want invalid", wrong, err)
		}
	}
}

func TestExpiredSessionsAreRemovedWithTheNextSignIn(t *testing.T) {
	t.Parallel()
	a, pool, _ := setup(t)
	a.first(t)
	if _, err := pool.Exec(t.Context(), `INSERT INTO sessions VALUES ('old', '', now() - interval '1 hour')`); err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.signIn(t, "ana@example.com", password, "192.0.2.1:5"); err != nil {
		t.Fatal(err)
	}
	var old int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM sessions WHERE token = 'old'`).Scan(&old); err != nil || old != 0 {
		t.Errorf("expired sessions: got %d, %v, want none", old, err)
	}
}
