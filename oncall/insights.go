package oncall

import "time"

// PageInsights are how people were told of tickets in a span of days. Told is one person told once, by however many
// contacts.
type PageInsights struct {
	Told  int
	Acted int        // after which anybody did something about the ticket within ActedWithin
	Hours []PageHour // those with any, in the order of the week
}

// ActedWithin is how soon after a page something must be done about its ticket to count as what the page led to.
const ActedWithin = 24 * time.Hour

// PageHour is how often people were told in one hour of one weekday, by the clock of a zone.
type PageHour struct {
	Weekday time.Weekday
	Hour    int
	Told    int
}
