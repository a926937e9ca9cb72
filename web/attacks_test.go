package web

import (
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/web/auth"
)

// breakout leaves every place that a page puts text in, where nobody takes care of it: an attribute in either quotes, an
// element, a text area, a style or a script.
const breakout = `'"></textarea></title></style></script><x-evil onevil=1>{{.}}javascript:evil()`

// namedFields are fields that pages look something up by: another value would only not be found.
var namedFields = []string{"ID", "Person", "Channel", "Contact", "Timezone", "Kind", "Policy", "Actor", "URL", "Rel", "Unit", "Except", "Day"}

// poison puts the breakout behind every free text in a value.
func poison(value reflect.Value) {
	switch value.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !value.IsNil() && value.Elem().Kind() != reflect.Interface {
			poison(value.Elem())
		}
	case reflect.Struct:
		for i := range value.NumField() {
			if field := value.Type().Field(i); field.IsExported() && !slices.Contains(namedFields, field.Name) {
				poison(value.Field(i))
			}
		}
	case reflect.Slice:
		for i := range value.Len() {
			poison(value.Index(i))
		}
	case reflect.Map:
		for _, key := range value.MapKeys() {
			held := value.MapIndex(key)
			if held.Kind() == reflect.Interface {
				held = held.Elem()
			}
			changed := reflect.New(held.Type()).Elem()
			changed.Set(held)
			poison(changed)
			value.SetMapIndex(key, changed)
		}
	case reflect.String:
		if value.CanSet() && value.Type() == reflect.TypeFor[string]() {
			value.SetString(value.String() + breakout)
		}
	}
}

// brokenOut is what of a page somebody else wrote as markup, or as an address that runs.
func brokenOut(document *goquery.Document) (found []string) {
	document.Find("x-evil, [onevil]").Each(func(_ int, element *goquery.Selection) {
		found = append(found, "markup in "+goquery.NodeName(element.Parent()))
	})
	document.Find("[href], [src], [action], [formaction]").Each(func(_ int, element *goquery.Selection) {
		for _, name := range []string{"href", "src", "action", "formaction"} {
			if address := strings.TrimSpace(strings.ToLower(element.AttrOr(name, ""))); strings.HasPrefix(address, "javascript:") {
				found = append(found, name+" "+address)
			}
		}
	})
	return found
}

func TestMarkupThatBrokeOutIsSeen(t *testing.T) {
	t.Parallel()
	for _, unsafe := range []string{`<p>` + breakout, `<input value="` + breakout + `">`, `<textarea>` + breakout, `<title>` + breakout, `<a href="javascript:evil()">`} {
		document, err := goquery.NewDocumentFromReader(strings.NewReader(unsafe))
		if err != nil || len(brokenOut(document)) == 0 {
			t.Errorf("%s: got nothing, %v", unsafe, err)
		}
	}
}

// harmless holds that nothing of a page broke out, and says whether it shows the hostile text at all.
func harmless(t *testing.T, what string, response *http.Response) (shown bool) {
	t.Helper()
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
		_, _ = io.Copy(io.Discard, response.Body)
		return false
	}
	document := page(t, response)
	if found := brokenOut(document); len(found) > 0 {
		t.Errorf("%s: %q", what, found)
	}
	shown = strings.Contains(document.Text(), "x-evil")
	document.Find("[value], [title], [placeholder], [data-here]").Each(func(_ int, element *goquery.Selection) {
		for _, attribute := range element.Get(0).Attr {
			shown = shown || strings.Contains(attribute.Val, "x-evil")
		}
	})
	return shown
}

func TestNothingThatIsStoredBecomesMarkup(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "adm", auth.Admin)
	d.sampleInsights()
	d.oncall.deliveries = slices.Clone(d.sample.pages)
	d.tickets.unrecognised = slices.Clone(d.sample.mails)
	alert := unknownAlert(unknownText)
	for _, stored := range []any{
		&d.sample.configuration, &d.sample.tickets, &d.sample.events, &d.sample.mails, &d.sample.pages, &d.sample.outlook, &d.oncall.entries, &d.oncall.deliveries,
		&d.playbooks.configured, &d.playbooks.runs, &d.playbooks.would, &d.playbooks.polls, &d.tickets.insights, &d.tickets.unrecognised, &alert,
	} {
		poison(reflect.ValueOf(stored).Elem())
	}
	d.tickets.mail = func(id int64) (tickets.Mail, error) {
		return tickets.Mail{ID: id, Ticket: 1042, Alert: &alert, ReceivedAt: d.now}, nil
	}
	d.oncall.audit = func(int, int64) ([]oncall.Change, error) { return []oncall.Change{d.oncall.entries[57]}, nil }
	if err := d.Auth.EnsureAccount(t.Context(), "evil", "Eve "+breakout, "eve@example.com", "viewer"); err != nil {
		t.Fatal(err)
	}
	d.sample.tickets[0].Runbook = "javascript:evil()" + breakout
	d.sample.tickets[0].Links[0].URL = "javascript:evil()" + breakout
	asked, shown := 0, 0
	for _, route := range d.allRoutes(t) {
		if route.method != http.MethodGet {
			continue
		}
		asked++
		response := d.ask(t, http.MethodGet, route.path, "", "Cookie", cookie)
		if response.StatusCode >= http.StatusInternalServerError {
			t.Errorf("%s: got %s: %s", route.pattern, response.Status, d.log.String()[max(0, d.log.Len()-1500):])
		}
		if harmless(t, route.pattern, response) {
			shown++
		}
	}
	if shown < 25 {
		t.Errorf("%d of %d pages show what is stored, want nearly all", shown, asked)
	}
	t.Logf("%d pages, %d of them with hostile text in it", asked, shown)
}

func TestNothingThatIsAskedForBecomesMarkup(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.letAct()
	cookie := d.signIn(t, "adm", auth.Admin)
	names := []string{
		"q", "tab", "before", "after", "severity", "product", "assignee", "since", "until", "view", "date", "from", "to", "days", "for", "next", "back", "at",
		"start", "end", "override", "calendar", "imported", "muted", "reread", "title", "reason", "name", "email", "text", "yaml", "mark", "person", "kind",
		"code", "device", "hours", "minutes", "classification", "role", "mail", "direction", "endpoint", "auth", "id", "timezone", "channel", "of", "what", "_mark",
	}
	asked, shown := 0, 0
	tell := func(what string, response *http.Response) {
		asked++
		if harmless(t, what, response) {
			shown++
		}
	}
	all := url.Values{}
	for _, name := range names {
		all.Set(name, breakout)
	}
	for _, route := range d.allRoutes(t) {
		if route.method != http.MethodGet {
			tell(route.method+" "+route.pattern, d.ask(t, route.method, route.path, all.Encode(), "Cookie", cookie))
			if route.pattern == "/logout" {
				cookie = d.signIn(t, "adm", auth.Admin)
			}
			continue
		}
		if strings.HasPrefix(route.pattern, "/api/") || strings.HasPrefix(route.pattern, "/tickets/live") {
			continue
		}
		tell(route.pattern, d.ask(t, http.MethodGet, route.path+"?"+all.Encode(), "", "Cookie", cookie))
		for _, name := range names[:24] { // alone, because one that is refused hides the others
			tell(route.pattern+"?"+name, d.ask(t, http.MethodGet, route.path+"?"+form(name, breakout), "", "Cookie", cookie))
		}
		if at := strings.Index(route.pattern, "{"); at >= 0 { // a path that holds it
			path := route.pattern[:at] + url.PathEscape(breakout)
			tell(path, d.ask(t, http.MethodGet, path, "", "Cookie", cookie))
		}
	}
	tell("/login", d.ask(t, http.MethodPost, "/login", form("email", breakout, "password", breakout, "next", breakout)))
	if shown < 15 {
		t.Errorf("%d of %d answers say again what they were asked, want some", shown, asked)
	}
	t.Logf("%d requests, %d of whose answers say again what they were asked", asked, shown)
}

func TestNoAnswerLeadsAway(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.letAct()
	cookie := d.signIn(t, "adm", auth.Admin)
	sent := 0
	for _, away := range []string{"//evil.example/x", "https://evil.example", `/\evil.example`, `\\evil.example`, "/\t/evil.example", "https:evil.example", "javascript:evil()"} {
		fields := url.Values{}
		for _, name := range []string{"back", "next", "from", "calendar", "to", "return"} {
			fields.Set(name, away)
		}
		for _, route := range d.allRoutes(t) {
			for _, ask := range []string{"", "?" + fields.Encode()} {
				body := fields.Encode()
				if route.method == http.MethodGet {
					body = ""
				}
				location := d.ask(t, route.method, route.path+ask, body, "Cookie", cookie, "Host", "desk.example").Header.Get("Location")
				if location == "" {
					continue
				}
				sent++
				parsed, err := url.Parse(location)
				if err != nil || parsed.Host != "" || parsed.Scheme != "" || !strings.HasPrefix(location, "/") || strings.HasPrefix(location, "//") || strings.HasPrefix(location, `/\`) {
					t.Errorf("%s %s: leads to %q", route.method, route.pattern, location)
				}
			}
			if route.pattern == "/logout" {
				cookie = d.signIn(t, "adm", auth.Admin)
			}
		}
	}
	if sent < 100 {
		t.Errorf("%d answers led anywhere, want many", sent)
	}
	t.Logf("%d answers lead on, none of them away", sent)
}

func TestNoPageCanBeFramed(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.letAct()
	cookie := d.signIn(t, "adm", auth.Admin)
	asked := 0
	for _, route := range d.allRoutes(t) {
		if route.pattern == "/worker.js" { // a script, whose policy is its own
			continue
		}
		response := d.ask(t, route.method, route.path, "", "Cookie", cookie)
		policy := response.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s %s: got the policy %q, want %s in it", route.method, route.pattern, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http:") || strings.Contains(policy, "https:") {
			t.Errorf("%s %s: got the policy %q", route.method, route.pattern, policy)
		}
		asked++
		if route.pattern == "/logout" {
			cookie = d.signIn(t, "adm", auth.Admin)
		}
	}
	t.Logf("%d routes", asked)
}
