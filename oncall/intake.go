package oncall

import (
	"slices"
	"strings"
	"time"
)

// What happens to mail whose author is not authenticated.
const (
	UnverifiedPage   = "page"   // marked, from a small budget of its own
	UnverifiedRecord = "record" // kept, and pages nobody
	UnverifiedRefuse = "refuse" // not accepted
)

// Intake is one address that mail comes in at: its sender policy, and how often mail is expected there.
type Intake struct {
	ID          string   `json:"id" yaml:"id"`
	To          string   `json:"to" yaml:"to"`
	Unverified  string   `json:"unverified,omitempty" yaml:"unverified"` // empty: as the setting says
	ExpectEvery Duration `json:"expect_every,omitempty" yaml:"expect_every"`
	Notify      []Target `json:"notify,omitempty" yaml:"notify"` // who is told of a silence
}

// Bounds of an expectation: a shorter one would tell of every pause, a longer one of none.
const (
	leastExpectation   = time.Minute
	longestExpectation = 366 * 24 * time.Hour
)

// IntakeOf returns the first intake that takes mail to one of the addresses.
func (c Configuration) IntakeOf(to []string) (Intake, bool) {
	for _, intake := range c.Intake {
		if slices.ContainsFunc(to, func(address string) bool { return strings.EqualFold(address, intake.To) }) {
			return intake, true
		}
	}
	return Intake{}, false
}

// Unverified says what happens to unverified mail to the given addresses: the mildest of what they ask for, because mail
// that one of them wants must not be lost for another. fallback holds where an address says nothing.
func (c Configuration) Unverified(to []string, fallback string) string {
	if len(c.Intake) == 0 || len(to) == 0 {
		return fallback
	}
	mildness := []string{UnverifiedRefuse, UnverifiedRecord, UnverifiedPage}
	mildest := 0
	for _, address := range to {
		policy := fallback
		if intake, ok := c.IntakeOf([]string{address}); ok && intake.Unverified != "" {
			policy = intake.Unverified
		}
		if policy == "" {
			policy = UnverifiedPage
		}
		mildest = max(mildest, slices.Index(mildness, policy))
	}
	return mildness[mildest]
}

func (v *validator) intake(path string, intake Intake, others []Intake) {
	local, domain, ok := strings.Cut(intake.To, "@")
	switch {
	case !ok || local == "" || domain == "" || strings.ContainsAny(intake.To, " ,<>*"):
		v.add(path+".to", "to of the intake %s must be one address, like defender@example.com", intake.ID)
	case slices.ContainsFunc(others, func(other Intake) bool { return strings.EqualFold(other.To, intake.To) }):
		v.add(path+".to", "the address %s stands in two intakes; keep one", intake.To)
	}
	v.oneOf(path+".unverified", "unverified", intake.Unverified, UnverifiedPage, UnverifiedRecord, UnverifiedRefuse)
	expected := time.Duration(intake.ExpectEvery)
	switch {
	case expected != 0 && (expected < leastExpectation || expected > longestExpectation):
		v.add(path+".expect_every", "expect_every of the intake %s must be from 1m to 366d", intake.ID)
	case expected != 0 && len(intake.Notify) == 0:
		v.add(path+".expect_every", "nobody would learn that no mail comes to %s; add notify", intake.To)
	}
	v.targets(path+".notify", intake.Notify)
}
