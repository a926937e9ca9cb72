package ticketdb

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// writePlan queues every statement of a plan and sends them in one round trip, tickets before what refers to them.
func writePlan(ctx context.Context, tx pgx.Tx, plan tickets.Plan, now time.Time) error {
	batch := &pgx.Batch{}
	if err := queueTickets(batch, plan); err != nil {
		return err
	}
	queueKeys(batch, plan)
	if err := queueEvents(batch, plan.Events); err != nil {
		return err
	}
	if err := queueReports(batch, plan, now); err != nil {
		return err
	}
	if err := queueMails(batch, plan.Outcomes, now); err != nil {
		return err
	}
	return tx.SendBatch(ctx, batch).Close()
}

const insertTickets = `
	INSERT INTO tickets (number, state, severity, kind, product, title, description, category, organisation, tenant_id,
		incident_id, alert_ids, devices, users, links, classification, assignee, policy, runbook, verified, authentication, source,
		message_count, created_at, updated_at, acknowledged_at, acknowledged_by, resolved_at, machines, techniques, evidence, search)
	OVERRIDING SYSTEM VALUE
	SELECT number, state, severity, kind, product, title, description, category, organisation, tenant_id,
		incident_id, alert_ids, devices, users, links, classification, assignee, policy, runbook, verified, authentication, source,
		message_count, created_at, updated_at, acknowledged_at, acknowledged_by, resolved_at, machines, techniques, evidence,
		array_to_tsvector(words)
	FROM (` + ticketRows + `) AS t`

const updateTickets = `
	UPDATE tickets SET state = t.state, severity = t.severity, kind = t.kind, product = t.product, title = t.title,
		description = t.description, category = t.category, organisation = t.organisation, tenant_id = t.tenant_id,
		incident_id = t.incident_id, alert_ids = t.alert_ids, devices = t.devices, users = t.users, links = t.links,
		message_count = t.message_count, created_at = t.created_at, updated_at = t.updated_at, acknowledged_at = t.acknowledged_at,
		acknowledged_by = t.acknowledged_by, resolved_at = t.resolved_at, assignee = t.assignee, classification = t.classification,
		machines = t.machines, techniques = t.techniques, evidence = t.evidence, search = tickets.search || array_to_tsvector(t.words)
	FROM (` + ticketRows + `) AS t
	WHERE tickets.number = t.number`

func queueTickets(batch *pgx.Batch, plan tickets.Plan) error {
	for _, part := range []struct {
		statement string
		tickets   []*tickets.Ticket
	}{{insertTickets, plan.Created}, {updateTickets, plan.Changed}} {
		if len(part.tickets) == 0 {
			continue
		}
		columns, err := ticketColumnsOf(part.tickets, plan.Outcomes)
		if err != nil {
			return err
		}
		batch.Queue(part.statement, columns...)
	}
	return nil
}

func queueKeys(batch *pgx.Batch, plan tickets.Plan) {
	for _, join := range plan.Joined {
		batch.Queue(`UPDATE tickets SET merged_into = $2 WHERE number = $1`, join.From.Number, join.Into.Number)
		batch.Queue(`
			UPDATE tickets t SET search = t.search || other.search FROM tickets other
			WHERE t.number = $2 AND other.number = $1`, join.From.Number, join.Into.Number)
		batch.Queue(`UPDATE ticket_keys SET active = false WHERE ticket = $1`, join.From.Number)
		batch.Queue(`
			INSERT INTO ticket_keys (key, ticket) SELECT key, $2 FROM ticket_keys WHERE ticket = $1
			ON CONFLICT (key, ticket) DO UPDATE SET active = true`, join.From.Number, join.Into.Number)
	}
	for _, change := range plan.Changes {
		if change.Kind == tickets.ChangeReopened {
			batch.Queue(activateKeys, change.Ticket.Number)
		}
	}
	defer queueResolved(batch, plan)
	if len(plan.Keys) == 0 {
		return
	}
	fresh, others := claims(plan)
	if keys, owners := fresh.columns(); len(keys) > 0 {
		active := make([]bool, len(fresh))
		for i, claim := range fresh {
			active[i] = claim.Ticket.State != tickets.Resolved
		}
		batch.Queue(`
			INSERT INTO ticket_keys (key, ticket, active)
			SELECT key, ticket, active FROM unnest($1::text[], $2::bigint[], $3::boolean[]) AS k (key, ticket, active)`, keys, owners, active)
	}
	if keys, owners := others.columns(); len(keys) > 0 {
		batch.Queue(`
			INSERT INTO ticket_keys (key, ticket, active)
			SELECT k.key, k.ticket, t.state <> 'resolved' FROM unnest($1::text[], $2::bigint[]) AS k (key, ticket)
			CROSS JOIN LATERAL (SELECT state, merged_into FROM tickets WHERE number = k.ticket LIMIT 1) t
			WHERE t.merged_into IS NULL
			ON CONFLICT (key, ticket) DO UPDATE SET active = EXCLUDED.active`, keys, owners)
	}
}

type keyClaims []tickets.KeyClaim

// claims are the keys of a plan in two parts. Tickets that are new in it and went into no other have no keys yet and the state
// that is known here: nothing is looked up for theirs.
func claims(plan tickets.Plan) (fresh, others keyClaims) {
	if len(plan.Joined) > 0 {
		return nil, plan.Keys
	}
	created := make(map[*tickets.Ticket]bool, len(plan.Created))
	for _, ticket := range plan.Created {
		created[ticket] = true
	}
	for _, claim := range plan.Keys {
		if created[claim.Ticket] {
			fresh = append(fresh, claim)
		} else {
			others = append(others, claim)
		}
	}
	return fresh, others
}

func (c keyClaims) columns() (keys []string, owners []int64) {
	keys, owners = make([]string, len(c)), make([]int64, len(c))
	for i, claim := range c {
		keys[i], owners[i] = storable(claim.Key), claim.Ticket.Number
	}
	return keys, owners
}

// queueResolved frees the keys of tickets that a plan leaves resolved.
func queueResolved(batch *pgx.Batch, plan tickets.Plan) {
	var resolved []int64
	for _, list := range [][]*tickets.Ticket{plan.Created, plan.Changed} {
		for _, ticket := range list {
			if ticket.State == tickets.Resolved {
				resolved = append(resolved, ticket.Number)
			}
		}
	}
	if len(resolved) > 0 {
		batch.Queue(`UPDATE ticket_keys SET active = false WHERE ticket = ANY($1) AND active`, resolved)
	}
}

// activateKeys gives a reopened ticket its keys back, except those that another unresolved ticket has by now.
const activateKeys = `
	UPDATE ticket_keys k SET active = true
	WHERE k.ticket = $1 AND NOT k.active
		AND NOT EXISTS (SELECT FROM ticket_keys other WHERE other.key = k.key AND other.active)`

func queueEvents(batch *pgx.Batch, planned []tickets.PlannedEvent) error {
	entries := make([]tickets.Entry, len(planned))
	for i, event := range planned {
		for key, value := range event.Event.Data {
			if ticket, ok := value.(*tickets.Ticket); ok {
				event.Event.Data[key] = ticket.Number
			}
		}
		entries[i] = tickets.Entry{Ticket: event.Ticket.Number, Event: event.Event}
	}
	return QueueEvents(batch, entries)
}

func queueMails(batch *pgx.Batch, outcomes []tickets.Outcome, now time.Time) error {
	outcomes = slices.DeleteFunc(slices.Clone(outcomes), func(outcome tickets.Outcome) bool { return outcome.Reading.Report != nil })
	n := len(outcomes)
	if n == 0 {
		return nil
	}
	ids, states, owners := make([]int64, n), make([]string, n), make([]int64, n)
	messageIDs, subjects := make([]string, n), make([]string, n)
	fingerprints, alerts := make([][]byte, n), make([]string, n)
	for i, outcome := range outcomes {
		alert := outcome.Reading.Alert
		content, err := json.Marshal(alert)
		if err != nil {
			return err
		}
		ids[i], states[i], owners[i] = outcome.Reading.Mail.ID, string(outcome.State), outcome.Ticket.Number
		messageIDs[i], subjects[i] = storable(alert.Message.MessageID), storable(alert.Message.Subject)
		fingerprints[i], alerts[i] = outcome.Reading.Fingerprint, string(content)
	}
	batch.Queue(`
		UPDATE mails SET state = m.state, ticket = m.ticket, message_id = m.message_id, subject = m.subject,
			fingerprint = m.fingerprint, alert = m.alert, read_at = $8, lease_until = NULL
		FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bytea[], $7::jsonb[])
			AS m (id, state, ticket, message_id, subject, fingerprint, alert)
		WHERE mails.id = m.id AND mails.state = 'accepted'`,
		ids, states, owners, messageIDs, subjects, fingerprints, alerts, now)
	return nil
}
