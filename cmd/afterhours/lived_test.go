package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"afterhours/parser"
	"afterhours/tickets"
	"afterhours/tickets/playbook"
	"afterhours/web/auth"
)

// livedYAML is a webhook that is told of tickets, beside the demo's team.
const livedYAML = `
webhooks:
  - {id: soc, url: %q, secret: %q, events: [ticket.created, ticket.acknowledged]}
`

// lived adds to an application with the demo's team what comes with time, and returns the pages of it: a tenant and its
// responses, deliveries, an invitation, a change that somebody changed again, and the page of an outage.
func lived(t *testing.T, app *application) []shownPage {
	t.Helper()
	soc, phone := newHook(t), newHook(t)
	app.configure(t, fmt.Sprintf(livedYAML, soc.URL+"/in", signingSecret))
	tenant, stop, err := startDemoAPI(app.now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	if err := tenant.join(t.Context(), app); err != nil {
		t.Fatal(err)
	}
	var run playbook.Run
	eventually(t, "a response asks", func() bool {
		runs, err := app.rooms.playbooks.Runs(context.WithoutCancel(t.Context()), playbook.Filter{State: playbook.Waiting, Limit: 1})
		if err != nil || len(runs) == 0 {
			return false
		}
		run = runs[0]
		return true
	})
	eventually(t, "the webhook is told", func() bool { return len(soc.deliveries()) > 0 })

	team := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(string(demoTeam)) }
	var contacts []string // whoever is on call today has one that is heard here
	for _, id := range []string{"ana", "ben", "chi"} {
		mail := "email: " + id + "@demo.example, "
		contacts = append(contacts, mail, fmt.Sprintf("%scontacts: [{id: mail, channel: email, to: %s@demo.example}, {id: hook, channel: webhook, to: %q}], ", mail, id, phone.URL))
	}
	app.configure(t, team(append(contacts, "name: Ben Okafor", "name: Benedict Okafor", "severity: [low, informational]", "severity: [informational]")...))
	changed, err := app.rooms.oncall.AuditLog(t.Context(), 1, 0)
	if err != nil || len(changed) != 1 {
		t.Fatal(err)
	}
	app.configure(t, team(append(contacts, "name: Ben Okafor", "name: Ben O.", "severity: [low, informational]", "severity: [informational]")...))
	entry := fmt.Sprintf("/settings/audit/%d", changed[0].ID)

	if err := app.auth.EnsureAccount(t.Context(), "ana", "Ana Ruiz", "ana@demo.example", "admin"); err != nil {
		t.Fatal(err)
	}
	_, invitation, err := app.auth.Invite(t.Context(), "ana", auth.Invitation{Email: "dora@demo.example", Name: "Dora Lindt", Role: auth.Responder})
	if err != nil {
		t.Fatal(err)
	}
	outage := app.duringAnOutage(t, phone)
	return []shownPage{
		{name: "tenants", url: app.baseURL + "/settings/tenants"},
		{name: "playbook-run", url: fmt.Sprintf("%s/playbooks/runs/%d", app.baseURL, run.ID)},
		{name: "playbook-dry-run", url: app.baseURL + "/playbooks/isolate-ransomware/dry-run"},
		{name: "deliveries", url: app.baseURL + "/settings/webhooks/soc/deliveries"},
		{name: "invitation", url: app.baseURL + "/invitation/" + invitation},
		{name: "retention", url: app.baseURL + "/settings/retention"},
		{name: "audit-entry", url: app.baseURL + entry},
		{name: "undo", url: app.baseURL + entry + "/undo"},
		{name: "import-difference", url: app.baseURL + "/settings/configuration", then: []chromedp.Action[chromedp.Void]{
			opened("details.importing"),
			chromedp.SetValue("#yaml", "mutes:\n  - {match: {title: \"*eDiscovery search*\"}, until: \"2032-12-01T09:00Z\", reason: legal hold}\n"),
			chromedp.Click(".importing form button"), chromedp.WaitVisible("#difference"),
		}},
		{name: "import-faults", url: app.baseURL + "/settings/configuration", then: []chromedp.Action[chromedp.Void]{
			opened("details.importing"),
			chromedp.SetValue("#yaml", "mutes:\n  - {match: {}, until: never, reason: x}\n"), chromedp.Click(".importing form button"), chromedp.WaitVisible("#faults"),
		}},
		{name: "standby", url: outage},
	}
}

// opened opens what is folded up.
func opened(selector string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Evaluate[bool](`document.querySelector("`+selector+`").open = true`)(ctx, target)
		return chromedp.Void{}, err
	}
}

// duringAnOutage has the standby page somebody as it does while the database is away, and returns the link.
func (a *application) duringAnOutage(t *testing.T, phone *hook) (link string) {
	t.Helper()
	a.rostered(t, "ana")
	raw := alertMail("High", "Ransomware behavior detected while the database was away", "srv-files-02.contoso.example", "da637551227677560813_-3", "three@example")
	digest := sha256.Sum256(raw)
	verified := true
	mail := tickets.Mail{ReceivedAt: a.now().Add(-time.Minute), Envelope: tickets.Envelope{Verified: &verified}}
	a.rooms.standby.Take("one", tickets.NewReading(mail, parser.Parse(raw), digest[:]))
	eventually(t, "somebody is told during the outage", func() bool {
		a.rooms.standby.Tick(t.Context())
		for _, delivery := range phone.deliveries() {
			if strings.HasPrefix(delivery.id, "standby_") {
				link = delivery.message.Data.AckURL
				return true
			}
		}
		return false
	})
	return link
}

func TestWhoeverIsToldByTwoContactsInAnOutageIsNamedOnce(t *testing.T) {
	t.Parallel()
	phone := newHook(t)
	w := newWatchers(t, fmt.Sprintf(`
people: [{id: ana, name: Ana Ruiz, contacts: [{id: one, channel: webhook, to: "%[1]s/1"}, {id: two, channel: webhook, to: "%[1]s/2"}]}]
policies: [{id: security, steps: [{notify: ["person:ana"], wait: 5m}], bundle: {after: 0}}]
`, phone.URL))
	configuration, err := w.oncall.Configuration(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.standby.SetRoster(configuration.TakeRoster(w.now))
	raw := alertMail("High", "Ransomware", "pc1", "da637551227677560813_-3", "three@example")
	digest := sha256.Sum256(raw)
	w.standby.Take("one", tickets.NewReading(tickets.Mail{ReceivedAt: w.now}, parser.Parse(raw), digest[:]))
	w.standby.Tick(t.Context())
	if got := len(phone.deliveries()); got != 2 {
		t.Fatalf("got %d deliveries, want one to each contact", got)
	}
	link := phone.deliveries()[0].message.Data.AckURL
	notice, ok := w.standby.Invitation(link[strings.LastIndex(link, "/")+1:])
	if !ok || len(notice.Told) != 1 || notice.Told[0] != "Ana Ruiz" {
		t.Errorf("told: got %q, %v, want one name", notice.Told, ok)
	}
}
