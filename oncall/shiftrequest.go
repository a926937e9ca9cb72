package oncall

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"afterhours/tickets"
)

// The states of a ShiftRequest. Only an asked one can still change.
const (
	RequestAsked     = "asked"
	RequestAgreed    = "agreed" // the override is written
	RequestDeclined  = "declined"
	RequestWithdrawn = "withdrawn"
	RequestExpired   = "expired"
	RequestOutdated  = "outdated" // the schedule had changed when somebody agreed
)

// IsRequestState says whether a request can be in a state.
func IsRequestState(state string) bool {
	return has([]string{RequestAsked, RequestAgreed, RequestDeclined, RequestWithdrawn, RequestExpired, RequestOutdated}, state)
}

// Bounds of requests.
const (
	MaxRequestText  = 500 // characters
	MaxOpenRequests = 50  // of one person
	longestRequest  = 31 * 24 * time.Hour
	furthestRequest = 366 * 24 * time.Hour
	requestLifetime = 7 * 24 * time.Hour
	urgentLifetime  = time.Hour
	// LongestTakeover is how much of what runs now may be taken over without asking whoever is on call.
	LongestTakeover = 12 * time.Hour
)

// ShiftRequest asks that a stretch of a schedule changes hands: from the giver, who is on call, to the taker. Of a swap the
// giver takes a stretch of the taker's instead. What comes of it is an override.
type ShiftRequest struct {
	ID         int64      `json:"id"`
	Schedule   string     `json:"schedule"`
	Giver      string     `json:"giver"`
	Taker      string     `json:"taker"` // empty: whoever agrees first
	Start      time.Time  `json:"start"`
	End        time.Time  `json:"end"`
	OtherStart *time.Time `json:"other_start"` // of a swap
	OtherEnd   *time.Time `json:"other_end"`
	AskedBy    string     `json:"asked_by"`
	Says       string     `json:"message"`
	State      string     `json:"state"`
	Reason     string     `json:"reason"` // why it is outdated
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  time.Time  `json:"expires_at"`
	SettledAt  *time.Time `json:"settled_at"`
	SettledBy  string     `json:"settled_by"`
}

// Swap says whether two stretches are exchanged.
func (r ShiftRequest) Swap() bool { return r.OtherStart != nil && r.OtherEnd != nil }

// Concerns says whether a person is one of the two.
func (r ShiftRequest) Concerns(person string) bool {
	return person != "" && (person == r.Giver || person == r.Taker)
}

// Asks says whether a person's consent is what is asked for.
func (r ShiftRequest) Asks(person string) bool {
	switch {
	case person == "" || person == r.AskedBy || r.State != RequestAsked:
		return false
	case r.AskedBy == r.Giver:
		return r.Taker == "" || r.Taker == person
	}
	return r.Giver == person
}

// Running says whether a request is about no more than what runs at a moment, and for so short that whoever takes it over
// need not ask.
func (r ShiftRequest) Running(now time.Time) bool {
	return !r.Swap() && !r.Start.After(now) && r.End.Sub(now) <= LongestTakeover
}

// Expires is when a request that is made at a moment ends by itself: a week later, and at the latest when a stretch
// begins. For what runs already, or begins within the hour, there is an hour.
func (r ShiftRequest) Expires(now time.Time) time.Time {
	if r.Swap() {
		return earlier(earlier(r.Start, *r.OtherStart), now.Add(requestLifetime))
	}
	return earlier(earlier(later(r.Start, now.Add(urgentLifetime)), r.End), now.Add(requestLifetime))
}

// CheckRequest says why a request cannot be agreed upon at a moment: an InvalidError where it never could, a ConflictError
// where the schedule says otherwise.
func (c Configuration) CheckRequest(r ShiftRequest, now time.Time) error {
	schedule, ok := c.Schedule(r.Schedule)
	if !ok {
		return fmt.Errorf("schedule %s: %w", r.Schedule, tickets.ErrNotFound)
	}
	for field, id := range map[string]string{"giver": r.Giver, "taker": r.Taker} {
		if _, known := c.Person(id); !known && (id != "" || field == "giver") {
			return &tickets.InvalidError{Field: field, Reason: fmt.Sprintf("there is no person %q", id)}
		}
	}
	switch {
	case r.Giver == r.Taker:
		return &tickets.InvalidError{Field: "taker", Reason: "a shift cannot be given to whoever has it; name somebody else"}
	case (r.OtherStart == nil) != (r.OtherEnd == nil):
		return &tickets.InvalidError{Field: "other_end", Reason: "a swap needs both other_start and other_end"}
	case r.Swap() && r.Taker == "":
		return &tickets.InvalidError{Field: "taker", Reason: "a swap needs somebody to swap with"}
	case r.Swap() && (!r.Start.After(now) || !r.OtherStart.After(now)):
		return &tickets.ConflictError{Reason: "one of the two shifts has begun; shifts can be swapped before both begin"}
	}
	if err := c.checkSpan(schedule, r.Giver, "end", r.Start, r.End, now); err != nil || !r.Swap() {
		return err
	}
	return c.checkSpan(schedule, r.Taker, "other_end", *r.OtherStart, *r.OtherEnd, now)
}

// checkSpan says why a person cannot give a stretch away.
func (c Configuration) checkSpan(schedule Schedule, person, field string, start, end, now time.Time) error {
	switch {
	case !start.Before(end):
		return &tickets.InvalidError{Field: field, Reason: "it ends before it begins; choose a later end"}
	case end.Sub(start) > longestRequest:
		return &tickets.InvalidError{Field: field, Reason: "it is longer than 31 days; ask for parts of it"}
	case end.Sub(now) > furthestRequest:
		return &tickets.InvalidError{Field: field, Reason: "it is more than a year away; ask later"}
	case !end.After(now):
		return &tickets.ConflictError{Reason: "the shift is over"}
	}
	zone := schedule.zone()
	for _, turn := range schedule.Turns(later(start, now), end) {
		if turn.Person != person {
			who := "nobody"
			if turn.Person != "" {
				who = c.Name(turn.Person)
			}
			return &tickets.ConflictError{Reason: fmt.Sprintf("from %s to %s %s is on call, not %s; look at the schedule and ask anew",
				turn.Start.In(zone).Format("Mon 2 Jan 15:04"), turn.End.In(zone).Format("Mon 2 Jan 15:04 MST"), who, c.Name(person))}
		}
	}
	return nil
}

// Agree is c with the overrides of a request; what has passed of its stretch stays as it was. Its error is CheckRequest's.
func (c Configuration) Agree(r ShiftRequest, now time.Time) (Configuration, error) {
	if err := c.CheckRequest(r, now); err != nil {
		return c, err
	}
	if r.Taker == "" {
		return c, errors.New("nobody takes the shift")
	}
	at, _ := c.Place("schedules", r.Schedule)
	c.Schedules = slices.Clone(c.Schedules)
	schedule := &c.Schedules[at]
	over := []Override{{r.Taker, LocalAt(later(r.Start, now.Truncate(time.Second)), schedule.Timezone), LocalAt(r.End, schedule.Timezone)}}
	if r.Swap() {
		over = append(over, Override{r.Giver, LocalAt(*r.OtherStart, schedule.Timezone), LocalAt(*r.OtherEnd, schedule.Timezone)})
	}
	schedule.Overrides = append(slices.Clone(schedule.Overrides), over...)
	return c, nil
}

// Told are those whom a schedule names and who may take an offer to everybody.
func (c Configuration) Told(r ShiftRequest) []string {
	if r.AskedBy == r.Taker {
		return []string{r.Giver}
	}
	if r.Taker != "" {
		return []string{r.Taker}
	}
	schedule, _ := c.Schedule(r.Schedule)
	var told []string
	for _, person := range c.People {
		if person.ID != r.Giver && schedule.Names(person.ID) {
			told = append(told, person.ID)
		}
	}
	return told
}
