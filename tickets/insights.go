package tickets

import (
	"math"
	"strconv"
	"time"
)

// Insights are what a span of days came to. Days are those of UTC; what is counted stands in the database by days, so that
// a million tickets cost no more than a thousand.
type Insights struct {
	Volumes []Volume
	Times   []Taken
	Titles  []TitleCount // the commonest, most tickets first
	Mails   []MailDay    // oldest first
}

// Volume is how many tickets of a severity and a product were created on a day.
type Volume struct {
	Day          time.Time
	Severity     Severity
	Product      Product
	Tickets      int
	Unrecognised int // mails that were not understood
}

// Taken is how long tickets of a severity took, from their creation to what is meant.
type Taken struct {
	What     string // TakenAcknowledged or TakenResolved
	Severity Severity
	Spread   Spread
}

// What is measured from a ticket's creation. Tickets of an import and those that went into others do not count.
const (
	TakenAcknowledged = "acknowledged" // for the first time
	TakenResolved     = "resolved"     // for the last
)

// TitleCount is how often a title came.
type TitleCount struct {
	Title     string
	Tickets   int
	Mails     int
	Dismissed int // resolved as a false positive or as expected
}

// MailDay is how the mails of a day came in. Imported ones do not count.
type MailDay struct {
	Day          time.Time
	Mails        int
	Unrecognised int
	Unverified   int
	Repeated     int
	Spooled      int // while the database was away
	Late         int // read more than LateReading after they came in
}

// LateReading is after how long a mail counts as read late.
const LateReading = time.Minute

// Spread counts lengths of time by spans that grow by a fifth: span i reaches from 2^(i/4) to 2^((i+1)/4) seconds. What is
// shorter than a second is in the first, what is longer than two months in the last.
type Spread map[int]int

// What a spread is made of.
const (
	SpansADoubling = 4
	LastSpan       = 89
)

// Count is how many lengths there are.
func (s Spread) Count() int {
	count := 0
	for _, n := range s {
		count += n
	}
	return count
}

// Quantile is the length that a part of all does not exceed, to within a tenth; zero of none.
func (s Spread) Quantile(part float64) time.Duration {
	rank := part * float64(s.Count())
	below := 0.0
	for span := range LastSpan + 1 {
		n := float64(s[span])
		if n == 0 {
			continue
		}
		if below+n >= rank {
			seconds := math.Exp2((float64(span) + (rank-below)/n) / SpansADoubling)
			return time.Duration(seconds * float64(time.Second))
		}
		below += n
	}
	return 0
}

// Add counts what another spread holds.
func (s Spread) Add(other Spread) {
	for span, n := range other {
		s[span] += n
	}
}

// BySeverity are the tickets of all days by severity.
func (i Insights) BySeverity() map[Severity]int {
	counts := map[Severity]int{}
	for _, volume := range i.Volumes {
		counts[volume.Severity] += volume.Tickets
	}
	return counts
}

// ByProduct are the tickets of all days by product.
func (i Insights) ByProduct() map[Product]int {
	counts := map[Product]int{}
	for _, volume := range i.Volumes {
		counts[volume.Product] += volume.Tickets
	}
	return counts
}

// SpreadOf is how long tickets of all severities took.
func (i Insights) SpreadOf(what string) Spread {
	all := Spread{}
	for _, taken := range i.Times {
		if taken.What == what {
			all.Add(taken.Spread)
		}
	}
	return all
}

// AllMails are the mails of all days together.
func (i Insights) AllMails() MailDay {
	var all MailDay
	for _, day := range i.Mails {
		all.Mails += day.Mails
		all.Unrecognised += day.Unrecognised
		all.Unverified += day.Unverified
		all.Repeated += day.Repeated
		all.Spooled += day.Spooled
		all.Late += day.Late
	}
	return all
}

// Lasted is a length of time in two digits or three, which is what a Spread knows of it.
func Lasted(length time.Duration) string {
	switch {
	case length < time.Minute:
		return strconv.Itoa(int(length.Seconds())) + " s"
	case length < 10*time.Minute:
		return strconv.FormatFloat(length.Minutes(), 'f', 1, 64) + " min"
	case length < time.Hour:
		return strconv.Itoa(int(length.Minutes())) + " min"
	case length < 48*time.Hour:
		return strconv.FormatFloat(length.Hours(), 'f', 1, 64) + " h"
	}
	return strconv.FormatFloat(length.Hours()/24, 'f', 1, 64) + " d"
}
