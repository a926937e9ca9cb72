package oncalldb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// ClaimPage takes a queued page for one attempt. The job that lost its page, because somebody acknowledged, another job
// has it, it goes with a summary, or its person's telephone has had enough for the moment, gets ok false.
func (s *Store) ClaimPage(ctx context.Context, id int64) (claimed oncall.Dispatch, ok bool, err error) {
	if err := s.takePlace(ctx); err != nil {
		return claimed, false, fmt.Errorf("claim page %d: %w", id, err)
	}
	defer s.leavePlace()
	now := s.Now()
	taken, err := s.take(ctx, id, now)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && (taken.page.Bundled || taken.page.DueAt.After(now)) {
		return claimed, false, nil
	}
	if err != nil {
		return claimed, false, fmt.Errorf("claim page %d: %w", id, err)
	}
	if err := s.renewLink(ctx, taken.page); err != nil {
		return claimed, false, fmt.Errorf("link of page %d: %w", id, err)
	}
	inForce, err := s.inForceAt(ctx, s.Pool, taken.version)
	if err != nil {
		return claimed, false, err
	}
	claimed = dispatch(taken.page, taken.ticket, inForce.configuration, taken.told)
	claimed.GiveUp = taken.giveUp
	return claimed, true, nil
}

// renewLink lets a page that was written before the key was rotated be found by the link that it is sent with now.
func (s *Store) renewLink(ctx context.Context, page oncall.Page) error {
	if len(s.Links.Former) == 0 {
		return nil
	}
	_, err := s.Pool.Exec(ctx, `UPDATE pages SET token_hash = $2 WHERE id = $1 AND token_hash <> $2`,
		page.ID, oncall.HashToken(s.Links.Token(page.ID, page.CreatedAt)))
	return err
}

// takePlace waits for one of the places of those that claim or record pages: they wait for each other, each with a
// connection, and are not to have all of them.
func (s *Store) takePlace(ctx context.Context) error {
	select {
	case s.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) leavePlace() { <-s.places }

// phones are the channels that share a person's budget of telephone.
const phones = `'sms', 'voice'`

// claim is a page that was claimed, and what else its message needs.
type claim struct {
	page    oncall.Page
	giveUp  time.Time
	version int64 // of the configuration
	told    told
	ticket  tickets.Ticket
}

// take claims a page and counts the attempt. A page for a telephone that has had enough waits until it is free again, or, where
// the telephone told of other tickets of late, goes with a summary. started_at keeps a second job for the same page away while the
// first one sends. The locks let those that would spend the same budget count one after the other, and those without one wait for
// nobody; so that they need not wait for the disk as well, the claim alone is not flushed. The record of the outcome flushes it,
// too, and until then a crash costs what it costs in the middle of sending: a second message with the same id. All of it is one
// journey to the database, planned once: every table is looked up by its keys, whatever the page, and a plan that was made while
// they were empty is to do so, too. The page is found before anything else is asked of it, or the index of what is due, mostly
// empty, would look cheaper than its own and be read through in a storm; what is counted is materialised, or it would be counted
// again for each of its uses.
func (s *Store) take(ctx context.Context, id int64, now time.Time) (c claim, err error) {
	batch := &pgx.Batch{}
	batch.Queue(`
		SELECT version, set_config('synchronous_commit', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true),
			set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)
		FROM configuration`)
	batch.Queue(`
		SELECT pg_advisory_xact_lock(hashtextextended(coalesce(person, 'webhook:' || webhook), 1)),
			CASE WHEN single_at IS NULL AND unverified THEN pg_advisory_xact_lock(hashtextextended('unverified' || intake, 2)) END
		FROM pages WHERE id = $1 AND (single_at IS NULL AND (bundle_after > 0 OR unverified) OR channel IN (`+phones+`))`, id)
	batch.Queue(`
		WITH found AS (
			SELECT * FROM pages WHERE id = $1 FOR UPDATE
		), asked AS (
			SELECT * FROM found
			WHERE state = 'queued' AND NOT bundled AND due_at <= $2 AND (started_at IS NULL OR started_at <= $4)
		), phone AS (
			SELECT greatest(
				(SELECT max(phoned_at) FROM pages h WHERE h.person = p.person AND h.id <> p.id) + $7::interval,
				(SELECT phoned_at FROM pages h WHERE h.person = p.person AND h.id <> p.id AND phoned_at IS NOT NULL
					ORDER BY phoned_at DESC OFFSET $8 - 1 LIMIT 1) + $9::interval) AS free_at,
				(SELECT true FROM pages h WHERE h.person = p.person AND h.ticket <> p.ticket AND h.phoned_at > $2 - $9::interval
					ORDER BY h.phoned_at DESC LIMIT 1) AS others
			FROM asked AS p WHERE channel IN (`+phones+`) AND person IS NOT NULL
		), counted AS MATERIALIZED (
			SELECT id AS page, type = 'page' AND repetition = 0 AS countable, coalesce(phone.free_at > $2, false) AS busy, phone.free_at,
				type = 'page' AND repetition = 0 AND single_at IS NULL AND (
					person IS NOT NULL AND bundle_after > 0 AND (
						coalesce(phone.free_at > $2 AND phone.others, false) OR bundle_after <= (
							SELECT count(*) FROM pages s
							WHERE coalesce(s.person, 'webhook:' || s.webhook) = coalesce(p.person, 'webhook:' || p.webhook)
								AND s.unverified = p.unverified AND s.single_at > $2 - p.bundle_within))
					OR unverified
						AND NOT EXISTS (SELECT FROM pages s WHERE s.ticket = p.ticket AND s.type = 'page' AND s.single_at IS NOT NULL)
						AND $6 <= (SELECT count(DISTINCT ticket) FROM pages s WHERE s.unverified AND s.intake = p.intake AND s.single_at > $5)
				) AS over
			FROM asked AS p LEFT JOIN phone ON true
		), decided AS MATERIALIZED (
			SELECT *, NOT over AND busy AS delayed, NOT over AND NOT busy AS goes FROM counted
		), p AS (
			UPDATE pages SET
				bundled = over, attempts = attempts + goes::integer,
				due_at = CASE WHEN delayed THEN free_at ELSE due_at END,
				give_up_at = CASE WHEN delayed THEN give_up_at + (free_at - due_at) ELSE give_up_at END,
				started_at = CASE WHEN goes THEN $2::timestamptz END,
				lease_until = CASE WHEN goes THEN $3::timestamptz END,
				single_at = CASE WHEN countable AND goes THEN coalesce(single_at, $2) WHEN NOT over THEN single_at END,
				phoned_at = CASE WHEN goes AND channel IN (`+phones+`) AND person IS NOT NULL THEN $2::timestamptz ELSE phoned_at END
			FROM decided WHERE id = decided.page
			RETURNING pages.*
		)
		SELECT `+pageColumns+`, give_up_at, payload, `+toldBefore+` FROM p`,
		id, now, now.Add(oncall.ClaimLease), now.Add(-oncall.ClaimLease), now.Add(-oncall.UnverifiedWithin), oncall.UnverifiedTickets,
		oncall.PhoneEvery, oncall.PhoneCalls, oncall.PhoneWithin)
	s.QueueTicket(batch, `SELECT ticket FROM pages WHERE id = $1`, id, &c.ticket)
	results := s.Pool.SendBatch(ctx, batch)
	defer func() { err = errors.Join(err, results.Close()) }()
	if err := results.QueryRow().Scan(&c.version, nil, nil, nil, nil); err != nil {
		return c, err
	}
	if _, err := results.Exec(); err != nil {
		return c, err
	}
	rows, err := results.Query()
	if err != nil {
		return c, err
	}
	var payload []byte
	c.page, err = pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (oncall.Page, error) {
		return scanPage(row, &c.giveUp, &payload, &c.told.people, &c.told.note)
	})
	c.page.Payload = payload
	return c, err
}

// FinishAttempt records what became of a claimed page. Where nothing of a step has reached anybody, the next step is
// brought forward; a push that was sent is repeated until somebody acknowledges.
func (s *Store) FinishAttempt(ctx context.Context, dispatch oncall.Dispatch, outcome oncall.Outcome) error {
	page, now := dispatch.Page, s.Now()
	if err := s.takePlace(ctx); err != nil {
		return fmt.Errorf("record page %d: %w", page.ID, err)
	}
	defer s.leavePlace()
	if outcome.State == oncall.PageQueued {
		return s.queueAgain(ctx, page, outcome)
	}
	if err := s.recordAttempt(ctx, dispatch, outcome, now); err != nil {
		return fmt.Errorf("record page %d: %w", page.ID, err)
	}
	return nil
}

// recordAttempt takes two journeys to the database where nobody else is to hear of the outcome.
func (s *Store) recordAttempt(ctx context.Context, dispatch oncall.Dispatch, outcome oncall.Outcome, now time.Time) error {
	page := dispatch.Page
	if page.Type == oncall.SummaryType {
		return s.keyed(ctx, func(tx pgx.Tx) error { return s.finishSummary(ctx, tx, dispatch, outcome, now) })
	}
	var r recordedOutcome
	first := &pgx.Batch{}
	queueLookup(first, &r.version)
	recordOutcome(first, page, outcome, now, &r)
	return s.begin(ctx, first, func(tx *begun) error {
		if !r.recorded { // the provider's report was faster, and has told all the rest
			_, err := tx.Exec(ctx, `UPDATE pages SET provider_id = $2 WHERE id = $1 AND provider_id = ''`, page.ID, outcome.Receipt.ProviderID)
			return err
		}
		inForce, err := s.inForceAt(ctx, tx, r.version)
		if err != nil {
			return err
		}
		last := &pgx.Batch{}
		if err := s.afterOutcome(ctx, tx, last, dispatch, outcome, r, inForce.configuration, now); err != nil {
			return err
		}
		return tx.end(ctx, last)
	})
}

// recordedOutcome is where a page's ticket stood when its outcome was recorded.
type recordedOutcome struct {
	at       oncall.Position
	due      time.Time
	running  bool
	recorded bool          // false where the page was not waiting for an outcome any more
	version  int64         // of the configuration
	forward  []oncall.Page // that go at once because this one failed
	again    []int64       // the number of its repetition
}

// recordOutcome locks where the ticket stands, before the page as everywhere, writes the outcome on the page, and lets the
// person's next contact begin where this one failed. A page that may have to be repeated gets the number of the next one.
func recordOutcome(batch *pgx.Batch, page oncall.Page, outcome oncall.Outcome, now time.Time, r *recordedOutcome) {
	r.at.Ticket = page.Ticket
	batch.Queue(`
		WITH stands AS MATERIALIZED (`+positionQuery+`), written AS (
			UPDATE pages SET state = $3, last_error = $4, provider_id = $5, finished_at = $6, lease_until = NULL,
				sent_at = CASE WHEN $3 IN ('sent', 'delivered') THEN $6::timestamptz END,
				phoned_at = CASE WHEN $3 <> 'failed' THEN phoned_at END
			WHERE id = $2 AND state IN ('queued', 'cancelled') AND (SELECT count(*) FROM stands) >= 0
			RETURNING id
		)
		SELECT EXISTS (SELECT FROM written), stands.ticket IS NOT NULL, coalesce(policy, ''), coalesce(generation, 0), coalesce(round, 0),
			coalesce(step, 0), coalesce(due_at, 'epoch'), coalesce(severity, '')
		FROM (VALUES (0)) AS one LEFT JOIN stands ON true`,
		page.Ticket, page.ID, outcome.State, outcome.Reason, outcome.Receipt.ProviderID, now).QueryRow(func(row pgx.Row) error {
		return row.Scan(&r.recorded, &r.running, &r.at.Policy, &r.at.Generation, &r.at.Round, &r.at.Step, &r.due, &r.at.Severity)
	})
	if _, ok := repetition(page, outcome, now); ok {
		queueNumbers(batch, 1, &r.again)
	}
	if outcome.State.Lost() {
		bringForward(batch, page, now, &r.forward)
	}
}

// afterOutcome does what follows, and queues the timeline and the next step with what is sent last.
func (s *Store) afterOutcome(ctx context.Context, tx pgx.Tx, last *pgx.Batch, dispatch oncall.Dispatch, outcome oncall.Outcome, r recordedOutcome, configuration oncall.Configuration, now time.Time) error {
	page := dispatch.Page
	if outcome.Gone && page.Webhook != "" {
		if webhook, ok := configuration.Webhook(page.Webhook); ok && webhook.URL == dispatch.Contact.Address {
			if err := s.disableWebhook(ctx, tx, webhook, outcome.Reason, now); err != nil {
				return err
			}
			var err error
			if configuration, err = s.configuration(ctx, tx); err != nil { // in which it is told nothing any more
				return err
			}
		}
	}
	if page.IsEvent() || page.Ticket == 0 {
		return nil
	}
	if err := s.QueueEvents(last, []tickets.Entry{receipt(page, outcome, now)}); err != nil || page.IsNotice() {
		return err
	}
	if outcome.State == oncall.PageFailed {
		if err := s.tellFailed(ctx, tx, configuration, dispatch.Ticket, page, outcome.Reason, now); err != nil {
			return err
		}
	}
	if !r.running { // somebody took the ticket while its message was on its way
		if page.Channel == oncall.ReplacingChannel {
			if err := s.rewrite(ctx, tx, []int64{page.Ticket}, now); err != nil {
				return err
			}
		}
		return s.tellLate(ctx, tx, configuration, page, outcome, now)
	}
	if r.at.Generation != page.Generation {
		return nil
	}
	if again, ok := repetition(page, outcome, now); ok {
		return s.insertNumbered(ctx, tx, []oncall.Page{again}, r.again, now)
	}
	if outcome.State == oncall.PageSent || outcome.State == oncall.PageDelivered {
		return nil
	}
	if r.at.Round == page.Round && r.at.Step == page.Step {
		fallThrough(last, r.at, configuration.FallThrough(r.at, r.due, now))
	}
	if len(r.forward) == 0 {
		return nil
	}
	return s.Enqueue(ctx, tx, r.forward)
}

// queueAgain lets a page wait for its next attempt.
func (s *Store) queueAgain(ctx context.Context, page oncall.Page, outcome oncall.Outcome) error {
	_, err := s.Pool.Exec(ctx, `
		UPDATE pages SET due_at = $2, last_error = $3, lease_until = NULL, started_at = NULL, attempts = attempts - $4
		WHERE id = $1 AND state = 'queued'`, page.ID, outcome.RetryAt, outcome.Reason, untried(outcome))
	if err != nil {
		return fmt.Errorf("queue page %d again: %w", page.ID, err)
	}
	return nil
}

// tellFailed tells the webhooks that ask for it that a page failed.
func (s *Store) tellFailed(ctx context.Context, tx pgx.Tx, configuration oncall.Configuration, ticket tickets.Ticket, page oncall.Page, reason string, now time.Time) error {
	more := map[string]any{"page": map[string]any{"id": page.ID, "person": page.Person, "channel": page.Channel, "reason": reason}}
	notices, err := configuration.Notices(oncall.EventPageFailed, ticket, now, more)
	if err != nil {
		return err
	}
	return s.insertPages(ctx, tx, notices, now)
}

// untried is how many attempts an outcome takes back.
func untried(outcome oncall.Outcome) int {
	if outcome.Untried {
		return 1
	}
	return 0
}

func receipt(page oncall.Page, outcome oncall.Outcome, now time.Time) tickets.Entry {
	kind := map[oncall.PageState]tickets.EventType{
		oncall.PageHeld: tickets.EventPageHeld, oncall.PageFailed: tickets.EventPageFailed,
	}[outcome.State]
	if kind == "" {
		kind = tickets.EventPageSent
	}
	data := map[string]any{"page": page.ID, "channel": page.Channel, "attempts": page.Attempts}
	if page.IsNotice() {
		data["notice"] = page.Type
	}
	for key, value := range map[string]string{
		"person": page.Person, "webhook": page.Webhook, "contact": page.Contact,
		"reason": outcome.Reason, "detail": outcome.Receipt.Detail, "provider_id": outcome.Receipt.ProviderID,
	} {
		if value != "" {
			data[key] = value
		}
	}
	return tickets.Entry{Ticket: page.Ticket, Event: tickets.Event{At: now, Type: kind, Actor: tickets.ActorSystem, Data: data}}
}

// moveOn goes on after a page that reached nobody: to the person's next contact, or where the step has nothing left that
// could reach anybody, to the next step.
func (s *Store) moveOn(ctx context.Context, tx pgx.Tx, configuration oncall.Configuration, at oncall.Position, due time.Time, page oncall.Page, now time.Time) error {
	batch := &pgx.Batch{}
	var pages []oncall.Page
	bringForward(batch, page, now, &pages)
	if at.Round == page.Round && at.Step == page.Step {
		fallThrough(batch, at, configuration.FallThrough(at, due, now))
	}
	if batch.Len() == 0 {
		return nil
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil || len(pages) == 0 {
		return err
	}
	return s.Enqueue(ctx, tx, pages)
}

// bringForward lets the next of a person's later rules begin at once where the policy still runs that asked for the page that
// has failed just now. What waits for the end of quiet hours goes on waiting. As with a claim, the ticket's pages are found before it is asked which are due,
// and not by the person's index, in which all of the person's pages stand.
func bringForward(batch *pgx.Batch, failed oncall.Page, now time.Time, pages *[]oncall.Page) {
	if failed.Person == "" || failed.Type != oncall.PageType {
		return
	}
	batch.Queue(`
		WITH ended AS MATERIALIZED (
			SELECT FROM pages p JOIN escalations e ON e.ticket = p.ticket
			WHERE p.id = $8 AND p.state <> 'queued' AND p.finished_at = $6 AND e.generation = p.generation AND e.state = 'running'
		), found AS (
			SELECT * FROM pages
			WHERE ticket = $1 AND generation = $2 AND round = $3 AND step = $4 AND coalesce(person, '') = $5 AND type = 'page' AND repetition = 0
				AND state = 'queued' AND attempts = 0 AND reason = '' AND EXISTS (SELECT FROM ended)
			FOR UPDATE
		), later AS (
			SELECT id, due_at FROM found WHERE due_at > $6 AND NOT bundled
		)
		UPDATE pages SET due_at = $6, give_up_at = give_up_at - (due_at - $6::timestamptz), lease_until = $7
		WHERE id IN (SELECT id FROM later WHERE due_at = (SELECT min(due_at) FROM later))
		RETURNING `+pageColumns,
		failed.Ticket, failed.Generation, failed.Round, failed.Step, failed.Person, now, now.Add(oncall.ClaimLease), failed.ID,
	).Query(func(rows pgx.Rows) (err error) {
		*pages, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (oncall.Page, error) { return scanPage(row) })
		return err
	})
}

// fallThrough lets the next step be due at a moment where the one that was executed has nothing left.
func fallThrough(batch *pgx.Batch, at oncall.Position, due time.Time) {
	batch.Queue(`
		UPDATE escalations SET due_at = $5 WHERE ticket = $1 AND (
			SELECT true FROM pages WHERE ticket = $1 AND generation = $2 AND round = $3 AND step = $4
				AND state IN ('queued', 'sent', 'delivered') AND NOT (state = 'queued' AND reason = $6) LIMIT 1) IS NULL`,
		at.Ticket, at.Generation, at.Round, at.Step, due, oncall.QuietReason)
}

// repetition is the page that repeats one that was sent.
func repetition(page oncall.Page, outcome oncall.Outcome, now time.Time) (oncall.Page, bool) {
	if outcome.State != oncall.PageSent && outcome.State != oncall.PageDelivered {
		return oncall.Page{}, false
	}
	return oncall.Repeat(page, now)
}
