package web

import (
	"net/url"
	"strconv"
	"time"

	"afterhours/tickets"
)

// The ranges of days that one press chooses, and the longest.
const (
	usualRange   = 30
	longestRange = 366
)

var insightRanges = [...]int{7, usualRange, 90}

// dayRange is a range of days in UTC; To is not in it.
type dayRange struct {
	From, To time.Time
	Last     int // the range is that of the last days, today's included; 0 where both ends were given
}

// readDays reads days, or from and to, which are both included.
func readDays(values url.Values, now time.Time) (dayRange, error) {
	tomorrow := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1)
	if values.Get("from") == "" && values.Get("to") == "" {
		last := usualRange
		if text := values.Get("days"); text != "" {
			var err error
			if last, err = strconv.Atoi(text); err != nil || last < 1 || last > longestRange {
				return dayRange{}, &tickets.InvalidError{Field: "days", Reason: "give a number of days from 1 to " + strconv.Itoa(longestRange)}
			}
		}
		return dayRange{tomorrow.AddDate(0, 0, -last), tomorrow, last}, nil
	}
	var d dayRange
	var err error
	if d.From, err = day("from", values.Get("from"), time.UTC); err != nil {
		return d, err
	}
	if d.To, err = day("to", values.Get("to"), time.UTC); err != nil {
		return d, err
	}
	switch {
	case d.From.IsZero():
		return d, &tickets.InvalidError{Field: "from", Reason: "give the first day as well"}
	case d.To.IsZero():
		d.To = tomorrow
	default:
		d.To = d.To.AddDate(0, 0, 1)
	}
	switch {
	case !d.From.Before(d.To):
		return d, &tickets.InvalidError{Field: "to", Reason: "it is before the first day"}
	case d.count() > longestRange:
		return d, &tickets.InvalidError{Field: "from", Reason: "give at most " + strconv.Itoa(longestRange) + " days"}
	}
	return d, nil
}

func (d dayRange) count() int { return int(d.To.Sub(d.From) / (24 * time.Hour)) }

// FromDay and ToDay are the first and the last day as a form writes them.
func (d dayRange) FromDay() string { return d.From.Format(dayForm) }

// ToDay is the last day, which is in the range.
func (d dayRange) ToDay() string { return d.To.AddDate(0, 0, -1).Format(dayForm) }

// query is the range as readDays reads it back.
func (d dayRange) query() string {
	if d.Last > 0 {
		return url.Values{"days": {strconv.Itoa(d.Last)}}.Encode()
	}
	return url.Values{"from": {d.FromDay()}, "to": {d.ToDay()}}.Encode()
}
