package oncall

import (
	"context"
	"fmt"
	"time"
)

// tickBatch is how many escalations or pages one transaction takes.
const tickBatch = 200

// EscalationStore is what the Escalator needs of the store. Its methods return how many rows they took.
type EscalationStore interface {
	// Due says in one look what there is to do at now.
	Due(ctx context.Context, now time.Time) (Due, error)
	// FollowMaintenance moves what maintenances hold back to their present ends.
	FollowMaintenance(ctx context.Context, now time.Time) error
	// ExecuteDue executes the next step of escalations that are due at now.
	ExecuteDue(ctx context.Context, now time.Time, limit int) (int, error)
	// ExpireAcknowledgements opens again what was acknowledged and not resolved for as long as its policy allows.
	ExpireAcknowledgements(ctx context.Context, now time.Time, limit int) (int, error)
	// SummariseBundled makes the summaries that are due at now, for up to limit recipients.
	SummariseBundled(ctx context.Context, now time.Time, limit int) (int, error)
	// RecordOnCall writes the history of who is on call on, and tells the webhooks that ask for it what changed.
	RecordOnCall(ctx context.Context, now time.Time) error
	// ExpireShiftRequests ends the requests of shifts that nobody answered in time.
	ExpireShiftRequests(ctx context.Context, now time.Time, limit int) (int, error)
	// TellShifts tells those who ask for it that a shift of theirs begins or ends soon.
	TellShifts(ctx context.Context, now time.Time) error
	// ReleasePages hands to the queue the pages that are due at now: those of later rules, of further attempts and
	// those whose sender died.
	ReleasePages(ctx context.Context, now time.Time, limit int) (int, error)
}

// Due says which of the parts of a tick find anything, so that the others, nearly all of them in nearly every second, cost
// nothing. A part that would find nothing may be true, never the other way round.
type Due struct {
	Steps            bool
	Held             bool // by a maintenance
	Acknowledgements bool
	Summaries        bool
	OnCall           bool // has changed, or has to be written down as it is
	ShiftRequests    bool
	Shifts           bool // that begin or end soon
	Pages            bool
}

// Escalator goes on to the next step when nobody acknowledged. What is due stands in the database, so a missed tick runs
// late, once, and any number of escalators may tick side by side.
type Escalator struct{ Store EscalationStore }

// Tick does everything that is due at now.
func (e *Escalator) Tick(ctx context.Context, now time.Time) error {
	due, err := e.Store.Due(ctx, now)
	if err != nil {
		return fmt.Errorf("look for what is due: %w", err)
	}
	if due.Held {
		if err := e.Store.FollowMaintenance(ctx, now); err != nil {
			return fmt.Errorf("follow maintenance: %w", err)
		}
	}
	if err := drain(ctx, now, due.Steps, e.Store.ExecuteDue); err != nil {
		return fmt.Errorf("execute due steps: %w", err)
	}
	if err := drain(ctx, now, due.Acknowledgements, e.Store.ExpireAcknowledgements); err != nil {
		return fmt.Errorf("expire acknowledgements: %w", err)
	}
	if err := drain(ctx, now, due.Summaries, e.Store.SummariseBundled); err != nil {
		return fmt.Errorf("summarise bundled pages: %w", err)
	}
	if due.OnCall {
		if err := e.Store.RecordOnCall(ctx, now); err != nil {
			return fmt.Errorf("record who is on call: %w", err)
		}
	}
	if err := drain(ctx, now, due.ShiftRequests, e.Store.ExpireShiftRequests); err != nil {
		return fmt.Errorf("expire requests of shifts: %w", err)
	}
	if due.Shifts {
		if err := e.Store.TellShifts(ctx, now); err != nil {
			return fmt.Errorf("tell of shifts: %w", err)
		}
	}
	if err := drain(ctx, now, due.Pages, e.Store.ReleasePages); err != nil {
		return fmt.Errorf("release pages: %w", err)
	}
	return nil
}

// drain takes until nothing is left, where there is anything.
func drain(ctx context.Context, now time.Time, due bool, take func(context.Context, time.Time, int) (int, error)) error {
	for due {
		taken, err := take(ctx, now, tickBatch)
		if err != nil || taken < tickBatch {
			return err
		}
	}
	return nil
}
