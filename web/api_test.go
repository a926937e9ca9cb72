package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/web/auth"
)

func TestEveryAPIRouteForEveryRole(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.letAct()
	bearer := map[string]string{"none": "", "wrong": "Bearer ah_wrong", "basic": "Basic YTpi"}
	for _, role := range []auth.Role{auth.Viewer, auth.Responder, auth.Admin} {
		bearer[string(role)] = "Bearer " + d.token(t, role)
	}
	routes := 0
	for _, route := range d.allRoutes(t) {
		if !strings.HasPrefix(route.pattern, "/api/") || strings.HasSuffix(route.pattern, "openapi.json") {
			continue
		}
		routes++
		body := ""
		switch {
		case strings.HasSuffix(route.path, "/notes"):
			body = `{"text":"so"}`
		case strings.HasSuffix(route.path, "/assign"):
			body = `{"person":"ben"}`
		case strings.HasSuffix(route.path, "/requests"):
			body = `{"giver":"ana","taker":"ben","start":"2026-11-25T08:00:00Z","end":"2026-11-26T08:00:00Z"}`
		case strings.HasSuffix(route.path, "/hold"):
			body = `{"reason":"for the lawyers"}`
		case strings.HasSuffix(route.path, "/snooze"):
			body = `{"until":"2026-11-24T03:00:00Z"}`
		}
		reads := route.method == http.MethodGet
		for who, header := range bearer {
			want := http.StatusOK
			switch {
			case who == "none", who == "wrong", who == "basic":
				want = http.StatusUnauthorized
			case who == "viewer" && !reads, who == "responder" && strings.HasSuffix(route.path, "/release"):
				want = http.StatusForbidden
			}
			path := strings.Replace(route.path, "messages/2", "messages/7", 1)
			response := d.ask(t, route.method, path, body, "Authorization", header, "Content-Type", "application/json")
			if response.StatusCode != want {
				content, _ := io.ReadAll(response.Body)
				t.Errorf("%s %s as %s: got %s, want %d: %s", route.method, route.pattern, who, response.Status, want, content)
			}
			if want >= 400 && response.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s %s as %s: got the type %q", route.method, route.pattern, who, response.Header.Get("Content-Type"))
			}
			if want == http.StatusUnauthorized && !strings.HasPrefix(response.Header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s %s as %s: no challenge", route.method, route.pattern, who)
			}
		}
	}
	if routes < 15 {
		t.Errorf("got %d routes, want all of the API", routes)
	}
}

func TestASessionReadsTheAPIAndNoMore(t *testing.T) {
	t.Parallel()
	d := newDesk(t) // a call that changes anything fails the test
	cookie := d.signIn(t, "adm", auth.Admin)
	wantStatus(t, d.ask(t, http.MethodGet, "/api/v1/tickets", "", "Cookie", cookie), http.StatusOK)
	wantStatus(t, d.ask(t, http.MethodPost, "/api/v1/tickets/1042/resolve", "", "Cookie", cookie), http.StatusUnauthorized)
	wantStatus(t, d.ask(t, http.MethodGet, "/api/v1/tickets", "", "Cookie", cookie, "Authorization", "Bearer ah_wrong"), http.StatusUnauthorized)
}

// apiCall sends a request as a responder and reads a JSON answer.
func (d *desk) apiCall(t *testing.T, token, method, path, body string) (status int, answer map[string]any) {
	t.Helper()
	response := d.ask(t, method, "/api/v1"+path, body, "Authorization", "Bearer "+token, "Content-Type", "application/json")
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatalf("%s %s: got %s %q, which is no JSON object: %v", method, path, response.Status, raw, err)
	}
	if bytes.Contains(raw, []byte(`"$schema"`)) {
		t.Errorf("%s %s: the answer has a $schema", method, path)
	}
	return response.StatusCode, answer
}

func TestMalformedRequestsAre400(t *testing.T) {
	t.Parallel()
	d := newDesk(t) // a call that changes anything fails the test
	token := d.token(t, auth.Responder)
	for _, path := range []string{
		"/tickets?state=none", "/tickets?state=open,none", "/tickets?severity=bad", "/tickets?product=toaster", "/tickets?limit=0", "/tickets?limit=501",
		"/tickets?limit=x", "/tickets?limit=-1", "/tickets?limit=1e2", "/tickets?since=yesterday", "/tickets?until=2026-13-01T00:00:00Z", "/tickets?cursor=%21",
		"/tickets?cursor=bm9uZQ", "/tickets?q=%00", "/tickets?q=%ff", "/tickets?q=%zz", "/tickets?q=" + strings.Repeat("x", 501), "/tickets?assignee=a%00",
		"/tickets/x", "/tickets/-1", "/tickets/1.5", "/tickets/x/timeline", "/tickets/x/messages", "/messages/x/raw", "/pages?ticket=x", "/oncall?at=now",
		"/schedules/primary/shifts?from=now", "/schedules/primary/shifts?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "/schedules/primary/shifts?from=2026-01-02T00:00:00Z&to=2028-01-01T00:00:00Z",
	} {
		if status, problem := d.apiCall(t, token, http.MethodGet, path, ""); status != 400 || problem["detail"] == "" || problem["status"] != 400.0 {
			t.Errorf("GET %s: got %d %v, want 400 with a detail", path, status, problem)
		}
	}
	for _, request := range [][2]string{
		{"/tickets/1042/notes", ""},
		{"/tickets/1042/notes", "{"},
		{"/tickets/1042/notes", "[]"},
		{"/tickets/1042/notes", `{"text":7}`},
		{"/tickets/1042/notes", "null"},
		{"/tickets/1042/notes", "{\"text\":\"\xff\"}"},
		{"/tickets/1042/notes", "{}"},
		{"/tickets/1042/assign", "{}"},
		{"/tickets/1042/assign", `{"person":"nobody"}`},
		{"/tickets/1042/assign", `{"person":7}`},
		{"/tickets/1042/snooze", ""},
		{"/tickets/1042/snooze", `{"until":"soon"}`},
		{"/tickets/1042/snooze", `{"until":5}`},
		{"/tickets/1042/snooze", `{"until":null}`},
		{"/tickets/x/resolve", ""},
	} {
		if status, _ := d.apiCall(t, token, http.MethodPost, request[0], request[1]); status != 400 {
			t.Errorf("POST %s %q: got %d, want 400", request[0], request[1], status)
		}
	}
	for _, path := range []string{"/tickets/1", "/tickets/99999999999999999999", "/tickets/1/timeline", "/tickets/1/messages", "/messages/1/raw", "/none", "/schedules/none/shifts"} {
		if status, _ := d.apiCall(t, token, http.MethodGet, path, ""); status != 404 {
			t.Errorf("GET %s: got %d, want 404", path, status)
		}
	}
}

func TestParametersReachTheFilterAndEmptyOnesAreAbsent(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	token := d.token(t, auth.Viewer)
	var got tickets.Filter
	d.tickets.list = func(filter tickets.Filter) (tickets.List, error) {
		got = filter
		return tickets.List{Tickets: d.sample.tickets[:1], Next: 1042}, nil
	}
	_, answer := d.apiCall(t, token, http.MethodGet, "/tickets?state=&severity=&product=&q=&assignee=&since=&until=&limit=&cursor=", "")
	if got.Limit != 50 || got.Before != 0 || len(got.States)+len(got.Severities)+len(got.Products) != 0 || !got.Since.IsZero() || !got.Until.IsZero() {
		t.Errorf("empty parameters: got %+v, want none", got)
	}
	cursor, _ := answer["next_cursor"].(string)
	if cursor == "" || strings.Trim(cursor, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Errorf("next_cursor: got %q, want a URL-safe one", cursor)
	}
	d.apiCall(t, token, http.MethodGet, "/tickets?state=open,resolved&state=acknowledged&severity=high&product=xdr&q=srv+sql&assignee=ana"+
		"&since=2026-11-24T03:00:00%2B01:00&until=2026-11-25T00:00:00Z&limit=500&cursor="+cursor, "")
	if len(got.States) != 3 || len(got.Severities) != 1 || len(got.Products) != 1 || got.Query != "srv sql" || got.Assignee != "ana" ||
		!got.Since.Equal(time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)) || got.Limit != 500 || got.Before != 1042 {
		t.Errorf("filter: got %+v", got)
	}
	d.tickets.list = func(tickets.Filter) (tickets.List, error) { return tickets.List{}, nil }
	_, answer = d.apiCall(t, token, http.MethodGet, "/tickets", "")
	if list, ok := answer["tickets"].([]any); !ok || len(list) != 0 || answer["next_cursor"] != "" {
		t.Errorf("no tickets: got %v, want an empty list and no cursor", answer)
	}
}

func TestATicketHasEveryKeyAndNoNullList(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.sample.tickets = []tickets.Ticket{{Number: 1042, CreatedAt: d.now.In(time.FixedZone("", 3600))}}
	d.sample.events = []tickets.Event{{At: d.now, Type: tickets.EventResolved, Actor: "ana"}}
	d.sample.mails, d.sample.pages = []tickets.Mail{{ID: 1}}, nil
	token := d.token(t, auth.Viewer)
	_, ticket := d.apiCall(t, token, http.MethodGet, "/tickets/1042", "")
	for _, key := range strings.Fields("number state severity kind product title description category organisation tenant_id incident_id alert_ids devices users links" +
		" classification assignee policy created_at updated_at acknowledged_at acknowledged_by resolved_at message_count verified runbook source machines techniques evidence") {
		value, ok := ticket[key]
		mayBeNull := key == "acknowledged_at" || key == "resolved_at" || key == "verified"
		if !ok || value == nil && !mayBeNull {
			t.Errorf("%s: got %v, want it there", key, value)
		}
	}
	if len(ticket) != 30 || ticket["created_at"] != "2026-11-24T02:15:00Z" {
		t.Errorf("ticket: got %d keys, created %v", len(ticket), ticket["created_at"])
	}
	for _, path := range []string{"/tickets/1042/timeline", "/tickets/1042/messages", "/pages?ticket=1042", "/pages", "/oncall"} {
		status, answer := d.apiCall(t, token, http.MethodGet, path, "")
		if raw, _ := json.Marshal(answer); status != 200 || bytes.Contains(raw, []byte(`s":null`)) || bytes.Contains(raw, []byte(`"data":null`)) {
			t.Errorf("%s: got %d %s", path, status, raw)
		}
	}
}

func TestAMailIsDownloadedByteForByte(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	want := make([]byte, 0, 70_000)
	for i := range cap(want) {
		want = append(want, byte(i*7))
	}
	d.tickets.raw = func(int64) ([]byte, error) { return want, nil }
	response := d.ask(t, http.MethodGet, "/api/v1/messages/7/raw", "", "Authorization", "Bearer "+d.token(t, auth.Viewer))
	got, err := io.ReadAll(response.Body)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %d octets, %v, want the %d that came in", len(got), err, len(want))
	}
	for name, value := range map[string]string{
		"Content-Type": "message/rfc822", "Content-Disposition": `attachment; filename="mail-7.eml"`, "X-Content-Type-Options": "nosniff",
	} {
		if got := response.Header.Get(name); got != value {
			t.Errorf("%s: got %q, want %q", name, got, value)
		}
	}
}

func TestActionsOfATokenAreItsOwn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	calls, token := d.letAct(), d.token(t, auth.Responder)
	for _, request := range [][2]string{
		{"acknowledge", ""}, {"resolve", "{}"}, {"reopen", ""}, {"escalate", ""}, {"notes", `{"text":"so","more":1}`}, {"assign", `{"person":"ben"}`}, {"snooze", `{"until":"2026-11-24T04:00:00+01:00"}`},
	} {
		if status, ticket := d.apiCall(t, token, http.MethodPost, "/tickets/1042/"+request[0], request[1]); status != 200 || ticket["number"] != 1042.0 {
			t.Errorf("%s: got %d %v, want the ticket", request[0], status, ticket)
		}
	}
	want := "acknowledge, resolve, reopen, escalate, note so, assign ben, snooze 2026-11-24T03:00:00Z, "
	if got := strings.ReplaceAll(strings.Join(*calls, ", ")+", ", " 1042 token:of-responder", ""); got != want {
		t.Errorf("calls: got %q, want %q by token:of-responder", got, want)
	}
}

func TestErrorsOfTheStoreKeepTheirMeaning(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	token := d.token(t, auth.Responder)
	for err, want := range map[error]int{
		&tickets.ConflictError{Reason: "it is taken"}: 409, tickets.ErrNotFound: 404, &tickets.InvalidError{Field: "x", Reason: "y"}: 400,
		tickets.ErrUnavailable: 503, tickets.ErrForbidden: 403, errors.New("secret wire"): 500,
	} {
		d.tickets.resolve = func(int64, string, string) (tickets.Ticket, error) { return tickets.Ticket{}, err }
		status, problem := d.apiCall(t, token, http.MethodPost, "/tickets/1042/resolve", "")
		if detail, _ := problem["detail"].(string); status != want || detail == "" || strings.Contains(detail, "secret") {
			t.Errorf("%v: got %d %v, want %d", err, status, problem, want)
		}
	}
}

func TestWhoIsOnCallAtAMoment(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, answer := d.apiCall(t, d.token(t, auth.Viewer), http.MethodGet, "/oncall?at=2026-11-26T12:00:00Z", "")
	raw, _ := json.Marshal(answer)
	want := `{"at":"2026-11-26T12:00:00Z","schedules":[` +
		`{"id":"primary","name":"primary","person":"ben","person_name":"Ben Okafor","source":"layer","timezone":"Europe/Madrid","until":"2026-11-27T08:00:00Z"},` +
		`{"id":"nights","name":"Nights","person":null,"person_name":"","source":"","timezone":"Europe/London","until":"2026-11-26T18:00:00Z"}]}`
	if string(raw) != want {
		t.Errorf("got  %s\nwant %s", raw, want)
	}
}

func TestPagesAreListed(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	asked := int64(-1)
	d.oncall.pages = func(ticket int64) ([]oncall.Page, error) {
		asked = ticket
		return d.sample.pages, nil
	}
	_, answer := d.apiCall(t, d.token(t, auth.Viewer), http.MethodGet, "/pages?ticket=1042", "")
	list, _ := answer["pages"].([]any)
	if len(list) != 2 || asked != 1042 {
		t.Fatalf("got %v of ticket %d, want two pages of 1042", answer, asked)
	}
	first, _ := list[0].(map[string]any)
	if first["channel"] != "sms" || first["recipient"] != "+34600000001" || first["state"] != "sent" || first["attempts"] != 2.0 || first["sent_at"] == nil {
		t.Errorf("page: got %v", first)
	}
}

func TestTheDescriptionIsOpenAPI31OfEveryRoute(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	response := d.ask(t, http.MethodGet, "/api/v1/openapi.json", "")
	var document struct {
		OpenAPI string                               `json:"openapi"`
		Paths   map[string]map[string]map[string]any `json:"paths"`
	}
	raw, _ := io.ReadAll(response.Body)
	if err := json.Unmarshal(raw, &document); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(document.OpenAPI, "3.1") {
		t.Errorf("version: got %q", document.OpenAPI)
	}
	if bytes.Contains(raw, []byte(`"422"`)) || bytes.Contains(raw, []byte(`"null","array"`)) || bytes.Contains(raw, []byte(`"array","null"`)) {
		t.Errorf("the description promises a 422 or lists that are null")
	}
	for _, route := range d.allRoutes(t) {
		if !strings.HasPrefix(route.pattern, "/api/") || strings.HasSuffix(route.pattern, "openapi.json") {
			continue
		}
		operation := document.Paths[route.pattern][strings.ToLower(route.method)]
		if operation == nil {
			t.Errorf("%s %s is not described", route.method, route.pattern)
			continue
		}
		answers, _ := operation["responses"].(map[string]any)
		for _, status := range []string{"200", "400", "401", "403"} {
			if answers[status] == nil {
				t.Errorf("%s %s: the answer %s is not described", route.method, route.pattern, status)
			}
		}
	}
}
