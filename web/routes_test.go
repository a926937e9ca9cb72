package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"afterhours/web/auth"
)

type route struct{ method, pattern, path string }

// allRoutes are the site's routes with a value in each place of their paths.
func (d *desk) allRoutes(t *testing.T) []route {
	t.Helper()
	var found []route
	fill := strings.NewReplacer("{feed}", "none.ics", "{format}", "csv", "{table}", "titles", "/schedules/{id}", "/schedules/primary", "{request}", "2",
		"/runs/{run}", "/runs/2",
		"{passkey}", "AQID",
		"/schedules/{schedule}", "/schedules/primary",
		"/policies/{policy}", "/policies/security",
		"/audit/{change}", "/audit/57",
		"/settings/outgoing/{id}", "/settings/outgoing/2", "{section}/{entry}", "people/ana", "{section}", "people", "mails/{id}", "mails/7", "/teach/{id}", "/teach/9", "messages/{id}", "messages/7", "{number}", "1042", "{id}", "2", "/sessions/{session}", "/sessions/none", "/tokens/{name}", "/tokens/siem", "{account}", "ghost", "/webhooks/{webhook}", "/webhooks/soc", "/oncall/{schedule}", "/oncall/primary", "/people/{person}", "/people/ana", "{contact}", "email", "/playbooks/{playbook}", "/playbooks/isolate", "{token}", goodToken, "{name}", "none.css")
	err := chi.Walk(d.handler.(chi.Routes), func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		found = append(found, route{method, pattern, fill.Replace(pattern)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 35 {
		t.Fatalf("got %d routes, want all of them", len(found))
	}
	return found
}

func TestEveryPostFromAnotherSiteIsRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t) // a call that changes anything fails the test
	admin, token := d.signIn(t, "adm", auth.Admin), d.token(t, auth.Admin)
	posts := 0
	for _, route := range d.allRoutes(t) {
		if route.method == http.MethodGet || route.method == http.MethodHead {
			continue
		}
		posts++
		for name, header := range map[string][]string{
			"fetch metadata": {"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
			"a null origin":  {"Sec-Fetch-Site", "cross-site", "Origin", "null"},
			"a sibling site": {"Sec-Fetch-Site", "same-site", "Origin", "http://other.example"},
			"an old browser": {"Origin", "https://evil.example"},
		} {
			response := d.ask(t, route.method, route.path, "", append(header, "Cookie", admin, "Authorization", "Bearer "+token)...)
			if response.StatusCode != http.StatusForbidden {
				t.Errorf("%s %s, %s: got %s, want 403", route.method, route.pattern, name, response.Status)
			}
		}
	}
	if posts < 15 {
		t.Errorf("got %d routes that are not GET, want all of them", posts)
	}
}

func TestTheDeskSendsWhoeverIsSignedOutToTheSignIn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	asked := 0
	for _, route := range d.allRoutes(t) {
		public := route.pattern == "/healthz" || route.pattern == "/readyz" || route.pattern == "/metrics" || route.pattern == "/worker.js" || route.pattern == "/afterhours.webmanifest" || strings.HasPrefix(route.pattern, "/static/") ||
			strings.HasPrefix(route.pattern, "/log") || strings.HasPrefix(route.pattern, "/invitation/") || strings.HasPrefix(route.pattern, "/ack/") || strings.HasPrefix(route.pattern, "/ical/") || strings.HasPrefix(route.pattern, "/hooks/") || strings.HasPrefix(route.pattern, "/api/")
		if public {
			continue
		}
		asked++
		response := d.ask(t, route.method, route.path, "")
		if location := response.Header.Get("Location"); response.StatusCode != http.StatusSeeOther || !strings.HasPrefix(location, "/login?next=") {
			t.Errorf("%s %s: got %s to %q, want 303 to the sign-in", route.method, route.pattern, response.Status, location)
		}
	}
	if asked < 12 {
		t.Errorf("got %d routes of the desk, want all of them", asked)
	}
}

// roleNeeded is the least role for a route of the desk.
func roleNeeded(route route) auth.Role {
	administers := []string{"/settings/audit", "/settings/configuration/", "/settings/{section}/{entry}", "/settings/tokens", "/settings/retention", "/settings/accounts", "/settings/webhooks/{webhook}", "/settings/reading/reparse", "/teach", "/setup", "/schedules/{schedule}/holidays", "/tickets/{number}/release"}
	for _, prefix := range administers {
		if strings.HasPrefix(route.pattern, prefix) {
			return auth.Admin
		}
	}
	own := strings.HasPrefix(route.pattern, "/sessions") || strings.HasPrefix(route.pattern, "/account") || strings.HasPrefix(route.pattern, "/oncall/feeds") || strings.HasPrefix(route.pattern, "/push") ||
		strings.HasPrefix(route.pattern, "/tickets/filters") || route.pattern == "/oncall/simulate"
	if route.method != http.MethodGet && !own || route.pattern == "/settings/outgoing/{id}" {
		return auth.Responder
	}
	return auth.Viewer
}

func TestWhatARoleMayDoAtTheDesk(t *testing.T) {
	t.Parallel()
	for _, role := range []auth.Role{auth.Viewer, auth.Responder, auth.Admin} {
		t.Run(string(role), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.letAct()
			cookie := d.signIn(t, "who", role)
			asked := 0
			for _, route := range d.allRoutes(t) {
				desk := []string{"/tickets", "/settings", "/oncall", "/setup", "/account", "/design", "/sessions", "/teach", "/push", "/schedules", "/policies", "/playbooks", "/insights"}
				if !slices.ContainsFunc(desk, func(prefix string) bool { return strings.HasPrefix(route.pattern, prefix) }) {
					continue
				}
				asked++
				got := d.ask(t, route.method, route.path, form("text", "x"), "Cookie", cookie).StatusCode
				if refused := got == http.StatusForbidden; refused == role.Allows(roleNeeded(route)) || got == http.StatusNotFound || got >= http.StatusInternalServerError {
					t.Errorf("%s %s: got %d to a %s", route.method, route.pattern, got, role)
				}
				if route.method == http.MethodGet && role.Allows(roleNeeded(route)) && got != http.StatusOK && got != http.StatusSeeOther {
					t.Errorf("%s %s: got %d", route.method, route.pattern, got)
				}
			}
			if asked < 25 {
				t.Errorf("got %d routes of the desk, want all of them", asked)
			}
		})
	}
}

func TestEveryAnswerCarriesTheGuardingHeaders(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, path := range []string{"/healthz", "/login", "/ack/" + goodToken, "/ack/forged", "/none", "/api/v1/tickets", "/tickets", "/static/none.css"} {
		h := d.ask(t, http.MethodGet, path, "").Header
		policy := h.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: got the policy %q", path, policy)
		}
		if got := h.Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("%s: got X-Content-Type-Options %q", path, got)
		}
		if h.Get("Referrer-Policy") == "" {
			t.Errorf("%s: no Referrer-Policy", path)
		}
	}
}

func TestEveryGetRouteAnswersHead(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "adm", auth.Admin)
	for _, route := range d.allRoutes(t) {
		if route.method != http.MethodGet {
			continue
		}
		path := route.path
		get := d.ask(t, http.MethodGet, path, "", "Cookie", cookie)
		head := d.ask(t, http.MethodHead, path, "", "Cookie", cookie)
		if get.StatusCode != head.StatusCode {
			t.Errorf("%s: got %s to GET and %s to HEAD", route.pattern, get.Status, head.Status)
		}
		if get.StatusCode >= http.StatusBadRequest && route.pattern != "/static/{name}" && route.pattern != "/login/{token}" && route.pattern != "/invitation/{token}" && route.pattern != "/login/sso/callback" && route.pattern != "/ical/{feed}" {
			t.Errorf("%s: got %s", route.pattern, get.Status)
		}
	}
}

func TestWhatIsNotThereHasAPageOfItsOwn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "adm", auth.Admin)
	for path, status := range map[string]int{
		"/none": 404, "/tickets/7": 404, "/tickets/99999999999999999999": 404, "/tickets/x": 400, "/tickets/1042/mails/99": 404,
		"/tickets?tab=none": 400, "/tickets?before=x": 400, "/settings/outgoing/99": 404, "/tickets/1042/mails/7?view=x": 400,
	} {
		response := d.ask(t, http.MethodGet, path, "", "Cookie", cookie)
		if response.StatusCode != status {
			t.Errorf("%s: got %s, want %d", path, response.Status, status)
		}
		document := page(t, response)
		if text(document.Find("h1")) == "" || document.Find("link[rel=stylesheet]").Length() != 1 {
			t.Errorf("%s: got no page in the look of the others", path)
		}
	}
	put := d.ask(t, http.MethodPut, "/login", "", "Cookie", cookie)
	wantStatus(t, put, http.StatusMethodNotAllowed)
	if got := strings.Join(put.Header.Values("Allow"), " "); got != "GET POST" {
		t.Errorf("PUT: got Allow %q, want GET POST", got)
	}
	problem := d.ask(t, http.MethodGet, "/api/v1/none", "")
	wantStatus(t, problem, http.StatusNotFound)
	if got := problem.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("under /api: got %q", got)
	}
}

func TestAFaultInsideIsAPageAndALine(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	cookie := d.signIn(t, "adm", auth.Admin)
	d.oncall.held = func() (int, error) { panic("secret wire") }
	response := d.ask(t, http.MethodGet, "/tickets", "", "Cookie", cookie)
	wantStatus(t, response, http.StatusInternalServerError)
	document := page(t, response)
	wantText(t, document, "h1", "The server failed")
	if strings.Contains(document.Text(), "secret wire") || !strings.Contains(d.log.String(), "secret wire") {
		t.Errorf("the cause belongs into the log and not on the page")
	}
}

func TestProbes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/readyz?for=smtp": 503, "/readyz?for=paging": 503, "/readyz?for=x": 400, "/metrics": 200} {
		wantStatus(t, d.ask(t, http.MethodGet, path, ""), want)
	}
}
