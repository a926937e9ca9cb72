package tickets

import "time"

// TenantStatus is how the polls of a tenant go.
type TenantStatus struct {
	Tenant        string // our id
	Directory     string // Microsoft's
	PolledAt      *time.Time
	NextPollAt    *time.Time
	Lag           time.Duration // from the last new alert's change to its ticket; 0 where there was none
	Alerts        int64         // read so far
	FailedAt      *time.Time    // nil where the last poll was well
	Error         string
	Mend          string
	IncidentError string
	Requests      int // of the last hour
	Waiting       int // changes that Defender is yet to be told
	Failed        int // changes that it could not be told within the last day
}
