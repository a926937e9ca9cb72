package web

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"afterhours/tickets"
)

// selection is which tickets a list shows, as its address says it.
type selection struct {
	Tab        string // open, mine, acknowledged, resolved or all
	Query      string
	Severities []string
	Product    string
	Assignee   string
	Since      string // days of the reader's zone, like 2026-03-01; both are included
	Until      string
	Before     int64 // the page begins below this number
}

const (
	maxSearch = 500
	dayForm   = time.DateOnly
)

// readSelection reads the parameters of a list. A search without a tab looks through all states.
func readSelection(values url.Values) (selection, error) {
	sel := selection{
		Tab: values.Get("tab"), Query: strings.TrimSpace(values.Get("q")), Product: values.Get("product"),
		Assignee: values.Get("assignee"), Since: values.Get("since"), Until: values.Get("until"),
	}
	for _, severity := range values["severity"] {
		if severity != "" && !slices.Contains(sel.Severities, severity) {
			sel.Severities = append(sel.Severities, severity)
		}
	}
	if sel.Tab == "" {
		sel.Tab = "open"
		if sel.Query != "" {
			sel.Tab = "all"
		}
	}
	if text := values.Get("before"); text != "" {
		before, err := strconv.ParseInt(text, 10, 64)
		if err != nil || before < 1 {
			return sel, &tickets.InvalidError{Field: "before", Reason: "it is not a number above 0"}
		}
		sel.Before = before
	}
	return sel, nil
}

// filter is the selection as the store takes it, for whoever looks in a zone.
func (sel selection) filter(who string, zone *time.Location) (tickets.Filter, error) {
	filter := tickets.Filter{Query: sel.Query, Assignee: sel.Assignee, Before: sel.Before}
	if utf8.RuneCountInString(sel.Query) > maxSearch || !utf8.ValidString(sel.Query) {
		return filter, &tickets.InvalidError{Field: "search", Reason: "give at most 500 characters"}
	}
	switch sel.Tab {
	case "open":
		filter.States = []tickets.State{tickets.Open}
	case "mine":
		filter.States, filter.Assignee = []tickets.State{tickets.Open, tickets.Acknowledged}, who
	case "acknowledged":
		filter.States = []tickets.State{tickets.Acknowledged}
	case "resolved":
		filter.States = []tickets.State{tickets.Resolved}
	case "all":
	default:
		return filter, &tickets.InvalidError{Field: "tab", Reason: "it is open, mine, acknowledged, resolved or all"}
	}
	for _, severity := range sel.Severities {
		if !tickets.Severity(severity).Valid() {
			return filter, &tickets.InvalidError{Field: "severity", Reason: "it is high, medium, low, informational or unknown"}
		}
		filter.Severities = append(filter.Severities, tickets.Severity(severity))
	}
	if sel.Product != "" {
		if productName(tickets.Product(sel.Product)) == "" {
			return filter, &tickets.InvalidError{Field: "product", Reason: "there is no such product"}
		}
		filter.Products = []tickets.Product{tickets.Product(sel.Product)}
	}
	var err error
	if filter.Since, err = day("since", sel.Since, zone); err != nil {
		return filter, err
	}
	if filter.Until, err = day("until", sel.Until, zone); err == nil && !filter.Until.IsZero() {
		filter.Until = filter.Until.AddDate(0, 0, 1)
	}
	return filter, err
}

func day(field, text string, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.ParseInLocation(dayForm, text, zone)
	if err != nil {
		return at, &tickets.InvalidError{Field: field, Reason: "give a day like 2026-03-01"}
	}
	return at, nil
}

// narrowed says whether more than tab and words restrict the list.
func (sel selection) narrowed() bool {
	return len(sel.Severities) > 0 || sel.Product != "" || sel.Assignee != "" || sel.Since != "" || sel.Until != ""
}

// with is the selection in another tab, from its newest ticket on.
func (sel selection) with(tab string) selection {
	sel.Tab, sel.Before = tab, 0
	return sel
}

// values are the parameters that readSelection reads back.
func (sel selection) values() url.Values {
	values := url.Values{"tab": {sel.Tab}}
	for name, value := range map[string]string{"q": sel.Query, "product": sel.Product, "assignee": sel.Assignee, "since": sel.Since, "until": sel.Until} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if len(sel.Severities) > 0 {
		values["severity"] = sel.Severities
	}
	if sel.Before != 0 {
		values.Set("before", strconv.FormatInt(sel.Before, 10))
	}
	return values
}

// URL is the address of the list.
func (sel selection) URL() string { return "/tickets?" + sel.values().Encode() }
