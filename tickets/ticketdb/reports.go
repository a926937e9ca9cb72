package ticketdb

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// loadReported fetches the last reports of the alerts of a batch.
func loadReported(ctx context.Context, tx pgx.Tx, readings []tickets.Reading, known *tickets.Known) error {
	var names, ids []string
	for _, reading := range readings {
		if reading.Report != nil {
			names, ids = append(names, reading.Report.Tenant), append(ids, reading.Report.About())
		}
	}
	known.Reported = map[string]tickets.Reported{}
	if len(ids) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, `
		SELECT a.tenant || '/' || a.key, a.ticket, a.updated_at, a.fingerprint, a.status, a.classification, a.assigned_to
		FROM unnest($1::text[], $2::text[]) AS asked (tenant, key) JOIN api_alerts a USING (tenant, key)`, names, ids)
	if err != nil {
		return err
	}
	var key string
	var last tickets.Reported
	_, err = pgx.ForEachRow(rows, []any{&key, &last.Ticket, &last.UpdatedAt, &last.Fingerprint, &last.Status, &last.Classification, &last.AssignedTo}, func() error {
		last.UpdatedAt = last.UpdatedAt.UTC()
		known.Reported[key] = last
		last.Fingerprint = nil
		return nil
	})
	return err
}

// loadSettled fetches which alerts of the loaded tickets are resolved in the portal.
func loadSettled(ctx context.Context, tx pgx.Tx, numbers []int64, known *tickets.Known) error {
	known.Settled = map[*tickets.Ticket]map[string]bool{}
	rows, err := tx.Query(ctx, `SELECT ticket, key FROM api_alerts WHERE ticket = ANY($1) AND status = $2`, numbers, tickets.StatusResolved)
	if err != nil {
		return err
	}
	var number int64
	var key string
	_, err = pgx.ForEachRow(rows, []any{&number, &key}, func() error {
		ticket := known.Tickets[number]
		if known.Settled[ticket] == nil {
			known.Settled[ticket] = map[string]bool{}
		}
		known.Settled[ticket][key] = true
		return nil
	})
	return err
}

// queueReports stores the last report of each alert of a plan.
func queueReports(batch *pgx.Batch, plan tickets.Plan, now time.Time) error {
	type row struct {
		Tenant         string    `json:"tenant"`
		Key            string    `json:"key"`
		AlertID        string    `json:"alert_id"`
		Ticket         int64     `json:"ticket"`
		Fingerprint    string    `json:"fingerprint"`
		Status         string    `json:"status"`
		Classification string    `json:"classification"`
		AssignedTo     string    `json:"assigned_to"`
		Severity       string    `json:"severity"`
		Product        string    `json:"product"`
		CreatedAt      time.Time `json:"created_at"`
		UpdatedAt      time.Time `json:"updated_at"`
		Alert          any       `json:"alert"`
	}
	var rows []row
	place := map[string]int{} // of each alert's row: the last reading of a batch counts
	for _, outcome := range plan.Outcomes {
		report, alert := outcome.Reading.Report, outcome.Reading.Alert
		if report == nil || outcome.Ticket == nil || outcome.State == tickets.MailRepeated {
			continue
		}
		r := row{
			Tenant: report.Tenant, Key: report.About(), AlertID: report.AlertID, Ticket: outcome.Ticket.Number,
			Fingerprint: fmt.Sprintf(`\x%x`, outcome.Reading.Fingerprint), Status: report.Status, Classification: report.Classification,
			AssignedTo: report.AssignedTo, Severity: string(alert.Severity), Product: string(alert.Product),
			CreatedAt: report.CreatedAt, UpdatedAt: report.UpdatedAt, Alert: alert,
		}
		if at, twice := place[report.Key()]; twice {
			rows[at] = r
			continue
		}
		place[report.Key()] = len(rows)
		rows = append(rows, r)
	}
	for _, join := range plan.Joined {
		batch.Queue(`UPDATE api_alerts SET ticket = $2 WHERE ticket = $1`, join.From.Number, join.Into.Number)
	}
	if len(rows) == 0 {
		return nil
	}
	records, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	batch.Queue(`
		INSERT INTO api_alerts (tenant, key, alert_id, ticket, fingerprint, status, classification, assigned_to, severity, product,
			created_at, updated_at, first_seen_at, alert)
		SELECT tenant, key, alert_id, ticket, fingerprint, status, classification, assigned_to, severity, product,
			created_at, updated_at, $2, alert
		FROM jsonb_to_recordset($1) AS r (tenant text, key text, alert_id text, ticket bigint, fingerprint bytea, status text,
			classification text, assigned_to text, severity text, product text, created_at timestamptz, updated_at timestamptz, alert jsonb)
		ON CONFLICT (tenant, key) DO UPDATE SET alert_id = EXCLUDED.alert_id, ticket = EXCLUDED.ticket,
			fingerprint = EXCLUDED.fingerprint, status = EXCLUDED.status, classification = EXCLUDED.classification,
			assigned_to = EXCLUDED.assigned_to, severity = EXCLUDED.severity, product = EXCLUDED.product,
			updated_at = EXCLUDED.updated_at, alert = EXCLUDED.alert`, records, now)
	return nil
}
