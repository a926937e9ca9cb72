package ticketdb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

const ticketColumns = `t.number, t.state, t.severity, t.kind, t.product, t.title, t.description, t.category, t.organisation,
	t.tenant_id, t.incident_id, t.alert_ids, t.devices, t.users, t.links, t.classification, t.assignee, t.policy, t.runbook,
	t.verified, t.authentication, t.source, t.message_count, t.created_at, t.updated_at, t.acknowledged_at, t.acknowledged_by, t.resolved_at,
	t.machines, t.techniques, t.evidence, t.hold`

// ticketRow is a ticket as ticketColumns names it.
type ticketRow struct {
	Number         int64
	State          tickets.State
	Severity       tickets.Severity
	Kind           tickets.Kind
	Product        tickets.Product
	Title          string
	Description    string
	Category       string
	Organisation   string
	TenantID       string
	IncidentID     string
	AlertIDs       []string `db:"alert_ids"`
	Devices        []string
	Users          []string
	Links          []tickets.Link
	Classification string
	Assignee       string
	Policy         string
	Runbook        string
	Verified       *bool
	Authentication *tickets.Authentication
	Source         tickets.Source
	MessageCount   int
	CreatedAt      time.Time
	UpdatedAt      time.Time
	AcknowledgedAt *time.Time
	AcknowledgedBy string
	ResolvedAt     *time.Time
	Machines       []tickets.Machine
	Techniques     []string
	Evidence       []tickets.Evidence
	Hold           *tickets.Hold
}

// ticket is the domain's form of a row, its times in UTC.
func (r *ticketRow) ticket() tickets.Ticket {
	return tickets.Ticket{
		Number: r.Number, State: r.State, Severity: r.Severity, Kind: r.Kind, Product: r.Product, Title: r.Title,
		Description: r.Description, Category: r.Category, Organisation: r.Organisation, TenantID: r.TenantID,
		IncidentID: r.IncidentID, AlertIDs: r.AlertIDs, Devices: r.Devices, Users: r.Users, Links: r.Links,
		Classification: r.Classification, Assignee: r.Assignee, Policy: r.Policy, Runbook: r.Runbook,
		Verified: r.Verified, Authentication: r.Authentication, Source: r.Source, MessageCount: r.MessageCount,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(), AcknowledgedAt: utc(r.AcknowledgedAt),
		AcknowledgedBy: r.AcknowledgedBy, ResolvedAt: utc(r.ResolvedAt),
		Machines: r.Machines, Techniques: r.Techniques, Evidence: r.Evidence, Hold: r.Hold,
	}
}

func utc(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	inUTC := at.UTC()
	return &inUTC
}

// Get returns one ticket or tickets.ErrNotFound.
func (s *Store) Get(ctx context.Context, number int64) (tickets.Ticket, error) {
	return getTicket(ctx, s.pool, number, "")
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func getTicket(ctx context.Context, db querier, number int64, lock string) (tickets.Ticket, error) {
	rows, err := db.Query(ctx, `SELECT `+ticketColumns+` FROM tickets t WHERE t.number = $1 `+lock, number)
	if err != nil {
		return tickets.Ticket{}, fmt.Errorf("get ticket %d: %w", number, classify(err))
	}
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[ticketRow])
	if errors.Is(err, pgx.ErrNoRows) {
		return tickets.Ticket{}, fmt.Errorf("ticket %d: %w", number, tickets.ErrNotFound)
	}
	if err != nil {
		return tickets.Ticket{}, fmt.Errorf("get ticket %d: %w", number, classify(err))
	}
	return row.ticket(), nil
}

// QueueGet reads with a batch the ticket whose number a query of one argument yields; ticket stays as it is where it yields none.
func QueueGet(batch *pgx.Batch, number string, argument any, ticket *tickets.Ticket) {
	batch.Queue(`SELECT `+ticketColumns+` FROM tickets t WHERE t.number = (`+number+`)`, argument).Query(func(rows pgx.Rows) error {
		row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[ticketRow])
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err == nil {
			*ticket = row.ticket()
		}
		return err
	})
}

// List returns one page of the tickets that filter chooses, newest first.
func (s *Store) List(ctx context.Context, filter tickets.Filter) (tickets.List, error) {
	limit := filter.Limit
	if limit <= 0 {
		limit = tickets.DefaultLimit
	}
	limit = min(limit, tickets.MaxLimit)
	search, err := s.searchFor(ctx, filter, limit+1)
	if err != nil {
		return tickets.List{}, fmt.Errorf("list tickets: %w", err)
	}
	var found []*ticketRow
	if search != nil {
		found, err = s.search(ctx, filter, *search, limit+1)
	} else {
		where, args := conditions(filter, nil)
		found, err = s.listed(ctx, listQuery(where, nil), args, limit+1)
	}
	if err != nil {
		return tickets.List{}, fmt.Errorf("list tickets: %w", classify(err))
	}
	list := tickets.List{Tickets: make([]tickets.Ticket, 0, len(found))}
	if len(found) > limit {
		found = found[:limit]
		list.Next = found[limit-1].Number
	}
	for _, row := range found {
		list.Tickets = append(list.Tickets, row.ticket())
	}
	return list, nil
}

// listed reads one page. The numbers come first: an index that has them spares reading what is not shown. Each query is planned
// for its own values, for a plan that suits a common word is the wrong one for a rare one.
func (s *Store) listed(ctx context.Context, query string, args pgx.NamedArgs, limit int) ([]*ticketRow, error) {
	args["limit"] = limit
	rows, err := s.pool.Query(ctx, query, pgx.QueryExecModeCacheDescribe, args)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[ticketRow])
}

// listQuery reads in the order of numbers, except where words are looked up: Postgres takes any word for a common one, and would
// read all tickets in that order until it has found enough.
func listQuery(where string, search *searching) string {
	order := "t.number"
	if search != nil && len(search.indexed) > 0 {
		order = "t.number + 0"
	}
	return `SELECT ` + ticketColumns + ` FROM tickets t WHERE t.number IN (
		SELECT t.number FROM tickets t ` + where + ` ORDER BY ` + order + ` DESC LIMIT @limit
	) ORDER BY t.number DESC`
}

// CountUpTo counts the tickets that filter chooses, to a bound.
func (s *Store) CountUpTo(ctx context.Context, filter tickets.Filter, most int) (count int, err error) {
	search, err := s.searchFor(ctx, filter, most)
	if err != nil {
		return 0, fmt.Errorf("count tickets: %w", err)
	}
	where, args := conditions(filter, search)
	args["most"] = most
	query := `SELECT count(*) FROM (SELECT FROM tickets t ` + where + ` LIMIT @most) AS counted`
	if err := s.pool.QueryRow(ctx, query, pgx.QueryExecModeCacheDescribe, args).Scan(&count); err != nil {
		return 0, fmt.Errorf("count tickets: %w", classify(err))
	}
	return count, nil
}

// conditions are those that a filter asks for and no others, so that each has the plan that suits it.
func conditions(filter tickets.Filter, search *searching) (where string, args pgx.NamedArgs) {
	args = pgx.NamedArgs{"before": filter.Before}
	var all []string
	add := func(given bool, name string, value any, condition string) {
		if given {
			all = append(all, condition)
			args[name] = value
		}
	}
	add(filter.Before != 0, "before", filter.Before, "t.number < @before")
	if len(filter.States) == 1 { // which has an index in the list's order
		add(true, "state", string(filter.States[0]), "t.state = @state")
	}
	unresolved := len(filter.States) == 2 && few(filter.States)
	add(unresolved, "resolved", "", "t.state <> 'resolved'") // which has indexes of its own
	add(len(filter.States) > 1 && !unresolved, "states", texts(filter.States), "t.state = ANY(@states)")
	add(len(filter.Severities) > 0, "severities", texts(filter.Severities), "t.severity = ANY(@severities)")
	add(len(filter.Products) > 0, "products", texts(filter.Products), "t.product = ANY(@products)")
	add(filter.Assignee != "", "assignee", filter.Assignee, "t.assignee = @assignee")
	add(!filter.Since.IsZero(), "since", filter.Since, "t.created_at >= @since")
	add(!filter.Until.IsZero(), "until", filter.Until, "t.created_at < @until")
	if search != nil {
		add(len(search.indexed) > 0 || len(search.others) == 0, "words", beginnings(search.indexed), "t.search @@ @words::tsquery")
		add(len(search.ages) > 0, "ages", search.ages, fmt.Sprintf("ARRAY[t.number >> %d] && @ages", ageBits))
		// In this form no index is used.
		add(len(search.others) > 0, "others", beginnings(search.others), "(t.search @@ @others::tsquery) IS TRUE")
	}
	if len(all) == 0 {
		return "", args
	}
	return "WHERE " + strings.Join(all, " AND "), args
}

func texts[T ~string](values []T) []string {
	list := make([]string, len(values))
	for i, value := range values {
		list[i] = string(value)
	}
	return list
}
