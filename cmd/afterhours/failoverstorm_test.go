package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// alone says whether a mail pages by itself. Of a storm few do; the others reach somebody else by summaries.
func (h *history) alone(mail int64) bool { return !h.tenths || mail%10 == 0 }

// stormOfTenths is a person whom each tenth mail of a history pages by itself, and one who is told of the others as of a
// storm: five pages in five minutes, then a summary a minute.
func stormOfTenths(ana, ben *hook) string {
	return fmt.Sprintf(`
people:
  - {id: ana, name: Ana Ruiz, contacts: [{id: hook, channel: webhook, to: %q, secret: %q}]}
  - {id: ben, name: Ben Okafor, contacts: [{id: hook, channel: webhook, to: %q, secret: %q}]}
policies:
  - {id: alone, repeat: 0, steps: [{notify: ["person:ana"], wait: 24h}], bundle: {after: 0}}
  - {id: storm, repeat: 0, steps: [{notify: ["person:ben"], wait: 24h}], bundle: {after: 5, within: 5m}}
routes:
  - {match: {title: "*0"}, policy: alone}
  - {match: {}, policy: storm}
`, ana.URL+"/ana", signingSecret, ben.URL+"/ben", signingSecret)
}

// checkSummaries waits until each mail that does not page by itself is told of, and holds what the database says about
// it against what arrived.
func (h *history) checkSummaries(t *testing.T, pool *pgxpool.Pool, told *hook, pause time.Duration) {
	t.Helper()
	carrier := map[int64]int64{} // the page that told of a ticket: its own, or a summary
	read := func() {
		rows, err := pool.Query(t.Context(), `
			SELECT p.ticket, coalesce(p.summary, p.id) FROM pages p LEFT JOIN pages s ON s.id = p.summary
			WHERE p.type = 'page' AND p.person = 'ben' AND coalesce(s.state, p.state) IN ('sent', 'delivered')`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var ticket, page int64
			if err := rows.Scan(&ticket, &page); err != nil {
				t.Fatal(err)
			}
			carrier[ticket] = page
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	want := 0
	for mail := range h.promised {
		if !h.alone(mail) {
			want++
		}
	}
	for deadline, before := time.Now().Add(pause), 0; len(carrier) < want; time.Sleep(time.Second) { // the pace of polling
		if read(); len(carrier) > before {
			deadline, before = time.Now().Add(pause), len(carrier)
		}
		if time.Now().After(deadline) {
			break
		}
	}
	arrived := map[int64]int{}    // deliveries by page
	byRoster := map[string]bool{} // titles that a gateway told of while there was no primary
	for _, delivery := range told.deliveries() {
		id, _, _ := strings.Cut(strings.TrimPrefix(delivery.id, "page_"), "_")
		if page, err := strconv.ParseInt(id, 10, 64); err == nil {
			arrived[page]++
		} else {
			byRoster[delivery.message.Data.Ticket.Title] = true
		}
	}
	untold, unsaid := 0, 0
	for mail := range h.promised {
		if h.alone(mail) {
			continue
		}
		switch page, found := carrier[h.tickets[mail].number]; {
		case !found:
			untold++
		case arrived[page] == 0 && !byRoster[titleOf(mail)]:
			unsaid++
		}
	}
	again := 0
	for _, times := range arrived {
		again += times - 1
	}
	if untold+unsaid > 0 {
		t.Errorf("of %d mails of the storm %d were told to nobody, %d only by what the database says", want, untold, unsaid)
	}
	t.Logf("%d mails of the storm told by %d pages and summaries, and %d from rosters; doubles: %d with the same id", want-untold-unsaid, len(arrived), len(byRoster), again)
}
