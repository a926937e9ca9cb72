package ticketdb

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"afterhours/tickets"
)

// ticketRows are tickets as their columns' arrays: of records of JSON the database took several times as long to make rows.
// Lists of texts are text, and the words, which have no spaces, are parted by these.
const ticketRows = `
	SELECT number, string_to_array(words, ' ') AS words, state, severity, kind, product, title, description, category, organisation,
		tenant_id, incident_id, alert_ids::text[], devices::text[], users::text[], links, classification, assignee, policy, runbook,
		verified, nullif(authentication, 'null') AS authentication, source, message_count, created_at, updated_at, acknowledged_at,
		acknowledged_by, resolved_at, machines, techniques::text[], evidence
	FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
		$11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::jsonb[], $17::text[], $18::text[], $19::text[], $20::text[],
		$21::boolean[], $22::jsonb[], $23::text[], $24::integer[], $25::timestamptz[], $26::timestamptz[], $27::timestamptz[],
		$28::text[], $29::timestamptz[], $30::jsonb[], $31::text[], $32::jsonb[])
		AS r (number, words, state, severity, kind, product, title, description, category, organisation, tenant_id, incident_id,
			alert_ids, devices, users, links, classification, assignee, policy, runbook, verified, authentication, source, message_count,
			created_at, updated_at, acknowledged_at, acknowledged_by, resolved_at, machines, techniques, evidence)`

// ticketColumnsOf are the arguments of ticketRows. The words are those by which the tickets' new mails let them be found.
func ticketColumnsOf(written []*tickets.Ticket, outcomes []tickets.Outcome) ([]any, error) {
	text := func(of func(*tickets.Ticket) string) []string {
		return column(written, func(t *tickets.Ticket) string { return storable(of(t)) })
	}
	list := func(of func(*tickets.Ticket) []string) []string {
		return column(written, func(t *tickets.Ticket) string { return arrayLiteral(of(t)) })
	}
	links, err := documents(written, func(t *tickets.Ticket) any { return t.Links }, func(t *tickets.Ticket) bool { return len(t.Links) == 0 }, "[]")
	if err != nil {
		return nil, err
	}
	authentication, err := documents(written, func(t *tickets.Ticket) any { return t.Authentication }, func(t *tickets.Ticket) bool { return t.Authentication == nil }, "null")
	if err != nil {
		return nil, err
	}
	machines, err := documents(written, func(t *tickets.Ticket) any { return t.Machines }, func(t *tickets.Ticket) bool { return len(t.Machines) == 0 }, "[]")
	if err != nil {
		return nil, err
	}
	evidence, err := documents(written, func(t *tickets.Ticket) any { return t.Evidence }, func(t *tickets.Ticket) bool { return len(t.Evidence) == 0 }, "[]")
	if err != nil {
		return nil, err
	}
	return []any{
		column(written, func(t *tickets.Ticket) int64 { return t.Number }),
		words(written, outcomes),
		text(func(t *tickets.Ticket) string { return string(t.State) }),
		text(func(t *tickets.Ticket) string { return string(t.Severity) }),
		text(func(t *tickets.Ticket) string { return string(t.Kind) }),
		text(func(t *tickets.Ticket) string { return string(t.Product) }),
		text(func(t *tickets.Ticket) string { return t.Title }),
		text(func(t *tickets.Ticket) string { return t.Description }),
		text(func(t *tickets.Ticket) string { return t.Category }),
		text(func(t *tickets.Ticket) string { return t.Organisation }),
		text(func(t *tickets.Ticket) string { return t.TenantID }),
		text(func(t *tickets.Ticket) string { return t.IncidentID }),
		list(func(t *tickets.Ticket) []string { return t.AlertIDs }),
		list(func(t *tickets.Ticket) []string { return t.Devices }),
		list(func(t *tickets.Ticket) []string { return t.Users }),
		links,
		text(func(t *tickets.Ticket) string { return t.Classification }),
		text(func(t *tickets.Ticket) string { return t.Assignee }),
		text(func(t *tickets.Ticket) string { return t.Policy }),
		text(func(t *tickets.Ticket) string { return t.Runbook }),
		column(written, func(t *tickets.Ticket) *bool { return t.Verified }),
		authentication,
		text(func(t *tickets.Ticket) string { return string(t.Source) }),
		column(written, func(t *tickets.Ticket) int32 { return int32(t.MessageCount) }),
		column(written, func(t *tickets.Ticket) time.Time { return t.CreatedAt }),
		column(written, func(t *tickets.Ticket) time.Time { return t.UpdatedAt }),
		column(written, func(t *tickets.Ticket) *time.Time { return t.AcknowledgedAt }),
		text(func(t *tickets.Ticket) string { return t.AcknowledgedBy }),
		column(written, func(t *tickets.Ticket) *time.Time { return t.ResolvedAt }),
		machines,
		list(func(t *tickets.Ticket) []string { return t.Techniques }),
		evidence,
	}, nil
}

// column is one field of each.
func column[R, T any](of []R, field func(R) T) []T {
	values := make([]T, len(of))
	for i := range of {
		values[i] = field(of[i])
	}
	return values
}

// documents is one field of each as JSON, and what stands for an empty one.
func documents[R any](of []R, field func(R) any, empty func(R) bool, otherwise string) ([]string, error) {
	values := make([]string, len(of))
	for i := range of {
		values[i] = otherwise
		if empty(of[i]) {
			continue
		}
		content, err := json.Marshal(field(of[i]))
		if err != nil {
			return nil, err
		}
		values[i] = string(content)
	}
	return values, nil
}

func words(written []*tickets.Ticket, outcomes []tickets.Outcome) []string {
	alerts := make(map[*tickets.Ticket][]tickets.Alert, len(written))
	for _, outcome := range outcomes {
		if outcome.State == tickets.MailRead {
			alerts[outcome.Ticket] = append(alerts[outcome.Ticket], outcome.Reading.Alert)
		}
	}
	return column(written, func(ticket *tickets.Ticket) string {
		words := tickets.Words(*ticket, alerts[ticket]...)
		slices.Sort(words)
		return strings.Join(words, " ")
	})
}
