package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// firstScreen is the most that a night page may cost, with everything it loads, as it goes over the line.
const firstScreen = 30_000

// TestTheNightPageIsSmallAndAsksNobodyElse opens the link of a page for the first time, as a telephone does.
func TestTheNightPageIsSmallAndAsksNobodyElse(t *testing.T) {
	t.Parallel()
	app, link := furnished(t)
	ctx := browser(t)
	seen := watch(t, ctx)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(360, 780), chromedp.Navigate(link), chromedp.WaitVisible(`main button.big`)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "everything is loaded", func() bool {
		_, requests, _ := seen.all()
		over, _ := seen.answered()
		return len(requests) > 0 && over >= len(requests)
	})
	boxes, requests, complaints := seen.all()
	own, err := url.Parse(app.baseURL)
	if err != nil {
		t.Fatal(err)
	}
	for _, request := range requests {
		if asked, err := url.Parse(request); err != nil || asked.Host != own.Host {
			t.Errorf("the page asks for %s", request)
		}
	}
	_, octets := seen.answered()
	if octets == 0 || octets > firstScreen {
		t.Errorf("got %d octets in %d requests, want at most %d", octets, len(requests), firstScreen)
	}
	if len(boxes)+len(complaints) > 0 {
		t.Errorf("the browser complains: %q %q", boxes, complaints)
	}
	t.Logf("%d octets in %d requests: %q", octets, len(requests), requests)
}

// TestTheNightPageOnASlowLine reports how long the button takes to be there on 400 kbit/s with 400 ms of latency.
func TestTheNightPageOnASlowLine(t *testing.T) {
	t.Parallel()
	_, link := furnished(t)
	ctx := browser(t)
	slow := func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
			MatchedNetworkConditions: []*network.Conditions{{Latency: 400, DownloadThroughput: 400_000 / 8, UploadThroughput: 400_000 / 8}},
		})
		return chromedp.Void{}, err
	}
	if err := chromedp.Do(ctx, enableNetwork, slow, chromedp.EmulateViewport(360, 780), chromedp.Navigate(link), chromedp.WaitVisible(`main button.big`)); err != nil {
		t.Fatal(err)
	}
	// The style sheet comes with the page: from the first paint on the button can be pressed.
	painted, err := chromedp.Run(ctx, chromedp.Evaluate[float64](`new Promise((done) => {
		const look = () => { const paint = performance.getEntriesByName("first-contentful-paint")[0]; paint ? done(paint.startTime) : setTimeout(look, 20); };
		look();
	})`, chromedp.EvalAwaitPromise))
	if err != nil || painted == 0 {
		t.Fatalf("the first paint: %v, %v", painted, err)
	}
	t.Logf("the button is there after %v", time.Duration(painted*float64(time.Millisecond)).Round(time.Millisecond))
}

// TestTheDeskCanBeInstalled asks Chromium what it lacks on a home screen; of a page without a manifest it names that.
func TestTheDeskCanBeInstalled(t *testing.T) {
	t.Parallel()
	app, _ := furnished(t)
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><title>bare</title>"))
	}))
	t.Cleanup(bare.Close)
	ctx := browser(t)
	complaints := listen(t, ctx)
	signIn(t, ctx, app)
	missing := func(address string) string {
		t.Helper()
		if err := chromedp.Do(ctx, chromedp.Navigate(address)); err != nil {
			t.Fatal(err)
		}
		lacks, err := chromedp.Call(ctx, page.GetInstallabilityErrors, cdp.Empty{})
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, lack := range lacks.InstallabilityErrors {
			ids = append(ids, lack.ErrorID)
		}
		return strings.Join(ids, " ")
	}
	for _, address := range []string{app.baseURL + "/tickets", app.baseURL + "/push"} {
		if got := missing(address); got != "" {
			t.Errorf("%s: got %s", address, got)
		}
	}
	if told := complaints(); len(told) > 0 {
		t.Errorf("the browser complains: %q", told)
	}
	if got := missing(bare.URL); got != "no-manifest" {
		t.Errorf("a page without a manifest: got %q", got)
	}
}
