package playbook

import "time"

// State is how far a run has come.
type State string

// The states of a run.
const (
	Planned    State = "planned"
	Waiting    State = "waiting" // for somebody's approval
	Approved   State = "approved"
	Requesting State = "requesting" // the request may have left
	Running    State = "running"    // Defender has accepted the action
	Succeeded  State = "succeeded"
	Failed     State = "failed"
	Declined   State = "declined"
	Expired    State = "expired" // nobody answered in time
	Skipped    State = "skipped"
)

// Valid says whether there is such a state.
func (s State) Valid() bool {
	switch s {
	case Planned, Waiting, Approved, Requesting, Running, Succeeded, Failed, Declined, Expired, Skipped:
		return true
	}
	return false
}

// Ended says whether nothing more happens to a run.
func (s State) Ended() bool {
	switch s {
	case Planned, Waiting, Approved, Requesting, Running:
		return false
	}
	return true
}

// Run is one response to one ticket on one device.
type Run struct {
	ID         int64
	Playbook   string
	Ticket     int64
	Tenant     string
	Action     Action
	Settings   Settings
	Asked      string `db:"device"` // the device as the alert names it: an id or a name
	MachineID  string
	Machine    string // its name at Defender
	State      State
	Reason     string // why it is in this state, for people
	Approvers  int
	Approvals  []Approval
	DecideBy   *time.Time
	ActionID   string
	Status     string // Microsoft's
	Automatic  bool
	UndoOf     int64
	CreatedAt  time.Time
	UpdatedAt  time.Time
	FinishedAt *time.Time
}

// Approval is one person's answer to a question.
type Approval struct {
	Person string    `json:"person"`
	At     time.Time `json:"at"`
	Yes    bool      `json:"yes"`
}

// DeviceName is the device as people know it.
func (r Run) DeviceName() string {
	if r.Machine != "" {
		return r.Machine
	}
	return r.Asked
}

// Yeses is how many people have approved so far.
func (r Run) Yeses() int {
	count := 0
	for _, approval := range r.Approvals {
		if approval.Yes {
			count++
		}
	}
	return count
}

// AnsweredBy says whether a person has answered already.
func (r Run) AnsweredBy(person string) bool {
	for _, approval := range r.Approvals {
		if approval.Person == person {
			return true
		}
	}
	return false
}

// MayUndo says whether the run did something that can be taken back.
func (r Run) MayUndo() bool {
	_, ok := r.Action.Undo()
	return ok && r.State == Succeeded && r.UndoOf == 0
}

// Step is one line of a run's audit.
type Step struct {
	At    time.Time
	Actor string
	State State
	Says  string
}
