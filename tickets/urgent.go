package tickets

import "slices"

// urgentFrom is how many readings there must be for a batch to be written in two parts: a part costs a transaction.
const urgentFrom = 8

// urgentFirst parts a batch, by the places of its readings, so that what may wake somebody need not wait until many mails
// of low severity are written: first what is High or of no known severity, with all that came before it under the same
// keys, then the rest. Within a part the order of arrival stays, and a part is never empty.
func urgentFirst(readings []Reading) [][]int {
	var urgent, rest []int
	keys := map[string]bool{}
	for place := len(readings) - 1; place >= 0; place-- {
		reading := readings[place]
		severity := reading.Alert.Severity
		if severity != High && severity != SeverityUnknown && !slices.ContainsFunc(reading.Keys, func(key string) bool { return keys[key] }) {
			rest = append(rest, place)
			continue
		}
		urgent = append(urgent, place)
		for _, key := range reading.Keys {
			keys[key] = true
		}
	}
	slices.Reverse(urgent)
	slices.Reverse(rest)
	switch {
	case len(urgent) == 0:
		return [][]int{rest}
	case len(rest) == 0:
		return [][]int{urgent}
	case len(readings) < urgentFrom:
		return [][]int{slices.Sorted(slices.Values(append(urgent, rest...)))}
	}
	return [][]int{urgent, rest}
}
