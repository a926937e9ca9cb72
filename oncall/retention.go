package oncall

import "time"

// Retention is how long raw mails, and tickets after they were resolved, are kept; 0 is for ever. A ticket goes whole, with
// its timeline, mails and pages; one that is open, acknowledged or under hold never does.
type Retention struct {
	Raw     Duration `json:"raw,omitempty" yaml:"raw"`
	Tickets Duration `json:"tickets,omitempty" yaml:"tickets"`
}

// leastRetention keeps a slip of the pen from emptying the database.
const leastRetention = Duration(7 * 24 * time.Hour)

func (v *validator) retention(r Retention) {
	for path, kept := range map[string]Duration{"retention.raw": r.Raw, "retention.tickets": r.Tickets} {
		if kept != 0 && kept < leastRetention {
			v.add(path, "%s is too short; keep at least %s, or leave it out to keep for ever", kept, leastRetention)
		}
	}
}
