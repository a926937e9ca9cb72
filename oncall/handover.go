package oncall

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"afterhours/tickets"
)

// MaxHandoverNote bounds a hand-over note, in characters.
const MaxHandoverNote = 4000

// handoverLooksBack is how far back the beginning of a shift is looked for that a hand-over note must be younger than.
const handoverLooksBack = 31 * 24 * time.Hour

// HandoverNote is what whoever goes wrote for whoever comes, in plain text.
type HandoverNote struct {
	ID       int64     `json:"id"`
	Schedule string    `json:"schedule"`
	Author   string    `json:"author"` // a person's id, or token:NAME
	At       time.Time `json:"at"`
	Text     string    `json:"text"`
}

// CheckedText is a text of people for people without what no reader could see, or an InvalidError of the field.
func CheckedText(field, text string, least, most int) (string, error) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	unreadable := func(r rune) bool { return r == utf8.RuneError || unicode.IsControl(r) && r != '\n' && r != '\t' }
	switch n := utf8.RuneCountInString(text); {
	case strings.ContainsFunc(text, unreadable):
		return "", &tickets.InvalidError{Field: field, Reason: "it holds characters that nobody can read; write plain text"}
	case n < least:
		return "", &tickets.InvalidError{Field: field, Reason: "it is empty; write some words"}
	case n > most:
		return "", &tickets.InvalidError{Field: field, Reason: fmt.Sprintf("it is longer than %d characters; shorten it", most)}
	}
	return text, nil
}

// Turn is a stretch of one person, from whatever source; of nobody where Person is empty. Half open, in UTC.
type Turn struct {
	Person     string
	Start, End time.Time
}

// Turns are who is on call from one moment to another, in order and without a hole, cut at both ends.
func (s Schedule) Turns(from, to time.Time) []Turn {
	shifts, gaps := s.Shifts(from, to)
	all := make([]Turn, 0, len(shifts)+len(gaps))
	for _, shift := range shifts {
		all = append(all, Turn{shift.Person, shift.Start.UTC(), shift.End.UTC()})
	}
	for _, gap := range gaps {
		all = append(all, Turn{"", gap.Start.UTC(), gap.End.UTC()})
	}
	slices.SortFunc(all, func(a, b Turn) int { return a.Start.Compare(b.Start) })
	var joined []Turn
	for _, turn := range all {
		if n := len(joined); n > 0 && joined[n-1].Person == turn.Person {
			joined[n-1].End = turn.End
			continue
		}
		joined = append(joined, turn)
	}
	return joined
}

// HandoverSince is the moment from which on a hand-over note is meant for whoever comes on call at begin, or is on call
// since then: the beginning of the turn before, at most a month back.
func (s Schedule) HandoverSince(begin time.Time) time.Time {
	earliest := begin.Add(-handoverLooksBack)
	turns := s.Turns(earliest, begin)
	if len(turns) == 0 {
		return earliest
	}
	return turns[len(turns)-1].Start
}

// RunningSince is when the turn began that runs at a moment, at most a month back.
func (s Schedule) RunningSince(at time.Time) time.Time {
	turns := s.Turns(at.Add(-handoverLooksBack), at.Add(time.Second))
	if len(turns) == 0 {
		return at
	}
	return turns[len(turns)-1].Start
}

// Actor is who acts on schedules: a person's id, token:NAME, or an account that is no person.
type Actor struct {
	ID    string
	Admin bool
}
