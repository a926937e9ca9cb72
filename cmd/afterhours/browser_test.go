package main

import (
	"context"
	"os"
	"os/exec"
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

// browser starts a headless Chromium for two minutes. Without one the test is skipped, except in CI.
func browser(t *testing.T) context.Context {
	t.Helper()
	return browserFor(t, 2*time.Minute)
}

func browserFor(t *testing.T, long time.Duration) context.Context {
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
	ctx, cancel = context.WithTimeout(ctx, long)
	t.Cleanup(cancel)
	return ctx
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
		chromedp.Navigate(phone.deliveries()[0].message.Data.AckURL), chromedp.WaitVisible(`main button.big`),
		chromedp.Click(`main button.big`), chromedp.WaitVisible(`main .done`),
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
