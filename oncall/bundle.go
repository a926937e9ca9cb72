package oncall

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"afterhours/oncall/notify"
	"afterhours/tickets"
)

// SummaryType is the type of a page that stands for many tickets.
const SummaryType = "page.summary"

// defaultBundle holds where a policy names none.
var defaultBundle = Bundle{After: 5, Within: Duration(5 * time.Minute)}

// Tickets of mail whose author is not authenticated page by themselves up to this number within this time; the rest is
// bundled. The count is kept apart from that of verified mail, which a flood can never use up.
const (
	UnverifiedTickets = 5
	UnverifiedWithin  = 10 * time.Minute
)

// A summary leaves when its first page has waited for SummaryAfter, so that a burst becomes one, and not before
// SummaryEvery has passed since the one before it. Where a High ticket waits and that one told of none, it is brought
// forward to SummaryLeast.
const (
	SummaryAfter = 10 * time.Second
	SummaryEvery = time.Minute
	SummaryLeast = 15 * time.Second
)

// A person's telephone gets at most one text message or call in PhoneEvery, and at most PhoneCalls in PhoneWithin. What is
// more waits, and goes with a summary where it is of another ticket.
const (
	PhoneEvery  = time.Minute
	PhoneCalls  = 5
	PhoneWithin = 15 * time.Minute
)

// summaryTickets is how many tickets a summary names.
const summaryTickets = 10

// bundle is the policy's, or the default.
func (p Policy) bundle() Bundle {
	if p.Bundle == nil {
		return defaultBundle
	}
	return *p.Bundle
}

// Bundled is one page that waits for its recipient's summary.
type Bundled struct {
	Page       int64
	Ticket     int64
	Severity   tickets.Severity
	Title      string
	Unverified bool
	Contact    string
	Channel    string
	Told       bool // a single page or an earlier summary told the recipient of the ticket
}

// Summary is the data of a page of SummaryType: the tickets that nothing told its recipient of before, counted.
type Summary struct {
	Person     *string                  `json:"person"`
	Count      int                      `json:"count"`
	Again      int                      `json:"again"` // tickets that the recipient knows, and that nobody acknowledged
	Unverified int                      `json:"unverified"`
	BySeverity map[tickets.Severity]int `json:"by_severity"`
	Tickets    []SummaryTicket          `json:"tickets"` // the worst of them
	URL        string                   `json:"url"`
}

// SummaryTicket names one ticket of a summary.
type SummaryTicket struct {
	Number   int64            `json:"number"`
	Severity tickets.Severity `json:"severity"`
	Title    string           `json:"title"`
}

// Summarise makes one page for each contact of a recipient that bundled pages go to. person is empty for a webhook of
// the team; url is where the tickets can be seen. The page hangs on its worst ticket.
func Summarise(person, webhook, url string, bundled []Bundled, now time.Time) (pages []Page, stands [][]int64, err error) {
	type way struct{ contact, channel string }
	var ways []way
	byWay := map[way][]int64{}
	for _, b := range bundled {
		at := way{b.Contact, b.Channel}
		if byWay[at] == nil {
			ways = append(ways, at)
		}
		byWay[at] = append(byWay[at], b.Page)
	}
	summary, worst := count(bundled)
	summary.URL = url
	if person != "" {
		summary.Person = &person
	}
	payload, err := json.Marshal(summary)
	if err != nil {
		return nil, nil, fmt.Errorf("summary: %w", err)
	}
	for _, at := range ways {
		pages = append(pages, Page{
			Ticket: worst, Person: person, Webhook: webhook, Contact: at.contact, Channel: at.channel, Type: SummaryType,
			State: PageQueued, DueAt: now, CreatedAt: now, Payload: payload,
		})
		stands = append(stands, byWay[at])
	}
	return pages, stands, nil
}

// count counts each ticket once and names the worst, those that are new before those that are known.
func count(bundled []Bundled) (summary Summary, worst int64) {
	slices.SortStableFunc(bundled, func(a, b Bundled) int {
		switch {
		case a.Told != b.Told:
			return yesFirst(b.Told, a.Told)
		case a.Severity != b.Severity:
			return yesFirst(a.Severity.Above(b.Severity), b.Severity.Above(a.Severity))
		}
		return cmp.Compare(a.Ticket, b.Ticket)
	})
	summary = Summary{BySeverity: map[tickets.Severity]int{}, Tickets: []SummaryTicket{}}
	seen := map[int64]bool{}
	for _, b := range bundled {
		if seen[b.Ticket] {
			continue
		}
		seen[b.Ticket] = true
		if len(summary.Tickets) < summaryTickets {
			summary.Tickets = append(summary.Tickets, SummaryTicket{b.Ticket, b.Severity, b.Title})
		}
		if b.Told {
			summary.Again++
			continue
		}
		summary.Count++
		summary.BySeverity[b.Severity]++
		if b.Unverified {
			summary.Unverified++
		}
	}
	return summary, bundled[0].Ticket
}

func yesFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// headline says a summary in one line: "12 more tickets: 2 High, 10 Medium".
func (s Summary) headline() string {
	var parts []string
	for _, severity := range tickets.Severities {
		if n := s.BySeverity[severity]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, severity.Word()))
		}
	}
	said := fmt.Sprintf("%d more %s", s.Count, plural(s.Count, "ticket", "tickets"))
	if len(parts) > 0 {
		said += ": " + strings.Join(parts, ", ")
	}
	if s.Again > 0 {
		again := fmt.Sprintf("%d %s still for you", s.Again, plural(s.Again, "ticket waits", "tickets wait"))
		if s.Count == 0 {
			return again
		}
		said += "; " + again
	}
	return said
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// composeSummary says a summary in every form. A person with detail "minimal" gets the counts and the address alone.
func composeSummary(d Dispatch, links Links) (notify.Message, error) {
	message := notify.Message{
		ID: links.MessageID(d.Page.ID, d.Page.CreatedAt), Type: d.Page.Type, At: d.Page.CreatedAt, Ticket: d.Ticket.Number,
	}
	var summary Summary
	if err := json.Unmarshal(d.Page.Payload, &summary); err != nil {
		return message, fmt.Errorf("compose summary %d: %w", d.Page.ID, err)
	}
	var facts []notify.Fact
	for _, ticket := range summary.Tickets {
		facts = append(facts, notify.Fact{Label: fmt.Sprintf("#%d", ticket.Number), Value: ticket.Severity.Word() + ": " + ticket.Title})
	}
	if more := summary.Count + summary.Again - len(summary.Tickets); more > 0 {
		facts = append(facts, notify.Fact{Label: "And", Value: fmt.Sprintf("%d more", more)})
	}
	if summary.Unverified > 0 {
		facts = append(facts, notify.Fact{Label: "Sender", Value: fmt.Sprintf("not verified for %d of them", summary.Unverified)})
	}
	if len(summary.Tickets) > 0 {
		message.Severity = string(summary.Tickets[0].Severity)
	}
	if d.Person.Detail == DetailMinimal {
		facts, summary.Tickets = nil, []SummaryTicket{}
	}
	var err error
	if message.Data, err = json.Marshal(summary); err != nil {
		return message, fmt.Errorf("compose summary %d: %w", d.Page.ID, err)
	}
	message.Subject, message.Link, message.Facts = summary.headline(), summary.URL, facts
	message.Text = plainLetter(message.Subject, "See them all", message.Link, facts)
	message.HTML, err = htmlLetter(message.Subject, "See them all", message.Link, facts)
	return message, err
}
