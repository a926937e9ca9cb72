package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/web/auth"
)

func TestAPersonTestsAndVerifiesTheirOwnContactsAlone(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	configuration, err := d.oncall.configuration()
	if err != nil {
		t.Fatal(err)
	}
	mine, theirs := configuration.People[0], configuration.People[1]
	contact := mine.EffectiveContacts()[0]
	calls := d.letAct()
	sent := d.now.Add(-time.Minute)
	after := sent.Add(1500 * time.Millisecond)
	d.oncall.deliveries = []oncall.Page{{ID: 7, Type: oncall.TestType, Person: mine.ID, Channel: "email", State: oncall.PageSent, CreatedAt: sent, SentAt: &after, Attempts: 1}}
	d.oncall.verifications = map[string]map[string]oncall.Verification{mine.ID: {contact.ID: {SentAt: sent}}}
	cookie := d.signIn(t, mine.ID, auth.Viewer)
	shown := page(t, d.ask(t, http.MethodGet, "/people/"+mine.ID, "", "Cookie", cookie))
	wantText(t, shown, ".contacts", "not verified")
	wantText(t, shown, ".contacts form[action$='/verify']", "Verify")
	wantText(t, shown, "tbody tr", "1.5s")
	wantText(t, shown, "form.who", "My contacts")
	base := "/people/" + mine.ID + "/contacts/" + contact.ID
	for path, body := range map[string]string{"/test": "", "/code": "", "/verify": form("code", "123456")} {
		wantStatus(t, d.ask(t, http.MethodPost, base+path, body, "Cookie", cookie), http.StatusSeeOther)
	}
	said := strings.Join(*calls, "; ")
	for _, want := range []string{"test " + mine.ID + " " + contact.ID, "code " + mine.ID, "verify " + mine.ID + " " + contact.ID + " 123456"} {
		if !strings.Contains(said, want) {
			t.Errorf("calls: got %q, want %q", said, want)
		}
	}
	wantStatus(t, d.ask(t, http.MethodGet, "/people/"+theirs.ID, "", "Cookie", cookie), http.StatusForbidden)
	wantStatus(t, d.ask(t, http.MethodPost, "/people/"+theirs.ID+"/contacts/email/test", "", "Cookie", cookie), http.StatusForbidden)
	admin := d.signIn(t, "adm", auth.Admin)
	wantStatus(t, d.ask(t, http.MethodGet, "/people/"+theirs.ID, "", "Cookie", admin), http.StatusOK)
	wantStatus(t, d.ask(t, http.MethodGet, "/people/nobody", "", "Cookie", admin), http.StatusNotFound)
}
