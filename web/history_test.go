package web

import (
	"net/http"
	"strings"
	"testing"

	"afterhours/web/auth"
)

func TestTheHistoryOfAScheduleIsReadNewestFirstByFourWeeks(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "who", auth.Viewer)
	document := page(t, d.ask(t, http.MethodGet, "/oncall/primary/history", "", "Cookie", cookie))
	wantText(t, document, "h1", "Who was on call in primary")
	rows := document.Find("tbody tr")
	if rows.Length() != 29 {
		t.Errorf("got %d shifts, want those of four weeks with the cut ones", rows.Length())
	}
	wantText(t, document, "tbody tr:first-child td:nth-child(3)", "Tue 24 Nov 03:15")
	wantText(t, document, "tbody tr:nth-child(28)", "reconstructed")
	older, _ := document.Find("a[rel=next]").Attr("href")
	if !strings.HasPrefix(older, "/oncall/primary/history?to=2026-10-27T02") || document.Find("a[rel=prev]").Length() != 0 {
		t.Errorf("older: got %q", older)
	}
	document = page(t, d.ask(t, http.MethodGet, older, "", "Cookie", cookie))
	wantText(t, document, "a[rel=prev]", "Newer")
	wantStatus(t, d.ask(t, http.MethodGet, "/oncall/none/history", "", "Cookie", cookie), http.StatusNotFound)
	wantStatus(t, d.ask(t, http.MethodGet, "/oncall/primary/history?to=x", "", "Cookie", cookie), http.StatusBadRequest)
}
