package web

import (
	"net/http"
	"testing"

	"afterhours/web/auth"
)

func TestAPolicyIsDrawnOverTheTimeFromAMomentOn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "ana", auth.Viewer)
	shown := page(t, d.ask(t, http.MethodGet, "/policies/security?at=2026-11-24T12:00&severity=medium", "", "Cookie", cookie))
	wantText(t, shown, "h1", "Policy security")
	wantText(t, shown, "option[selected]", "Medium")
	var names []string
	for _, lane := range shown.Find("svg.timeline > text:not(.tick-label)").EachIter() {
		names = append(names, text(lane))
	}
	if len(names) != 2 || names[0] != "Chi Nguyen" || names[1] != "Ben Okafor" { // Tuesday from nine is Chi's
		t.Errorf("got the lines %q", names)
	}
	if got := shown.Find("svg.timeline .mark").Length(); got != 6 { // three rounds of two steps
		t.Errorf("got %d marks, want 6", got)
	}
	if got := shown.Find("tbody tr").Length(); got != 6 {
		t.Errorf("got %d rows, want 6", got)
	}
	wantText(t, shown, "svg.timeline title", "Ben Okafor, step 2, after 5m, mail")
	wantText(t, shown, ".tick-label:first-of-type", "at once")
	for path, status := range map[string]int{"/policies/none": 404, "/policies/security?severity=dire": 400, "/policies/security?at=soon": 400} {
		wantStatus(t, d.ask(t, http.MethodGet, path, "", "Cookie", cookie), status)
	}
}
