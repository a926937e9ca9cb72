package tickets

import (
	"slices"
	"strings"
	"time"
)

// Twice is one alert as its mail and as the Defender API told it.
type Twice struct{ Mail, API Alert }

// Agreement is how often mail and API say the same about a field, of the times that both say something.
type Agreement struct {
	Field string
	Both  int
	Same  int
}

// Of is the part in which they agree, from 0 to 1; 1 where nothing could be compared.
func (a Agreement) Of() float64 {
	if a.Both == 0 {
		return 1
	}
	return float64(a.Same) / float64(a.Both)
}

// closeTimes is how far the times of detection may lie apart: mails round them to the minute.
const closeTimes = 2 * time.Minute

// Agree compares alerts field by field. A mail that names fewer devices or users than the API agrees where the API has
// all of them; a host's name agrees with its full one.
func Agree(alerts []Twice) []Agreement {
	fields := []struct {
		name string
		of   func(Alert) []string
		same func(mail, api string) bool
	}{
		{"title", func(a Alert) []string { return []string{a.Title} }, strings.EqualFold},
		{"severity", func(a Alert) []string { return []string{string(a.Severity.known())} }, strings.EqualFold},
		{"category", func(a Alert) []string { return []string{strings.ReplaceAll(a.Category, " ", "")} }, strings.EqualFold},
		{"product", func(a Alert) []string { return []string{string(a.Product.known())} }, strings.EqualFold},
		{"incident id", func(a Alert) []string { return []string{a.IncidentID} }, strings.EqualFold},
		{"device", func(a Alert) []string { return a.Devices }, sameHost},
		{"user", func(a Alert) []string { return a.Users }, sameUser},
		{"detection time", func(a Alert) []string { return []string{stamp(a.DetectedAt.Time)} }, sameMoment},
	}
	result := make([]Agreement, len(fields))
	for i, field := range fields {
		result[i].Field = field.name
		for _, alert := range alerts {
			mail, api := field.of(alert.Mail), field.of(alert.API)
			if !says(mail) || !says(api) {
				continue
			}
			result[i].Both++
			if !slices.ContainsFunc(mail, func(m string) bool {
				return !slices.ContainsFunc(api, func(a string) bool { return field.same(m, a) })
			}) {
				result[i].Same++
			}
		}
	}
	return result
}

func says(values []string) bool { return len(values) > 0 && values[0] != "" }

func (s Severity) known() Severity {
	if s == SeverityUnknown {
		return ""
	}
	return s
}

func (p Product) known() Product {
	if p == ProductUnknown {
		return ""
	}
	return p
}

// sameHost compares the names of hosts, of which one may be without its domain.
func sameHost(one, other string) bool {
	short, domain, _ := strings.Cut(one, ".")
	shortOther, domainOther, _ := strings.Cut(other, ".")
	return strings.EqualFold(short, shortOther) && (domain == "" || domainOther == "" || strings.EqualFold(domain, domainOther))
}

// sameUser compares users, written as DOMAIN\name, name@domain or the name alone.
func sameUser(one, other string) bool {
	return strings.EqualFold(one, other) || strings.EqualFold(userName(one), userName(other))
}

func userName(user string) string {
	name, _, _ := strings.Cut(user[strings.LastIndexByte(user, '\\')+1:], "@")
	return name
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

func sameMoment(one, other string) bool {
	a, errA := time.Parse(time.RFC3339, one)
	b, errB := time.Parse(time.RFC3339, other)
	return errA == nil && errB == nil && a.Sub(b).Abs() <= closeTimes
}
