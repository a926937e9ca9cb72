package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// look is one way of looking at a page.
type look struct {
	width, height int64
	scheme        string
}

// looks are both widths and both schemes; -every-look pairs each with each, which takes twice as long.
var (
	looks     = []look{{1280, 900, "light"}, {360, 780, "dark"}}
	others    = []look{{1280, 900, "dark"}, {360, 780, "light"}}
	onlyPages = flag.String("only-pages", "", "judge, or picture, those pages alone whose names hold this")
	everyLook = flag.Bool("every-look", false, "judge every page wide and narrow, light and dark, in all four pairs")
)

// shownPage is a page under the name of its screenshot, and what is done on it before it is looked at.
type shownPage struct {
	name, url string
	then      []chromedp.Action[chromedp.Void]
}

// show opens a page in one look.
func (p shownPage) show(ctx context.Context, l look) error {
	steps := []chromedp.Action[chromedp.Void]{chromedp.EmulateViewport(l.width, l.height), scheme(l.scheme), chromedp.Navigate(p.url)}
	return chromedp.Do(ctx, append(steps, p.then...)...)
}

// everyPage is one of each page of an application with the demo's team. The first is for whoever is signed out.
func everyPage(t *testing.T, app *application, link string) []shownPage {
	t.Helper()
	paths := []struct{ name, path string }{
		{"login", "/login"},
		{"login-link", "/login/none"},
		{"tickets", "/tickets"},
		{"tickets-resolved", "/tickets?tab=resolved"},
		{"tickets-nothing-found", "/tickets?q=nothing-like-it"},
		{"ticket", "/tickets/1001"},
		{"ticket-unrecognised", "/tickets/1003"},
		{"mail", "/tickets/1001/mails/1"},
		{"mail-html", "/tickets/1001/mails/1?view=html"},
		{"mail-headers", "/tickets/1001/mails/1?view=headers"},
		{"oncall", "/oncall"},
		{"calendar-week", "/schedules/primary?date=2026-10-25"},
		{"calendar-month", "/schedules/primary?view=month"},
		{"oncall-history", "/oncall/primary/history"},
		{"oncall-notes", "/oncall/primary/notes"},
		{"oncall-requests", "/oncall/requests"},
		{"oncall-feeds", "/oncall/feeds"},
		{"simulation", "/oncall/simulate"},
		{"policy-timeline", "/policies/security"},
		{"loads", "/oncall/load"},
		{"load", "/people/ana/load"},
		{"contacts", "/people/ana"},
		{"playbooks", "/playbooks"},
		{"insights", "/insights"},
		{"account", "/account"},
		{"design", "/design"},
		{"status", "/status"},
		{"sessions", "/sessions"},
		{"push", "/push"},
		{"setup", "/setup"},
		{"people", "/settings/people"},
		{"person", "/settings/people/ana"},
		{"schedules", "/settings/schedules"},
		{"schedule", "/settings/schedules/primary"},
		{"policies", "/settings/policies"},
		{"policy", "/settings/policies/security"},
		{"routes", "/settings/routes"},
		{"route", "/settings/routes/1"},
		{"mutes", "/settings/mutes"},
		{"webhooks", "/settings/webhooks"},
		{"webhook", "/settings/webhooks/@new"},
		{"maintenance", "/settings/maintenance"},
		{"reading", "/settings/reading"},
		{"teach", "/teach/3"},
		{"outgoing", "/settings/outgoing"},
		{"letter", "/settings/outgoing/1"},
		{"configuration", "/settings/configuration"},
		{"accounts", "/settings/accounts"},
		{"tokens", "/settings/tokens"},
		{"audit", "/settings/audit"},
		{"not-found", "/tickets/1"},
		{"dead-link", "/ack/none"},
	}
	pages := []shownPage{}
	for _, page := range paths {
		pages = append(pages, shownPage{name: page.name, url: app.baseURL + page.path})
	}
	return append(append(pages, shownPage{name: "night", url: link}), lived(t, app)...)
}

// TestEveryPageFitsEveryScreenAndReader opens each page, wide and narrow, light and dark: nothing is wider than the screen, the
// browser has nothing to complain of, and axe-core finds no fault with it. With AFTERHOURS_TEST_SCREENSHOTS it keeps
// pictures there.
func TestEveryPageFitsEveryScreenAndReader(t *testing.T) {
	t.Parallel()
	app, link := furnished(t)
	if err := app.tendInsights(t.Context(), new(time.Time)); err != nil { // so that there are plots to judge
		t.Fatal(err)
	}
	ctx := browserFor(t, 15*time.Minute)
	complaints := listen(t, ctx)
	judge := axe(t)
	looks := looks
	if *everyLook {
		looks = slices.Concat(looks, others)
	}
	pages := everyPage(t, app, link)
	for i, page := range pages {
		if i == 2 {
			signIn(t, ctx, app)
		}
		if !strings.Contains(page.name, *onlyPages) {
			continue
		}
		for _, l := range looks {
			if err := page.show(ctx, l); err != nil {
				t.Fatalf("%s at %d: %v", page.name, l.width, err)
			}
			wide, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > document.documentElement.clientWidth`))
			if err != nil {
				t.Fatalf("%s at %d: %v", page.name, l.width, err)
			}
			if wide {
				t.Errorf("%s is wider than %d px", page.name, l.width)
			}
			keepShot(t, ctx, fmt.Sprintf("%s-%d-%s.png", page.name, l.width, l.scheme))
			for _, fault := range judge(ctx) {
				t.Errorf("%s at %d, %s: %s", page.name, l.width, l.scheme, fault)
			}
		}
	}
	told := complaints()
	for _, complaint := range told { // some pages are about what is not there or faulty, and a person's form has a secret for each contact
		if !strings.Contains(complaint, "404") && !strings.Contains(complaint, "400") && !strings.Contains(complaint, "Multiple forms should be contained") {
			t.Errorf("the browser complains: %s", complaint)
		}
	}
	t.Logf("%d pages in %d looks", len(pages), len(looks))
}

// keepShot keeps a picture of the page where AFTERHOURS_TEST_SCREENSHOTS says.
func keepShot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	dir := os.Getenv("AFTERHOURS_TEST_SCREENSHOTS")
	if dir == "" {
		return
	}
	shot, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), shot, 0o600); err != nil {
		t.Fatal(err)
	}
}

// axe returns what judges the page that a browser shows by the rules of WCAG 2.2, A and AA, and by good practice: each
// fault with the elements that have it. Where axe-core cannot be had it finds nothing, and the test says so.
func axe(t *testing.T) func(ctx context.Context) []string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "sh", "../../deploy/axe")
	command.Stderr = os.Stderr
	found, err := command.Output()
	if err != nil {
		t.Fatalf("deploy/axe: %v", err)
	}
	path := strings.TrimSpace(string(found))
	if path == "" {
		t.Log("axe-core cannot be had: the pages are not judged")
		return func(context.Context) []string { return nil }
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context) []string {
		t.Helper()
		faults, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](string(source)+`;
			axe.run(document, { iframes: false, resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
				.then((found) => found.violations.map((fault) => fault.id + ": " + fault.nodes.slice(0, 3).map((node) => node.target.join(" ") + " " + node.any.concat(node.all, node.none).map((check) => check.message).join("; ")).join(" | ")))`, chromedp.EvalAwaitPromise))
		if err != nil {
			t.Fatal(err)
		}
		return faults
	}
}

// TestTheJudgeOfPagesSeesFaults holds axe-core to finding what is plainly wrong.
func TestTheJudgeOfPagesSeesFaults(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	judge := axe(t)
	if err := chromedp.Do(ctx, chromedp.Navigate(`data:text/html,<img src=x><p style="color:%23eee;background:white">faint</p><input>`)); err != nil {
		t.Fatal(err)
	}
	faults := strings.Join(judge(ctx), "\n")
	if faults == "" {
		t.Skip("axe-core cannot be had")
	}
	for _, want := range []string{"image-alt", "color-contrast", "label"} {
		if !strings.Contains(faults, want) {
			t.Errorf("got %s, want %s in it", faults, want)
		}
	}
}
