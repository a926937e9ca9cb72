package oncall

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The types of notices to a person before a shift begins and before it ends.
const (
	ShiftBeginsType = "shift.begins"
	ShiftEndsType   = "shift.ends"
)

// Bounds of a person's shift_notice.
const (
	leastShiftNotice = 5 * time.Minute
	mostShiftNotice  = 7 * 24 * time.Hour
)

// beforeQuiet is how long before quiet hours a notice comes that would fall into them and could not wait for their end.
const beforeQuiet = time.Minute

// calmChannels carry what may wait: they make no call and no noise of a page. The first that a person has is used.
var calmChannels = []string{"email", "push", "slack", "teams"}

// CalmContact is the first of a person's contacts that does not ring: by mail or push, else in a chat.
func (p Person) CalmContact() (Contact, bool) {
	contacts := p.EffectiveContacts()
	for _, channels := range [][]string{calmChannels[:2], calmChannels[2:]} {
		if i := slices.IndexFunc(contacts, func(contact Contact) bool { return slices.Contains(channels, contact.Channel) }); i >= 0 {
			return contacts[i], true
		}
	}
	return Contact{}, false
}

// ShiftNotice is a notice whose moment has come.
type ShiftNotice struct {
	Schedule  Schedule
	Person    Person
	Ends      bool // before the turn ends; else before it begins
	Turn      Turn
	Neighbour string // who is on call before the turn, or after it; empty where nobody is
}

// Edge is the moment that the notice is about.
func (n ShiftNotice) Edge() time.Time {
	if n.Ends {
		return n.Turn.End
	}
	return n.Turn.Start
}

// noticesAhead is how far ShiftNotices looks beyond what is due.
const noticesAhead = 15 * time.Minute

// ShiftNotices are the notices that are due at a moment and whose shift has not begun, or ended, yet. They follow from the
// schedules as they are: one that was changed is told of anew. Before next no others become due.
func (c Configuration) ShiftNotices(now time.Time) (due []ShiftNotice, next time.Time) {
	next = now.Add(noticesAhead)
	// isDue says whether a moment has come, and notes it where it is still to come.
	isDue := func(at time.Time) bool {
		if at.After(now) {
			next = earlier(next, at)
			return false
		}
		return true
	}
	for _, schedule := range c.Schedules {
		longest := time.Duration(0)
		asking := map[string]Person{}
		for _, person := range c.People {
			if person.ShiftNotice > 0 && schedule.Names(person.ID) {
				asking[person.ID] = person
				ahead := time.Duration(person.ShiftNotice)
				if len(person.Quiet) > 0 {
					ahead += quietAhead
				}
				longest = max(longest, ahead)
			}
		}
		if len(asking) == 0 {
			continue
		}
		from, to := now.Add(-longest-time.Second), now.Add(longest+noticesAhead+time.Second)
		turns := schedule.Turns(from, to)
		for i, turn := range turns {
			person, asks := asking[turn.Person]
			if !asks {
				continue
			}
			neighbour := func(i int) string {
				if i < 0 || i >= len(turns) {
					return ""
				}
				return turns[i].Person
			}
			if turn.Start.After(now) && isDue(person.noticeAt(turn.Start)) {
				turn.End = schedule.Turns(turn.Start, turn.Start.Add(handoverLooksBack))[0].End // beyond what is looked at here
				due = append(due, ShiftNotice{schedule, person, false, turn, neighbour(i - 1)})
			}
			// A shift that is shorter than the notice has its end in the notice of its beginning.
			if at := person.noticeAt(turn.End); turn.End.Before(to) && turn.End.After(now) && at.After(turn.Start) && isDue(at) {
				due = append(due, ShiftNotice{schedule, person, true, turn, neighbour(i + 1)})
			}
		}
	}
	return due, next
}

// Names says whether a schedule has a person in any layer, temporary schedule or override.
func (s Schedule) Names(person string) bool {
	theirs := func(o Override) bool { return o.Person == person }
	return slices.ContainsFunc(s.Layers, func(l Layer) bool { return slices.Contains(l.People, person) }) ||
		slices.ContainsFunc(s.Temporary, func(t Temporary) bool { return slices.ContainsFunc(t.Shifts, theirs) }) ||
		slices.ContainsFunc(s.Overrides, theirs)
}

// noticeAt is when a person is told of a shift's edge. Where that falls into quiet hours it is their end, or, where that is
// too late, just before they begin: nobody is woken by a notice.
func (p Person) noticeAt(edge time.Time) time.Time {
	at := edge.Add(-time.Duration(p.ShiftNotice))
	if len(p.Quiet) == 0 {
		return at
	}
	zone := location(p.Timezone)
	end, quiet := openUntil(p.Quiet, at, zone)
	switch {
	case !quiet:
		return at
	case end.Before(edge):
		return end
	}
	for _, span := range openings(p.Quiet, at.Add(-quietAhead), at.Add(time.Second), zone, nil) {
		if !span.End.Before(at) {
			return span.Start.Add(-beforeQuiet)
		}
	}
	return at
}

// Page is the notice as it is queued, with the hand-over note for whoever comes; ok is false where the person has no
// contact that does not ring.
func (n ShiftNotice) Page(c Configuration, note *HandoverNote, now time.Time) (page Page, ok bool) {
	contact, ok := n.Person.CalmContact()
	if !ok {
		return page, false
	}
	kind := ShiftBeginsType
	if n.Ends {
		kind = ShiftEndsType
	}
	cause := fmt.Sprintf("%s/%s/%d", n.Schedule.ID, n.Person.ID, n.Edge().Unix())
	return noticePage(kind, cause, Page{Person: n.Person.ID, Contact: contact.ID, Channel: contact.Channel, DueAt: now, CreatedAt: now}, n.notice(c, note)), true
}

func (n ShiftNotice) notice(c Configuration, note *HandoverNote) Notice {
	verb := "begins"
	if n.Ends {
		verb = "ends"
	}
	said := Notice{Subject: "Your shift " + verb + " " + n.Person.clock(n.Edge()), Path: "/oncall"}
	if n.Person.Detail == DetailMinimal {
		said.Text = "The desk says more."
		return said
	}
	said.Subject += " (" + n.Schedule.called() + ")"
	var lines []string
	switch {
	case n.Ends && n.Neighbour == "":
		lines = append(lines, "Nobody is on call after you: pages to this schedule fall through to the next step.")
	case n.Ends:
		lines = append(lines, "After you: "+c.Name(n.Neighbour)+". A hand-over note at the desk tells "+c.Name(n.Neighbour)+" what is still open.")
	case n.Neighbour == "":
		lines = append(lines, n.until()+". Nobody is on call before you.")
	default:
		lines = append(lines, n.until()+". Before you: "+c.Name(n.Neighbour)+".")
	}
	if note != nil && !n.Ends {
		lines = append(lines, "", "Hand-over note of "+c.author(*note)+", "+n.Person.clock(note.At)+":", note.Text)
	}
	said.Text = strings.Join(lines, "\n")
	return said
}

// until says when the turn ends, where that is known.
func (n ShiftNotice) until() string {
	if n.Turn.End.Sub(n.Turn.Start) >= handoverLooksBack {
		return "For a month or longer"
	}
	return "Until " + n.Person.clock(n.Turn.End)
}

// author is who wrote a hand-over note, as people read it.
func (c Configuration) author(note HandoverNote) string {
	if name, isToken := strings.CutPrefix(note.Author, "token:"); isToken {
		return "token " + name
	}
	return c.Name(note.Author)
}

// clock is a moment as the person's messages write it.
func (p Person) clock(at time.Time) string {
	return at.In(location(p.Timezone)).Format("Mon 2 Jan 15:04 MST")
}

// called is a schedule's name, or else its id.
func (s Schedule) called() string {
	if s.Name != "" {
		return s.Name
	}
	return s.ID
}
