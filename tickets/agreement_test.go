package tickets_test

import (
	"testing"
	"time"

	"afterhours/tickets"
)

func TestMailAndAPIAreComparedWhereBothSaySomething(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC)
	api := tickets.Alert{
		Title: "Ransomware", Severity: tickets.High, Category: "LateralMovement", Product: tickets.ProductEndpoint, IncidentID: "17",
		Devices: []string{"srv-1.contoso.example"}, Users: []string{"pat@contoso.example"}, DetectedAt: tickets.Instant{Time: at},
	}
	for _, agreement := range tickets.Agree([]tickets.Twice{{Mail: api, API: api}}) {
		if agreement.Both != 1 || agreement.Same != 1 {
			t.Errorf("the same alert twice: got %+v", agreement)
		}
	}
	for name, c := range map[string]struct {
		field      string
		both, same int
		change     func(*tickets.Alert)
	}{
		"a host without its domain": {"device", 1, 1, func(a *tickets.Alert) { a.Devices = []string{"SRV-1"} }},
		"a host of another domain":  {"device", 1, 0, func(a *tickets.Alert) { a.Devices = []string{"srv-1.other.example"} }},
		"a host that is not there":  {"device", 1, 0, func(a *tickets.Alert) { a.Devices = append(a.Devices, "srv-2") }},
		"no host":                   {"device", 0, 0, func(a *tickets.Alert) { a.Devices = nil }},
		"a user of a domain":        {"user", 1, 1, func(a *tickets.Alert) { a.Users = []string{`CONTOSO\pat`} }},
		"another user":              {"user", 1, 0, func(a *tickets.Alert) { a.Users = []string{"sam@contoso.example"} }},
		"a category in words":       {"category", 1, 1, func(a *tickets.Alert) { a.Category = "Lateral movement" }},
		"no severity":               {"severity", 0, 0, func(a *tickets.Alert) { a.Severity = tickets.SeverityUnknown }},
		"another severity":          {"severity", 1, 0, func(a *tickets.Alert) { a.Severity = tickets.Low }},
		"a minute later":            {"detection time", 1, 1, func(a *tickets.Alert) { a.DetectedAt.Time = at.Add(time.Minute) }},
		"an hour later":             {"detection time", 1, 0, func(a *tickets.Alert) { a.DetectedAt.Time = at.Add(time.Hour) }},
		"no time":                   {"detection time", 0, 0, func(a *tickets.Alert) { a.DetectedAt.Time = time.Time{} }},
	} {
		mail := api
		c.change(&mail)
		for _, agreement := range tickets.Agree([]tickets.Twice{{Mail: mail, API: api}}) {
			if agreement.Field == c.field && (agreement.Both != c.both || agreement.Same != c.same) {
				t.Errorf("%s: got %+v, want %d of %d", name, agreement, c.same, c.both)
			}
		}
	}
}
