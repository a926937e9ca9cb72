package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"afterhours/web/auth"
)

// invite invites somebody at the desk and returns the path of the link that is shown.
func (d *desk) invite(t *testing.T, cookie string, pairs ...string) (path string) {
	t.Helper()
	response := d.ask(t, http.MethodPost, "/settings/accounts", form(pairs...), "Cookie", cookie)
	wantStatus(t, response, http.StatusOK)
	return linkOn(t, response)
}

func linkOn(t *testing.T, response *http.Response) (path string) {
	t.Helper()
	link, err := url.Parse(text(page(t, response).Find(".notice pre")))
	if err != nil || link.Host != "desk.example" {
		t.Fatalf("link: got %v, %v", link, err)
	}
	return link.Path
}

func TestWhoeverIsInvitedChoosesAPasswordAndIsIn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	admin := d.signIn(t, "adm", auth.Admin)
	wantText(t, page(t, d.ask(t, http.MethodGet, "/settings/accounts", "", "Cookie", admin)), "main", "No invitation waits for an answer.")
	path := d.invite(t, admin, "email", "ana@example.com", "role", "responder")
	if len(d.letters) != 1 || d.letters[0].To != "ana@example.com" || !strings.Contains(d.letters[0].Text, "http://desk.example"+path+"\n") || !strings.Contains(d.letters[0].Text, "Account adm invites you") {
		t.Fatalf("mails: got %+v", d.letters)
	}
	list := page(t, d.ask(t, http.MethodGet, "/settings/accounts", "", "Cookie", admin))
	wantText(t, list, "main", "ana@example.com responder Ana Ruiz · invited by Account adm")
	if strings.Contains(list.Text(), path) {
		t.Error("the link is shown again")
	}
	for range 3 { // opening it uses nothing up
		document := page(t, d.ask(t, http.MethodGet, path, ""))
		wantText(t, document, "h1", "Make your account")
		if name, _ := document.Find("#name").Attr("value"); name != "Ana Ruiz" {
			t.Errorf("name: got %q, want the person's", name)
		}
		wantText(t, document, "main", "Account adm invites you, as responder. You sign in with ana@example.com")
	}
	wantStatus(t, d.ask(t, http.MethodHead, path, ""), http.StatusOK)
	refused := d.ask(t, http.MethodPost, path, form("name", "Ana <i>", "password", "short"))
	wantStatus(t, refused, http.StatusBadRequest)
	document := page(t, refused)
	wantText(t, document, ".complaint", "Use at least 12 characters.")
	if value, _ := document.Find("#name").Attr("value"); value != "Ana <i>" {
		t.Errorf("what was typed is lost: got %q", value)
	}
	before := "afterhours=" + strings.Repeat("x", 43)
	accepted := d.ask(t, http.MethodPost, path, form("name", "Ana R", "password", password), "Cookie", before)
	wantStatus(t, accepted, http.StatusSeeOther)
	session := accepted.Cookies()[0].Name + "=" + accepted.Cookies()[0].Value
	if session == before {
		t.Error("the session id of before is that of after")
	}
	wantText(t, page(t, d.ask(t, http.MethodGet, "/tickets", "", "Cookie", session)), ".who", "My contacts Ana R responder")
	used := d.ask(t, http.MethodPost, path, form("name", "Eve", "password", password))
	wantStatus(t, used, http.StatusNotFound)
	wantText(t, page(t, used), "h1", "This invitation was used")
	wantText(t, page(t, d.ask(t, http.MethodGet, path, "")), "main", "tell Account adm at once")
}

func TestAnInvitationIsSentAgainAndRevoked(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	admin := d.signIn(t, "adm", auth.Admin)
	first := d.invite(t, admin, "email", "eve@example.com", "role", "viewer")
	act := func(what string) *http.Response {
		t.Helper()
		list := page(t, d.ask(t, http.MethodGet, "/settings/accounts", "", "Cookie", admin))
		path, ok := list.Find("form[action$='" + what + "']").Attr("action")
		if !ok {
			t.Fatalf("no button to %s", what)
		}
		return d.ask(t, http.MethodPost, path, "", "Cookie", admin)
	}
	again := act("again")
	wantStatus(t, again, http.StatusOK)
	second := linkOn(t, again)
	if len(d.letters) != 2 || d.letters[0].ID == d.letters[1].ID {
		t.Errorf("mails: got %+v, want two of their own", d.letters)
	}
	wantText(t, page(t, d.ask(t, http.MethodGet, first, "")), "h1", "There is a newer invitation")
	wantStatus(t, d.ask(t, http.MethodPost, first, form("name", "Eve", "password", password)), http.StatusNotFound)
	wantStatus(t, act("revoke"), http.StatusSeeOther)
	wantText(t, page(t, d.ask(t, http.MethodGet, second, "")), "main", "It lets nobody in any more. Ask Account adm for a new one.")
	wantStatus(t, d.ask(t, http.MethodPost, second, form("name", "Eve", "password", password)), http.StatusNotFound)
	forged := page(t, d.ask(t, http.MethodGet, "/invitation/forged", ""))
	wantText(t, forged, "h1", "This link does not work")
	if strings.Contains(forged.Text(), "adm") {
		t.Errorf("a stranger is told %q", text(forged.Find("main")))
	}
	wantStatus(t, d.ask(t, http.MethodPost, "/invitation/forged", form("name", "Eve", "password", password)), http.StatusNotFound)
	wantStatus(t, d.ask(t, http.MethodPost, "/settings/accounts/invitations/99/revoke", "", "Cookie", admin), http.StatusConflict)
	for _, what := range []string{"eve@example.com invited: viewer", "eve@example.com invited again: viewer", "invitation of eve@example.com revoked"} {
		var entries int
		if err := d.pool.QueryRow(t.Context(), `SELECT count(*) FROM audit_log WHERE actor = 'adm' AND action = $1`, what).Scan(&entries); err != nil || entries != 1 {
			t.Errorf("audit log, %s: got %d, %v", what, entries, err)
		}
	}
}

func TestAnInvitationThatCannotBeMailedIsHandedOver(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.mailFault = errors.New("no smarthost is configured; set AFTERHOURS_SMARTHOST_URL")
	admin := d.signIn(t, "adm", auth.Admin)
	response := d.ask(t, http.MethodPost, "/settings/accounts", form("email", "eve@example.com", "role", "viewer"), "Cookie", admin)
	document := page(t, response)
	wantText(t, document, ".notice", "could not be mailed: no smarthost is configured; set AFTERHOURS_SMARTHOST_URL. Hand this link over yourself")
	wantText(t, document, ".entries", "not mailed: no smarthost is configured")
	link, err := url.Parse(text(document.Find(".notice pre")))
	if err != nil {
		t.Fatal(err)
	}
	wantStatus(t, d.ask(t, http.MethodGet, link.Path, ""), http.StatusOK)
}

func TestWhatIsWrongWithAnInvitationStandsOnThePage(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	admin := d.signIn(t, "adm", auth.Admin)
	for want, pairs := range map[string][]string{
		"Give an address like":             {"email", "nowhere", "name", "Eve", "role", "viewer"},
		"Choose viewer":                    {"email", "eve@example.com", "role", "owner"},
		"There is no person ghost":         {"email", "eve@example.com", "role", "viewer", "person", "ghost"},
		"The account adm is there already": {"email", "ADM@example.com", "role", "viewer"},
	} {
		response := d.ask(t, http.MethodPost, "/settings/accounts", form(pairs...), "Cookie", admin)
		document := page(t, response)
		wantText(t, document, ".complaint", want)
		if value, _ := document.Find("#email").Attr("value"); response.StatusCode/100 != 4 || value != pairs[1] {
			t.Errorf("%s: got %s and %q in the form", want, response.Status, value)
		}
	}
	if len(d.letters) != 0 {
		t.Errorf("mails: got %+v, want none", d.letters)
	}
}
