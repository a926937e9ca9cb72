package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"

	"afterhours/tickets"
)

// Bounds of what a summary holds and shows.
const (
	maxSubjects    = 10_000 // subjects of mails that were not recognised that are counted apart
	shownSubjects  = 10
	shownFaults    = 10
	longestSubject = 100 // in characters
)

// importSummary counts what became of the mails of an import.
type importSummary struct {
	DryRun                           bool
	imported, repeated, unrecognised int
	unreadable                       int
	subjects                         map[string]int
	faults                           []importFault // the first ones
}

func (s *importSummary) add(one tickets.Import) {
	if one.Repeated {
		s.repeated++
		return
	}
	s.imported++
	if one.Alert.Kind != tickets.KindUnrecognised {
		return
	}
	s.unrecognised++
	subject := one.Alert.Message.Subject
	if subject == "" {
		subject = "(no subject)"
	}
	if runes := []rune(subject); len(runes) > longestSubject {
		subject = string(runes[:longestSubject]) + "…"
	}
	if s.subjects == nil {
		s.subjects = map[string]int{}
	}
	if _, known := s.subjects[subject]; known || len(s.subjects) < maxSubjects {
		s.subjects[subject]++
	}
}

func (s *importSummary) fault(fault importFault) {
	s.unreadable++
	if len(s.faults) < shownFaults {
		s.faults = append(s.faults, fault)
	}
}

func (s *importSummary) print(out io.Writer) {
	done := "imported"
	if s.DryRun {
		done = "would be imported"
	}
	fmt.Fprintf(out, "%d %s, %d repeated, %d not recognised, %d unreadable\n", s.imported, done, s.repeated, s.unrecognised, s.unreadable)
	if len(s.subjects) > 0 {
		fmt.Fprintln(out, "not recognised, by subject:")
		ordered := slices.SortedFunc(maps.Keys(s.subjects), func(a, b string) int {
			return cmp.Or(cmp.Compare(s.subjects[b], s.subjects[a]), cmp.Compare(a, b))
		})
		for _, subject := range ordered[:min(len(ordered), shownSubjects)] {
			fmt.Fprintf(out, "%7d  %s\n", s.subjects[subject], subject)
		}
		if more := len(ordered) - shownSubjects; more > 0 {
			fmt.Fprintf(out, "         and %d other subjects\n", more)
		}
	}
	if len(s.faults) > 0 {
		fmt.Fprintln(out, "unreadable:")
		for _, fault := range s.faults {
			fmt.Fprintf(out, "  %s: %s\n", fault.name, fault.reason)
		}
		if more := s.unreadable - len(s.faults); more > 0 {
			fmt.Fprintf(out, "  and %d more\n", more)
		}
	}
}
