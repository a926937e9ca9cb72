package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/web/auth"
)

// letAct lets every action succeed and returns what was called.
func (d *desk) letAct() *[]string {
	var calls []string
	act := func(name string) func(int64, string) (tickets.Ticket, error) {
		return func(number int64, actor string) (tickets.Ticket, error) {
			calls = append(calls, fmt.Sprint(name, " ", number, " ", actor))
			return d.get(number)
		}
	}
	d.tickets.acknowledge, d.tickets.undo, d.tickets.reopen = act("acknowledge"), act("undo"), act("reopen")
	d.tickets.takeOver, d.tickets.release = act("take over"), act("release")
	d.tickets.hold = func(number int64, actor, reason string) (tickets.Ticket, error) {
		return act("hold "+reason)(number, actor)
	}
	d.playbooks.changed = func(what string) error {
		calls = append(calls, what)
		return nil
	}
	d.tickets.resolve = func(number int64, actor, classification string) (tickets.Ticket, error) {
		return act(strings.TrimSpace("resolve "+classification))(number, actor)
	}
	d.oncall.settle = func(what string, request oncall.ShiftRequest) error {
		calls = append(calls, what)
		return nil
	}
	d.oncall.write = func(schedule string, by oncall.Actor, text string) error {
		calls = append(calls, fmt.Sprint("note ", schedule, " ", by.ID, " ", text))
		return nil
	}
	d.oncall.changed = func(what string) error {
		calls = append(calls, what)
		return nil
	}
	d.oncall.apply = func(actor, action string, change func(oncall.Configuration) (oncall.Configuration, error)) error {
		configuration, err := d.oncall.configuration()
		if err != nil {
			return err
		}
		_, err = change(configuration)
		calls = append(calls, fmt.Sprint(action, " ", actor))
		return err
	}
	d.tickets.assign = func(number int64, actor, person string) (tickets.Ticket, error) {
		return act("assign "+person)(number, actor)
	}
	d.tickets.addNote = func(number int64, actor, text string) (tickets.Ticket, error) {
		return act("note "+text)(number, actor)
	}
	d.tickets.startReparse = func(what string) error {
		calls = append(calls, "start reparse "+what)
		return nil
	}
	d.tickets.reparse = func(number int64, actor string) (tickets.Reread, error) {
		_, err := act("reparse")(number, actor)
		return tickets.Reread{Mails: 2, Changed: 1, Tickets: []tickets.TicketChange{{Number: number}}}, err
	}
	d.oncall.escalate = func(number int64, actor string) error {
		_, err := act("escalate")(number, actor)
		return err
	}
	d.oncall.snooze = func(number int64, actor string, until time.Time) error {
		_, err := act("snooze "+until.Format(time.RFC3339))(number, actor)
		return err
	}
	return &calls
}

func TestTheListShowsWhatWhoseAndWhatIsNext(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "ben", auth.Responder)
	document := page(t, d.ask(t, http.MethodGet, "/tickets?tab=all", "", "Cookie", cookie))
	for i, want := range []string{
		"◆ High #1042 Ransomware behavior detected in the file system srv-sql-07.contoso.example +1 3 min → Ben Okafor next in 2 min",
		"▲ Medium #1041 Suspicious PowerShell command line ×3 ws-0042 unverified 18 min ✓ Ben Okafor 2 min ago",
		"? Unknown #1040 Unrecognised: “Your invoice is ready <b>now</b>” — unverified 40 min → Ben Okafor next in 2 min",
		"● Low #1039 Unwanted software was blocked — unverified 2 h → Ben Okafor next in 2 min",
		"○ Informational #1038 Automated investigation started — unverified 26 h Resolved 3 h ago",
	} {
		if got := text(document.Find(".ticket").Eq(i)); got != want {
			t.Errorf("row %d: got %q, want %q", i, got, want)
		}
	}
	for i, want := range []string{"Open 3", "Mine 1", "Acknowledged 1", "Resolved"} {
		if got := text(document.Find(".tabs a").Eq(i)); got != want {
			t.Errorf("tab %d: got %q, want %q", i, got, want)
		}
	}
	if got := document.Find("time:not([datetime]), time:not([title])").Length(); got != 0 {
		t.Errorf("times without their exact form: got %d", got)
	}
	if got := document.Find("a.skip, nav[aria-label], main#main, label[for=q]").Length(); got != 5 {
		t.Errorf("skip link, two navigations, main and the search's label: got %d, want 5", got)
	}
}

func TestTheTabsAndTheSearchFilter(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "ben", auth.Responder)
	var asked tickets.Filter
	d.tickets.list = func(filter tickets.Filter) (tickets.List, error) {
		if filter.Limit == 0 {
			asked = filter
			return tickets.List{Tickets: d.sample.tickets[:1], Next: 1042}, nil
		}
		return tickets.List{}, nil
	}
	for query, want := range map[string]string{
		"":                            "[open]   0",
		"?tab=mine":                   "[open acknowledged]  ben 0",
		"?tab=resolved&before=77":     "[resolved]   77",
		"?q=srv+sql":                  "[] srv sql  0",
		"?tab=acknowledged&q=%231042": "[acknowledged] #1042  0",
	} {
		document := page(t, d.ask(t, http.MethodGet, "/tickets"+query, "", "Cookie", cookie))
		if got := fmt.Sprint(asked.States, " ", asked.Query, " ", asked.Assignee, " ", asked.Before); got != want {
			t.Errorf("%q: got the filter %q, want %q", query, got, want)
		}
		if next, _ := document.Find("a[rel=next]").Attr("href"); !strings.Contains(next, "before=1042") {
			t.Errorf("%q: got the next page %q", query, next)
		}
	}
}

func TestEmptyListsSayHowToFillThem(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "ben", auth.Responder)
	d.tickets.list = func(tickets.Filter) (tickets.List, error) { return tickets.List{}, nil }
	empty := func(path string) string {
		return text(page(t, d.ask(t, http.MethodGet, path, "", "Cookie", cookie)).Find(".empty"))
	}
	if got := empty("/tickets"); !strings.Contains(got, "Nothing is open.") {
		t.Errorf("nothing open: got %q", got)
	}
	if got := empty("/tickets?q=x"); !strings.Contains(got, "“x”") {
		t.Errorf("nothing found: got %q", got)
	}
	d.tickets.counts = func() (tickets.Counts, error) { return tickets.Counts{}, nil }
	if got := empty("/tickets"); !strings.Contains(got, "defender@example.com") || !strings.Contains(got, "afterhours send-sample") {
		t.Errorf("no mail yet: got %q", got)
	}
	d.sample.configuration = oncall.Configuration{}
	if got := empty("/oncall"); !strings.Contains(got, "afterhours apply") {
		t.Errorf("no schedule: got %q", got)
	}
	d.oncall.outgoing = func(int, int64) ([]oncall.Page, error) { return nil, nil }
	if got := empty("/settings/outgoing"); !strings.Contains(got, "No page has gone out by mail yet.") {
		t.Errorf("no mail out: got %q", got)
	}
}

func TestATicketShowsFactsStoryAndPeople(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	document := page(t, d.ask(t, http.MethodGet, "/tickets/1042", "", "Cookie", d.signIn(t, "ben", auth.Responder)))
	facts := text(document.Find(".facts"))
	if !strings.HasPrefix(facts, "Facts Open the alert in Defender Device srv-sql-07.contoso.example ws-0042 User") {
		t.Errorf("facts: got %q, want the portal link first", facts)
	}
	wantText(t, document, ".facts", "Sender verified ✓")
	for i, want := range []string{
		"Opened by a mail 3 min ago read it High severity alert",
		"Step 1: whoever is on call in primary 2 min ago",
		"Told Ana Ruiz by SMS 2 min ago",
		"The page to Ben Okafor by mail could not leave the house 1 min ago no smarthost is configured",
		"Severity raised from Low to High 1 min ago read it",
		"token soc noted 1 min ago Looks real. Isolating <script>alert(1)</script>",
	} {
		if got := text(document.Find(".timeline .event").Eq(i)); got != want {
			t.Errorf("event %d: got %q, want %q", i, got, want)
		}
	}
	wantText(t, document, ".people .next", "→ Ben Okafor next in 2 min (step 2 of security)")
	wantText(t, document, ".pages", "Ana Ruiz SMS sent 02:12 2 attempts Ben Okafor mail held 02:12no smarthost is configured")
	if got, _ := document.Find(".mails a[download]").First().Attr("href"); got != "/api/v1/messages/7/raw" {
		t.Errorf("raw download: got %q", got)
	}
	var actions []string
	document.Find(".actions form").Each(func(_ int, form *goquery.Selection) {
		action, _ := form.Attr("action")
		method, _ := form.Attr("method")
		actions = append(actions, method+" "+action)
	})
	if got := strings.Join(actions, ", "); got != "post /tickets/1042/acknowledge, post /tickets/1042/resolve, post /tickets/1042/escalate, post /tickets/1042/snooze, post /tickets/1042/assign" {
		t.Errorf("actions: got %q", got)
	}
	if document.Find("main script").Length() != 0 {
		t.Errorf("a note became markup")
	}
	wantText(t, document, ".banner", "1 page could not leave the house: no smarthost is configured. Set AFTERHOURS_SMARTHOST_URL.")
}

func TestATicketShowsOthersOfItsDevice(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.tickets.related = []tickets.Ticket{{
		Number: 1007, State: tickets.Resolved, Severity: tickets.Low, Title: "Unwanted <b>software</b>", Devices: []string{"other", "ws-0042"}, CreatedAt: d.now.Add(-48 * time.Hour),
	}}
	document := page(t, d.ask(t, http.MethodGet, "/tickets/1042", "", "Cookie", d.signIn(t, "vic", auth.Viewer)))
	wantText(t, document, ".related li", "Low #1007 Unwanted <b>software</b> resolved 2 d agows-0042")
	if link, _ := document.Find(".related a").Attr("href"); link != "/tickets/1007" {
		t.Errorf("the link: got %q", link)
	}
}

func TestAViewerSeesNoActions(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.oncall.held = func() (int, error) { return 0, nil }
	document := page(t, d.ask(t, http.MethodGet, "/tickets/1042", "", "Cookie", d.signIn(t, "vic", auth.Viewer)))
	if got := document.Find("main form").Length(); got != 0 {
		t.Errorf("forms: got %d, want none", got)
	}
	if document.Find(".banner").Length() != 0 {
		t.Errorf("the banner stands there though no page is held")
	}
}

func TestActionsOfATicketGoBackToIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie, calls := d.signIn(t, "ben", auth.Responder), d.letAct()
	for _, action := range []string{"acknowledge", "resolve", "reopen", "escalate", "notes", "reparse"} {
		response := d.ask(t, http.MethodPost, "/tickets/1042/"+action, form("text", "so"), "Cookie", cookie)
		if response.StatusCode != http.StatusSeeOther || response.Header.Get("Location") != "/tickets/1042" {
			t.Errorf("%s: got %s to %q", action, response.Status, response.Header.Get("Location"))
		}
	}
	want := "acknowledge 1042 ben, resolve 1042 ben, reopen 1042 ben, escalate 1042 ben, note so 1042 ben, reparse 1042 ben"
	if got := strings.Join(*calls, ", "); got != want {
		t.Errorf("calls: got %q, want %q", got, want)
	}
}

func TestARefusedActionKeepsWhatWasWritten(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "ben", auth.Responder)
	d.tickets.acknowledge = func(int64, string) (tickets.Ticket, error) {
		return tickets.Ticket{}, &tickets.ConflictError{Reason: "ticket 1042 is resolved; reopen it first"}
	}
	d.tickets.addNote = func(int64, string, string) (tickets.Ticket, error) {
		return tickets.Ticket{}, &tickets.InvalidError{Field: "text", Reason: "a note has at most 10000 characters"}
	}
	response := d.ask(t, http.MethodPost, "/tickets/1042/acknowledge", "", "Cookie", cookie)
	wantStatus(t, response, http.StatusConflict)
	wantText(t, page(t, response), ".complaint", "Ticket 1042 is resolved; reopen it first.")
	response = d.ask(t, http.MethodPost, "/tickets/1042/notes", form("text", "long & dear"), "Cookie", cookie)
	wantStatus(t, response, http.StatusBadRequest)
	wantText(t, page(t, response), "textarea", "long & dear")
	wantStatus(t, d.ask(t, http.MethodPost, "/tickets/1042/notes", form("text", strings.Repeat("x", 2*maxRequest)), "Cookie", cookie), http.StatusRequestEntityTooLarge)
}

func TestAMailIsShownAsTextAndByItsHeader(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "ben", auth.Viewer)
	document := page(t, d.ask(t, http.MethodGet, "/tickets/1042/mails/7", "", "Cookie", cookie))
	wantText(t, document, ".mailtext", "Device: srv-sql-07 <img src=x onerror=alert(1)>")
	wantText(t, document, "main", "a.csv (text/csv, 12 octets)")
	if document.Find("main img").Length() != 0 {
		t.Errorf("the mail's markup became ours")
	}
	document = page(t, d.ask(t, http.MethodGet, "/tickets/1042/mails/7?view=headers", "", "Cookie", cookie))
	if got := document.Find(".mailtext").Text(); got != "Subject: one\nX-Odd: \uFFFD\uFFFD" {
		t.Errorf("header: got %q", got)
	}
}

func TestTheOnCallPageShowsWhoIsOnCallAndTheGaps(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	document := page(t, d.ask(t, http.MethodGet, "/oncall", "", "Cookie", d.signIn(t, "ben", auth.Viewer)))
	schedules := document.Find(".schedule")
	if got := text(schedules.Eq(0).Find(".now")); got != "Ben Okafor is on call until Tue 24 Nov 09:00. Then Chi Nguyen from Tue 24 Nov 09:00." {
		t.Errorf("primary: got %q", got)
	}
	if got := schedules.Eq(0).Find("tbody tr").Length(); got != 8 {
		t.Errorf("primary: got %d shifts in the coming week, want 8", got)
	}
	nights := schedules.Eq(1)
	if got := text(nights.Find("p.now")); got != "Ben Okafor is on call until Tue 24 Nov 08:00. Then nobody from Tue 24 Nov 08:00." {
		t.Errorf("nights: got %q", got)
	}
	if gaps, holes := nights.Find("tr.gap").Length(), nights.Find("rect.hole").Length(); gaps != 7 || holes != 7 {
		t.Errorf("nights: got %d gaps in the table and %d in the bar, want 7", gaps, holes)
	}
	if got := text(nights.Find("th:contains(override)")); got != "Chi Nguyen override" {
		t.Errorf("nights: got the override %q", got)
	}
}

func TestOutgoingMailIsReadableWithItsLink(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "ben", auth.Responder)
	document := page(t, d.ask(t, http.MethodGet, "/settings/outgoing", "", "Cookie", cookie))
	wantText(t, document, ".letters li", "#1042 to Ben Okafor ben@example.com held")
	href, _ := document.Find(".letters a.title").Attr("href")
	document = page(t, d.ask(t, http.MethodGet, href, "", "Cookie", cookie))
	wantText(t, document, "h1", "High: Ransomware behavior detected on srv-sql-07 (#1042)")
	wantText(t, document, ".mailtext", "I have it: http://127.0.0.1:8080/ack/")
	if got, _ := document.Find(".acklink a").Attr("href"); got != "http://127.0.0.1:8080/ack/"+goodToken {
		t.Errorf("acknowledge link: got %q", got)
	}
}

func TestACodeThatVerifiesAContactIsReadByItsRecipientAlone(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.oncall.outgoing = func(int, int64) ([]oncall.Page, error) {
		return []oncall.Page{{ID: 2, Type: oncall.TestType, Person: "ben", Channel: "email"}}, nil
	}
	for who, want := range map[string]struct {
		role   auth.Role
		status int
	}{"ben": {auth.Responder, http.StatusOK}, "ana": {auth.Responder, http.StatusForbidden}, "adm": {auth.Admin, http.StatusOK}} {
		wantStatus(t, d.ask(t, http.MethodGet, "/settings/outgoing/2", "", "Cookie", d.signIn(t, who, want.role)), want.status)
	}
}

func TestOutgoingMailGoesOnToOlderPages(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.oncall.outgoing = func(limit int, before int64) ([]oncall.Page, error) {
		var pages []oncall.Page
		for id := int64(500); len(pages) < limit; id-- {
			if before == 0 || id < before {
				pages = append(pages, oncall.Page{ID: id, Person: "ana", Channel: "email"})
			}
		}
		return pages, nil
	}
	document := page(t, d.ask(t, http.MethodGet, "/settings/outgoing", "", "Cookie", d.signIn(t, "ben", auth.Viewer)))
	if next, _ := document.Find("a[rel=next]").Attr("href"); next != "/settings/outgoing?before=451" || document.Find(".letters li").Length() != 50 {
		t.Errorf("got the next page %q after %d letters", next, document.Find(".letters li").Length())
	}
}

func TestATicketIsSnoozedAndAssignedFromItsPage(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	calls, cookie := d.letAct(), d.signIn(t, "ben", auth.Responder)
	for _, action := range [][2]string{{"snooze", "minutes=60"}, {"assign", "person=ana"}, {"assign", "person="}} {
		response := d.ask(t, http.MethodPost, "/tickets/1042/"+action[0], action[1], "Cookie", cookie, "Content-Type", "application/x-www-form-urlencoded")
		if response.StatusCode != http.StatusSeeOther {
			t.Errorf("%v: got %s", action, response.Status)
		}
	}
	want := "snooze " + d.now.Add(time.Hour).Format(time.RFC3339) + " 1042 ben, assign ana 1042 ben, assign  1042 ben"
	if got := strings.Join(*calls, ", "); got != want {
		t.Errorf("calls: got %q, want %q", got, want)
	}
	response := d.ask(t, http.MethodPost, "/tickets/1042/assign", "person=nobody", "Cookie", cookie, "Content-Type", "application/x-www-form-urlencoded")
	if response.StatusCode != http.StatusBadRequest {
		t.Errorf("an unknown person: got %s", response.Status)
	}
}

func TestTheAuditLogShowsDifferencesToAdministratorsAlone(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.oncall.audit = func(limit int, _ int64) ([]oncall.Change, error) {
		changes := make([]oncall.Change, limit)
		for i := range changes {
			changes[i] = oncall.Change{ID: int64(100 - i), At: d.now, Actor: "ana", Action: "configuration applied", Difference: "-name: <b>Ben</b>"}
		}
		return changes, nil
	}
	document := page(t, d.ask(t, http.MethodGet, "/settings/audit", "", "Cookie", d.signIn(t, "adm", auth.Admin)))
	first := document.Find(".audit li").First()
	if got := first.Find(".what").Text(); got != "Ana Ruiz: configuration applied" || first.Find("pre").Text() != "-name: <b>Ben</b>" {
		t.Errorf("first change: got %q and %q", got, first.Find("pre").Text())
	}
	if next, _ := document.Find("a[rel=next]").Attr("href"); next != "/settings/audit?before=51" {
		t.Errorf("older: got %q", next)
	}
}

func TestTheConfigurationIsShownWithoutCredentials(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	configuration, err := d.oncall.configuration()
	if err != nil {
		t.Fatal(err)
	}
	configuration.Webhooks = []oncall.Webhook{{ID: "soc", URL: "https://soc.example.com/hush", Secret: "whsec_hush"}}
	d.oncall.configuration = func() (oncall.Configuration, error) { return configuration, nil }
	document := page(t, d.ask(t, http.MethodGet, "/settings/configuration", "", "Cookie", d.signIn(t, "vic", auth.Viewer)))
	if text := document.Find("pre.yaml").Text(); !strings.Contains(text, "name: Ana Ruiz") || !strings.Contains(text, "secret: (set)") || strings.Contains(text, "hush") {
		t.Errorf("configuration: got %s", text)
	}
	d.oncall.configuration = func() (oncall.Configuration, error) { return oncall.Configuration{}, nil }
	document = page(t, d.ask(t, http.MethodGet, "/settings/configuration", "", "Cookie", d.signIn(t, "vic", auth.Viewer)))
	if text := document.Find(".empty").Text(); !strings.Contains(text, "afterhours apply") {
		t.Errorf("without one: got %q", text)
	}
	if banner := document.Find(".banner").Text(); !strings.Contains(banner, "there is no policy") {
		t.Errorf("banner: got %q", banner)
	}
}

// TestASummaryIsNoMailAboutOneTicket lists and opens what stands for a storm: its link acknowledges nothing.
func TestASummaryIsNoMailAboutOneTicket(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.oncall.outgoing = func(int, int64) ([]oncall.Page, error) {
		return []oncall.Page{{ID: 7, Ticket: 1042, Person: "ben", Channel: "email", Type: oncall.SummaryType, State: oncall.PageSent, Recipient: "ben@example.com"}}, nil
	}
	cookie := d.signIn(t, "ben", auth.Responder)
	wantText(t, page(t, d.ask(t, http.MethodGet, "/settings/outgoing", "", "Cookie", cookie)), ".letters li", "Summary to Ben Okafor ben@example.com sent")
	letter := page(t, d.ask(t, http.MethodGet, "/settings/outgoing/7", "", "Cookie", cookie))
	wantText(t, letter, ".acklink a", "Open what it leads to")
}
