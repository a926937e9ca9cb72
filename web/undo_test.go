package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/web/auth"
)

const undoPath = "/settings/audit/57/undo"

// undoes posts what a page that shows an undoing would post, with further conflicts to put back.
func (d *desk) undoes(t *testing.T, cookie string, shown *goquery.Document, back ...string) *http.Response {
	t.Helper()
	mark, _ := shown.Find("input[name=mark]").Attr("value")
	pairs := []string{"mark", mark}
	for _, path := range back {
		pairs = append(pairs, "back", path)
	}
	return d.ask(t, http.MethodPost, undoPath, form(pairs...), "Cookie", cookie)
}

func TestAnAdministratorUndoesAChangeAfterSeeingWhatThatChanges(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	actions := d.keep()
	cookie := d.signIn(t, "adm", auth.Admin)
	entry := page(t, d.ask(t, http.MethodGet, "/settings/audit/57", "", "Cookie", cookie))
	wantText(t, entry, "section[aria-labelledby=changed] pre", "+name: Ana Ruiz")
	if href, _ := entry.Find("a.button").Attr("href"); href != undoPath {
		t.Fatalf("the way to its undoing: got %q", href)
	}
	shown := page(t, d.ask(t, http.MethodGet, undoPath, "", "Cookie", cookie))
	wantText(t, shown, "section[aria-labelledby=difference] pre", "+ name: Anna Ruiz")
	if len(*actions) != 0 {
		t.Fatalf("showing it did it: %v", *actions)
	}
	response := d.undoes(t, cookie, shown)
	wantStatus(t, response, http.StatusSeeOther)
	if got := response.Header.Get("Location"); got != "/settings/audit/58" {
		t.Errorf("afterwards: got %q, want the entry of the undoing", got)
	}
	if got := strings.Join(*actions, ", "); got != "undid 57 by adm" || d.sample.configuration.People[0].Name != "Anna Ruiz" {
		t.Errorf("got %q, %q", got, d.sample.configuration.People[0].Name)
	}
	wantText(t, page(t, d.ask(t, http.MethodGet, undoPath, "", "Cookie", cookie)), ".notice", "Nothing of it is left to undo")
}

func TestWhatWasChangedAgainSinceIsShownOnBothSidesAndNotOverwrittenSilently(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	actions := d.keep()
	cookie := d.signIn(t, "adm", auth.Admin)
	outdated := page(t, d.ask(t, http.MethodGet, undoPath, "", "Cookie", cookie))
	d.sample.configuration.People = slices.Clone(d.sample.configuration.People)
	d.sample.configuration.People[0].Name = "Ana <i>Ruiz</i>"
	d.oncall.since = []oncall.Change{
		{ID: 61, Actor: "ben", At: d.now, Action: "routes moved", Things: []string{"routes"}},
		{ID: 60, Actor: "ben", At: d.now, Action: "person ana changed", Things: []string{"people/ana"}, State: oncall.StateKept},
	}
	response := d.undoes(t, cookie, outdated)
	wantStatus(t, response, http.StatusConflict)
	shown := page(t, response)
	wantText(t, shown, ".complaint", "Nothing was undone")
	wantText(t, shown, ".conflict h3", "person ana: name")
	wantText(t, shown, ".conflict a", "Entry 60")
	both := shown.Find(".conflict pre")
	if both.Length() != 2 || text(both.First()) != "Ana <i>Ruiz</i>" || text(both.Last()) != "Anna Ruiz" {
		t.Errorf("both sides: got %q", text(both))
	}
	if shown.Find("button.main").Length() != 0 || len(*actions) != 0 {
		t.Errorf("something can be undone, or was: %v", *actions)
	}
	path, _ := shown.Find("input[name=back]").Attr("value")
	chosen := page(t, d.ask(t, http.MethodGet, undoPath+"?"+form("back", path), "", "Cookie", cookie))
	wantText(t, chosen, "section[aria-labelledby=difference] pre", "+ name: Anna Ruiz")
	wantStatus(t, d.undoes(t, cookie, shown, path), http.StatusConflict) // chosen, and not yet seen
	if len(*actions) != 0 {
		t.Fatalf("what was not shown was done: %v", *actions)
	}
	wantStatus(t, d.undoes(t, cookie, chosen, path), http.StatusSeeOther)
	if got := d.sample.configuration.People[0].Name; got != "Anna Ruiz" {
		t.Errorf("put back: got %q", got)
	}
}

func TestAnUndoingThatSomethingNewerNeedsIsRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	actions := d.keep()
	cookie := d.signIn(t, "adm", auth.Admin)
	before := d.sample.configuration // the entry added dan, whom a policy tells by now
	d.sample.configuration.People = append(slices.Clone(before.People), oncall.Person{ID: "dan", Name: "Dan"})
	d.oncall.kept[57] = oncall.Keep(before, d.sample.configuration)
	d.sample.configuration.Policies = slices.Clone(before.Policies)
	d.sample.configuration.Policies[0].LastResort = []oncall.Target{{Kind: oncall.TargetPerson, ID: "dan"}}
	shown := page(t, d.ask(t, http.MethodGet, undoPath, "", "Cookie", cookie))
	wantText(t, shown, "section[aria-labelledby=faults]", `There is no person "dan"`)
	if shown.Find("button.main").Length() != 0 {
		t.Error("it can be undone all the same")
	}
	response := d.undoes(t, cookie, shown)
	wantStatus(t, response, http.StatusConflict)
	wantText(t, page(t, response), "section[aria-labelledby=faults]", `There is no person "dan"`)
	if len(*actions) != 0 {
		t.Errorf("it was undone: %v", *actions)
	}
}

func TestWhatCannotBeUndoneSaysWhy(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.keep()
	cookie := d.signIn(t, "adm", auth.Admin)
	for want, change := range map[string]oncall.Change{
		"an earlier version of afterhours wrote it": {Action: "configuration applied", Difference: "+x"},
		"more than a year old":                      {Action: "configuration applied", Difference: "+x", State: oncall.StateAge},
		"more than can be kept":                     {Action: "configuration applied", Difference: "+x", State: oncall.StateSize},
		"was erased, and with them":                 {Action: "configuration applied", Difference: "+x", State: oncall.StateErased},
		"a key that is lost":                        {Action: "configuration applied", Difference: "+x", State: oncall.StateKey},
		"changed back under Accounts":               {Action: "account ana disabled"},
		"sent again, under Accounts":                {Action: "eve@example.com invited: viewer"},
		"its owner's to add":                        {Action: `passkey "key" of account ana removed`},
		"make a new one under Tokens":               {Action: "token siem revoked"},
		"nowhere any more":                          {Action: "erased person ana"},
		"A key is not put back":                     {Action: "credentials sealed with a new key"},
		"its deliveries have the button":            {Action: "webhook soc disabled: 410 Gone"},
		"It changed nothing of the configuration":   {Action: "something else"},
		"It is undone already":                      {Action: "routes moved", State: oncall.StateKept, UndoneBy: 60},
	} {
		change.ID, change.Actor, change.At = 57, tickets.ActorSystem, d.now
		d.oncall.entries[57] = change
		response := d.ask(t, http.MethodGet, undoPath, "", "Cookie", cookie)
		wantStatus(t, response, http.StatusOK)
		document := page(t, response)
		wantText(t, document, ".complaint", want)
		if document.Find("form[action='"+undoPath+"']").Length() != 0 {
			t.Errorf("%s: it can be undone all the same", change.Action)
		}
		delete(d.oncall.kept, 57)
		wantStatus(t, d.ask(t, http.MethodPost, undoPath, "", "Cookie", cookie), http.StatusConflict)
		entry := page(t, d.ask(t, http.MethodGet, "/settings/audit/57", "", "Cookie", cookie))
		if entry.Find("a.button").Length() != 0 {
			t.Errorf("%s: its page offers to undo it", change.Action)
		}
	}
}

func TestEntriesThatAreUndoneAreMarked(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "adm", auth.Admin)
	part := oncall.Change{ID: 57, Actor: "ana", At: d.now, Action: "person ana changed", State: oncall.StateKept, UndoneBy: 60, LeftOut: []string{"people/ana/contacts/mail", "policies", "retention/raw"}}
	d.oncall.entries[57] = part
	d.oncall.audit = func(int, int64) ([]oncall.Change, error) {
		whole := part
		whole.ID, whole.LeftOut = 56, nil
		return []oncall.Change{part, whole}, nil
	}
	list := page(t, d.ask(t, http.MethodGet, "/settings/audit", "", "Cookie", cookie))
	marks := list.Find(".audit .pill")
	if marks.Length() != 2 || text(marks.First()) != "undone in part by entry 60" || text(marks.Last()) != "undone by entry 60" {
		t.Errorf("got %q", text(marks))
	}
	entry := page(t, d.ask(t, http.MethodGet, "/settings/audit/57", "", "Cookie", cookie))
	wantText(t, entry, ".notice", "left as they were: person ana: contacts mail, the order of policies, retention: raw.")
	if href, _ := entry.Find("a.button").Attr("href"); href != undoPath {
		t.Errorf("what is undone in part cannot be undone further: %q", href)
	}
	d.oncall.entries[58] = oncall.Change{ID: 58, Actor: "ana", At: d.now, Action: "undid entry 57", Undoes: 57, State: oncall.StateKept}
	wantText(t, page(t, d.ask(t, http.MethodGet, "/settings/audit/58", "", "Cookie", cookie)), "main", "It undid entry 57.")
}
