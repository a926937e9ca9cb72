package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"afterhours/tickets"
	"afterhours/web/auth"
)

// TestTheDeskWorksByKeyboardAlone signs in, filters, acknowledges, resolves and overrides a shift without a mouse, at 360 px;
// once with scripts and their keys, once without any script.
func TestTheDeskWorksByKeyboardAlone(t *testing.T) {
	t.Parallel()
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
			p.filters()
			p.acknowledges(scripts)
			p.resolves(scripts)
			p.overridesAShift()
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
