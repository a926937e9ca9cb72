package oncall

import (
	"fmt"
	"strings"
	"time"

	"afterhours/oncall/notify"
)

// Policy says whom to tell one after the other until somebody acknowledges. Repeat executes the steps that many times
// more; LastResort is told after that, and again every LastResortEvery.
type Policy struct {
	ID              string   `json:"id" yaml:"id"`
	Timezone        string   `json:"timezone,omitempty" yaml:"timezone"` // IANA name, of the steps' hours; empty is UTC
	Holidays        string   `json:"holidays,omitempty" yaml:"holidays"` // the schedule whose holidays the steps' hours know
	Repeat          int      `json:"repeat" yaml:"repeat"`
	Steps           []Step   `json:"steps" yaml:"steps"`
	LastResort      []Target `json:"last_resort,omitempty" yaml:"last_resort"`
	LastResortEvery Duration `json:"last_resort_every,omitempty" yaml:"last_resort_every"` // zero is defaultLastResortEvery
	AckExpires      Duration `json:"ack_expires,omitempty" yaml:"ack_expires"`
	AckLink         string   `json:"ack_link,omitempty" yaml:"ack_link"` // confirm (the default) or login
	Bundle          *Bundle  `json:"bundle,omitempty" yaml:"bundle"`
}

// defaultLastResortEvery holds where a policy with a last resort names none.
const defaultLastResortEvery = Duration(15 * time.Minute)

func (p Policy) lastResortEvery() time.Duration {
	if p.LastResortEvery == 0 {
		return time.Duration(defaultLastResortEvery)
	}
	return time.Duration(p.LastResortEvery)
}

// Bundle bounds the single pages to a person before they are bundled into summaries; After 0 never bundles.
type Bundle struct {
	After  int      `json:"after" yaml:"after"`
	Within Duration `json:"within" yaml:"within"`
}

// Step tells its targets at once and waits before the next step. Outside of its hours, in the policy's time zone, it is
// skipped.
type Step struct {
	Notify []Target `json:"notify" yaml:"notify"`
	Wait   Wait     `json:"wait" yaml:"wait"`
	Hours  []Window `json:"hours,omitempty" yaml:"hours"`
}

// TargetKind is what a target names.
type TargetKind string

// The kinds of targets.
const (
	TargetSchedule TargetKind = "schedule"
	TargetPerson   TargetKind = "person"
	TargetWebhook  TargetKind = "webhook"
)

// Target is whoever is on call in a schedule, a person, or a webhook of the team; written "schedule:primary".
type Target struct {
	Kind TargetKind
	ID   string
}

func (t Target) String() string { return string(t.Kind) + ":" + t.ID }

// MarshalText is String.
func (t Target) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what String writes.
func (t *Target) UnmarshalText(text []byte) error {
	kind, id, ok := strings.Cut(string(text), ":")
	switch TargetKind(kind) {
	case TargetSchedule, TargetPerson, TargetWebhook:
	default:
		ok = false
	}
	if !ok || id == "" {
		return fmt.Errorf("%q is not a target; write schedule:ID, person:ID or webhook:ID", text)
	}
	t.Kind, t.ID = TargetKind(kind), id
	return nil
}

// Webhook is a receiver of the team's events, and of pages where a step names it.
type Webhook struct {
	ID     string   `json:"id" yaml:"id"`
	URL    string   `json:"url" yaml:"url"`
	Secret string   `json:"secret,omitempty" yaml:"secret"`
	Events []string `json:"events,omitempty" yaml:"events"`
}

// Shown is the host of the webhook's URL; its path may be a credential.
func (w Webhook) Shown() string { return notify.Redact(w.URL) }

// Target is the webhook as its channel sees it.
func (w Webhook) Target() notify.Contact { return notify.Contact{Address: w.URL, Secret: w.Secret} }
