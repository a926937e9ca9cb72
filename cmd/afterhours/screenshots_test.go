package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"afterhours/cmd/afterhours/internal/samplemail"
	"afterhours/oncall"
)

var screenshots = flag.String("screenshots", "", "write a picture of every page of the demo's team to this folder")

// shotHeight is the most that a picture shows of a page.
const shotHeight = 1400

// TestScreenshots writes a picture of every page: wide and light, narrow and dark, the night page in its own dark. They
// are kept in docs/screenshots, for people to look at.
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("-screenshots says where to")
	}
	catcher, stop, err := startCatcher(environment{stderr: io.Discard, now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	address, provider := named(t), newIdentityProvider(t)
	app := serveTest(t, func(s *settings) {
		trusting(s)
		address(s)
		provider.known(s)
		s.SmarthostURL = "smtp://" + catcher
	})
	app.configure(t, string(demoTeam))
	generator, err := samplemail.New(demoSeed)
	if err != nil {
		t.Fatal(err)
	}
	for _, sample := range demoMails {
		mail, err := generator.Make(sample.kind, sample.severity, "defender@test.example", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		mustSend(t, app.smtpAddr, vouched(mail.Raw))
		app.settled(t)
	}
	link := ""
	eventually(t, "somebody is told", func() bool {
		pages, err := app.rooms.oncall.Outgoing(context.WithoutCancel(t.Context()), 1, 0)
		if err != nil || len(pages) == 0 || pages[0].State != oncall.PageSent {
			return false
		}
		letter, err := app.rooms.oncall.Letter(t.Context(), pages[0].ID)
		link = letter.Link
		return err == nil && link != ""
	})
	if err := app.tendInsights(t.Context(), new(time.Time)); err != nil {
		t.Fatal(err)
	}
	ctx := browserFor(t, 15*time.Minute)
	provider.silent.Store(true)
	onward := shownPage{"onward", app.baseURL + "/login", []chromedp.Action[chromedp.Void]{chromedp.Click(`form[action="/login/sso"] button`), chromedp.WaitVisible(`a.button`)}}
	for _, shown := range append([]shownPage{onward}, everyPage(t, app, link)...) {
		if shown.name == "tickets" {
			signIn(t, ctx, app)
			if _, err := app.db.pool.Exec(t.Context(), `
				INSERT INTO passkeys (id, account, name, credential, created_at, used_at) SELECT 'a', id, 'Telephone', '{}', now() - interval '9 days', now() FROM accounts`); err != nil {
				t.Fatal(err)
			}
		}
		if !strings.Contains(shown.name, *onlyPages) {
			continue
		}
		for _, l := range looks {
			if (shown.name == "night" || shown.name == "standby") && l.width > 360 {
				continue // it is the telephone's
			}
			if err := shown.show(ctx, l); err != nil {
				t.Fatalf("%s: %v", shown.name, err)
			}
			height, err := chromedp.Run(ctx, chromedp.Evaluate[float64](`document.documentElement.scrollHeight`))
			if err != nil {
				t.Fatal(err)
			}
			picture, err := chromedp.Run(ctx, shot(l.width, min(height, shotHeight)))
			if err != nil {
				t.Fatalf("%s: %v", shown.name, err)
			}
			name := strings.TrimSuffix(fmt.Sprintf("%s-%s-%d", shown.name, l.scheme, l.width), "-1280") + ".webp"
			if err := os.WriteFile(filepath.Join(*screenshots, name), picture, 0o644); err != nil { //nolint:gosec // it is for everybody
				t.Fatal(err)
			}
		}
	}
}

// shot is a picture of the upper part of a page, a wide one made smaller.
func shot(width int64, height float64) chromedp.Action[[]byte] {
	return func(ctx context.Context, target *chromedp.Target) ([]byte, error) {
		quality, beyond := int64(55), true
		taken, err := cdp.Call(ctx, target, page.CaptureScreenshot, page.CaptureScreenshotParams{
			Format: "webp", Quality: &quality, CaptureBeyondViewport: &beyond,
			Clip: &page.Viewport{Width: float64(width), Height: height, Scale: map[bool]float64{true: 0.7, false: 1}[width > 360]},
		})
		return taken.Data, err
	}
}
