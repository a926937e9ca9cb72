package oncall

import (
	"slices"
	"time"

	"afterhours/tickets"
)

// Retention is how long raw mails and tickets are kept; 0 is for ever. A ticket goes whole, with its timeline, mails and
// pages; one under hold never does.
type Retention struct {
	Raw Duration `json:"raw,omitempty" yaml:"raw"`
	// Tickets is how long resolved ones are kept, from when they were resolved or, later, changed.
	Tickets Duration `json:"tickets,omitempty" yaml:"tickets"`
	// Unresolved is how long those are kept that nobody resolved and that nobody is being told of, from their last change.
	Unresolved Duration       `json:"unresolved,omitempty" yaml:"unresolved"`
	Severities KeptBySeverity `json:"severities,omitzero" yaml:"severities"`
}

// KeptBySeverity are the severities whose tickets are kept otherwise than the rest.
type KeptBySeverity struct {
	High          Lifetime `json:"high,omitzero" yaml:"high"`
	Medium        Lifetime `json:"medium,omitzero" yaml:"medium"`
	Low           Lifetime `json:"low,omitzero" yaml:"low"`
	Informational Lifetime `json:"informational,omitzero" yaml:"informational"`
	Unknown       Lifetime `json:"unknown,omitzero" yaml:"unknown"`
}

// Lifetime is how long tickets of one severity are kept; nil is like the rest, 0 for ever.
type Lifetime struct {
	Tickets    *Duration `json:"tickets,omitempty" yaml:"tickets"`
	Unresolved *Duration `json:"unresolved,omitempty" yaml:"unresolved"`
}

// Bounds that keep a slip of the pen from emptying the database, or from ending what somebody still works on.
const (
	leastRetention  = Duration(7 * 24 * time.Hour)
	leastUnresolved = Duration(30 * 24 * time.Hour)
)

// of is what holds for one severity alone.
func (k KeptBySeverity) of(severity tickets.Severity) Lifetime {
	switch severity {
	case tickets.High:
		return k.High
	case tickets.Medium:
		return k.Medium
	case tickets.Low:
		return k.Low
	case tickets.Informational:
		return k.Informational
	}
	return k.Unknown
}

// Age is how long tickets of some severities are kept.
type Age struct {
	Severities []tickets.Severity
	Kept       time.Duration
}

// Resolved are the ages of resolved tickets. Severities that are kept for ever are absent.
func (r Retention) Resolved() []Age {
	return r.ages(r.Tickets, func(kept Lifetime) *Duration { return kept.Tickets })
}

// Abandoned are the ages of unresolved tickets. Severities that are kept for ever are absent.
func (r Retention) Abandoned() []Age {
	return r.ages(r.Unresolved, func(kept Lifetime) *Duration { return kept.Unresolved })
}

func (r Retention) ages(rest Duration, own func(Lifetime) *Duration) []Age {
	var ages []Age
	for _, severity := range tickets.Severities {
		kept := time.Duration(rest)
		if special := own(r.Severities.of(severity)); special != nil {
			kept = time.Duration(*special)
		}
		if kept == 0 {
			continue
		}
		same := slices.IndexFunc(ages, func(age Age) bool { return age.Kept == kept })
		if same < 0 {
			ages, same = append(ages, Age{Kept: kept}), len(ages)
		}
		ages[same].Severities = append(ages[same].Severities, severity)
	}
	return ages
}

func (v *validator) retention(r Retention) {
	v.kept("retention.raw", &r.Raw, leastRetention)
	v.kept("retention.tickets", &r.Tickets, leastRetention)
	v.kept("retention.unresolved", &r.Unresolved, leastUnresolved)
	for _, severity := range tickets.Severities {
		path, kept := "retention.severities."+string(severity), r.Severities.of(severity)
		v.kept(path+".tickets", kept.Tickets, leastRetention)
		v.kept(path+".unresolved", kept.Unresolved, leastUnresolved)
	}
}

func (v *validator) kept(path string, kept *Duration, least Duration) {
	if kept != nil && *kept != 0 && *kept < least {
		v.add(path, "%s is too short; keep at least %s, or leave it out to keep for ever", *kept, least)
	}
}
