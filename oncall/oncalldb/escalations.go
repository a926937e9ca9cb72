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

// ExecuteDue executes the next step of up to limit escalations that are due at now.
func (s *Store) ExecuteDue(ctx context.Context, now time.Time, limit int) (taken int, err error) {
	type due struct {
		position oncall.Position
		at       time.Time
	}
	var found []due
	var version int64
	first := &pgx.Batch{}
	queueLookup(first, &version)
	first.Queue(`
		SELECT e.ticket, e.policy, e.generation, e.round, e.step, t.severity, e.due_at
		FROM escalations e JOIN tickets t ON t.number = e.ticket
		WHERE e.state = 'running' AND e.due_at <= $1
		ORDER BY e.due_at LIMIT $2
		FOR UPDATE OF e SKIP LOCKED`, now, limit).Query(func(rows pgx.Rows) (err error) {
		found, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (due, error) {
			var d due
			err := row.Scan(&d.position.Ticket, &d.position.Policy, &d.position.Generation, &d.position.Round, &d.position.Step,
				&d.position.Severity, &d.at)
			return d, err
		})
		return err
	})
	err = s.begin(ctx, first, func(tx *begun) error {
		if len(found) == 0 {
			return nil
		}
		inForce, err := s.inForceAt(ctx, tx, version)
		if err != nil {
			return err
		}
		decisions := make([]oncall.Decision, len(found))
		for i, d := range found {
			decisions[i] = inForce.configuration.Next(d.position, d.at, now)
		}
		taken = len(found)
		if err := s.writeDecisions(ctx, tx, decisions, now); err != nil {
			return err
		}
		return s.tellEscalated(ctx, tx, inForce.configuration, decisions, now)
	})
	return taken, err
}

// tellEscalated tells the webhooks that ask for it which step was executed.
func (s *Store) tellEscalated(ctx context.Context, tx pgx.Tx, configuration oncall.Configuration, decisions []oncall.Decision, now time.Time) error {
	if !configuration.Asks(oncall.EventTicketEscalated) {
		return nil
	}
	var notices []oncall.Page
	for _, decision := range decisions {
		at := decision.Position
		if decision.Due.IsZero() {
			continue
		}
		ticket, err := s.GetTicket(ctx, at.Ticket)
		if err != nil {
			return err
		}
		more, err := configuration.Notices(oncall.EventTicketEscalated, ticket, now, map[string]any{"round": at.Round, "step": at.Step})
		if err != nil {
			return err
		}
		notices = append(notices, more...)
	}
	return s.insertPages(ctx, tx, notices, now)
}

// ExpireAcknowledgements opens up to limit tickets again whose acknowledgement has ended at now without a resolution: the
// owner is asked first, then the policy. Tickets are locked before their escalations, as everywhere.
func (s *Store) ExpireAcknowledgements(ctx context.Context, now time.Time, limit int) (taken int, err error) {
	var numbers []int64
	var version int64
	first := &pgx.Batch{}
	queueLookup(first, &version)
	first.Queue(`
		SELECT ticket FROM escalations WHERE state = 'waiting' AND due_at <= $1 ORDER BY due_at LIMIT $2`, now, limit).Query(func(rows pgx.Rows) (err error) {
		numbers, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		return err
	})
	err = s.begin(ctx, first, func(tx *begun) error {
		if len(numbers) == 0 {
			return nil
		}
		changes, err := s.ReopenUnresolved(ctx, tx, numbers, now, "acknowledged, and not resolved in the time that its policy gives")
		if err != nil {
			return err
		}
		taken = len(changes)
		inForce, err := s.inForceAt(ctx, tx, version)
		if err != nil {
			return err
		}
		return s.start(ctx, tx, inForce.configuration, changes)
	})
	return taken, err
}

// Escalate brings the next step of a ticket forward to now. A ticket whose policy does not run is a ConflictError.
func (s *Store) Escalate(ctx context.Context, ticket int64, actor string) error {
	now := s.Now()
	return s.move(ctx, ticket, `UPDATE escalations SET due_at = $2, maintenance = '' WHERE ticket = $1 AND state = 'running'`, now,
		tickets.Event{At: now, Type: tickets.EventEscalated, Actor: actor, Data: map[string]any{"requested": true}})
}

// Snooze silences a ticket until a moment at most a day ahead; then its policy begins again from its first step.
func (s *Store) Snooze(ctx context.Context, ticket int64, actor string, until time.Time) error {
	now := s.Now()
	if !until.After(now) || until.After(now.Add(longestSnooze)) {
		return &tickets.InvalidError{Field: "until", Reason: "give a moment within the next 24 hours"}
	}
	return s.move(ctx, ticket, `UPDATE escalations SET due_at = $2, round = 1, step = 0, generation = generation + 1, maintenance = '' WHERE ticket = $1 AND state = 'running'`, until,
		tickets.Event{At: now, Type: tickets.EventSnoozed, Actor: actor, Data: map[string]any{"until": until.UTC()}})
}

const longestSnooze = 24 * time.Hour

func (s *Store) move(ctx context.Context, ticket int64, update string, due time.Time, event tickets.Event) error {
	return s.keyed(ctx, func(tx pgx.Tx) error {
		moved, err := tx.Exec(ctx, update, ticket, due)
		if err != nil {
			return fmt.Errorf("move escalation of ticket %d: %w", ticket, err)
		}
		if moved.RowsAffected() == 0 {
			return s.notRunning(ctx, ticket)
		}
		if event.Type == tickets.EventSnoozed {
			if err := s.cancelPages(ctx, tx, []int64{ticket}, event.At); err != nil {
				return err
			}
		}
		return s.addEvents(ctx, tx, []tickets.Entry{{Ticket: ticket, Event: event}})
	})
}

func (s *Store) notRunning(ctx context.Context, number int64) error {
	ticket, err := s.GetTicket(ctx, number)
	if err != nil {
		return err
	}
	if ticket.State != tickets.Open {
		return &tickets.ConflictError{Reason: fmt.Sprintf("ticket %d is %s: nobody is being paged", number, ticket.State)}
	}
	outlook, err := s.Outlook(ctx, number)
	if err != nil {
		return err
	}
	return &tickets.ConflictError{Reason: fmt.Sprintf("ticket %d has no next step: %s", number, outlook.Reason)}
}

// Outlook says what happens next to a ticket. The zero Outlook stands for a ticket that was never escalated.
func (s *Store) Outlook(ctx context.Context, ticket int64) (oncall.Outlook, error) {
	outlooks, err := s.Outlooks(ctx, []int64{ticket})
	return outlooks[ticket], err
}

// Outlooks is Outlook for many tickets at once.
func (s *Store) Outlooks(ctx context.Context, numbers []int64) (map[int64]oncall.Outlook, error) {
	configuration, err := s.Configuration(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := s.Pool.Query(ctx, `
		SELECT e.ticket, e.state, e.policy, e.round, e.step, coalesce(e.due_at, 'epoch'), e.reason, t.severity
		FROM escalations e JOIN tickets t ON t.number = e.ticket WHERE e.ticket = ANY($1)`, numbers)
	if err != nil {
		return nil, fmt.Errorf("read escalations: %w", err)
	}
	outlooks := map[int64]oncall.Outlook{}
	var ticket int64
	var severity tickets.Severity
	var o oncall.Outlook
	_, err = pgx.ForEachRow(rows, []any{&ticket, &o.State, &o.Policy, &o.Round, &o.Step, &o.DueAt, &o.Reason, &severity}, func() error {
		found := o
		found.DueAt = found.DueAt.UTC()
		switch found.State {
		case "running":
			at := oncall.Position{Ticket: ticket, Policy: found.Policy, Round: found.Round, Step: found.Step, Severity: severity}
			at, found.Next = configuration.After(at, found.DueAt)
			found.Round, found.Step = at.Round, at.Step
		case "waiting":
		default:
			found.DueAt = time.Time{}
		}
		outlooks[ticket] = found
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read escalations: %w", err)
	}
	return outlooks, nil
}

const positionQuery = `
	SELECT e.ticket, e.policy, e.generation, e.round, e.step, e.due_at, t.severity FROM escalations e JOIN tickets t ON t.number = e.ticket
	WHERE e.ticket = $1 AND e.state = 'running' FOR UPDATE OF e`

// position reads and locks where a ticket stands; ok is false where its policy does not run.
func position(ctx context.Context, tx pgx.Tx, ticket int64) (at oncall.Position, due time.Time, ok bool, err error) {
	err = tx.QueryRow(ctx, positionQuery, ticket).Scan(&at.Ticket, &at.Policy, &at.Generation, &at.Round, &at.Step, &due, &at.Severity)
	if errors.Is(err, pgx.ErrNoRows) {
		at.Ticket = ticket
		return at, due, false, nil
	}
	return at, due, err == nil, err
}
