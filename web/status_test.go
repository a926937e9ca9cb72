package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"afterhours/web/auth"
)

func TestTheStatusPageSaysWhatIsNotWell(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	wantStatus(t, d.ask(t, http.MethodGet, "/status", ""), http.StatusSeeOther) // to the sign-in
	response := d.ask(t, http.MethodGet, "/status", "", "Cookie", d.signIn(t, "vic", auth.Viewer))
	wantStatus(t, response, http.StatusOK)
	document := page(t, response)
	wantText(t, document, "h1", "Status")
	for _, want := range []string{"Not everything is well", "has not run for 3m", "gw1:25", "v0.1.0"} {
		if !strings.Contains(document.Find("main").Text(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if got := document.Find("footer a[href='/status']").Length(); got != 1 {
		t.Errorf("got %d links in the footer, want one", got)
	}
}

func TestTheStatusPageAnswersWithoutSignInWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Ready = func(context.Context) error { return errors.New("the database cannot be reached") }
	d.pool.Close()
	response := d.ask(t, http.MethodGet, "/status", "")
	wantStatus(t, response, http.StatusServiceUnavailable)
	document := page(t, response)
	wantText(t, document, "h1", "The database is away")
	if text := document.Text(); strings.Contains(text, "gw1") || !strings.Contains(text, "Mail cannot be taken") {
		t.Errorf("got %q, want the intake alone", text)
	}
}
