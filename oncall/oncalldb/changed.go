package oncalldb

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/oncall"
	"afterhours/tickets"
)

// Changed is called inside the transaction that writes tickets: it starts the escalation of those that ask for it, with
// their first pages, and stops that of those that somebody has.
func (s *Store) Changed(ctx context.Context, tx pgx.Tx, changes []tickets.Change) error {
	if len(changes) == 0 {
		return nil
	}
	var starting []tickets.Change
	var stopping []tickets.Change
	known := false // to the pages
	for _, change := range changes {
		known = known || change.Kind != tickets.ChangeCreated
		switch change.Kind {
		case tickets.ChangeAcknowledged, tickets.ChangeResolved:
			stopping = append(stopping, change)
		case tickets.ChangeSpread, tickets.ChangeRaised, tickets.ChangeReopened, tickets.ChangeCreated:
			starting = append(starting, change)
		}
	}
	configuration, err := s.followed(ctx, tx, known)
	if err != nil {
		return err
	}
	if err := s.stop(ctx, tx, configuration, stopping); err != nil {
		return fmt.Errorf("stop escalations: %w", err)
	}
	if err := s.start(ctx, tx, configuration, starting); err != nil {
		return fmt.Errorf("start escalations: %w", err)
	}
	if err := s.tellChanges(ctx, tx, configuration, changes); err != nil {
		return fmt.Errorf("tell webhooks: %w", err)
	}
	if err := s.updateWritten(ctx, tx, configuration, changes); err != nil {
		return fmt.Errorf("update what was written: %w", err)
	}
	return nil
}

// followed returns the configuration that changes follow. Where tickets are known already, the rest of the transaction looks
// their pages up by keys, whoever began it: somebody waits for the answer, and what they have is to be found in the past of years
// as in that of a day.
func (s *Store) followed(ctx context.Context, tx pgx.Tx, known bool) (oncall.Configuration, error) {
	if !known {
		return s.configuration(ctx, tx)
	}
	var version int64
	batch := &pgx.Batch{}
	queueLookup(batch, &version)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return oncall.Configuration{}, fmt.Errorf("read configuration: %w", err)
	}
	inForce, err := s.inForceAt(ctx, tx, version)
	return inForce.configuration, err
}

// Route gives new tickets the policies and runbooks of their routes before they are written, so that they are written
// once.
func (s *Store) Route(ctx context.Context, tx pgx.Tx, changes []tickets.Change) error {
	configuration, err := s.configuration(ctx, tx)
	if err != nil {
		return err
	}
	for _, change := range changes {
		if change.Kind == tickets.ChangeCreated {
			routing, _ := configuration.Routing(change)
			change.Ticket.Policy, change.Ticket.Runbook = routing.Policy, routing.Runbook
		}
	}
	return nil
}

// tellChanges queues an event for each change that a webhook asks for.
func (s *Store) tellChanges(ctx context.Context, tx pgx.Tx, configuration oncall.Configuration, changes []tickets.Change) error {
	if len(configuration.Webhooks) == 0 {
		return nil
	}
	var notices []oncall.Page
	for _, change := range changes {
		more, err := configuration.Notices(oncall.EventOf(change.Kind), *change.Ticket, change.At, nil)
		if err != nil {
			return err
		}
		notices = append(notices, more...)
	}
	return s.insertPages(ctx, tx, notices, changes[0].At)
}

// start begins policies; queued pages of an earlier beginning are not sent any more.
func (s *Store) start(ctx context.Context, tx pgx.Tx, configuration oncall.Configuration, changes []tickets.Change) error {
	if len(changes) == 0 {
		return nil
	}
	generations, err := generations(ctx, tx, changes)
	if err != nil {
		return err
	}
	decisions := make([]oncall.Decision, len(changes))
	var routings []tickets.Routing
	for i, change := range changes {
		var routing tickets.Routing
		decisions[i], routing = configuration.Start(change, generations[change.Ticket.Number]+1)
		if change.Ticket.Policy != routing.Policy || change.Ticket.Runbook != routing.Runbook {
			routings = append(routings, routing)
		}
		change.Ticket.Policy, change.Ticket.Runbook = routing.Policy, routing.Runbook
	}
	if len(routings) > 0 {
		if err := s.SetRoutings(ctx, tx, routings); err != nil {
			return err
		}
	}
	known := slices.Collect(maps.Keys(generations))
	if err := s.cancelPages(ctx, tx, known, changes[0].At); err != nil {
		return err
	}
	if len(known) > 0 { // nobody has them any more; as with a claim, the tickets' pages are found first
		_, err := tx.Exec(ctx, `
			WITH found AS MATERIALIZED (SELECT id FROM pages WHERE ticket = ANY($1))
			UPDATE pages SET state = 'cancelled', finished_at = $2, lease_until = NULL
			WHERE id IN (SELECT id FROM found) AND state = 'queued' AND type = 'page.taken'`, known, changes[0].At)
		if err != nil {
			return err
		}
	}
	return s.writeDecisions(ctx, tx, decisions, changes[0].At)
}

// generations returns how often the policy of each ticket has started so far.
func generations(ctx context.Context, tx pgx.Tx, changes []tickets.Change) (map[int64]int, error) {
	var known []int64
	for _, change := range changes {
		if change.Kind != tickets.ChangeCreated {
			known = append(known, change.Ticket.Number)
		}
	}
	counts := map[int64]int{}
	if len(known) == 0 {
		return counts, nil
	}
	rows, err := tx.Query(ctx, `SELECT ticket, generation FROM escalations WHERE ticket = ANY($1) ORDER BY ticket FOR UPDATE`, known)
	if err != nil {
		return nil, err
	}
	var ticket int64
	var generation int
	_, err = pgx.ForEachRow(rows, []any{&ticket, &generation}, func() error {
		counts[ticket] = generation
		return nil
	})
	return counts, err
}

// writeDecisions stores positions, pages and timeline entries.
func (s *Store) writeDecisions(ctx context.Context, tx pgx.Tx, decisions []oncall.Decision, now time.Time) error {
	n := len(decisions)
	owners, policies, states, reasons := make([]int64, n), make([]string, n), make([]string, n), make([]string, n)
	generations, rounds, steps := make([]int32, n), make([]int32, n), make([]int32, n)
	dues, held, notes := make([]*time.Time, n), make([]string, n), make([]string, n)
	var pages []oncall.Page
	var entries []tickets.Entry
	for i, decision := range decisions {
		pages = append(pages, decision.Pages...)
		entries = append(entries, decision.Entries...)
		at := decision.Position
		owners[i], policies[i], held[i], notes[i] = at.Ticket, at.Policy, decision.Maintenance, decision.Note
		generations[i], rounds[i], steps[i] = int32(at.Generation), int32(at.Round), int32(at.Step)
		switch {
		case decision.Exhausted != "":
			states[i], reasons[i] = "exhausted", decision.Exhausted
		case decision.Due.IsZero():
			states[i], reasons[i] = "stopped", "recorded: nobody is paged"
		default:
			states[i], dues[i] = "running", &decision.Due
		}
	}
	var ids []int64
	batch := &pgx.Batch{}
	batch.Queue(`
		INSERT INTO escalations (ticket, policy, state, generation, round, step, due_at, reason, maintenance, note, started_at)
		SELECT ticket, policy, state, generation, round, step, due_at, reason, maintenance, note, $11
		FROM unnest($1::bigint[], $2::text[], $3::text[], $4::integer[], $5::integer[], $6::integer[], $7::timestamptz[], $8::text[],
			$9::text[], $10::text[]) AS e (ticket, policy, state, generation, round, step, due_at, reason, maintenance, note)
		ON CONFLICT (ticket) DO UPDATE SET policy = EXCLUDED.policy, state = EXCLUDED.state, round = EXCLUDED.round,
			step = EXCLUDED.step, due_at = EXCLUDED.due_at, reason = EXCLUDED.reason, maintenance = EXCLUDED.maintenance, generation = EXCLUDED.generation,
			note = CASE WHEN escalations.generation = EXCLUDED.generation THEN escalations.note ELSE EXCLUDED.note END,
			started_at = CASE WHEN escalations.generation = EXCLUDED.generation THEN escalations.started_at ELSE $11 END`,
		owners, policies, states, generations, rounds, steps, dues, reasons, held, notes, now)
	if err := s.QueueEvents(batch, entries); err != nil {
		return err
	}
	queueNumbers(batch, len(pages), &ids)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	return s.insertNumbered(ctx, tx, pages, ids, now)
}

// stop ends escalations and cancels everything that is queued. A policy whose acknowledgements expire waits for that.
func (s *Store) stop(ctx context.Context, tx pgx.Tx, configuration oncall.Configuration, changes []tickets.Change) error {
	if len(changes) == 0 {
		return nil
	}
	numbers, reasons := make([]int64, len(changes)), make([]string, len(changes))
	states, ends := make([]string, len(changes)), make([]*time.Time, len(changes))
	for i, change := range changes {
		numbers[i], states[i] = change.Ticket.Number, "stopped"
		reasons[i] = string(change.Ticket.State) + " by " + change.Actor
		policy, _ := configuration.Policy(change.Ticket.Policy)
		if change.Kind == tickets.ChangeAcknowledged && policy.AckExpires > 0 {
			end := change.At.Add(time.Duration(policy.AckExpires))
			states[i], ends[i] = "waiting", &end
		}
	}
	batch := &pgx.Batch{}
	batch.Queue(`
		UPDATE escalations SET state = c.state, due_at = c.due_at, reason = c.reason
		FROM (SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[]) AS u (ticket, reason, state, due_at)
			ORDER BY ticket) c
		WHERE escalations.ticket = c.ticket`, numbers, reasons, states, ends)
	var cancelled []tickets.Entry
	var told []oncall.Told
	queueCancelling(batch, numbers, changes[0].At, &cancelled)
	queueTold(batch, changes, &told)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	if err := s.addEvents(ctx, tx, cancelled); err != nil {
		return err
	}
	for _, change := range changes {
		if change.Owner != "" && change.Kind == tickets.ChangeAcknowledged {
			if err := s.tellFormerOwner(ctx, tx, configuration, change); err != nil {
				return err
			}
		}
	}
	return s.tellTaken(ctx, tx, configuration, changes, told, changes[0].At)
}

// cancelPages takes back what is queued for tickets and says so on their timelines.
func (s *Store) cancelPages(ctx context.Context, tx pgx.Tx, numbers []int64, now time.Time) error {
	if len(numbers) == 0 {
		return nil
	}
	var entries []tickets.Entry
	batch := &pgx.Batch{}
	queueCancelling(batch, numbers, now, &entries)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	return s.addEvents(ctx, tx, entries)
}

func queueCancelling(batch *pgx.Batch, numbers []int64, now time.Time, entries *[]tickets.Entry) {
	batch.Queue(`
		WITH cancelled AS (
			UPDATE pages SET state = 'cancelled', finished_at = $2, lease_until = NULL
			WHERE ticket = ANY($1) AND state = 'queued' AND type = 'page'
			RETURNING ticket
		)
		SELECT ticket, count(*) FROM cancelled GROUP BY ticket ORDER BY ticket`, numbers, now).Query(func(rows pgx.Rows) error {
		var ticket int64
		var count int
		_, err := pgx.ForEachRow(rows, []any{&ticket, &count}, func() error {
			*entries = append(*entries, tickets.Entry{Ticket: ticket, Event: tickets.Event{
				At: now, Type: tickets.EventPagesStopped, Actor: tickets.ActorSystem, Data: map[string]any{"pages": count},
			}})
			return nil
		})
		return err
	})
}
