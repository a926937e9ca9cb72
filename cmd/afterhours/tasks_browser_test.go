package main

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"afterhours/tickets"
)

// TestTheDeskDoesWhatADayBringsOnATelephone keeps a filter, acknowledges, takes that back, notes, acknowledges and resolves several
// tickets at once as what they were, and exports and imports the configuration, at 360 px; once with scripts, once without any.
func TestTheDeskDoesWhatADayBringsOnATelephone(t *testing.T) {
	t.Parallel()
	onATelephone(t, func(p keyboard, _ bool) {
		p.keepsAFilter()
		p.takesBack()
		p.notes()
		p.resolvesSeveral()
		p.movesTheConfiguration()
	})
}

// keepsAFilter keeps one under a name, comes back by it and forgets it.
func (p keyboard) keepsAFilter() {
	p.t.Helper()
	p.opens("/tickets?severity=low")
	p.do(chromedp.SendKeys(`#filter-name`, "Low ones"), chromedp.Click(`.keep form[action="/tickets/filters"] button`))
	p.sees(".tabs .saved", "Low ones")
	p.opens("/tickets")
	p.do(chromedp.Click(`.tabs .saved`))
	p.waitsFor("the filter is chosen", `location.search.includes("severity=low") && document.querySelectorAll("[data-number]").length === 1`)
	p.do(chromedp.Click(`.keep form[action="/tickets/filters/remove"] button`))
	p.waitsFor("the filter is forgotten", `document.querySelector(".tabs") !== null && document.querySelector(".tabs .saved") === null`)
}

func (p keyboard) takesBack() {
	p.t.Helper()
	p.opens("/tickets/1001")
	p.do(chromedp.Click(`form[action="/tickets/1001/acknowledge"] button`))
	p.becomes(1001, tickets.Acknowledged)
	p.sees("main", "Undo acknowledge")
	p.do(chromedp.Click(`form[action="/tickets/1001/undo-acknowledge"] button`))
	p.becomes(1001, tickets.Open)
}

func (p keyboard) notes() {
	p.t.Helper()
	p.opens("/tickets/1001")
	p.do(chromedp.SendKeys(`.noting textarea`, "Seen by **two** of us"), chromedp.Click(`.noting button`))
	p.sees(".timeline .note", "Seen by two of us")
	p.waitsFor("the note is marked up", `document.querySelector(".timeline .note strong")?.innerText === "two"`)
}

// resolvesSeveral ticks two tickets, acknowledges both, and resolves both as what they were.
func (p keyboard) resolvesSeveral() {
	p.t.Helper()
	tick := func() {
		p.do(chromedp.Click(`[data-number="1001"] .tick`), chromedp.Click(`[data-number="1002"] .tick`))
	}
	p.opens("/tickets?tab=all")
	tick()
	p.do(chromedp.Click(`.bulkactions [formaction="/tickets/acknowledge"]`))
	p.becomes(1001, tickets.Acknowledged)
	p.becomes(1002, tickets.Acknowledged)
	p.opens("/tickets?tab=all")
	tick()
	p.do(chromedp.SetValue(`#bulk-classification`, "FalsePositive"), chromedp.Click(`.bulkactions [formaction="/tickets/resolve"]`))
	for _, number := range []int64{1001, 1002} {
		p.becomes(number, tickets.Resolved)
		ticket, err := p.app.rooms.tickets.Get(context.WithoutCancel(p.t.Context()), number)
		if err != nil || ticket.Classification != "FalsePositive" {
			p.t.Errorf("#%d: resolved as %q, %v", number, ticket.Classification, err)
		}
	}
}

// movesTheConfiguration finds the download, and imports a change of which it sees the difference first.
func (p keyboard) movesTheConfiguration() {
	p.t.Helper()
	p.opens("/settings/configuration")
	p.do(chromedp.Click(`.importing summary`))
	p.waitsFor("the download is offered", `document.querySelector('.importing a[download][href="/settings/configuration/export"]').offsetParent !== null`)
	p.do(chromedp.SendKeys(`#yaml`, "mutes:\n  - {match: {title: noise}, until: \"2032-12-01T09:00Z\", reason: legal hold}\n"), chromedp.Click(`.importing form button`))
	p.sees("section[aria-labelledby=difference]", "legal hold")
	p.do(chromedp.Click(`.importing button[name=apply]`))
	eventually(p.t, "the import is in force", func() bool {
		configuration, err := p.app.rooms.oncall.Configuration(context.WithoutCancel(p.t.Context()))
		return err == nil && len(configuration.Mutes) == 1 && strings.Contains(configuration.Mutes[0].Reason, "legal hold")
	})
	p.sees("h1", "Configuration")
}
