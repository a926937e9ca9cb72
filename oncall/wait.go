package oncall

import (
	"encoding/json"
	"time"

	"afterhours/tickets"
)

// Wait is how long a step waits before the next one: written "5m" for every severity, or as a mapping like
// {high: 2m, other: 10m}. A severity that is not named waits Other; without it as long as the nearest worse one that is
// named, and an unknown one, or one that nothing worse is named for, as the shortest of all. A zero is not named.
type Wait struct {
	Other         Duration `json:"other,omitempty" yaml:"other"`
	High          Duration `json:"high,omitempty" yaml:"high"`
	Medium        Duration `json:"medium,omitempty" yaml:"medium"`
	Low           Duration `json:"low,omitempty" yaml:"low"`
	Informational Duration `json:"informational,omitempty" yaml:"informational"`
	Unknown       Duration `json:"unknown,omitempty" yaml:"unknown"`
}

// Same is one wait for every severity.
func Same(wait Duration) Wait { return Wait{Other: wait} }

// worstFirst are the waits of the severities in the order of tickets.Severities.
func (w Wait) worstFirst() []Duration {
	return []Duration{w.High, w.Medium, w.Low, w.Informational, w.Unknown}
}

// For is the wait of one severity.
func (w Wait) For(severity tickets.Severity) time.Duration {
	named := w.worstFirst()
	var nearest, shortest Duration
	for i, of := range tickets.Severities {
		if named[i] > 0 && (shortest == 0 || named[i] < shortest) {
			shortest = named[i]
		}
		if of == severity {
			nearest = named[i]
		}
	}
	if nearest > 0 {
		return time.Duration(nearest)
	}
	if w.Other > 0 {
		return time.Duration(w.Other)
	}
	if severity != tickets.SeverityUnknown {
		for i, of := range tickets.Severities {
			if of == severity {
				break
			}
			if named[i] > 0 {
				nearest = named[i]
			}
		}
	}
	if nearest == 0 {
		nearest = shortest
	}
	return time.Duration(nearest)
}

// String is the short form, or the named severities.
func (w Wait) String() string {
	if w == Same(w.Other) {
		return w.Other.String()
	}
	said := ""
	for i, wait := range w.worstFirst() {
		if wait > 0 {
			said += ", " + string(tickets.Severities[i]) + " " + wait.String()
		}
	}
	if w.Other > 0 {
		said += ", other " + w.Other.String()
	}
	return said[2:]
}

// MarshalJSON writes the short form where it says everything.
func (w Wait) MarshalJSON() ([]byte, error) {
	if w == Same(w.Other) {
		return json.Marshal(w.Other)
	}
	type mapping Wait
	return json.Marshal(mapping(w))
}

// UnmarshalJSON reads both forms.
func (w *Wait) UnmarshalJSON(text []byte) error {
	*w = Wait{}
	if len(text) > 0 && text[0] == '"' {
		return json.Unmarshal(text, &w.Other)
	}
	type mapping Wait
	return json.Unmarshal(text, (*mapping)(w))
}
