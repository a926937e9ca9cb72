package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"afterhours/oncall"
	"afterhours/tickets"
)

// browser starts a headless Chromium. Without one the test is skipped, except in CI.
func browser(t *testing.T) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("-short leaves the browser out")
	}
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Chromium; run: apt-get install -y chromium")
		}
		t.Skip("no Chromium; run: apt-get install -y chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.UserDataDir(t.TempDir()))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// look is one way of looking at a page.
type look struct {
	width, height int64
	scheme        string
}

var looks = []look{{1280, 900, "light"}, {1280, 900, "dark"}, {360, 780, "light"}, {360, 780, "dark"}}

// TestEveryPageFitsEveryScreen opens each page signed in, wide and narrow, light and dark: nothing is wider than the
// screen, and the browser has nothing to complain of. With AFTERHOURS_TEST_SCREENSHOTS it keeps pictures there.
func TestEveryPageFitsEveryScreen(t *testing.T) {
	t.Parallel()
	app, link := furnished(t)
	ctx := browser(t)
	complaints := listen(t, ctx)
	pages := []struct{ name, url string }{
		{"login", app.baseURL + "/login"},
		{"night", link},
		{"tickets", app.baseURL + "/tickets"},
		{"tickets-resolved", app.baseURL + "/tickets?tab=resolved"},
		{"mail", app.baseURL + "/tickets/1001/mails/1"},
		{"mail-html", app.baseURL + "/tickets/1001/mails/1?view=html"},
		{"ticket", app.baseURL + "/tickets/1001"},
		{"ticket-unrecognised", app.baseURL + "/tickets/1003"},
		{"oncall", app.baseURL + "/oncall"},
		{"outgoing", app.baseURL + "/settings/outgoing"},
		{"configuration", app.baseURL + "/settings/configuration"},
		{"audit", app.baseURL + "/settings/audit"},
		{"letter", app.baseURL + "/settings/outgoing/1"},
		{"people", app.baseURL + "/settings/people"},
		{"person", app.baseURL + "/settings/people/ana"},
		{"schedules", app.baseURL + "/settings/schedules"},
		{"schedule", app.baseURL + "/settings/schedules/primary"},
		{"policies", app.baseURL + "/settings/policies"},
		{"policy", app.baseURL + "/settings/policies/security"},
		{"routes", app.baseURL + "/settings/routes"},
		{"route", app.baseURL + "/settings/routes/1"},
		{"mutes", app.baseURL + "/settings/mutes"},
		{"webhooks", app.baseURL + "/settings/webhooks"},
		{"webhook", app.baseURL + "/settings/webhooks/@new"},
		{"tokens", app.baseURL + "/settings/tokens"},
		{"accounts", app.baseURL + "/settings/accounts"},
		{"sessions", app.baseURL + "/sessions"},
		{"simulation", app.baseURL + "/oncall/simulate"},
		{"setup", app.baseURL + "/setup"},
		{"calendar-week", app.baseURL + "/schedules/primary?date=2026-10-25"},
		{"calendar-month", app.baseURL + "/schedules/primary?view=month"},
		{"policy-timeline", app.baseURL + "/policies/security"},
		{"maintenance", app.baseURL + "/settings/maintenance"},
		{"load", app.baseURL + "/people/ana/load"},
		{"loads", app.baseURL + "/oncall/load"},
		{"insights", app.baseURL + "/insights"},
	}
	for i, page := range pages {
		if i == 1 {
			signIn(t, ctx, app)
		}
		for _, l := range looks {
			if err := chromedp.Do(ctx, chromedp.EmulateViewport(l.width, l.height), scheme(l.scheme), chromedp.Navigate(page.url)); err != nil {
				t.Fatalf("%s at %d: %v", page.name, l.width, err)
			}
			wide, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > document.documentElement.clientWidth`))
			if err != nil {
				t.Fatalf("%s at %d: %v", page.name, l.width, err)
			}
			if wide {
				t.Errorf("%s is wider than %d px", page.name, l.width)
			}
			if dir := os.Getenv("AFTERHOURS_TEST_SCREENSHOTS"); dir != "" {
				shot, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
				if err != nil {
					t.Fatal(err)
				}
				name := filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", page.name, l.width, l.scheme))
				if err := os.WriteFile(name, shot, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if told := complaints(); len(told) > 0 {
		t.Errorf("the browser complains:\n%s", strings.Join(told, "\n"))
	}
}

// listen collects what the browser writes to its log: refused styles, failed requests.
func listen(t *testing.T, ctx context.Context) (complaints func() []string) {
	t.Helper()
	if err := chromedp.Do(ctx, enableLog); err != nil {
		t.Fatal(err)
	}
	var mutex sync.Mutex
	var told []string
	entries := chromedp.Events(ctx, log.EntryAdded)
	go func() {
		for entry, err := range entries {
			if err != nil {
				return
			}
			mutex.Lock()
			told = append(told, entry.Entry.Text+" "+entry.Entry.URL)
			mutex.Unlock()
		}
	}()
	return func() []string {
		mutex.Lock()
		defer mutex.Unlock()
		return told
	}
}

func enableLog(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
	_, err := cdp.Call(ctx, target, log.Enable, cdp.Empty{})
	return chromedp.Void{}, err
}

func scheme(name string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
		})
		return chromedp.Void{}, err
	}
}

func withoutScript(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
	_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	return chromedp.Void{}, err
}

// TestTheNightPageWorksByKeyboardAlone acknowledges with Tab and Enter, without JavaScript.
func TestTheNightPageWorksByKeyboardAlone(t *testing.T) {
	t.Parallel()
	app, link := furnished(t)
	ctx := browser(t)
	button, err := chromedp.Run(ctx, func(ctx context.Context, target *chromedp.Target) (string, error) {
		if err := chromedp.Do(ctx, withoutScript, chromedp.EmulateViewport(360, 780), chromedp.Navigate(link)); err != nil {
			return "", err
		}
		return chromedp.Text(`form button`)(ctx, target)
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 10 { // skip links and the like come before the button, which the page's own focus order must reach
		focused, err := chromedp.Run(ctx, focusedText)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(focused, "I have it") {
			break
		}
		if err := chromedp.Do(ctx, chromedp.KeyEvent(kb.Tab)); err != nil {
			t.Fatal(err)
		}
	}
	if err := chromedp.Do(ctx, chromedp.KeyEvent(kb.Enter)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(button, "I have it") {
		t.Errorf("button: got %q", button)
	}
	eventually(t, "the ticket is acknowledged", func() bool {
		ticket, err := app.rooms.tickets.Get(context.WithoutCancel(t.Context()), 1001)
		return err == nil && ticket.State == tickets.Acknowledged && ticket.AcknowledgedBy == "ana"
	})
}

// focusedText is the text of the element that has the focus; the debugger's own script is not the page's.
func focusedText(ctx context.Context, target *chromedp.Target) (string, error) {
	return chromedp.Evaluate[string](`document.activeElement === document.body ? '' : document.activeElement.innerText`)(ctx, target)
}

// furnished is an application with a team, three tickets and held mail, and the link of the first page.
func furnished(t *testing.T) (app *application, link string) {
	t.Helper()
	app = serveTest(t, nil)
	app.configure(t, string(demoTeam))
	mustSend(t, app.smtpAddr, alertMail("High", "Ransomware behavior detected in the file system of a server that has a very long name", "srv-sql-07-with-a-long-name.corp.contoso.example", "da637551227677560813_-961444813", "one@example"))
	app.settled(t)
	mustSend(t, app.smtpAddr, alertMail("Low", "Unwanted software was blocked", "ws-0042", "da637551227677560813_-2", "two@example"))
	app.settled(t)
	mustSend(t, app.smtpAddr, []byte("From: a@b.example\r\nSubject: Your invoice is overdue and nobody understands this mail\r\n\r\n"+strings.Repeat("x", 300)))
	app.settled(t)
	eventually(t, "ana is told", func() bool {
		pages, err := app.rooms.oncall.Pages(context.WithoutCancel(t.Context()), 1001)
		for _, page := range pages {
			if page.Person == "ana" && page.State == oncall.PageHeld {
				letter, err := app.rooms.oncall.Letter(t.Context(), page.ID)
				link = letter.Link
				return err == nil
			}
		}
		return err != nil
	})
	return app, link
}

// signIn opens a one-time link and presses its button.
func signIn(t *testing.T, ctx context.Context, app *application) {
	t.Helper()
	if err := app.auth.EnsureAccount(t.Context(), "ana", "Ana Ruiz", "ana@demo.example", "admin"); err != nil {
		t.Fatal(err)
	}
	account := "ana"
	token, err := app.auth.CreateLoginLink(t.Context(), &account, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	err = chromedp.Do(ctx,
		chromedp.Navigate(app.baseURL+"/login/"+token),
		chromedp.Click(`main form button`),
		chromedp.WaitVisible(`nav`),
	)
	if err != nil {
		t.Fatalf("sign in: %v", err)
	}
}

// TestTheSetUpGuideLeadsToAnAcknowledgedPage follows the guide from an empty database: the first administrator, a person
// on call, a mail, the message that reaches them, and the button in it.
func TestTheSetUpGuideLeadsToAnAcknowledgedPage(t *testing.T) {
	t.Parallel()
	app, phone := serveTest(t, nil), newHook(t)
	token, err := app.auth.CreateLoginLink(t.Context(), nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ctx := browser(t)
	complaints := listen(t, ctx)
	err = chromedp.Do(ctx,
		withoutScript, chromedp.EmulateViewport(360, 780),
		chromedp.Navigate(app.baseURL+"/login/"+token),
		chromedp.SendKeys(`#name`, "Ana Ruiz"), chromedp.SendKeys(`#email`, "ana@demo.example"),
		chromedp.SendKeys(`#password`, "correct horse battery staple"), chromedp.Click(`main form button`),
		chromedp.WaitVisible(`.steps`),
		chromedp.SendKeys(`#timezone`, "Europe/Madrid"), chromedp.SendKeys(`#channel`, "webhook"), chromedp.SendKeys(`#to`, phone.URL),
		chromedp.Click(`.steps form button`),
		chromedp.WaitVisible(`.steps li.done`),
	)
	if err != nil {
		t.Fatalf("who is woken: %v", err)
	}
	mustSend(t, app.smtpAddr, alertMail("High", "Test alert", "pc1", "da1111111111111111_1", "test@example"))
	eventually(t, "the contact is reached", func() bool { return len(phone.deliveries()) == 1 })
	eventually(t, "the guide shows the mail and the page", func() bool {
		if err := chromedp.Do(ctx, chromedp.Navigate(app.baseURL+"/setup"), chromedp.WaitVisible(`.steps`)); err != nil {
			t.Fatal(err)
		}
		done, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.querySelectorAll(".steps li.done").length`))
		return err == nil && done == 3
	})
	err = chromedp.Do(ctx,
		chromedp.Navigate(phone.deliveries()[0].message.Data.AckURL), chromedp.WaitVisible(`button.big`),
		chromedp.Click(`button.big`), chromedp.WaitVisible(`.done`),
		chromedp.Navigate(app.baseURL+"/setup"), chromedp.WaitVisible(`.notice`),
	)
	if err != nil {
		t.Fatalf("acknowledge: %v", err)
	}
	said, err := chromedp.Run(ctx, chromedp.Text(`.notice`))
	if err != nil || !strings.Contains(said, "It works.") || !strings.Contains(said, "Ana Ruiz acknowledged") {
		t.Errorf("at the end: got %q, %v", said, err)
	}
	if told := complaints(); len(told) > 0 {
		t.Errorf("the browser complains:\n%s", strings.Join(told, "\n"))
	}
}
