package ticketdb

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// Past returns what was read since a moment, newest first, with the tickets that it went to: the reports of the API as they
// are now, and the mails.
func (s *Store) Past(ctx context.Context, since time.Time, limit int) ([]tickets.Outcome, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT * FROM (
			SELECT a.first_seen_at AS at, a.ticket, a.alert, a.tenant, a.alert_id, a.created_at, a.updated_at, a.status,
				t.machines, NULL::boolean AS verified, t.tenant_id, false AS mail
			FROM api_alerts a JOIN tickets t ON t.number = a.ticket WHERE a.alert_id <> '' AND a.first_seen_at >= $1
			UNION ALL
			SELECT m.received_at, m.ticket, m.alert, '', '', m.received_at, m.received_at, '', '[]', m.verified, t.tenant_id, true
			FROM mails m JOIN tickets t ON t.number = m.ticket WHERE m.state = 'read' AND m.alert IS NOT NULL AND m.received_at >= $1
		) AS past ORDER BY at DESC LIMIT $2`, since, limit)
	if err != nil {
		return nil, fmt.Errorf("read the past: %w", classify(err))
	}
	past, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (tickets.Outcome, error) {
		outcome := tickets.Outcome{Ticket: &tickets.Ticket{}, State: tickets.MailRead}
		var report tickets.Report
		var at time.Time
		var machines []tickets.Machine
		var verified *bool
		var mail bool
		reading := &outcome.Reading
		err := row.Scan(&at, &outcome.Ticket.Number, &reading.Alert, &report.Tenant, &report.AlertID, &report.CreatedAt, &report.UpdatedAt,
			&report.Status, &machines, &verified, &reading.Tenant, &mail)
		if mail {
			reading.Mail = tickets.Mail{State: tickets.MailRead, ReceivedAt: at.UTC(), Envelope: tickets.Envelope{Verified: verified}}
			return outcome, err
		}
		report.CreatedAt, report.UpdatedAt = report.CreatedAt.UTC(), report.UpdatedAt.UTC()
		for _, machine := range machines {
			for _, name := range reading.Alert.Devices {
				if name == machine.Name {
					report.Machines = append(report.Machines, machine)
				}
			}
		}
		reading.Report = &report
		return outcome, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the past: %w", classify(err))
	}
	return past, nil
}

// TicketIn reads a ticket inside the caller's transaction.
func TicketIn(ctx context.Context, tx pgx.Tx, number int64) (tickets.Ticket, error) {
	return getTicket(ctx, tx, number, "")
}
