package web

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"afterhours/web/auth"
)

const password = "correct horse battery"

// first makes the first administrator through the pages and returns the answer.
func (d *desk) first(t *testing.T, token string, pairs ...string) *http.Response {
	t.Helper()
	return d.ask(t, http.MethodPost, "/login/"+token, form(pairs...))
}

func (d *desk) firstLink(t *testing.T) string {
	t.Helper()
	token, err := d.Auth.CreateLoginLink(t.Context(), nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestTheFirstAdministratorIsMadeByALinkThatWorksOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	wantText(t, page(t, d.ask(t, http.MethodGet, "/login", "")), "main", "Nobody has an account yet.")
	token := d.firstLink(t)
	for range 3 { // opening it uses nothing up
		document := page(t, d.ask(t, http.MethodGet, "/login/"+token, ""))
		wantText(t, document, "h1", "Make the first account")
	}
	for want, pairs := range map[string][]string{
		"Name: give a name":                    {"name", " ", "email", "ana@example.com", "password", password},
		"Email: give an address":               {"name", "Ana", "email", "ana", "password", password},
		"Password: use at least 12 characters": {"name", "Ana", "email", "ana@example.com", "password", "short"},
	} {
		response := d.first(t, token, pairs...)
		wantStatus(t, response, http.StatusBadRequest)
		wantText(t, page(t, response), ".complaint", want)
	}
	response := d.first(t, token, "name", "Ana R", "email", "Ana@Example.com", "password", password)
	wantStatus(t, response, http.StatusSeeOther)
	cookie := response.Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode {
		t.Errorf("cookie: got %v, want HttpOnly and SameSite=Lax", cookie)
	}
	session := cookie.Name + "=" + cookie.Value
	document := page(t, d.ask(t, http.MethodGet, "/tickets", "", "Cookie", session))
	wantText(t, document, ".who", "Ana R admin")
	var id string
	if err := d.pool.QueryRow(t.Context(), `SELECT id FROM accounts`).Scan(&id); err != nil || id != "ana" {
		t.Errorf("account: got %q, %v, want the id of the person with that address", id, err)
	}
	again := d.first(t, token, "name", "Eve", "email", "eve@example.com", "password", password)
	wantStatus(t, again, http.StatusNotFound)
	wantText(t, page(t, again), "h1", "This sign-in link does not work")
	wantStatus(t, d.ask(t, http.MethodGet, "/login/"+token, ""), http.StatusNotFound)
	wantStatus(t, d.ask(t, http.MethodGet, "/login/"+d.firstLink(t), ""), http.StatusNotFound)
}

func TestSigningInAndOut(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.first(t, d.firstLink(t), "name", "Ana", "email", "ana@example.com", "password", password)
	for _, wrong := range [][2]string{{"ana@example.com", "wrong password"}, {"nobody@example.com", password}, {"", ""}, {"a\x00b", "x"}} {
		response := d.ask(t, http.MethodPost, "/login", form("email", wrong[0], "password", wrong[1]))
		wantStatus(t, response, http.StatusUnauthorized)
		wantText(t, page(t, response), ".complaint", "The e-mail address or the password is wrong.")
	}
	response := d.ask(t, http.MethodPost, "/login", form("email", " ANA@example.com", "password", password, "next", "/tickets/1042"))
	wantStatus(t, response, http.StatusSeeOther)
	if got := response.Header.Get("Location"); got != "/tickets/1042" {
		t.Errorf("after the sign-in: got %q", got)
	}
	session := response.Cookies()[0].Name + "=" + response.Cookies()[0].Value
	wantStatus(t, d.ask(t, http.MethodGet, "/tickets", "", "Cookie", session), http.StatusOK)
	wantStatus(t, d.ask(t, http.MethodGet, "/login", "", "Cookie", session), http.StatusSeeOther)
	wantStatus(t, d.ask(t, http.MethodPost, "/logout", "", "Cookie", session), http.StatusSeeOther)
	wantStatus(t, d.ask(t, http.MethodGet, "/tickets", "", "Cookie", session), http.StatusSeeOther)
}

func TestTooManyFailedSignInsAre429(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var last *http.Response
	for range 11 {
		last = d.ask(t, http.MethodPost, "/login", form("email", "ana@example.com", "password", "wrong"))
	}
	wantStatus(t, last, http.StatusTooManyRequests)
	if seconds, err := strconv.Atoi(last.Header.Get("Retry-After")); err != nil || seconds < 1 || seconds > 15*60+1 {
		t.Errorf("Retry-After: got %q", last.Header.Get("Retry-After"))
	}
	wantText(t, page(t, last), ".complaint", "Too many failed sign-ins; try again in")
}

func TestADisabledAccountIsOutAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	session := d.signIn(t, "ben", auth.Responder)
	wantStatus(t, d.ask(t, http.MethodGet, "/tickets", "", "Cookie", session), http.StatusOK)
	if _, err := d.pool.Exec(t.Context(), `UPDATE accounts SET disabled_at = now()`); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, d.ask(t, http.MethodGet, "/tickets", "", "Cookie", session), http.StatusSeeOther)
}

func TestTheSignInNeverLeadsAway(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{
		"/tickets/1042?x=1": "/tickets/1042?x=1", "": "/tickets", "/": "/tickets", "//evil.example": "/tickets", "https://evil.example": "/tickets",
		`/\evil.example`: "/tickets", "javascript:alert(1)": "/tickets", "tickets": "/tickets", "/\t/evil.example": "/tickets", "/%zz": "/tickets",
	} {
		if got := localPath(next); got != want {
			t.Errorf("%q: got %q, want %q", next, got, want)
		}
	}
	if parsed, err := url.Parse(signInURL("/ack/a?b=c&d")); err != nil || parsed.Query().Get("next") != "/ack/a?b=c&d" {
		t.Errorf("sign-in address: got %v, %v", parsed, err)
	}
}
