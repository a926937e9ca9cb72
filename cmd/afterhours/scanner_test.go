package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"
)

// settledPage waits in the browser until the page and what its scripts may have begun is over.
const settledPage = `new Promise((done) => setTimeout(() => requestAnimationFrame(() => done(document.querySelectorAll("form button").length)), 300))`

// TestAScannerThatRunsScriptsAcknowledgesNothing opens each acknowledge link in a browser that runs scripts, directly and
// through a redirect as scanners of links have it. Then a person presses one button.
func TestAScannerThatRunsScriptsAcknowledgesNothing(t *testing.T) {
	t.Parallel()
	const links = 6
	ana := newHook(t)
	app := serveTest(t, trusting)
	app.configure(t, team(ana, ana, "1h"))
	for i := range links {
		mustSend(t, app.smtpAddr, vouched(alertMail("High", fmt.Sprintf("Ransomware %d", i), "pc1", fmt.Sprintf("da33333333333333%02d_1", i), fmt.Sprintf("scan-%d@example", i))))
	}
	eventually(t, "every page has come", func() bool { return len(ana.deliveries()) == links })
	eventually(t, "every page is recorded", func() bool { return app.counted(t, `SELECT count(*) FROM pages WHERE state = 'delivered'`) == links })
	scanner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Query().Get("url"), http.StatusFound)
	}))
	t.Cleanup(scanner.Close)
	before := app.stateOfAll(t)
	ctx := browser(t)
	for _, delivery := range ana.deliveries() {
		link := delivery.message.Data.AckURL
		for _, way := range []string{link, scanner.URL + "/?url=" + link} {
			if err := chromedp.Do(ctx, chromedp.Navigate(way), chromedp.WaitVisible(`main button.big`)); err != nil {
				t.Fatalf("open %s: %v", way, err)
			}
			buttons, err := chromedp.Run(ctx, chromedp.Evaluate[int](settledPage, chromedp.EvalAwaitPromise))
			if err != nil || buttons == 0 {
				t.Fatalf("the page: %d buttons, %v", buttons, err)
			}
		}
	}
	if after := app.stateOfAll(t); after != before {
		t.Errorf("the scanner changed something:\nbefore %s\nafter  %s", before, after)
	}
	t.Logf("%d links opened by a browser that runs scripts, directly and through a redirect: nothing changed", links)
	if err := chromedp.Do(ctx, chromedp.Click(`main button.big`), chromedp.WaitVisible(`main .done`)); err != nil {
		t.Fatal(err)
	}
	if got := app.counted(t, `SELECT count(*) FROM tickets WHERE state = 'acknowledged' AND acknowledged_by = 'ana'`); got != 1 {
		t.Errorf("after one button was pressed: got %d tickets acknowledged, want 1", got)
	} else {
		t.Log("one button pressed: one ticket acknowledged")
	}
}

func (a *application) counted(t *testing.T, query string) (count int) {
	t.Helper()
	if err := a.db.pool.QueryRow(context.WithoutCancel(t.Context()), query).Scan(&count); err != nil {
		t.Fatal(err)
	}
	return count
}

// stateOfAll is whatever an acknowledge link could change, in one line.
func (a *application) stateOfAll(t *testing.T) (state string) {
	t.Helper()
	err := a.db.pool.QueryRow(t.Context(), `
		SELECT (SELECT string_agg(number || ' ' || state || ' ' || updated_at, ', ' ORDER BY number) FROM tickets)
			|| '; ' || (SELECT string_agg(id || ' ' || state, ', ' ORDER BY id) FROM pages)
			|| '; ' || (SELECT string_agg(ticket || ' ' || state || ' ' || coalesce(due_at::text, '-'), ', ' ORDER BY ticket) FROM escalations)
			|| '; ' || (SELECT count(*) FROM ticket_events)`).Scan(&state)
	if err != nil {
		t.Fatal(err)
	}
	return state
}
