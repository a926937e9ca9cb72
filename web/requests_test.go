package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/web/auth"
)

// keepRequests lets requests be made; what is asked stands in the answer.
func (d *desk) keepRequests() *[]string {
	var asked []string
	d.oncall.settle = func(what string, r oncall.ShiftRequest) error {
		if r.Schedule != "" {
			what += fmt.Sprintf(": %s %s to %q %s-%s", r.Schedule, r.Giver, r.Taker, r.Start.Format("2T15:04"), r.End.Format("2T15:04"))
		}
		if r.Swap() {
			what += fmt.Sprintf(" for %s-%s", r.OtherStart.Format("2T15:04"), r.OtherEnd.Format("2T15:04"))
		}
		asked = append(asked, what)
		return nil
	}
	return &asked
}

func TestAResponderAsksForAShiftToChangeHands(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	asked := d.keepRequests()
	ben := d.signIn(t, "ben", auth.Responder)
	document := page(t, d.ask(t, http.MethodGet, "/oncall/requests", "", "Cookie", ben))
	option := func(selector, says string) string {
		t.Helper()
		found := ""
		for _, one := range document.Find(selector + " option").EachIter() {
			if found == "" && strings.Contains(text(one), says) {
				found, _ = one.Attr("value")
			}
		}
		if found == "" {
			t.Fatalf("%s: got no option with %q", selector, says)
		}
		return found
	}
	mine, theirs := option("#give-shift", "primary, Thu 26 Nov 09:00"), option("#take-other", "Chi Nguyen: primary, Fri 27 Nov 09:00")
	for _, posted := range []struct {
		fields []string
		want   string
	}{
		{[]string{"kind", "give", "shift", mine, "person", "chi", "says", "A wedding"}, `ask by ben: primary ben to "chi" 26T08:00-27T08:00`},
		{[]string{"kind", "give", "shift", mine, "from", "2026-11-26T12:00", "hours", "2"}, `ask by ben: primary ben to "" 26T11:00-26T13:00`},
		{[]string{"kind", "take", "other", theirs, "hours", "0.5"}, `ask by ben: primary chi to "ben" 27T08:00-27T08:30`},
		{[]string{"kind", "swap", "shift", mine, "other", theirs}, `ask by ben: primary ben to "chi" 26T08:00-27T08:00 for 27T08:00-28T08:00`},
	} {
		*asked = nil
		response := d.ask(t, http.MethodPost, "/oncall/requests", form(posted.fields...), "Cookie", ben)
		if got := strings.Join(*asked, "; "); response.StatusCode != http.StatusSeeOther || got != posted.want {
			t.Errorf("%q: got %s, %s, want %s", posted.fields, response.Status, got, posted.want)
		}
	}
	*asked = nil
	nights := option("#take-other", "Nights")
	for _, wrong := range [][]string{
		{"kind", "none", "shift", mine},
		{"kind", "give", "shift", "x"},
		{"kind", "give", "shift", "primary ben now later"},
		{"kind", "give", "shift", mine, "hours", "NaN"},
		{"kind", "give", "shift", mine, "hours", "-1"},
		{"kind", "give", "shift", mine, "from", "noon"},
		{"kind", "swap", "shift", mine, "other", nights},
	} {
		response := d.ask(t, http.MethodPost, "/oncall/requests", form(wrong...), "Cookie", ben)
		if response.StatusCode != http.StatusBadRequest || page(t, response).Find(".complaint[role=alert]").Length() != 1 {
			t.Errorf("%q: got %s", wrong, response.Status)
		}
	}
	if len(*asked) != 0 {
		t.Errorf("got %q of those", *asked)
	}
	d.oncall.settle = func(string, oncall.ShiftRequest) error { return &tickets.ConflictError{Reason: "the shift is over"} }
	refused := d.ask(t, http.MethodPost, "/oncall/requests", form("kind", "give", "shift", mine, "person", "chi", "says", "A wedding"), "Cookie", ben)
	wantStatus(t, refused, http.StatusConflict)
	again := page(t, refused)
	wantText(t, again, ".complaint", "The shift is over.")
	if says, _ := again.Find("details[open] #give-says").Attr("value"); says != "A wedding" || again.Find("details[open] #give-person option[value=chi][selected]").Length() != 1 {
		t.Errorf("what was written is lost: got %q", says)
	}
}

func TestWhoIsAskedAnswersAtTheDesk(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	asked := d.keepRequests()
	settled := d.now.Add(-time.Hour)
	d.oncall.requests = []oncall.ShiftRequest{
		{ID: 4, Schedule: "gone", Giver: "ana", Taker: "chi", State: oncall.RequestDeclined, SettledAt: &settled, SettledBy: "chi", AskedBy: "ana", CreatedAt: settled},
		{ID: 3, Schedule: "primary", Giver: "chi", Taker: "ana", State: oncall.RequestAsked, AskedBy: "chi", CreatedAt: settled, ExpiresAt: d.now.Add(time.Hour)},
		{ID: 2, Schedule: "primary", Giver: "ana", Taker: "ben", State: oncall.RequestAsked, AskedBy: "ana", Says: "A <b>wedding</b>", CreatedAt: settled, ExpiresAt: d.now.Add(time.Hour)},
	}
	ben, vic, adm := d.signIn(t, "ben", auth.Responder), d.signIn(t, "vic", auth.Viewer), d.signIn(t, "adm", auth.Admin)
	document := page(t, d.ask(t, http.MethodGet, "/oncall/requests", "", "Cookie", ben))
	wantText(t, document, "#r2", "Ben Okafor takes the shift of Ana Ruiz asked")
	wantText(t, document, "#r2 .written", "“A <b>wedding</b>”")
	wantText(t, document, "#r4", "declined by Chi Nguyen 1 h ago")
	for selector, want := range map[string]int{"#r2 button.main": 1, "#r2 form[action$=withdraw]": 0, "#r3 button": 0, "#r4 button": 0} {
		if got := document.Find(selector).Length(); got != want {
			t.Errorf("%s: got %d, want %d", selector, got, want)
		}
	}
	wantText(t, page(t, d.ask(t, http.MethodGet, "/oncall", "", "Cookie", ben)), ".notice a", "A request of a shift waits for your answer.")
	if got := page(t, d.ask(t, http.MethodGet, "/oncall/requests", "", "Cookie", vic)).Find("main form").Length(); got != 0 {
		t.Errorf("a viewer: got %d forms", got)
	}
	if got := page(t, d.ask(t, http.MethodGet, "/oncall/requests", "", "Cookie", adm)).Find("#r3 button").Length(); got != 3 {
		t.Errorf("an administrator: got %d buttons, want yes, no and withdraw", got)
	}
	for _, what := range []string{"accept", "decline", "withdraw"} {
		wantStatus(t, d.ask(t, http.MethodPost, "/oncall/requests/2/"+what, "", "Cookie", ben), http.StatusSeeOther)
	}
	if got := strings.Join(*asked, "; "); got != "yes to 2 by ben; no to 2 by ben; withdraw 2 by ben" {
		t.Errorf("got %q", got)
	}
	d.oncall.settle = func(string, oncall.ShiftRequest) error {
		return &tickets.ConflictError{Reason: "the schedule has changed since it was asked: Chi is on call"}
	}
	refused := d.ask(t, http.MethodPost, "/oncall/requests/2/accept", "", "Cookie", ben)
	wantStatus(t, refused, http.StatusConflict)
	wantText(t, page(t, refused), ".complaint", "The schedule has changed since it was asked: Chi is on call.")
}

func TestWhatRunsNowIsTakenOverAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	asked := d.keepRequests()
	now, _, _ := d.sample.configuration.Schedules[0].At(d.now)
	other := "ben"
	if now == "ben" {
		other = "ana"
	}
	cookie, mine := d.signIn(t, other, auth.Responder), d.signIn(t, now, auth.Responder)
	document := page(t, d.ask(t, http.MethodGet, "/oncall", "", "Cookie", cookie))
	if got := document.Find("form[action='/oncall/primary/take-over']").Length(); got != 1 {
		t.Errorf("got %d forms, want one", got)
	}
	wantStatus(t, d.ask(t, http.MethodPost, "/oncall/primary/take-over", form("hours", "2"), "Cookie", cookie), http.StatusSeeOther)
	wantStatus(t, d.ask(t, http.MethodPost, "/oncall/primary/take-over", form("hours", "12"), "Cookie", cookie), http.StatusSeeOther)
	want := fmt.Sprintf(`waive by %[2]s: primary %[1]s to %[2]q 24T02:15-24T04:15; waive by %[2]s: primary %[1]s to %[2]q 24T02:15-24T08:00`, now, other)
	if got := strings.Join(*asked, "; "); got != want {
		t.Errorf("got %s, want %s: no further than the next shift", got, want)
	}
	for _, hours := range []string{"0", "13", "x", ""} {
		wantStatus(t, d.ask(t, http.MethodPost, "/oncall/primary/take-over", form("hours", hours), "Cookie", cookie), http.StatusBadRequest)
	}
	wantStatus(t, d.ask(t, http.MethodPost, "/oncall/primary/take-over", form("hours", "2"), "Cookie", mine), http.StatusConflict)
	document = page(t, d.ask(t, http.MethodGet, "/oncall", "", "Cookie", mine))
	if document.Find("form[action='/oncall/primary/take-over']").Length() != 0 {
		t.Error("whoever is on call is asked to take over")
	}
	wantText(t, document, "section[aria-label='Schedule primary']", "Find somebody to cover you")
}

func TestRequestsByTheAPI(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	asked := d.keepRequests()
	d.oncall.requests = []oncall.ShiftRequest{{ID: 3, Schedule: "primary", State: oncall.RequestAsked}, {ID: 2, Schedule: "primary", State: oncall.RequestAgreed}}
	admin := d.token(t, auth.Admin)
	status, made := d.apiCall(t, admin, http.MethodPost, "/schedules/primary/requests", `{"giver":"ana","taker":"ben","start":"2026-11-25T09:00:00+01:00","end":"2026-11-26T08:00:00Z","consent":"waived"}`)
	if status != 200 || made["giver"] != "ana" || made["state"] != "agreed" || made["other_start"] != nil {
		t.Errorf("got %d, %v", status, made)
	}
	if got := strings.Join(*asked, "; "); !strings.HasPrefix(got, `waive by token:of-admin: primary ana to "ben" 25T`) {
		t.Errorf("got %s", got)
	}
	_, listed := d.apiCall(t, admin, http.MethodGet, "/schedules/primary/requests?state=agreed&limit=1", "")
	if rows, _ := listed["requests"].([]any); len(rows) != 1 || listed["next_cursor"] != "" {
		t.Errorf("got %v", listed)
	}
	_, listed = d.apiCall(t, admin, http.MethodGet, "/schedules/primary/requests?limit=1", "")
	if rows, _ := listed["requests"].([]any); len(rows) != 1 || listed["next_cursor"] == "" {
		t.Errorf("a page: got %v", listed)
	}
	_, listed = d.apiCall(t, admin, http.MethodGet, "/schedules/primary/requests?limit=1&cursor="+url.QueryEscape(fmt.Sprint(listed["next_cursor"])), "")
	if rows, _ := listed["requests"].([]any); len(rows) != 1 {
		t.Errorf("the next page: got %v", listed)
	}
	for path, want := range map[string]int{
		"/schedules/primary/requests?state=none": 400, "/schedules/primary/requests?state=asked,agreed": 400, "/schedules/none/requests": 404,
		"/schedules/none/history": 404, "/schedules/none/notes": 404, "/schedules/primary/history?from=x": 400,
	} {
		if status, _ := d.apiCall(t, admin, http.MethodGet, path, ""); status != want {
			t.Errorf("%s: got %d, want %d", path, status, want)
		}
	}
	for _, body := range []string{`{}`, `{"start":"2026-11-25T09:00:00Z"}`, `{"start":"2026-11-25T09:00:00Z","end":"2026-11-26T09:00:00Z","consent":"no"}`} {
		if status, _ := d.apiCall(t, admin, http.MethodPost, "/schedules/primary/requests", body); status != 400 {
			t.Errorf("%s: got %d", body, status)
		}
	}
	d.oncall.settle = func(string, oncall.ShiftRequest) error {
		return &tickets.ForbiddenError{Reason: "somebody else is asked"}
	}
	if status, problem := d.apiCall(t, d.token(t, auth.Responder), http.MethodPost, "/schedules/primary/requests/3/accept", ""); status != 403 || problem["detail"] != "somebody else is asked" {
		t.Errorf("got %d, %v", status, problem)
	}
}
