package playbook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/tickets"
)

// Bounds of the engine.
const (
	tickBatch     = 20
	tickWorkers   = 8
	runLease      = 30 * time.Second // lengthened while the run is in hand
	runBeat       = 10 * time.Second
	maxDevices    = 50 // of one reading
	followEvery   = 5 * time.Second
	followSlowly  = 30 * time.Second
	slowAfter     = 5 * time.Minute
	planWithin    = time.Hour      // to find the device
	requestWithin = 2 * time.Hour  // to have the action accepted
	followWithin  = 24 * time.Hour // to see its end
	firstRetry    = 5 * time.Second
	longestRetry  = 5 * time.Minute
)

// Engine carries playbooks out. Any number of engines may work on one database.
type Engine struct {
	Pool *pgxpool.Pool
	Now  func() time.Time
	// Playbooks are those of the configuration in force.
	Playbooks func(ctx context.Context) ([]Playbook, error)
	// InForce are the playbooks, and our ids of directories, as a transaction sees them: a second connection for them could
	// wait for the first one's end.
	InForce  func(ctx context.Context, tx pgx.Tx) (playbooks []Playbook, tenantOf func(directory string) (id string, ok bool), err error)
	Isolator Isolator
	// AddEvents appends to timelines inside the given transaction.
	AddEvents func(ctx context.Context, tx pgx.Tx, entries []tickets.Entry) error
	// Tell lets people and webhooks know, inside the given transaction, that a run asks or has ended.
	Tell func(ctx context.Context, tx pgx.Tx, run Run, now time.Time) error
	Log  *slog.Logger

	callWithin time.Duration // of tests; 0 is the constant
}

// Read plans what the readings of a transaction call for.
func (e *Engine) Read(ctx context.Context, tx pgx.Tx, outcomes []tickets.Outcome, now time.Time) error {
	if !slices.ContainsFunc(outcomes, func(o tickets.Outcome) bool { return trusted(o, now) }) {
		return nil
	}
	playbooks, tenantOf, err := e.InForce(ctx, tx)
	if err != nil || len(playbooks) == 0 {
		return err
	}
	for _, outcome := range outcomes {
		if !trusted(outcome, now) {
			continue
		}
		tenant, ok := tenantOf(outcome.Reading.Tenant)
		if report := outcome.Reading.Report; report != nil {
			tenant, ok = report.Tenant, true
		}
		if !ok {
			continue
		}
		if err := e.plan(ctx, tx, playbooks, outcome, tenant, now); err != nil {
			return err
		}
	}
	return nil
}

// plan adds a run for each playbook and device that a reading calls for, unless there is one.
func (e *Engine) plan(ctx context.Context, tx pgx.Tx, playbooks []Playbook, outcome tickets.Outcome, tenant string, now time.Time) error {
	facts := factsOf(outcome.Reading, tenant)
	devices := candidates(outcome.Reading)
	for _, device := range devices[:min(len(devices), maxDevices)] {
		for _, p := range playbooks {
			if !p.CallsFor(facts, device.name, now) {
				continue
			}
			run := Run{
				Playbook: p.ID, Ticket: outcome.Ticket.Number, Tenant: tenant, Action: p.Action, Settings: p.Settings, Asked: device.device,
				Machine: device.name, State: Planned, Approvers: max(1, p.Approvers), CreatedAt: now,
			}
			if err := e.insert(ctx, tx, run, tickets.ActorSystem, "called for by "+facts.Source); err != nil {
				return fmt.Errorf("plan playbook %s: %w", p.ID, err)
			}
		}
	}
	return nil
}

// Tick moves every run that is due.
func (e *Engine) Tick(ctx context.Context) error {
	due, err := e.claim(ctx, e.Now())
	if err != nil {
		return err
	}
	if len(due) == 0 {
		return nil
	}
	held := e.hold(ctx, due)
	defer held.stop()
	var group sync.WaitGroup
	places := make(chan struct{}, tickWorkers)
	faults := make([]error, len(due))
	for i, run := range due {
		places <- struct{}{}
		group.Go(func() {
			defer func() { <-places }()
			if err := e.move(ctx, run); err != nil && !errors.Is(err, errMovedOn) {
				faults[i] = fmt.Errorf("run %d of playbook %s: %w", run.ID, run.Playbook, err)
			}
			held.drop(run.ID)
		})
	}
	group.Wait()
	return errors.Join(faults...)
}

// move brings a claimed run one state further.
func (e *Engine) move(ctx context.Context, run Run) error {
	switch run.State {
	case Planned:
		return e.decide(ctx, run)
	case Waiting:
		return e.end(ctx, run)
	case Approved:
		return e.begin(ctx, run)
	case Requesting:
		return e.readBack(ctx, run)
	case Running:
		return e.follow(ctx, run)
	}
	return nil
}

func (e *Engine) playbook(ctx context.Context, id string) (p Playbook, ok bool, err error) {
	all, err := e.Playbooks(ctx)
	if err != nil {
		return p, false, err
	}
	at := slices.IndexFunc(all, func(p Playbook) bool { return p.ID == id })
	if at < 0 {
		return p, false, nil
	}
	return all[at], true, nil
}

// decide looks the device up and finds out whether the run is asked for, goes by itself, or is not for it.
func (e *Engine) decide(ctx context.Context, run Run) error {
	p, ok, err := e.playbook(ctx, run.Playbook)
	if err != nil {
		return err
	}
	if !ok {
		return e.set(ctx, run, Skipped, "the playbook is not configured any more")
	}
	device, err := e.isolator().Find(ctx, run.Tenant, run.Asked)
	switch {
	case errors.Is(err, ErrNoDevice):
		return e.set(ctx, run, Failed, "Defender knows no device "+run.Asked)
	case err != nil && e.Now().Sub(run.CreatedAt) > planWithin:
		return e.set(ctx, run, Failed, "the device could not be looked up: "+err.Error())
	case err != nil:
		return e.later(ctx, run, "the device could not be looked up: "+err.Error(), err)
	}
	run.MachineID, run.Machine = device.ID, device.Name
	if !p.Fits(device) {
		return e.set(ctx, run, Skipped, "the device is not of the group, tag or name that the playbook asks for")
	}
	if reason := p.Excluded(device); reason != "" {
		return e.set(ctx, run, Skipped, "excluded: "+reason)
	}
	return e.settle(ctx, run, p)
}

// settle decides by the hour and the limits, one run after the other, so that two cannot both be the last that is allowed.
func (e *Engine) settle(ctx context.Context, run Run, p Playbook) error {
	now := e.Now().UTC()
	return e.transact(ctx, "decide", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('playbooks', 4))`); err != nil {
			return err
		}
		twin, err := e.twin(ctx, tx, run)
		if err != nil {
			return err
		}
		if twin != "" {
			return e.write(ctx, tx, run, Skipped, twin, tickets.ActorSystem, now)
		}
		mode, why := p.ModeAt(now), ""
		onEnd := p.RunOnEnd && p.Approvers <= 1
		if mode == Automatic && limited(run.Action) {
			spent, err := e.spent(ctx, tx, now)
			if err != nil {
				return err
			}
			if spent >= p.PerHour {
				mode, onEnd = Ask, false
				why = fmt.Sprintf("asked, because %d devices were shut off by themselves within the hour", spent)
			}
		}
		switch mode {
		case Off:
			return e.write(ctx, tx, run, Skipped, "the playbook is switched off at this hour", tickets.ActorSystem, now)
		case Automatic:
			run.Automatic = true
			return e.write(ctx, tx, run, Approved, "goes by itself at this hour", tickets.ActorSystem, now)
		}
		until := now.Add(p.Expires)
		run.DecideBy = &until
		if why == "" {
			why = "asks for approval at this hour"
		}
		if _, err := tx.Exec(ctx, `UPDATE playbook_runs SET decide_by = $2, run_on_end = $3 WHERE id = $1`, run.ID, until, onEnd); err != nil {
			return err
		}
		return e.write(ctx, tx, run, Waiting, why, tickets.ActorSystem, now)
	})
}

// limited says whether an action counts against the hourly limit: those that shut something off.
func limited(action Action) bool { return action == IsolateDevice || action == RestrictApps }

// end closes a question that nobody answered in time.
func (e *Engine) end(ctx context.Context, run Run) error {
	now := e.Now().UTC()
	return e.transact(ctx, "end a question", func(tx pgx.Tx) error {
		var state State
		var onEnd bool
		err := tx.QueryRow(ctx, `SELECT state, run_on_end FROM playbook_runs WHERE id = $1 FOR UPDATE`, run.ID).Scan(&state, &onEnd)
		if err != nil || state != Waiting || run.DecideBy != nil && now.Before(*run.DecideBy) {
			return err
		}
		if onEnd {
			run.Automatic = true
			return e.write(ctx, tx, run, Approved, "nobody answered in time, and the playbook runs then", tickets.ActorSystem, now)
		}
		return e.write(ctx, tx, run, Expired, "nobody answered in time", tickets.ActorSystem, now)
	})
}

// begin asks for the action. That it may have been asked for is committed before it is.
func (e *Engine) begin(ctx context.Context, run Run) error {
	if run.UndoOf == 0 {
		done, err := e.resolved(ctx, run.Ticket)
		if err != nil {
			return err
		}
		if done {
			return e.set(ctx, run, Declined, "the ticket was resolved before the action began")
		}
	}
	if run.DecideBy != nil && run.UndoOf == 0 {
		if on, err := e.stillMeant(ctx, run); err != nil || !on {
			return err
		}
	}
	if err := e.set(ctx, run, Requesting, "the request leaves"); err != nil {
		return err // also where another process has begun it
	}
	run.State = Requesting
	return e.request(ctx, run)
}

// stillMeant looks again at what was asked about: while somebody thought, the device may have been excluded. Exclusions win
// over approvals.
func (e *Engine) stillMeant(ctx context.Context, run Run) (on bool, err error) {
	p, ok, err := e.playbook(ctx, run.Playbook)
	if err != nil {
		return false, err
	}
	if !ok {
		return false, e.set(ctx, run, Skipped, "the playbook is not configured any more")
	}
	device, err := e.isolator().Find(ctx, run.Tenant, run.MachineID)
	switch {
	case errors.Is(err, ErrNoDevice):
		return false, e.set(ctx, run, Failed, "Defender knows the device no longer")
	case err != nil && e.Now().Sub(run.UpdatedAt) > planWithin:
		return false, e.set(ctx, run, Failed, "the device could not be looked up: "+err.Error())
	case err != nil:
		return false, e.later(ctx, run, "the device could not be looked up: "+err.Error(), err)
	}
	if reason := p.Excluded(device); reason != "" {
		return false, e.set(ctx, run, Skipped, "excluded since it was asked: "+reason)
	}
	return true, nil
}

func (e *Engine) request(ctx context.Context, run Run) error {
	progress, err := e.isolator().Request(ctx, run.Tenant, run.order())
	var permanent Permanent
	switch {
	case errors.Is(err, ErrActive):
		return e.adopt(ctx, run, func(p Progress) bool { return !p.Ended }, "the action was in progress already")
	case errors.Is(err, ErrNoDevice):
		return e.set(ctx, run, Failed, "Defender knows the device no longer")
	case errors.As(err, &permanent):
		return e.set(ctx, run, Failed, err.Error())
	case err != nil:
		// Whether it arrived is not known: what the device was told is read back before it is asked again.
		return e.later(ctx, run, "no answer yet: "+err.Error(), err)
	}
	return e.accepted(ctx, run, progress, "Defender accepted the action")
}

// readBack finds out whether a request whose answer nobody saw arrived, and asks again where it did not.
func (e *Engine) readBack(ctx context.Context, run Run) error {
	if e.Now().Sub(run.UpdatedAt) > requestWithin {
		return e.set(ctx, run, Failed, "Defender did not take the action within two hours: "+run.Reason)
	}
	if run.Action == TagDevice || run.Action == UntagDevice {
		return e.request(ctx, run) // a tag is added once, however often it is asked for
	}
	found, err := e.isolator().Requested(ctx, run.Tenant, run.order())
	if err != nil {
		return e.later(ctx, run, "what the device was told cannot be read back: "+err.Error(), err)
	}
	for _, progress := range found {
		if strings.Contains(progress.Comment, run.mark()) {
			return e.accepted(ctx, run, progress, "the request had arrived")
		}
	}
	return e.request(ctx, run)
}

// adopt follows an action that somebody else asked for.
func (e *Engine) adopt(ctx context.Context, run Run, wanted func(Progress) bool, says string) error {
	found, err := e.isolator().Requested(ctx, run.Tenant, run.order())
	if err != nil {
		return e.later(ctx, run, "the action that runs cannot be read: "+err.Error(), err)
	}
	for _, progress := range found {
		if wanted(progress) || strings.Contains(progress.Comment, run.mark()) {
			return e.accepted(ctx, run, progress, says)
		}
	}
	return e.later(ctx, run, "the action that runs is not shown yet", nil)
}

func (e *Engine) accepted(ctx context.Context, run Run, progress Progress, says string) error {
	run.ActionID, run.Status = progress.ID, progress.Status
	if progress.Ended {
		return e.finish(ctx, run, progress)
	}
	return e.set(ctx, run, Running, says)
}

// follow looks how far the action is.
func (e *Engine) follow(ctx context.Context, run Run) error {
	progress, err := e.isolator().Follow(ctx, run.Tenant, run.ActionID)
	switch {
	case err != nil && e.Now().Sub(run.UpdatedAt) > followWithin:
		return e.set(ctx, run, Failed, "its end could not be seen: "+err.Error())
	case err != nil:
		return e.later(ctx, run, run.Reason, err)
	case progress.Ended:
		run.Status = progress.Status
		return e.finish(ctx, run, progress)
	case e.Now().Sub(run.UpdatedAt) > followWithin:
		return e.set(ctx, run, Failed, "the device has not carried it out within a day (it may be off)")
	}
	every := followEvery
	if e.Now().Sub(run.UpdatedAt) > slowAfter {
		every = followSlowly
	}
	return e.wait(ctx, run, progress.Status, every)
}

func (e *Engine) finish(ctx context.Context, run Run, progress Progress) error {
	if progress.Succeeded {
		return e.set(ctx, run, Succeeded, "Defender says that it is done")
	}
	return e.set(ctx, run, Failed, "Defender says: "+progress.Status)
}

// order is a run as Microsoft is asked for it.
func (r Run) order() Order {
	return Order{Machine: r.MachineID, Action: r.Action, Settings: r.Settings, Comment: fmt.Sprintf("afterhours: playbook %s for ticket #%d %s", r.Playbook, r.Ticket, r.mark())}
}

// mark names a run in the portal; by it an action is found again.
func (r Run) mark() string {
	return fmt.Sprintf("(run %d of %s)", r.ID, r.CreatedAt.UTC().Format("20060102T150405.000000Z"))
}
