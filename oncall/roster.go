package oncall

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// RosterAhead is how far ahead a roster knows who is on call.
const RosterAhead = 48 * time.Hour

// Roster is what can be known of on-call without the database: a configuration cut down to the people whom its policies
// can reach until Until. It holds credentials: whoever stores it seals it.
type Roster struct {
	Configuration Configuration
	TakenAt       time.Time
	Until         time.Time
}

// TakeRoster cuts c down to what paging needs in the hours after now.
func (c Configuration) TakeRoster(now time.Time) Roster {
	until := now.Add(RosterAhead)
	needed := map[string]bool{}
	target := func(t Target) {
		switch t.Kind {
		case TargetPerson:
			needed[t.ID] = true
		case TargetSchedule:
			schedule, _ := c.Schedule(t.ID)
			shifts, _ := schedule.Shifts(now, until)
			for _, shift := range shifts {
				needed[shift.Person] = true
			}
		}
	}
	for _, policy := range c.Policies {
		for _, step := range policy.Steps {
			for _, t := range step.Notify {
				target(t)
			}
		}
		for _, t := range policy.LastResort {
			target(t)
		}
	}
	cut := c
	cut.People = slices.DeleteFunc(slices.Clone(c.People), func(p Person) bool { return !needed[p.ID] })
	return Roster{Configuration: cut, TakenAt: now.UTC(), Until: until.UTC()}
}

// rosterRecord is a roster as it is written down.
type rosterRecord struct {
	Configuration Configuration     `json:"configuration"`
	Disabled      map[string]string `json:"disabled,omitempty"`
	TakenAt       time.Time         `json:"taken_at"`
	Until         time.Time         `json:"until"`
}

// Encode writes a roster down, credentials included.
func (r Roster) Encode() (string, error) {
	text, err := json.Marshal(rosterRecord{r.Configuration, r.Configuration.disabled, r.TakenAt, r.Until})
	if err != nil {
		return "", fmt.Errorf("roster: %w", err)
	}
	return string(text), nil
}

// DecodeRoster reads what Encode wrote.
func DecodeRoster(text string) (Roster, error) {
	var record rosterRecord
	if err := json.Unmarshal([]byte(text), &record); err != nil {
		return Roster{}, fmt.Errorf("roster: %w", err)
	}
	record.Configuration.disabled = record.Disabled
	return Roster{record.Configuration, record.TakenAt, record.Until}, nil
}
