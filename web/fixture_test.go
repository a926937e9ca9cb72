package web

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/migrations/pgtest"
	"afterhours/oncall"
	"afterhours/tickets"
	"afterhours/tickets/playbook"
	"afterhours/web/auth"
)

// desk is a site on doubles and a real database of accounts.
type desk struct {
	*Site
	sample
	tickets   *ticketsDouble
	oncall    *onCallDouble
	pool      *pgxpool.Pool
	calls     *hooksDouble
	log       *strings.Builder
	html      string // of every mail
	playbooks *playbooksDouble
	letters   []Mail // that were sent
	mailFault error  // of the mail server
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{sample: newSample(t), pool: pgtest.New(t), log: &strings.Builder{}}
	d.tickets, d.oncall = d.doubles(t)
	var hooks Hooks
	d.calls, hooks = newHooks()
	d.playbooks = samplePlaybooks(t, d.now)
	site, err := New(Options{
		Tickets: d.tickets, OnCall: d.oncall, Auth: auth.New(d.pool, auth.Options{Now: time.Now}),
		Log: slog.New(slog.NewTextHandler(d.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now: func() time.Time { return d.now }, Parse: func([]byte) tickets.Alert {
			return tickets.Alert{Severity: tickets.High, Title: "Ransomware", Kind: tickets.KindAlert}
		}, ReadBy: readByRule, CheckContact: func(_, _, _ string) error { return nil }, Unready: func(oncall.Configuration) []string { return nil }, PublicURL: "http://desk.example", IntakeAddress: "defender@example.com",
		Export: func(context.Context) ([]byte, error) { return d.sample.configuration.Export() },
		Merge: func(current oncall.Configuration, document oncall.Document) (oncall.Configuration, error) {
			return oncall.Merge(current, func(_, _, _ string) error { return nil }, document)
		},
		Hooks: hooks,
		SendMail: func(_ context.Context, mail Mail) error {
			d.letters = append(d.letters, mail)
			return d.mailFault
		},
		HTML:      func([]byte) (string, map[string][]byte) { return d.html, nil },
		PushKey:   "BPublic",
		Playbooks: d.playbooks, Configured: func(context.Context) ([]playbook.Playbook, error) { return d.playbooks.configured, nil },
		DryRun: func(context.Context, string, time.Time) ([]playbook.Would, error) { return d.playbooks.would, nil },
		Polls:  func(context.Context) (map[string]tickets.TenantStatus, error) { return d.playbooks.polls, nil },
		Ready:  func(context.Context) error { return nil },
		Status: func(context.Context) Status {
			return Status{
				Vitals:   []Vital{{Name: "intake"}, {Name: "escalator", Ailing: "has not run for 3m"}},
				Gateways: []oncall.Gateway{{Name: "gw1:25", Version: "v0.1.0", SeenAt: d.now, StartedAt: d.now.Add(-time.Hour)}}, Polls: d.playbooks.polls,
			}
		},
		ReadyToPage: func(context.Context) error { return errors.New("escalator: has not run for 3m") },
		ReadySMTP:   func(context.Context) error { return errors.New("the spool is full") },
		Metrics:     http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") }),
		Version:     "v0.1.0",
	})
	if err != nil {
		t.Fatal(err)
	}
	d.Site = site
	return d
}

// ask sends one request; header pairs follow the body.
func (d *desk) ask(t *testing.T, method, target, body string, header ...string) *http.Response {
	t.Helper()
	ctx := t.Context()
	if strings.HasPrefix(target, "/tickets/live") { // a stream ends with its reader
		var leave context.CancelFunc
		ctx, leave = context.WithTimeout(ctx, 50*time.Millisecond)
		defer leave()
	}
	request := httptest.NewRequestWithContext(ctx, method, "http://desk.example"+target, strings.NewReader(body))
	if body != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			request.Host = header[i+1]
		} else if header[i+1] != "" {
			request.Header.Set(header[i], header[i+1])
		}
	}
	recorder := httptest.NewRecorder()
	d.Handler().ServeHTTP(recorder, request)
	return recorder.Result()
}

// signIn makes an account and returns the cookie of its session.
func (d *desk) signIn(t *testing.T, id string, role auth.Role) string {
	t.Helper()
	if err := d.Auth.EnsureAccount(t.Context(), id, "Account "+id, id+"@example.com", string(role)); err != nil {
		t.Fatal(err)
	}
	token, err := d.Auth.CreateLoginLink(t.Context(), &id, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	response := d.ask(t, http.MethodPost, "/login/"+token, "")
	if len(response.Cookies()) != 1 {
		t.Fatalf("sign in as %s: got %s without a cookie", id, response.Status)
	}
	cookie := response.Cookies()[0]
	return cookie.Name + "=" + cookie.Value
}

func (d *desk) token(t *testing.T, role auth.Role) string {
	t.Helper()
	token, err := d.Auth.CreateToken(t.Context(), tickets.ActorSystem, "of-"+string(role), string(role), nil)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// page reads an answer as HTML.
func page(t *testing.T, response *http.Response) *goquery.Document {
	t.Helper()
	document, err := goquery.NewDocumentFromReader(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// text is what a selection says, with single spaces.
func text(selection *goquery.Selection) string {
	return strings.Join(strings.Fields(selection.Text()), " ")
}

func wantStatus(t *testing.T, response *http.Response, want int) {
	t.Helper()
	if response.StatusCode != want {
		body, _ := io.ReadAll(response.Body)
		t.Errorf("got %s, want %d: %s", response.Status, want, body)
	}
}

func wantText(t *testing.T, document *goquery.Document, selector, want string) {
	t.Helper()
	if got := text(document.Find(selector)); !strings.Contains(got, want) {
		t.Errorf("%s: got %q, want %q in it", selector, got, want)
	}
}

func form(pairs ...string) string {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return values.Encode()
}
