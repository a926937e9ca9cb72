package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"afterhours/tickets"
	"afterhours/web/auth"
)

// TestTheDeskWorksByKeyboardAlone signs in, searches, filters, acknowledges, resolves and overrides a shift without a mouse, at 360 px;
// once with scripts and their keys, once without any script.
func TestTheDeskWorksByKeyboardAlone(t *testing.T) {
	t.Parallel()
	onATelephone(t, func(p keyboard, scripts bool) {
		p.searches(scripts)
		p.filters()
		p.acknowledges(scripts)
		p.resolves(scripts)
		p.overridesAShift()
	})
}

// onATelephone lets somebody who has signed in do something at 360 px, once with scripts and once without any.
func onATelephone(t *testing.T, do func(p keyboard, scripts bool)) {
	t.Helper()
	for name, scripts := range map[string]bool{"with scripts": true, "without scripts": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app, _ := furnished(t)
			p := keyboard{t, browserFor(t, 5*time.Minute), app}
			if !scripts {
				p.do(withoutScript)
			}
			p.do(chromedp.EmulateViewport(360, 780))
			p.signsIn()
			do(p, scripts)
		})
	}
}

// keyboard is somebody who works on a desk without a mouse.
type keyboard struct {
	t   *testing.T
	ctx context.Context
	app *application
}

func (p keyboard) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// opens goes to a page; where the answer to a form still comes, that may end the first attempt.
func (p keyboard) opens(path string) {
	p.t.Helper()
	eventually(p.t, path+" opens", func() bool {
		return chromedp.Do(p.ctx, chromedp.Navigate(p.app.baseURL+path)) == nil
	})
}

func (p keyboard) types(keys string) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(keys))
}

// focused describes the element that has the focus; the debugger's own script is none of the page's.
const focused = `(() => { const e = document.activeElement; if (!e) return ""; return [e.tagName, e.id, e.name, e.value, e.getAttribute("aria-label"), e.innerText].filter((x) => x).join(" ").slice(0, 200); })()`

// tabsTo presses Tab until the element that is described by words has the focus.
func (p keyboard) tabsTo(words string) {
	p.t.Helper()
	var passed []string
	for range 150 {
		at, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](focused))
		if err != nil {
			p.t.Fatal(err)
		}
		if strings.Contains(at, words) {
			return
		}
		passed = append(passed, at)
		p.types(kb.Tab)
	}
	p.t.Fatalf("%q is not reached by Tab: %q", words, passed)
}

// sees waits until the page says something.
func (p keyboard) sees(selector, words string) {
	p.t.Helper()
	eventually(p.t, selector+" says "+words, func() bool {
		shown, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`[...document.querySelectorAll(`+"`"+selector+"`"+`)].map((e) => e.innerText).join(" ")`))
		return err == nil && strings.Contains(shown, words)
	})
}

func (p keyboard) becomes(number int64, state tickets.State) {
	p.t.Helper()
	eventually(p.t, "the ticket becomes "+string(state), func() bool {
		ticket, err := p.app.rooms.tickets.Get(context.WithoutCancel(p.t.Context()), number)
		return err == nil && ticket.State == state
	})
}

func (p keyboard) signsIn() {
	p.t.Helper()
	id, password, err := p.app.auth.CreateAccount(p.t.Context(), tickets.ActorSystem, auth.Account{Name: "Kim", Email: "kim@demo.example", Role: auth.Admin})
	if err != nil || id == "" {
		p.t.Fatal(err)
	}
	p.opens("/tickets")
	p.sees("h1", "Sign in")
	p.tabsTo("INPUT email")
	p.types("kim@demo.example" + kb.Tab + password + kb.Enter)
	p.sees(".tickets", "Ransomware")
}

// searches for a ticket; with scripts while the list is just fetching itself again, with the focus in it: what is typed is
// what is searched for, and no key of the list.
func (p keyboard) searches(scripts bool) {
	p.t.Helper()
	const query = "Unwanted aj"
	if scripts {
		p.types("j")
		p.tabsTo("Ransomware")
		p.do(onASlowLine(2 * time.Second))
		mustSend(p.t, p.app.smtpAddr, alertMail("Medium", "Unwanted aj was blocked", "ws-0043", "da637551227677560813_-4", "four@example"))
		p.waitsFor("the list is fetched", `document.querySelector("#list.htmx-request") !== null || document.querySelector(".htmx-request") !== null`)
		p.presses("/", "Slash")
		p.waitsFor("the search has the focus", `document.activeElement.id === "q"`)
		p.types("Unwanted ")
		p.waitsFor("the list is there", `document.querySelector("#list").innerText.includes("Unwanted aj")`)
		p.types("aj")
		p.do(onASlowLine(0))
	} else {
		mustSend(p.t, p.app.smtpAddr, alertMail("Medium", "Unwanted aj was blocked", "ws-0043", "da637551227677560813_-4", "four@example"))
		p.app.settled(p.t)
		p.tabsTo("INPUT q")
		p.types(query)
	}
	p.waitsFor("what was typed stands in the search", `document.activeElement.id === "q" && document.activeElement.value === "`+query+`"`)
	p.types(kb.Enter)
	p.waitsFor("the ticket alone is found", `location.search.includes("Unwanted") && document.querySelectorAll("[data-number]").length === 1 && document.querySelector("[data-number]").innerText.includes("Unwanted aj")`)
	p.becomes(1004, tickets.Open)
	p.opens("/tickets")
}

// presses a key as a keyboard does: its letter comes with it, and does not come where a page takes the key for itself. What
// types sends two events, of which the second writes the letter into whatever the first gave the focus to.
func (p keyboard) presses(key, code string) {
	p.t.Helper()
	press := func(kind input.DispatchKeyEventType, text string) chromedp.Action[chromedp.Void] {
		return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
			_, err := cdp.Call(ctx, target, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: kind, Key: key, Code: code, Text: text})
			return chromedp.Void{}, err
		}
	}
	p.do(press(input.DispatchKeyEventTypeKeyDown, key), press(input.DispatchKeyEventTypeKeyUp, ""))
}

func (p keyboard) waitsFor(what, condition string) {
	p.t.Helper()
	eventually(p.t, what, func() bool {
		holds, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](condition))
		return err == nil && holds
	})
}

// onASlowLine has each answer take so long.
func onASlowLine(latency time.Duration) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
			MatchedNetworkConditions: []*network.Conditions{{Latency: float64(latency.Milliseconds()), DownloadThroughput: -1, UploadThroughput: -1}},
		})
		return chromedp.Void{}, err
	}
}

func (p keyboard) filters() {
	p.t.Helper()
	p.tabsTo("SUMMARY Filter and export")
	p.types(kb.Enter)
	p.tabsTo("INPUT severity low")
	p.types(" ")
	p.tabsTo("BUTTON Filter")
	p.types(kb.Enter)
	eventually(p.t, "one ticket is left", func() bool {
		shown, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`[...document.querySelectorAll("[data-number]")].map((e) => e.innerText).join(" | ")`))
		return err == nil && strings.Contains(shown, "Unwanted software was blocked") && !strings.Contains(shown, " | ")
	})
}

func (p keyboard) acknowledges(scripts bool) {
	p.t.Helper()
	p.opens("/tickets?severity=low")
	if scripts {
		p.types("j")
		p.tabsTo("Unwanted software was blocked")
		p.types("a")
	} else {
		p.tabsTo("Tick ticket 1002")
		p.types(" ")
		p.tabsTo("BUTTON Acknowledge")
		p.types(kb.Enter)
	}
	p.becomes(1002, tickets.Acknowledged)
}

func (p keyboard) resolves(scripts bool) {
	p.t.Helper()
	if scripts {
		p.opens("/tickets?tab=acknowledged")
		p.types("j")
		p.tabsTo("Unwanted software was blocked")
		p.types("r")
	} else {
		p.opens("/tickets/1002")
		p.tabsTo("SELECT classification")
		p.types("t") // true positive
		p.tabsTo("BUTTON Resolve")
		p.types(kb.Enter)
	}
	p.becomes(1002, tickets.Resolved)
}

func (p keyboard) overridesAShift() {
	p.t.Helper()
	p.opens("/oncall")
	p.tabsTo("SUMMARY Override primary")
	p.types(kb.Enter)
	p.tabsTo("SELECT person-primary")
	p.types("Chi")
	p.tabsTo("INPUT start-primary")
	p.types("01052032" + kb.Tab + "0900AM")
	p.tabsTo("INPUT end-primary")
	p.types("01052032" + kb.Tab + "0500PM")
	p.tabsTo("BUTTON Override")
	p.types(kb.Enter)
	eventually(p.t, "the override is there", func() bool {
		configuration, err := p.app.rooms.oncall.Configuration(context.WithoutCancel(p.t.Context()))
		if err != nil {
			return false
		}
		schedule, _ := configuration.Schedule("primary")
		return len(schedule.Overrides) == 1 && schedule.Overrides[0].Person == "chi"
	})
}
