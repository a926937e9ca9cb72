package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/web/auth"
)

func TestRetentionIsEditedBySeverityAndFaultsStandBesideTheirFields(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	actions := d.keep()
	cookie := d.signIn(t, "adm", auth.Admin)
	const path = "/settings/retention"
	const day = oncall.Duration(24 * time.Hour)
	d.sample.configuration.Retention = oncall.Retention{Tickets: 730 * day}
	posted := d.editing(t, cookie, path)
	if posted.Get("tickets") != "730d" {
		t.Fatalf("got the form %v, want what is in force", posted)
	}
	posted.Set("severities.high.tickets", "0s")
	posted.Set("severities.low.unresolved", "1d")
	response := d.ask(t, http.MethodPost, path, posted.Encode(), "Cookie", cookie)
	wantStatus(t, response, http.StatusBadRequest)
	faulty := page(t, response)
	if got := faulty.Find(".fault").Text(); !strings.Contains(got, "1d is too short") || faulty.Find(`[name="severities.low.unresolved"][aria-invalid]`).Length() != 1 || len(*actions) != 0 {
		t.Fatalf("got the fault %q and %v", got, *actions)
	}
	posted.Set("severities.low.unresolved", "90d")
	response = d.ask(t, http.MethodPost, path, posted.Encode(), "Cookie", cookie)
	wantStatus(t, response, http.StatusSeeOther)
	got := d.sample.configuration.Retention
	if got.Tickets != 730*day || got.Severities.High.Tickets == nil || *got.Severities.High.Tickets != 0 || got.Severities.Low.Unresolved == nil || *got.Severities.Low.Unresolved != 90*day || got.Severities.Low.Tickets != nil {
		t.Errorf("got %+v", got)
	}
	if len(*actions) != 1 || (*actions)[0] != "retention changed by adm" {
		t.Errorf("got %v, want the change in the audit log", *actions)
	}

	response = d.ask(t, http.MethodPost, path, posted.Encode(), "Cookie", cookie) // it was shown before the change
	wantStatus(t, response, http.StatusBadRequest)
	wantText(t, page(t, response), ".complaint", "Somebody changed this in the meantime")

	empty := d.editing(t, cookie, path)
	for name := range empty {
		if !strings.HasPrefix(name, "_") {
			empty.Del(name)
		}
	}
	wantStatus(t, d.ask(t, http.MethodPost, path, empty.Encode(), "Cookie", cookie), http.StatusSeeOther)
	if got := d.sample.configuration.Retention; got != (oncall.Retention{}) {
		t.Errorf("an empty form: got %+v, want everything for ever", got)
	}
}
