package web

import (
	"fmt"
	"strings"
	"time"

	"afterhours/tickets"
)

// when is a time as a page shows it: words for reading, the exact time for machines and on hover.
type when struct {
	Exact string // RFC 3339
	Title string
	Words string
}

// clock is the moment, the zone and the manner in which a page speaks of time.
type clock struct {
	now  time.Time
	zone *time.Location
	dates
}

func (c clock) when(at time.Time, words string) when {
	return when{at.UTC().Format(time.RFC3339), c.exact(at.In(c.zone)), words}
}

// ago is a time that has passed.
func (c clock) ago(at time.Time) when {
	passed := c.now.Sub(at)
	if passed < time.Minute {
		return c.when(at, "just now")
	}
	return c.when(at, span(passed)+" ago")
}

// in is a time to come.
func (c clock) in(at time.Time) when {
	left := at.Sub(c.now)
	switch {
	case left <= 0:
		return c.when(at, "now")
	case left < time.Minute:
		return c.when(at, fmt.Sprintf("in %d s", int(left.Seconds())+1))
	}
	return c.when(at, "in "+span(left+time.Minute-1))
}

// age is how long ago, without the word: for a list's column.
func (c clock) age(at time.Time) when {
	if passed := c.now.Sub(at); passed >= time.Minute {
		return c.when(at, span(passed))
	}
	return c.when(at, "now")
}

// at is the time of day, with the day where that is another.
func (c clock) at(at time.Time) when {
	local, now := at.In(c.zone), c.now.In(c.zone)
	if local.YearDay() == now.YearDay() && local.Year() == now.Year() {
		return c.when(at, c.timeOfDay(local))
	}
	return c.when(at, c.moment(local))
}

// span is a length of time in its largest unit.
func span(length time.Duration) string {
	switch {
	case length < time.Hour:
		return fmt.Sprintf("%d min", int(length.Minutes()))
	case length < 48*time.Hour:
		return fmt.Sprintf("%d h", int(length.Hours()))
	}
	return fmt.Sprintf("%d d", int(length.Hours()/24))
}

// badge is a severity by shape, letter and word; State says how it is filled.
type badge struct {
	Severity tickets.Severity
	Shape    string
	Word     string
	State    tickets.State
}

func badgeOf(ticket tickets.Ticket) badge {
	shape := map[tickets.Severity]string{tickets.High: "◆", tickets.Medium: "▲", tickets.Low: "●", tickets.Informational: "○"}[ticket.Severity]
	severity := ticket.Severity
	if shape == "" {
		shape, severity = "?", tickets.SeverityUnknown
	}
	return badge{severity, shape, severity.Word(), ticket.State}
}

// titleOf is a ticket's title as lists and headings show it.
func titleOf(ticket tickets.Ticket) string {
	title := strings.TrimSpace(ticket.Title)
	switch {
	case ticket.Kind == tickets.KindUnrecognised && title == "":
		return "Unrecognised mail without a subject"
	case ticket.Kind == tickets.KindUnrecognised:
		return "Unrecognised: “" + title + "”"
	case title == "":
		return "Untitled " + plain(string(ticket.Kind))
	}
	return title
}

// plain makes words of a machine's name.
func plain(name string) string { return strings.ReplaceAll(name, "_", " ") }

// productName is a product as Microsoft writes it.
func productName(product tickets.Product) string { return product.Name() }

// name is the name of whoever did something.
func (r reader) name(actor string) string {
	switch {
	case actor == tickets.ActorSystem || actor == "":
		return "afterhours"
	case strings.HasPrefix(actor, "token:"):
		return "token " + strings.TrimPrefix(actor, "token:")
	}
	if _, known := r.configuration.Person(actor); !known && actor == r.who.ID && r.who.Name != "" {
		return r.who.Name // an account without a person
	}
	return r.configuration.Name(actor)
}

// join makes a list of words: "Ana, Ben and Chi".
func join(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

// count is a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
