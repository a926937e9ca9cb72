package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"afterhours/oncall"
)

const newSecret = "another secret key for tests, as long as the first"

// withKeys wires the rooms with a key and the one before.
func (w *watchers) withKeys(t *testing.T, key, former string) {
	t.Helper()
	s, err := testSettings("postgres://unused").complete()
	if err != nil {
		t.Fatal(err)
	}
	s.SecretKey, s.FormerKey = key, former
	w.rooms, err = wire(s, w.db, "https://afterhours.test.example", newLog(s, logWriter{t}), func() time.Time { return w.now })
	if err != nil {
		t.Fatal(err)
	}
}

func TestAfterARotationOldLinksAndNewCredentialsHold(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	w := newWatchers(t, team(h, h, "1h")+`
webhooks:
  - {id: soc, url: "https://soc.example.com/in", secret: "`+signingSecret+`", events: [ticket.created]}
tenants:
  - {id: contoso, tenant_id: 0a1b2c3d-1111-4222-8333-444455556666, client_id: 0a1b2c3d-1111-4222-8333-444455556667, client_secret: "the tenant's secret"}
`)
	old := w.replies.Links
	reads := func(when string, want bool) {
		t.Helper()
		configuration, err := w.oncall.Configuration(t.Context())
		if got := err == nil && configuration.Tenants[0].ClientSecret == "the tenant's secret" && configuration.Webhooks[0].Secret == signingSecret; got != want {
			t.Errorf("%s: credentials are read: %v, %v, want %v", when, got, err, want)
		}
	}
	w.withKeys(t, newSecret, "")
	reads("with another key alone", false)
	w.withKeys(t, newSecret, testSecret)
	reads("with both keys", true)
	links := w.replies.Links
	if page, ok := links.ReplyPage(old.ReplyAddress(7)); !ok || page != 7 || !links.IsLoopMark(old.LoopMark()) || !links.AcceptsReply(links.ReplyAddress(7)) {
		t.Errorf("what was sent before is not known: %d, %v", page, ok)
	}
	if page, ok := links.CallbackPage(old.CallbackToken(9)); !ok || page != 9 {
		t.Errorf("a provider's call of before is not known: %d, %v", page, ok)
	}
	changed, err := w.oncall.Reseal(t.Context())
	if err != nil || changed != 5 { // two people, the webhook, the tenant, and the change that brought them
		t.Errorf("sealed anew: got %d, %v, want 5", changed, err)
	}
	if changed, err = w.oncall.Reseal(t.Context()); err != nil || changed != 0 {
		t.Errorf("sealed anew, again: got %d, %v, want 0", changed, err)
	}
	w.withKeys(t, newSecret, "")
	reads("with the new key alone", true)
	if _, ok := w.replies.Links.ReplyPage(old.ReplyAddress(7)); ok {
		t.Error("what was sent before is known without the former key")
	}
	w.withKeys(t, testSecret, "")
	reads("with the former key alone", false)
}

func TestAPageThatWaitedThroughARotationIsFoundByItsLink(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	w := newWatchers(t, team(h, h, "1h"))
	if _, err := w.oncall.WatchSelfTest(t.Context(), oncall.SelfTestPlan{Every: 24 * time.Hour, Within: 5 * time.Minute}, w.now); err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.pool.Exec(t.Context(), `UPDATE self_test SET arrived_at = NULL, waited = '1 hour'`); err != nil {
		t.Fatal(err)
	}
	if _, err := w.oncall.WatchSelfTest(t.Context(), oncall.SelfTestPlan{Every: 24 * time.Hour, Within: 5 * time.Minute}, w.now); err != nil {
		t.Fatal(err)
	}
	w.withKeys(t, newSecret, testSecret)
	var id int64
	if err := w.db.pool.QueryRow(t.Context(), `SELECT id FROM pages WHERE type = 'page' AND person = 'ana'`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	dispatch, ok, err := w.oncall.ClaimPage(t.Context(), id)
	if err != nil || !ok {
		t.Fatalf("claim: %v, %v", ok, err)
	}
	message, err := oncall.Compose(dispatch, w.replies.Links)
	if err != nil {
		t.Fatal(err)
	}
	token := message.Link[strings.LastIndex(message.Link, "/")+1:]
	if invitation, err := w.oncall.Invitation(t.Context(), token); err != nil || invitation.Page != id {
		t.Errorf("got %+v, %v, want page %d", invitation, err, id)
	}
}

// TestARotationOfTheKeyFileGoesOnWhereItWasCutOff stops it at each of its steps.
func TestARotationOfTheKeyFileGoesOnWhereItWasCutOff(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]func(t *testing.T, dir string){
		"not cut off":               func(*testing.T, string) {},
		"after the former was kept": func(t *testing.T, dir string) { link(t, dir, "secret.key", formerKeyFile) },
		"before the new one counted": func(t *testing.T, dir string) {
			link(t, dir, "secret.key", formerKeyFile)
			if err := generateKey(filepath.Join(dir, "secret.key.next")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			before, err := loadSecret(settings{DataDir: dir})
			if err != nil {
				t.Fatal(err)
			}
			cut(t, dir)
			if err := rotateKeyFile(dir); err != nil {
				t.Fatal(err)
			}
			after, err := loadSecret(settings{DataDir: dir})
			if err != nil || string(after.former) != string(before.key) || string(after.key) == string(before.key) {
				t.Fatalf("got %d and %d octets, %v, want a new key beside the former", len(after.key), len(after.former), err)
			}
			if err := rotateKeyFile(dir); err != nil {
				t.Fatal(err)
			}
			again, err := loadSecret(settings{DataDir: dir})
			if err != nil || string(again.key) != string(after.key) {
				t.Errorf("run again, it made another key: %v", err)
			}
		})
	}
}

func link(t *testing.T, dir, from, to string) {
	t.Helper()
	if err := os.Link(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
		t.Fatal(err)
	}
}
