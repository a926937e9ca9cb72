package web

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/web/auth"
)

// keep applies changes to the sample's configuration and returns their actions.
func (d *desk) keep() *[]string {
	var actions []string
	d.oncall.configuration = func() (oncall.Configuration, error) { return d.sample.configuration, nil }
	d.oncall.apply = func(actor, action string, change func(oncall.Configuration) (oncall.Configuration, error)) error {
		changed, err := change(d.sample.configuration)
		if err == nil {
			d.sample.configuration = changed
			actions = append(actions, action+" by "+actor)
		}
		return err
	}
	return &actions
}

// editing opens an editor and returns what its form would post.
func (d *desk) editing(t *testing.T, cookie, path string) url.Values {
	t.Helper()
	response := d.ask(t, http.MethodGet, path, "", "Cookie", cookie)
	wantStatus(t, response, http.StatusOK)
	posted := url.Values{}
	editor := page(t, response).Find("form.editor")
	editor.Find("input, textarea").Each(func(_ int, input *goquery.Selection) {
		kind, _ := input.Attr("type")
		name, _ := input.Attr("name")
		value, _ := input.Attr("value")
		if goquery.NodeName(input) == "textarea" {
			value = input.Text()
		}
		if _, checked := input.Attr("checked"); name != "" && (kind != "checkbox" || checked) {
			posted.Add(name, value)
		}
	})
	editor.Find("select").Each(func(_ int, input *goquery.Selection) {
		name, _ := input.Attr("name")
		chosen := input.Find("option[selected]")
		if chosen.Length() == 0 {
			chosen = input.Find("option").First()
		}
		value, _ := chosen.Attr("value")
		posted.Add(name, value)
	})
	return posted
}

func TestSavingAnEditorAsItIsChangesNothingOfWeight(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	actions := d.keep()
	cookie := d.signIn(t, "adm", auth.Admin)
	before, err := d.sample.configuration.Export()
	if err != nil {
		t.Fatal(err)
	}
	saved := 0
	for _, section := range oncall.Sections() {
		for at := range d.sample.configuration.Len(section) {
			key := fmt.Sprint(at + 1)
			if s, _ := sectionNamed(section); s.ByID {
				key = d.sample.configuration.ID(section, at)
			}
			path := "/settings/" + section + "/" + key
			response := d.ask(t, http.MethodPost, path, d.editing(t, cookie, path).Encode(), "Cookie", cookie)
			if response.StatusCode != http.StatusSeeOther {
				t.Errorf("%s: got %s: %s", path, response.Status, text(page(t, response).Find(".fault, .complaint")))
			}
			saved++
		}
	}
	after, err := d.sample.configuration.Export()
	if err != nil {
		t.Fatal(err)
	}
	plain := func(yaml []byte) string { // what is the default may be written out
		return strings.NewReplacer("    detail: full\n", "", "    ack_link: confirm\n", "", "    action: page\n", "").Replace(string(yaml))
	}
	if plain(after) != plain(before) {
		t.Errorf("got\n%s\nwant\n%s", after, before)
	}
	if len(*actions) != saved || saved < 8 {
		t.Errorf("got %d changes for %d saved forms", len(*actions), saved)
	}
}

func TestTheEditorTellsFaultsBesideTheirFieldsAndKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	actions := d.keep()
	cookie := d.signIn(t, "adm", auth.Admin)
	posted := d.editing(t, cookie, "/settings/people/ben")
	posted.Set("timezone", "Atlantis/Capital")
	posted.Set("name", "Benjamin")
	posted.Set("notify[0].after", "soon")
	posted.Set("notify[0].contact", "nowhere")
	response := d.ask(t, http.MethodPost, "/settings/people/ben", posted.Encode(), "Cookie", cookie)
	wantStatus(t, response, http.StatusBadRequest)
	shown := page(t, response)
	wantText(t, shown, `[id="fault-notify[0].after"]`, `"soon" is not a duration`)
	if got, _ := shown.Find("#name").Attr("value"); got != "Benjamin" {
		t.Errorf("name: got %q", got)
	}
	posted.Set("notify[0].after", "5m")
	shown = page(t, d.ask(t, http.MethodPost, "/settings/people/ben", posted.Encode(), "Cookie", cookie))
	wantText(t, shown, "#fault-timezone", "There is no time zone")
	wantText(t, shown, `[id="fault-notify[0].contact"]`, `There is no contact "nowhere"`)
	if len(*actions) != 0 {
		t.Errorf("got changes %q", *actions)
	}
}

func TestTheEditorNeverShowsACredentialAndKeepsIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	actions := d.keep()
	d.sample.configuration.People[0].Contacts = []oncall.Contact{
		{ID: "hook", Channel: "webhook", To: "https://hooks.example.com/hush-path", Secret: "whsec_aHVzaA"},
		{ID: "mail", Channel: "email", To: "ana@example.com"},
	}
	cookie := d.signIn(t, "adm", auth.Admin)
	for _, path := range []string{"/settings/people", "/settings/people/ana", "/settings/webhooks", "/settings/webhooks/soc", "/settings/webhooks/soc/deliveries"} {
		body, _ := io.ReadAll(d.ask(t, http.MethodGet, path, "", "Cookie", cookie).Body)
		for _, secret := range []string{"hush-path", "aHVzaA", "path-is-secret", "c2VjcmV0"} {
			if strings.Contains(string(body), secret) {
				t.Errorf("%s shows %q", path, secret)
			}
		}
	}
	posted := d.editing(t, cookie, "/settings/people/ana")
	if posted.Get("contacts[1].to") != "ana@example.com" || posted.Get("contacts[0].to") != "" {
		t.Errorf("shown: got %v", posted)
	}
	posted.Set("name", "Ana Maria")
	wantStatus(t, d.ask(t, http.MethodPost, "/settings/people/ana", posted.Encode(), "Cookie", cookie), http.StatusSeeOther)
	ana := d.sample.configuration.People[0]
	if ana.Name != "Ana Maria" || ana.Contacts[0].To != "https://hooks.example.com/hush-path" || ana.Contacts[0].Secret != "whsec_aHVzaA" {
		t.Errorf("after saving: got %+v", ana)
	}
	posted = d.editing(t, cookie, "/settings/people/ana")
	posted.Set("contacts[0].to", "https://hooks.example.com/new")
	wantStatus(t, d.ask(t, http.MethodPost, "/settings/people/ana", posted.Encode(), "Cookie", cookie), http.StatusSeeOther)
	if got := d.sample.configuration.People[0].Contacts[0]; got.To != "https://hooks.example.com/new" || got.Secret != "whsec_aHVzaA" {
		t.Errorf("with another address: got %+v", got)
	}
	if got := strings.Join(*actions, "; "); got != "person ana changed by adm; person ana changed by adm" {
		t.Errorf("actions: got %q", got)
	}
}

func TestTwoWhoEditAtOnceDoNotOverwriteEachOther(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.keep()
	cookie := d.signIn(t, "adm", auth.Admin)
	first, second := d.editing(t, cookie, "/settings/policies/security"), d.editing(t, cookie, "/settings/policies/security")
	first.Set("repeat", "7")
	wantStatus(t, d.ask(t, http.MethodPost, "/settings/policies/security", first.Encode(), "Cookie", cookie), http.StatusSeeOther)
	second.Set("steps[0].wait", "9m")
	response := d.ask(t, http.MethodPost, "/settings/policies/security", second.Encode(), "Cookie", cookie)
	wantStatus(t, response, http.StatusBadRequest)
	shown := page(t, response)
	wantText(t, shown, ".complaint", "Somebody changed this policy in the meantime")
	if got, _ := shown.Find(`[name="steps[0].wait"]`).Attr("value"); got != "9m" {
		t.Errorf("what was typed: got %q", got)
	}
	if policy := d.sample.configuration.Policies[0]; policy.Repeat != 7 {
		t.Errorf("got %+v", policy)
	}
}

func TestEntriesAreAddedMovedAndRemoved(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	actions := d.keep()
	cookie := d.signIn(t, "adm", auth.Admin)
	post := func(path string, pairs ...string) *http.Response {
		return d.ask(t, http.MethodPost, path, form(pairs...), "Cookie", cookie)
	}
	wantStatus(t, post("/settings/routes/@new", "match.severity[]", "low", "action", "record"), http.StatusSeeOther)
	wantStatus(t, post("/settings/routes/@new", "match.title[]", "*eDiscovery*\r\n*Audit*", "policy", "strict", "runbook", "https://wiki.example.com/x"), http.StatusSeeOther)
	wantStatus(t, post("/settings/routes/2/move", "direction", "up"), http.StatusSeeOther)
	routes := d.sample.configuration.Routes
	if len(routes) != 2 || routes[0].Policy != "strict" || strings.Join(routes[0].Match.Title, "+") != "*eDiscovery*+*Audit*" || routes[1].Action != oncall.ActionRecord {
		t.Errorf("routes: got %+v", routes)
	}
	wantStatus(t, post("/settings/routes/1/remove"), http.StatusSeeOther)
	wantStatus(t, post("/settings/routes/2/remove"), http.StatusNotFound)
	response := post("/settings/people/ana/remove")
	wantStatus(t, response, http.StatusConflict)
	wantText(t, page(t, response), "main", "still needed")
	if len(d.sample.configuration.People) != 3 || len(d.sample.configuration.Routes) != 1 {
		t.Errorf("got %+v", d.sample.configuration)
	}
	if got := len(*actions); got != 4 {
		t.Errorf("actions: got %q", *actions)
	}
	for _, path := range []string{"/settings/nothing", "/settings/nothing/x", "/settings/people/nobody", "/settings/routes/0", "/settings/routes/x"} {
		if got := d.ask(t, http.MethodGet, path, "", "Cookie", cookie); got.StatusCode != http.StatusNotFound {
			t.Errorf("%s: got %s", path, got.Status)
		}
	}
}

func TestTheWeekIsShownWithoutSaving(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	actions := d.keep()
	cookie := d.signIn(t, "adm", auth.Admin)
	posted := d.editing(t, cookie, "/settings/schedules/primary")
	posted["layers[0].people[]"] = []string{"chi"}
	posted.Set("_preview", "1")
	response := d.ask(t, http.MethodPost, "/settings/schedules/primary", posted.Encode(), "Cookie", cookie)
	wantStatus(t, response, http.StatusOK)
	shown := page(t, response)
	wantText(t, shown, ".schedule", "Chi Nguyen is on call")
	if strings.Contains(text(shown.Find(".schedule")), "Ana Ruiz") || len(*actions) != 0 {
		t.Errorf("got %q and changes %q", text(shown.Find(".schedule")), *actions)
	}
}

func TestMutingFromATicketStandsInTheConfigurationAndOnTheTimeline(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	calls := d.letAct()
	actions := d.keep()
	cookie := d.signIn(t, "ana", auth.Responder)
	post := func(pairs ...string) *http.Response {
		return d.ask(t, http.MethodPost, "/tickets/1042/mute", form(pairs...), "Cookie", cookie)
	}
	for _, wrong := range [][]string{
		{"title", "*", "hours", "4", "reason", "x"}, {"title", "Noise", "hours", "4", "reason", " "}, {"title", "Noise", "hours", "9999", "reason", "x"},
	} {
		response := post(wrong...)
		wantStatus(t, response, http.StatusBadRequest)
		if got, _ := page(t, response).Find("#mute-title").Attr("value"); got != wrong[1] {
			t.Errorf("what was typed: got %q", got)
		}
	}
	wantStatus(t, post("title", "Noise*", "device", "ws-*", "hours", "4", "reason", "a known test"), http.StatusSeeOther)
	mutes := d.sample.configuration.Mutes
	if len(mutes) != 1 || mutes[0].Match.Title[0] != "Noise*" || mutes[0].Match.Device[0] != "ws-*" || !mutes[0].Until.Equal(d.now.Add(4*time.Hour)) || mutes[0].Reason != "a known test" {
		t.Errorf("mutes: got %+v", mutes)
	}
	if got := strings.Join(*actions, ";"); got != "muted from ticket #1042 by ana" {
		t.Errorf("actions: got %q", got)
	}
	if got := strings.Join(*calls, ";"); !strings.Contains(got, "note Muted tickets like this one until 24 Nov 2026 06:15 UTC: a known test 1042 ana") {
		t.Errorf("calls: got %q", got)
	}
}

func TestAResponderTakesASpanAndAnAdministratorGivesOne(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.keep()
	ben, adm := d.signIn(t, "ben", auth.Responder), d.signIn(t, "adm", auth.Admin)
	post := func(cookie, path string, pairs ...string) *http.Response {
		return d.ask(t, http.MethodPost, "/oncall/primary/overrides"+path, form(pairs...), "Cookie", cookie)
	}
	span := []string{"start", "2026-11-25T09:00", "end", "2026-11-26T09:00"}
	wantStatus(t, post(ben, "", append(span, "person", "ana")...), http.StatusForbidden)
	var asked []string
	d.oncall.settle = func(what string, request oncall.ShiftRequest) error {
		asked = append(asked, fmt.Sprint(what, " for that of ", request.Giver, " from ", request.Start.UTC().Format(time.RFC3339)))
		return nil
	}
	response := post(ben, "", append(span, "person", "ben")...)
	wantStatus(t, response, http.StatusSeeOther)
	if got := response.Header.Get("Location"); got != "/oncall/requests?done=asked" || !slices.Equal(asked, []string{"ask by ben for that of ana from 2026-11-25T08:00:00Z"}) {
		t.Errorf("somebody else's shift: got %s, %q", got, asked)
	}
	wantStatus(t, post(ben, "", "person", "ben", "start", "2026-11-26T09:00", "end", "2026-11-27T09:00"), http.StatusSeeOther)
	wantStatus(t, post(adm, "", append(span, "person", "chi")...), http.StatusSeeOther)
	response = post(adm, "", "person", "ana", "start", "2026-11-27T09:00", "end", "2026-11-26T09:00")
	wantStatus(t, response, http.StatusBadRequest)
	wantText(t, page(t, response), ".complaint", "ends before it starts")
	wantStatus(t, post(adm, "", "person", "ana", "start", "tomorrow", "end", ""), http.StatusBadRequest)
	if got := d.sample.configuration.Schedules[0].Overrides; len(got) != 2 || got[0].Person != "ben" || got[1].Person != "chi" {
		t.Fatalf("overrides: got %+v", got)
	}
	wantStatus(t, post(ben, "/remove", "override", "chi 2026-11-25T09:00 2026-11-26T09:00"), http.StatusConflict)
	wantStatus(t, post(ben, "/remove", "override", "ben 2026-11-26T09:00 2026-11-27T09:00"), http.StatusSeeOther)
	wantStatus(t, post(adm, "", "person", "ben", "start", "2026-11-28T09:00", "end", "2026-11-29T09:00"), http.StatusSeeOther) // of Ana
	response = post(ben, "/remove", "override", "ben 2026-11-28T09:00 2026-11-29T09:00")
	wantStatus(t, response, http.StatusConflict)
	wantText(t, page(t, response), ".complaint", "Somebody else would be on call again from Sat 28 Nov 09:00 CET")
	wantStatus(t, post(adm, "/remove", "override", "ben 2026-11-28T09:00 2026-11-29T09:00"), http.StatusSeeOther)
	if got := d.sample.configuration.Schedules[0].Overrides; len(got) != 1 || got[0].Person != "chi" {
		t.Errorf("after removing: got %+v", got)
	}
}

func TestWhatAMailWouldDo(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "vic", auth.Viewer)
	response := d.ask(t, http.MethodPost, "/oncall/simulate", form("mail", "Subject: x\n\nRansomware", "at", "2026-11-24T12:00"), "Cookie", cookie)
	wantStatus(t, response, http.StatusOK)
	shown := page(t, response)
	wantText(t, shown, ".simulated dl", "Ransomware")
	wantText(t, shown, ".simulated", "no route matches, so the first policy takes it → policy security")
	wantText(t, shown, ".simulated tbody tr:nth-child(2)", "after 5m Tue 24 Nov 12:05Ben Okaformail emailstep 2")
	wantStatus(t, d.ask(t, http.MethodPost, "/oncall/simulate", form("at", "noon"), "Cookie", cookie), http.StatusBadRequest)
}

func TestTokensAreShownOnceAndCanBeRevoked(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "adm", auth.Admin)
	response := d.ask(t, http.MethodPost, "/settings/tokens", form("name", "siem", "role", "viewer", "days", "30"), "Cookie", cookie)
	wantStatus(t, response, http.StatusOK)
	token := text(page(t, response).Find(".notice pre"))
	if status, _ := d.apiCall(t, token, http.MethodGet, "/tickets", ""); status != http.StatusOK {
		t.Errorf("the new token: got %d", status)
	}
	wantStatus(t, d.ask(t, http.MethodPost, "/settings/tokens", form("name", "siem", "role", "viewer"), "Cookie", cookie), http.StatusConflict)
	wantStatus(t, d.ask(t, http.MethodPost, "/settings/tokens", form("name", "a b", "role", "viewer"), "Cookie", cookie), http.StatusBadRequest)
	shown := page(t, d.ask(t, http.MethodGet, "/settings/tokens", "", "Cookie", cookie))
	if strings.Contains(shown.Text(), token) {
		t.Error("the token is shown again")
	}
	wantStatus(t, d.ask(t, http.MethodPost, "/settings/tokens/siem/revoke", "", "Cookie", cookie), http.StatusSeeOther)
	if status, _ := d.apiCall(t, token, http.MethodGet, "/tickets", ""); status != http.StatusUnauthorized {
		t.Errorf("the revoked token: got %d", status)
	}
}

func TestAccountsAreInvitedChangedAndDisabled(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "adm", auth.Admin)
	post := func(path string, pairs ...string) *http.Response {
		return d.ask(t, http.MethodPost, "/settings/accounts"+path, form(pairs...), "Cookie", cookie)
	}
	eve := d.ask(t, http.MethodPost, d.invite(t, cookie, "name", "Eve", "email", "eve@example.com", "role", "viewer"), form("name", "Eve", "password", password))
	wantStatus(t, eve, http.StatusSeeOther)
	theirs := eve.Cookies()[0].Name + "=" + eve.Cookies()[0].Value
	wantStatus(t, d.ask(t, http.MethodPost, "/tickets/1042/notes", form("text", "x"), "Cookie", theirs), http.StatusForbidden)
	wantStatus(t, post("/eve/change", "what", "role", "role", "responder"), http.StatusSeeOther)
	d.letAct()
	wantStatus(t, d.ask(t, http.MethodPost, "/tickets/1042/notes", form("text", "x"), "Cookie", theirs), http.StatusSeeOther)
	wantStatus(t, post("/eve/change", "what", "disable"), http.StatusSeeOther)
	if got := d.ask(t, http.MethodGet, "/tickets", "", "Cookie", theirs).Header.Get("Location"); !strings.HasPrefix(got, "/login") {
		t.Errorf("disabled: sent to %q", got)
	}
	wantStatus(t, post("/eve/change", "what", "enable"), http.StatusSeeOther)
	if got := d.ask(t, http.MethodGet, "/tickets", "", "Cookie", theirs).Header.Get("Location"); !strings.HasPrefix(got, "/login") {
		t.Errorf("enabled again: the old session came back, sent to %q", got)
	}
	wantStatus(t, post("/adm/change", "what", "disable"), http.StatusConflict)
	wantStatus(t, post("/ghost/change", "what", "disable"), http.StatusConflict)
	wantStatus(t, post("", "name", "Eve", "email", "eve@example.com", "role", "viewer"), http.StatusConflict)
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first, second, other := d.signIn(t, "ben", auth.Viewer), d.signIn(t, "ben", auth.Viewer), d.signIn(t, "eve", auth.Viewer)
	shown := page(t, d.ask(t, http.MethodGet, "/sessions", "", "Cookie", first, "User-Agent", "Firefox"))
	if got := shown.Find("tbody tr").Length(); got != 2 {
		t.Errorf("got %d sessions, want one's own two", got)
	}
	path := ""
	shown.Find("tbody tr").Each(func(_ int, row *goquery.Selection) {
		if row.Find(".pill").Length() == 0 {
			path, _ = row.Find("form").Attr("action")
		}
	})
	wantStatus(t, d.ask(t, http.MethodPost, path, "", "Cookie", other), http.StatusSeeOther)
	wantStatus(t, d.ask(t, http.MethodGet, "/tickets", "", "Cookie", second), http.StatusOK) // somebody else cannot end it
	wantStatus(t, d.ask(t, http.MethodPost, path, "", "Cookie", first), http.StatusSeeOther)
	if got := d.ask(t, http.MethodGet, "/tickets", "", "Cookie", second).Header.Get("Location"); !strings.HasPrefix(got, "/login") {
		t.Errorf("an ended session: sent to %q", got)
	}
	wantStatus(t, d.ask(t, http.MethodGet, "/tickets", "", "Cookie", first), http.StatusOK)
}

func TestDeliveriesAreListedAndSentAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	calls := d.letAct()
	d.oncall.deliveries = []oncall.Page{{ID: 7, Type: "ticket.created", Ticket: 1042, State: oncall.PageFailed, LastError: "https://soc.example.com answered 500"}}
	d.sample.configuration = d.sample.configuration.Disable("soc", "it answered 410 Gone")
	cookie := d.signIn(t, "adm", auth.Admin)
	shown := page(t, d.ask(t, http.MethodGet, "/settings/webhooks/soc/deliveries", "", "Cookie", cookie))
	wantText(t, shown, ".letters li", "ticket.created #1042 failed")
	wantText(t, shown, ".complaint", "disabled: it answered 410 Gone")
	wantStatus(t, d.ask(t, http.MethodPost, "/settings/webhooks/soc/deliveries/7/again", "", "Cookie", cookie), http.StatusSeeOther)
	wantStatus(t, d.ask(t, http.MethodPost, "/settings/webhooks/soc/enable", "", "Cookie", cookie), http.StatusSeeOther)
	if got := strings.Join(*calls, "; "); got != "redeliver soc 7; enable soc adm" {
		t.Errorf("calls: got %q", got)
	}
	d.oncall.changed = func(string) error { return &tickets.ConflictError{Reason: "this delivery is still under way"} }
	wantStatus(t, d.ask(t, http.MethodPost, "/settings/webhooks/soc/deliveries/7/again", "", "Cookie", cookie), http.StatusConflict)
}

func TestAMaintenanceThatIsOnStandsOnEveryPage(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.keep()
	cookie := d.signIn(t, "adm", auth.Admin)
	look := func(path string) *goquery.Document {
		t.Helper()
		response := d.ask(t, http.MethodGet, path, "", "Cookie", cookie)
		wantStatus(t, response, http.StatusOK)
		return page(t, response)
	}
	if got := text(look("/tickets").Find(".banner.maintenance")); got != "" {
		t.Errorf("before it began: got %q", got)
	}
	d.now = time.Date(2026, 11, 30, 20, 30, 0, 0, time.UTC)
	for _, path := range []string{"/tickets", "/oncall", "/settings/people", "/tickets/1042"} {
		wantText(t, look(path), ".banner.maintenance", "Maintenance patching until 22:00 (in 1 h): device lab-* pages nobody; what is High, or could not be read, and still open at its end pages then. Patches.")
	}
	wantText(t, look("/settings/maintenance"), ".entries", "on now, ends in 1 h")
	posted := d.editing(t, cookie, "/settings/maintenance/patching")
	posted.Set("end", "2026-12-09T22:00")
	refused := d.ask(t, http.MethodPost, "/settings/maintenance/patching", posted.Encode(), "Cookie", cookie)
	wantStatus(t, refused, http.StatusBadRequest)
	wantText(t, page(t, refused), ".fault", "longer than 7 days")
	d.now = d.now.Add(3 * time.Hour)
	if got := text(look("/tickets").Find(".banner.maintenance")); got != "" {
		t.Errorf("after its end: got %q", got)
	}
}
