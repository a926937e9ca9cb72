package oncall

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"afterhours/oncall/notify"
)

// Bounds of one delivery. A send that takes longer than sendTimeout counts as failed; a claim whose holder died is free
// again after claimLease.
const (
	sendTimeout   = 10 * time.Second
	ClaimLease    = 20 * time.Second
	giveUpAfter   = 45 * time.Second // from a page's moment to its last attempt
	leastAttempts = 3
	firstBackoff  = time.Second
	longestWait   = 15 * time.Second
	lastChance    = 10 * time.Second // from there to the last attempt of a page that has had few
	placeWithin   = 5 * time.Second  // a page that may stand in no line any more waits for a place at a target that answers
	placePause    = 20 * time.Millisecond

	eventGiveUpAfter = 24 * time.Hour // from an event's moment to its last attempt
	eventBackoff     = 5 * time.Second
	eventLongestWait = 6 * time.Hour
	eventSpread      = 10 // a wait is longer by up to this part of it, so that what failed together does not come again together
)

// Outcome is what became of one attempt.
type Outcome struct {
	State   PageState // PageQueued: another attempt follows at RetryAt
	RetryAt time.Time
	Receipt notify.Receipt
	Reason  string // why it failed or is held, without any credential
	Untried bool   // PageQueued without an attempt
	Gone    bool   // the target is to be told nothing any more
}

// PageStore is what the Deliverer needs of the store.
type PageStore interface {
	// StandInLine lets a page that is due wait until a moment; ok is false where it is not due, or its time is over then.
	StandInLine(ctx context.Context, page int64, until time.Time) (ok bool, err error)
	// ClaimPage takes a queued page for the length of ClaimLease; ok is false where there is nothing to send any more.
	ClaimPage(ctx context.Context, page int64) (dispatch Dispatch, ok bool, err error)
	// FinishAttempt records what became of a claimed page, on the page and on the timeline.
	FinishAttempt(ctx context.Context, dispatch Dispatch, outcome Outcome) error
	// ReleaseLine hands to the queue up to limit pages that stand in line at the target of the given one, oldest first, and
	// returns how many there were.
	ReleaseLine(ctx context.Context, page Page, limit int) (int, error)
}

// LineReason is the last error of a page that found no place at its target.
const LineReason = "its target is busy or failed of late; the next attempt follows"

// Deliverer sends pages. The page's row is the truth: it is read again just before the message leaves.
type Deliverer struct {
	Store    PageStore
	Channels map[string]notify.Channel
	Links    Links
	Now      func() time.Time
	Log      *slog.Logger

	circuits circuits
}

// Deliver makes one attempt to send a page and records its outcome. Its error says that the record is missing, not that
// the send failed. A page whose target, as Page.Target names it, has no place is not even claimed.
func (d *Deliverer) Deliver(ctx context.Context, page int64, target string, isEvent bool) error {
	if wait := d.circuits.full(target, isEvent, d.Now()); wait > 0 {
		if waits, err := d.Store.StandInLine(ctx, page, d.Now().Add(wait)); err != nil || waits {
			return err
		}
	}
	dispatch, ok, err := d.Store.ClaimPage(ctx, page)
	if err != nil || !ok {
		return err
	}
	outcome, next := d.attempt(ctx, dispatch)
	level := slog.LevelInfo
	if outcome.State == PageFailed {
		level = slog.LevelError
	}
	d.Log.Log(ctx, level, "page attempted", "ticket", dispatch.Page.Ticket, "page", page, "channel", dispatch.Page.Channel,
		"person", dispatch.Page.Person, "state", outcome.State, "reason", outcome.Reason)
	ctx = context.WithoutCancel(ctx)
	if err = d.Store.FinishAttempt(ctx, dispatch, outcome); err != nil || next == 0 {
		return err
	}
	_, err = d.Store.ReleaseLine(ctx, dispatch.Page, next)
	return err
}

// attempt sends once. It returns how many pages in line at the same target may go now.
func (d *Deliverer) attempt(ctx context.Context, dispatch Dispatch) (outcome Outcome, next int) {
	channel := d.Channels[dispatch.Page.Channel]
	if channel == nil {
		return Outcome{State: PageFailed, Reason: fmt.Sprintf("the channel %q does not exist", dispatch.Page.Channel)}, 0
	}
	message, err := Compose(dispatch, d.Links)
	if err != nil {
		return Outcome{State: PageFailed, Reason: err.Error()}, 0
	}
	leave, wait := d.circuits.enter(dispatch.Page.Target(), dispatch.Contact.Address, dispatch.Page.IsEvent(), d.Now())
	if wait > 0 && !d.Now().Before(dispatch.GiveUp) {
		leave, wait = d.awaitPlace(ctx, dispatch)
	}
	if wait > 0 {
		return d.standInLine(dispatch, wait), 0
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	receipt, err := channel.Send(ctx, dispatch.Contact, message)
	next = leave(err != nil && !notify.IsPermanent(err), d.Now())
	return d.outcome(dispatch, receipt, err), next
}

// awaitPlace waits for a place at a target that answers: a page whose time went by while others were sent to it is sent late,
// not given up.
func (d *Deliverer) awaitPlace(ctx context.Context, dispatch Dispatch) (leave func(failed bool, now time.Time) (next int), wait time.Duration) {
	pace := time.NewTicker(placePause)
	defer pace.Stop()
	for until := d.Now().Add(placeWithin); ; {
		now := d.Now()
		leave, wait = d.circuits.enter(dispatch.Page.Target(), dispatch.Contact.Address, dispatch.Page.IsEvent(), now)
		if wait == 0 || !d.circuits.answers(dispatch.Contact.Address, now) || !now.Before(until) {
			return leave, wait
		}
		select {
		case <-ctx.Done():
			return nil, wait
		case <-pace.C:
		}
	}
}

// standInLine lets a page wait for a place at its target. At one that does not answer its last chance is its moment of giving
// up.
func (d *Deliverer) standInLine(dispatch Dispatch, wait time.Duration) Outcome {
	now := d.Now()
	at := now.Add(wait)
	if !dispatch.Page.IsEvent() && at.After(dispatch.GiveUp) {
		switch {
		case d.circuits.answers(dispatch.Contact.Address, now):
		case !now.Before(dispatch.GiveUp):
			return Outcome{State: PageFailed, Reason: "its target answers nothing of late, and its time is over"}
		default:
			at = dispatch.GiveUp
		}
	}
	return Outcome{State: PageQueued, RetryAt: at, Untried: true, Reason: LineReason}
}

// outcome is what an answer of the channel means.
func (d *Deliverer) outcome(dispatch Dispatch, receipt notify.Receipt, err error) Outcome {
	switch {
	case err == nil && receipt.Delivered:
		return Outcome{State: PageDelivered, Receipt: receipt}
	case err == nil:
		return Outcome{State: PageSent, Receipt: receipt}
	case errors.Is(err, notify.ErrHeld):
		return Outcome{State: PageHeld, Reason: err.Error()}
	case notify.IsPermanent(err):
		return Outcome{State: PageFailed, Reason: err.Error(), Gone: notify.IsGone(err)}
	}
	return d.retry(dispatch, err)
}

// retry doubles its wait with each attempt, heeds what the provider asks for, and gives up where the wait would pass the
// page's moment of giving up: the next contact or step must not wait for a dead provider. A page that was late, because the
// process that had it died, gets its attempts all the same, but comes to its end within a minute.
func (d *Deliverer) retry(dispatch Dispatch, err error) Outcome {
	wait := min(firstBackoff<<min(dispatch.Page.Attempts-1, 8), longestWait)
	if dispatch.Page.IsEvent() { // 5 s, 20 s, 80 s, … about ten attempts in a day
		wait = min(eventBackoff<<min(2*(dispatch.Page.Attempts-1), 14), eventLongestWait)
		wait += rand.N(wait / eventSpread)
	}
	wait = max(wait, notify.Wait(err))
	at := d.Now().Add(wait)
	if at.After(dispatch.GiveUp) && (dispatch.Page.IsEvent() || dispatch.Page.Attempts >= leastAttempts || notify.Wait(err) > longestWait) {
		return Outcome{State: PageFailed, Reason: err.Error()}
	}
	if latest := dispatch.GiveUp.Add(lastChance); at.After(latest) && !d.Now().After(dispatch.GiveUp) {
		at = latest
	}
	return Outcome{State: PageQueued, RetryAt: at, Reason: err.Error()}
}
