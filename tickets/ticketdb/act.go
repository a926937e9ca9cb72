package ticketdb

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// maxNote bounds a note, in characters.
const maxNote = 10_000

// Acknowledge gives an open ticket to actor and stops its escalation. A ticket that is not open is a ConflictError.
func (s *Store) Acknowledge(ctx context.Context, number int64, actor string) (tickets.Ticket, error) {
	return s.act(ctx, "acknowledge", number, actor, func(ticket *tickets.Ticket, now time.Time) (happening, error) {
		switch ticket.State {
		case tickets.Acknowledged:
			return happening{}, conflict("ticket %d was acknowledged by %s at %s", number, ticket.AcknowledgedBy, ticket.AcknowledgedAt.Format(time.RFC3339))
		case tickets.Resolved:
			return happening{}, conflict("ticket %d is resolved; reopen it first", number)
		}
		ticket.State, ticket.AcknowledgedAt, ticket.AcknowledgedBy = tickets.Acknowledged, &now, actor
		if ticket.Assignee == "" {
			ticket.Assignee = actor
		}
		return happening{event: tickets.EventAcknowledged, kind: tickets.ChangeAcknowledged}, nil
	})
}

// TakeOver gives a ticket that somebody else has acknowledged to actor. A ticket that nobody else has is a ConflictError.
func (s *Store) TakeOver(ctx context.Context, number int64, actor string) (tickets.Ticket, error) {
	return s.act(ctx, "take over", number, actor, func(ticket *tickets.Ticket, now time.Time) (happening, error) {
		owner := ticket.AcknowledgedBy
		switch {
		case ticket.State != tickets.Acknowledged:
			return happening{}, conflict("ticket %d is %s; there is nobody to take it over from", number, ticket.State)
		case owner == actor:
			return happening{}, conflict("ticket %d is yours already", number)
		}
		if ticket.Assignee == "" || ticket.Assignee == owner {
			ticket.Assignee = actor
		}
		ticket.AcknowledgedAt, ticket.AcknowledgedBy = &now, actor
		return happening{event: tickets.EventTakenOver, kind: tickets.ChangeAcknowledged, data: map[string]any{"from": owner}, owner: owner}, nil
	})
}

// UndoAcknowledge takes an acknowledgement back within tickets.UndoWithin: the ticket is open again and its policy begins
// anew. Later, or where nobody has acknowledged, it is a ConflictError.
func (s *Store) UndoAcknowledge(ctx context.Context, number int64, actor string) (tickets.Ticket, error) {
	return s.act(ctx, "undo the acknowledgement of", number, actor, func(ticket *tickets.Ticket, now time.Time) (happening, error) {
		switch {
		case ticket.State != tickets.Acknowledged:
			return happening{}, conflict("ticket %d is not acknowledged", number)
		case now.Sub(*ticket.AcknowledgedAt) > tickets.UndoWithin:
			return happening{}, conflict("an acknowledgement can be undone for a minute; escalate by hand or resolve ticket %d", number)
		}
		if ticket.Assignee == ticket.AcknowledgedBy {
			ticket.Assignee = ""
		}
		ticket.State, ticket.AcknowledgedAt, ticket.AcknowledgedBy = tickets.Open, nil, ""
		return happening{event: tickets.EventReopened, kind: tickets.ChangeReopened, data: map[string]any{"reason": "the acknowledgement was undone"}}, nil
	})
}

// Resolve ends an open or acknowledged ticket. Its keys are free for new tickets from then on. classification is one of
// tickets.Classifications, or empty to leave it as it is.
func (s *Store) Resolve(ctx context.Context, number int64, actor, classification string) (tickets.Ticket, error) {
	chosen, ok := tickets.ParseClassification(classification)
	if !ok {
		return tickets.Ticket{}, &tickets.InvalidError{Field: "classification", Reason: "there is no such classification; use " + strings.Join(tickets.Classifications[:], ", ")}
	}
	return s.act(ctx, "resolve", number, actor, func(ticket *tickets.Ticket, now time.Time) (happening, error) {
		if ticket.State == tickets.Resolved {
			return happening{}, conflict("ticket %d is resolved already", number)
		}
		ticket.State, ticket.ResolvedAt = tickets.Resolved, &now
		resolved := happening{event: tickets.EventResolved, kind: tickets.ChangeResolved}
		if chosen != "" {
			ticket.Classification, resolved.data = chosen, map[string]any{"classification": chosen}
		}
		return resolved, nil
	})
}

// Reopen opens a resolved ticket again and starts its escalation anew. A ticket that went into another stays closed.
func (s *Store) Reopen(ctx context.Context, number int64, actor string) (tickets.Ticket, error) {
	return s.act(ctx, "reopen", number, actor, func(ticket *tickets.Ticket, _ time.Time) (happening, error) {
		if ticket.State != tickets.Resolved {
			return happening{}, conflict("ticket %d is not resolved", number)
		}
		ticket.State, ticket.ResolvedAt, ticket.AcknowledgedAt, ticket.AcknowledgedBy = tickets.Open, nil, nil, ""
		return happening{event: tickets.EventReopened, kind: tickets.ChangeReopened}, nil
	})
}

// happening is what a transition did: the timeline's event with its data, and what the on-call room hears of.
type happening struct {
	event tickets.EventType
	kind  tickets.ChangeKind
	data  map[string]any
	owner string // who had it before
	quiet bool   // it is of no concern to on-call
}

type transition func(ticket *tickets.Ticket, now time.Time) (happening, error)

func (s *Store) act(ctx context.Context, operation string, number int64, actor string, change transition) (tickets.Ticket, error) {
	var after tickets.Ticket
	now := s.now().UTC()
	err := s.keyed(ctx, fmt.Sprintf("%s ticket %d", operation, number), func(tx pgx.Tx) error {
		ticket, err := getTicket(ctx, tx, number, "FOR NO KEY UPDATE")
		if err != nil {
			return err
		}
		done, err := change(&ticket, now)
		if err != nil {
			return err
		}
		ticket.UpdatedAt = now
		event := tickets.Event{At: now, Type: done.event, Actor: actor, Data: done.data}
		if err := writeState(ctx, tx, ticket, done.kind, tickets.Entry{Ticket: number, Event: event}); err != nil {
			return err
		}
		after = ticket
		if done.quiet {
			return nil
		}
		return s.hook(ctx, tx, []tickets.Change{{Kind: done.kind, Ticket: &after, At: now, Actor: actor, Owner: done.owner}})
	})
	return after, err
}

// writeState writes what a transition changes, and its entries on the timeline.
func writeState(ctx context.Context, tx pgx.Tx, ticket tickets.Ticket, kind tickets.ChangeKind, entries ...tickets.Entry) error {
	batch := &pgx.Batch{}
	if kind == tickets.ChangeReopened {
		var into *int64
		if err := tx.QueryRow(ctx, `SELECT merged_into FROM tickets WHERE number = $1`, ticket.Number).Scan(&into); err != nil {
			return err
		}
		if into != nil {
			return conflict("ticket %d went into ticket %d; look there", ticket.Number, *into)
		}
		batch.Queue(activateKeys, ticket.Number)
	}
	if kind == tickets.ChangeResolved {
		batch.Queue(`UPDATE ticket_keys SET active = false WHERE ticket = $1`, ticket.Number)
	}
	batch.Queue(`
		UPDATE tickets SET state = $2, acknowledged_at = $3, acknowledged_by = $4, resolved_at = $5, assignee = $6, updated_at = $7,
			classification = $8, hold = $9
		WHERE number = $1`,
		ticket.Number, ticket.State, ticket.AcknowledgedAt, ticket.AcknowledgedBy, ticket.ResolvedAt, ticket.Assignee, ticket.UpdatedAt,
		ticket.Classification, ticket.Hold)
	if err := QueueEvents(batch, entries); err != nil {
		return err
	}
	return tx.SendBatch(ctx, batch).Close()
}

// Note adds a note to the timeline. An empty or overlong one is an InvalidError.
func (s *Store) Note(ctx context.Context, number int64, actor, text string) (tickets.Ticket, error) {
	text = strings.TrimSpace(storable(text))
	if text == "" {
		return tickets.Ticket{}, &tickets.InvalidError{Field: "text", Reason: "a note needs words"}
	}
	if len([]rune(text)) > maxNote {
		return tickets.Ticket{}, &tickets.InvalidError{Field: "text", Reason: fmt.Sprintf("a note has at most %d characters", maxNote)}
	}
	var after tickets.Ticket
	now := s.now().UTC()
	err := s.transact(ctx, fmt.Sprintf("note on ticket %d", number), func(tx pgx.Tx) error {
		ticket, err := getTicket(ctx, tx, number, "FOR NO KEY UPDATE")
		if err != nil {
			return err
		}
		ticket.UpdatedAt, after = now, ticket
		if _, err := tx.Exec(ctx, `UPDATE tickets SET updated_at = $2 WHERE number = $1`, number, now); err != nil {
			return err
		}
		note := tickets.Event{At: now, Type: tickets.EventNote, Actor: actor, Data: map[string]any{"text": text}}
		if err := AddEvents(ctx, tx, []tickets.Entry{{Ticket: number, Event: note}}); err != nil || s.note == nil {
			return err
		}
		return s.note(ctx, tx, number, actor, text, now)
	})
	after.UpdatedAt = now
	return after, err
}

// Assign gives a ticket to a person, or with an empty one to nobody.
func (s *Store) Assign(ctx context.Context, number int64, actor, person string) (tickets.Ticket, error) {
	var after tickets.Ticket
	now := s.now().UTC()
	err := s.transact(ctx, fmt.Sprintf("assign ticket %d", number), func(tx pgx.Tx) error {
		ticket, err := getTicket(ctx, tx, number, "FOR NO KEY UPDATE")
		if err != nil {
			return err
		}
		if ticket.Assignee == person {
			after = ticket
			return nil
		}
		event := tickets.Event{At: now, Type: tickets.EventAssigned, Actor: actor, Data: map[string]any{"person": person, "from": ticket.Assignee}}
		ticket.Assignee, ticket.UpdatedAt = person, now
		after = ticket
		if _, err := tx.Exec(ctx, `UPDATE tickets SET assignee = $2, updated_at = $3 WHERE number = $1`, number, person, now); err != nil {
			return err
		}
		return AddEvents(ctx, tx, []tickets.Entry{{Ticket: number, Event: event}})
	})
	return after, err
}

func conflict(format string, args ...any) error {
	return &tickets.ConflictError{Reason: fmt.Sprintf(format, args...)}
}

// ReopenUnresolved opens acknowledged tickets again, inside the caller's transaction, and returns what the on-call room
// must know of each. Tickets that are not acknowledged any more, or that somebody is changing, are left out.
func ReopenUnresolved(ctx context.Context, tx pgx.Tx, numbers []int64, now time.Time, reason string) ([]tickets.Change, error) {
	rows, err := tx.Query(ctx, `
		SELECT `+ticketColumns+` FROM tickets t WHERE number = ANY($1) AND state = 'acknowledged'
		ORDER BY number FOR NO KEY UPDATE SKIP LOCKED`, numbers)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[ticketRow])
	if err != nil || len(found) == 0 {
		return nil, err
	}
	changes := make([]tickets.Change, len(found))
	entries := make([]tickets.Entry, len(found))
	reopened := make([]int64, len(found))
	for i, row := range found {
		ticket := row.ticket()
		owner := ticket.AcknowledgedBy
		ticket.State, ticket.AcknowledgedAt, ticket.AcknowledgedBy, ticket.UpdatedAt = tickets.Open, nil, "", now
		reopened[i] = ticket.Number
		changes[i] = tickets.Change{Kind: tickets.ChangeReopened, Ticket: &ticket, At: now, Actor: tickets.ActorSystem, Owner: owner}
		entries[i] = tickets.Entry{Ticket: ticket.Number, Event: tickets.Event{
			At: now, Type: tickets.EventReopened, Actor: tickets.ActorSystem, Data: map[string]any{"reason": reason},
		}}
	}
	_, err = tx.Exec(ctx, `
		UPDATE tickets SET state = 'open', acknowledged_at = NULL, acknowledged_by = '', updated_at = $2
		WHERE number = ANY($1)`, reopened, now)
	if err != nil {
		return nil, err
	}
	return changes, AddEvents(ctx, tx, entries)
}

// SetRoutings writes what the on-call room decided for tickets, inside the caller's transaction.
func SetRoutings(ctx context.Context, tx pgx.Tx, routings []tickets.Routing) error {
	numbers, policies, runbooks := make([]int64, len(routings)), make([]string, len(routings)), make([]string, len(routings))
	for i, routing := range routings {
		numbers[i], policies[i], runbooks[i] = routing.Ticket, routing.Policy, routing.Runbook
	}
	_, err := tx.Exec(ctx, `
		UPDATE tickets SET policy = r.policy, runbook = r.runbook
		FROM unnest($1::bigint[], $2::text[], $3::text[]) AS r (ticket, policy, runbook)
		WHERE tickets.number = r.ticket`, numbers, policies, runbooks)
	return err
}
