package web

import (
	"net/http"
	"testing"

	"afterhours/web/auth"
)

// TestOnesOwnPasswordIsChangedForThePresentOne goes from no password, in a session that has just begun, to another one.
func TestOnesOwnPasswordIsChangedForThePresentOne(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "ghost", auth.Viewer)
	change := func(present, next, again string) *http.Response {
		t.Helper()
		return d.ask(t, http.MethodPost, "/account/password", form("present", present, "password", next, "again", again), "Cookie", cookie)
	}
	taken := func(response *http.Response) {
		t.Helper()
		wantStatus(t, response, http.StatusSeeOther)
		if to := response.Header.Get("Location"); to != "/account?done=password" {
			t.Errorf("leads to %q", to)
		}
		if len(response.Cookies()) == 1 {
			cookie = response.Cookies()[0].Name + "=" + response.Cookies()[0].Value
		}
	}
	account := page(t, d.ask(t, http.MethodGet, "/account", "", "Cookie", cookie))
	wantText(t, account, "section[aria-labelledby=password] button", "Set a password")
	if account.Find("#present").Length() != 0 {
		t.Error("it asks for a password that there is not")
	}
	taken(change("", "correct horse battery", "correct horse battery"))
	wantText(t, page(t, d.ask(t, http.MethodGet, "/account?done=password", "", "Cookie", cookie)), ".notice", "Your other sessions are over.")
	for _, c := range []struct {
		present, next, again, want string
		status                     int
	}{
		{"correct horse battery", "another one entirely", "another one", "The new passwords are not the same.", http.StatusBadRequest},
		{"correct horse battery", "short", "short", "Use at least 12 characters.", http.StatusBadRequest},
		{"wrong", "another one entirely", "another one entirely", "This is not your present password.", http.StatusUnauthorized},
	} {
		response := change(c.present, c.next, c.again)
		wantStatus(t, response, c.status)
		wantText(t, page(t, response), ".complaint", c.want)
	}
	taken(change("correct horse battery", "another one entirely", "another one entirely"))
	wantStatus(t, d.ask(t, http.MethodPost, "/login", form("email", "ghost@example.com", "password", "another one entirely")), http.StatusSeeOther)
}

// TestAWrongConfirmationCounts tries a password that there is not, again and again.
func TestAWrongConfirmationCounts(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "ghost", auth.Viewer)
	wantStatus(t, d.ask(t, http.MethodPost, "/account/confirm", form("present", "anything"), "Cookie", cookie), http.StatusUnauthorized)
	response := d.ask(t, http.MethodPost, "/account/sso/disconnect", "", "Cookie", cookie)
	wantStatus(t, response, http.StatusConflict)
	wantText(t, page(t, response), ".complaint", "No identity provider is configured here")
	for range 10 { // the first has failed above
		response = d.ask(t, http.MethodPost, "/account/confirm", form("present", "anything"), "Cookie", cookie)
	}
	wantStatus(t, response, http.StatusTooManyRequests)
	if response.Header.Get("Retry-After") == "" {
		t.Error("it does not say when to try again")
	}
}
