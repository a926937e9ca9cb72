package web

import (
	"net/http"
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/web/auth"
)

func TestAPersonsLoadIsShownToThatPersonAndToOthersOnlyWhereItIsSwitchedOn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.keep()
	d.oncall.loads = map[string]oncall.LoadFacts{"ana": {
		Paged: []time.Time{d.now.Add(-time.Hour), d.now.Add(-15 * time.Hour), d.now.AddDate(0, 0, -8)},
		Acks:  []oncall.LoadAck{{At: d.now.Add(-time.Hour), Took: 95 * time.Second}},
	}}
	ana, admin := d.signIn(t, "ana", auth.Responder), d.signIn(t, "adm", auth.Admin)
	shown := page(t, d.ask(t, http.MethodGet, "/people/ana/load", "", "Cookie", admin))
	wantText(t, shown, ".help", "Everybody who can sign in sees this")
	wantText(t, shown, "section:nth-of-type(1) tbody tr:nth-child(1)", "23 Nov 20262111m35s")
	wantText(t, shown, "section:nth-of-type(1) tbody tr:nth-child(2)", "16 Nov 2026110—")
	wantText(t, shown, "section:nth-of-type(2) tbody tr:nth-child(1)", "November 20263211m35s")
	if got := shown.Find("svg.plot g").Length(); got != loadWeeks+loadMonths {
		t.Errorf("got %d bars", got)
	}
	team := page(t, d.ask(t, http.MethodGet, "/oncall/load", "", "Cookie", admin))
	wantText(t, team, "tbody tr:nth-child(1)", "Ana Ruiz21321m35s")

	d.sample.configuration.Load = oncall.Load{}
	wantStatus(t, d.ask(t, http.MethodGet, "/people/ana/load", "", "Cookie", admin), http.StatusForbidden)
	team = page(t, d.ask(t, http.MethodGet, "/oncall/load", "", "Cookie", admin))
	if team.Find("table").Length() != 0 {
		t.Error("the team's load is shown, though nobody switched it on")
	}
	own := d.ask(t, http.MethodGet, "/people/ana/load", "", "Cookie", ana)
	wantStatus(t, own, http.StatusOK)
	wantText(t, page(t, own), ".help", "Only you see this")
}
