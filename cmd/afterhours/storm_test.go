package main

import (
	"encoding/json"
	"fmt"
	"testing"
)

type summaryData struct {
	Person     *string
	Count      int
	BySeverity map[string]int `json:"by_severity"`
	URL        string
}

// storm sends mails of one kind, each its own ticket.
func storm(t *testing.T, app *application, from, mails int, wrap func([]byte) []byte) {
	t.Helper()
	for i := from; i < from+mails; i++ {
		mustSend(t, app.smtpAddr, wrap(alertMail("High", fmt.Sprintf("Ransomware %d", i), "pc1", fmt.Sprintf("da222222222222%04d_1", i), fmt.Sprintf("storm-%d@example", i))))
	}
}

func asItIs(raw []byte) []byte { return raw }

// told are a hook's pages and its summaries.
func told(t *testing.T, h *hook) (pages int, summaries []summaryData) {
	t.Helper()
	for _, delivery := range h.deliveries() {
		if delivery.message.Type == "page" {
			pages++
			continue
		}
		var body struct{ Data summaryData }
		if err := json.Unmarshal(delivery.body, &body); err != nil {
			t.Errorf("%s: %v", delivery.message.Type, err)
		}
		summaries = append(summaries, body.Data)
	}
	return pages, summaries
}

func TestAFloodOfUnverifiedMailBecomesOneSummaryAndVerifiedMailStillPages(t *testing.T) {
	t.Parallel()
	ana := newHook(t)
	app := serveTest(t, trusting)
	app.configure(t, team(ana, ana, "1h"))
	storm(t, app, 0, 9, asItIs)
	app.settled(t)
	storm(t, app, 9, 1, vouched)
	eventually(t, "six pages and a summary", func() bool {
		pages, summaries := told(t, ana)
		return pages == 6 && len(summaries) == 1
	})
	_, summaries := told(t, ana)
	if got := summaries[0]; got.Count != 4 || got.BySeverity["high"] != 4 || got.Person == nil || *got.Person != "ana" || got.URL != app.baseURL+"/tickets?state=open" {
		t.Errorf("summary: got %+v", got)
	}
	eventually(t, "the timelines of the four that waited tell of the summary", func() bool {
		return app.toldBySummary(t, 1001, 1010) == 4
	})
}

// toldBySummary counts the tickets from one number to another whose timeline ends with a summary. Which of a burst's pages
// find a place before the others is not said.
func (a *application) toldBySummary(t *testing.T, from, to int64) (count int) {
	t.Helper()
	for number := from; number <= to; number++ {
		timeline, err := a.rooms.tickets.Timeline(t.Context(), number)
		if err == nil && len(timeline) > 0 && timeline[len(timeline)-1].Data["summary"] != nil {
			count++
		}
	}
	return count
}
