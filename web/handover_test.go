package web

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/web/auth"
)

func TestAHandOverNoteStandsWhereWhoeverComesLooks(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ana := d.signIn(t, "ana", auth.Responder)
	calls := d.letAct()
	document := page(t, d.ask(t, http.MethodGet, "/oncall", "", "Cookie", ana))
	if document.Find(".handnote").Length() != 0 {
		t.Error("got a note where there is none")
	}
	d.oncall.notes = []oncall.HandoverNote{{ID: 3, Schedule: "primary", Author: "ben", At: d.now.Add(-20 * time.Hour), Text: "Watch <b>srv</b>\nand the proxy."}}
	document = page(t, d.ask(t, http.MethodGet, "/oncall", "", "Cookie", ana))
	wantText(t, document, ".handnote", "Hand-over note of Ben Okafor, Mon 23 Nov 07:15Watch <b>srv</b> and the proxy.")
	d.oncall.notes[0].At = d.now.Add(-60 * time.Hour) // older than the shift before
	document = page(t, d.ask(t, http.MethodGet, "/oncall", "", "Cookie", ana))
	if document.Find(".handnote").Length() != 0 {
		t.Error("got a note that was for somebody before")
	}
	document = page(t, d.ask(t, http.MethodGet, "/oncall/primary/notes", "", "Cookie", ana))
	wantText(t, document, ".handover li", "Ben Okafor")
	response := d.ask(t, http.MethodPost, "/oncall/primary/notes", form("text", "all quiet"), "Cookie", ana)
	if response.StatusCode != http.StatusSeeOther || !slices.Equal(*calls, []string{"note primary ana all quiet"}) {
		t.Errorf("got %s, %q", response.Status, *calls)
	}
	document = page(t, d.ask(t, http.MethodGet, "/oncall/nights/notes", "", "Cookie", ana))
	if document.Find("textarea").Length() != 0 {
		t.Error("got a form for whoever is not on the schedule")
	}
	wantText(t, document, ".empty", "Nobody has left a note yet.")
}
