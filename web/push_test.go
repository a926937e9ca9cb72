package web

import (
	"encoding/json"
	"fmt"
	"image/png"
	"net/http"
	"strings"
	"testing"

	"afterhours/oncall"
	"afterhours/web/auth"
)

// applying keeps what an action makes of the configuration.
func (d *desk) applying() *oncall.Configuration {
	var changed oncall.Configuration
	d.oncall.apply = func(_, _ string, change func(oncall.Configuration) (oncall.Configuration, error)) error {
		current, err := d.oncall.configuration()
		if err == nil {
			changed, err = change(current)
		}
		return err
	}
	return &changed
}

func TestADeviceBecomesAContactOfWhoeverIsSignedIn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie, changed := d.signIn(t, "ana", auth.Responder), d.applying()
	subscription := form("endpoint", "https://push.example/abc", "p256dh", "BKey", "auth", "hush")
	wantStatus(t, d.ask(t, http.MethodPost, "/push/devices", subscription, "Cookie", cookie), http.StatusOK)
	ana, _ := changed.Person("ana")
	if len(ana.Contacts) != 2 || ana.Contacts[0].Channel != "email" || ana.Contacts[1].To != "https://push.example/abc" || ana.Contacts[1].Secret != `{"auth":"hush","p256dh":"BKey"}` {
		t.Fatalf("got %+v, want her mail address and the device", ana.Contacts)
	}
	if ben, _ := changed.Person("ben"); len(ben.Contacts) != 0 {
		t.Errorf("Ben: got %+v", ben.Contacts)
	}
	configuration := *changed
	d.oncall.configuration = func() (oncall.Configuration, error) { return configuration, nil }
	shown := d.ask(t, http.MethodGet, "/push", "", "Cookie", cookie)
	policy := shown.Header.Get("Content-Security-Policy")
	document := page(t, shown)
	wantText(t, document, "tbody", "https://push.example/…")
	if strings.Contains(text(document.Selection), "abc") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "script-src 'self'") {
		t.Errorf("the page shows the endpoint, or its policy is %q", policy)
	}
	if document.Find("#allow[data-key='BPublic']").Length() != 1 || document.Find("script[src^='/static/push.']").Length() != 1 || document.Find("link[rel=manifest]").Length() != 1 {
		t.Error("the page lacks its button, its script or its manifest")
	}
	response := d.ask(t, http.MethodPost, "/push/devices/remove", form("device", ana.Contacts[1].ID), "Cookie", cookie)
	wantStatus(t, response, http.StatusSeeOther)
	if ana, _ := changed.Person("ana"); len(ana.Contacts) != 1 || ana.Contacts[0].Channel != "email" {
		t.Errorf("removed: got %+v", ana.Contacts)
	}
}

func TestARuleIsAddedWhereRulesDecide(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sample.configuration.People[0].Contacts = []oncall.Contact{{ID: "mail", Channel: "email", To: "ana@example.com"}}
	d.sample.configuration.People[0].Notify = []oncall.Rule{{Contact: "mail"}}
	configuration := d.sample.configuration
	d.oncall.configuration = func() (oncall.Configuration, error) { return configuration, nil }
	cookie, changed := d.signIn(t, "ana", auth.Viewer), d.applying()
	wantStatus(t, d.ask(t, http.MethodPost, "/push/devices", form("endpoint", "https://push.example/abc"), "Cookie", cookie), http.StatusOK)
	ana, _ := changed.Person("ana")
	if len(ana.Notify) != 2 || ana.Notify[1].Contact != ana.Contacts[1].ID {
		t.Errorf("got %+v, want a rule for the device", ana.Notify)
	}
	if len(configuration.People[0].Notify) != 1 {
		t.Error("what was in force was changed in place")
	}
}

func TestWhoIsNobodyCannotRingADevice(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.applying()
	cookie := d.signIn(t, "stranger", auth.Admin)
	wantStatus(t, d.ask(t, http.MethodPost, "/push/devices", form("endpoint", "https://push.example/abc"), "Cookie", cookie), http.StatusConflict)
	wantText(t, page(t, d.ask(t, http.MethodGet, "/push", "", "Cookie", cookie)), ".complaint", "nobody who can be paged")
}

func TestTheWorkerStandsAtTheRoot(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for path, kind := range map[string]string{"/worker.js": "text/javascript", "/afterhours.webmanifest": "application/manifest+json"} {
		response := d.ask(t, http.MethodGet, path, "")
		wantStatus(t, response, http.StatusOK)
		if got := response.Header.Get("Content-Type"); !strings.HasPrefix(got, kind) {
			t.Errorf("%s: got %q", path, got)
		}
	}
	var manifest struct {
		Icons []struct {
			Source string `json:"src"`
			Sizes  string
			Type   string
		}
	}
	if err := json.NewDecoder(d.ask(t, http.MethodGet, "/afterhours.webmanifest", "").Body).Decode(&manifest); err != nil || len(manifest.Icons) < 3 {
		t.Fatalf("got %d icons, %v", len(manifest.Icons), err)
	}
	for _, icon := range manifest.Icons {
		response := d.ask(t, http.MethodGet, icon.Source, "")
		if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != icon.Type {
			t.Errorf("%s: got %s of %q", icon.Source, response.Status, response.Header.Get("Content-Type"))
			continue
		}
		if measures, err := png.DecodeConfig(response.Body); icon.Type == "image/png" && (err != nil || fmt.Sprintf("%dx%d", measures.Width, measures.Height) != icon.Sizes) {
			t.Errorf("%s: got %dx%d, %v, want %s", icon.Source, measures.Width, measures.Height, err, icon.Sizes)
		}
	}
}
