package ticketdb_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
	"afterhours/tickets/ticketdb"
)

func TestEachFactOfATicketComesBackFromItsOwnColumn(t *testing.T) {
	t.Parallel()
	r := open(t)
	at := func(seconds int) time.Time { return r.now.Add(time.Duration(seconds) * time.Second) }
	resolved, acknowledged, authentic := at(4), at(3), true
	full := tickets.Ticket{
		State: tickets.Resolved, Severity: tickets.Medium, Kind: tickets.KindIncident, Product: tickets.ProductEndpoint,
		Title: "a title", Description: "a description", Category: "a category", Organisation: "an organisation", TenantID: "a tenant",
		IncidentID: "an incident", AlertIDs: []string{"da1", `da"2\`}, Devices: []string{"ws-1", "{a,b}", "NULL"}, Users: []string{`CONTOSO\ana`, ""},
		Links: []tickets.Link{{Rel: "alert", URL: "https://security.microsoft.com/alerts/1"}}, Classification: "TruePositive", Assignee: "an assignee",
		Policy: "a policy", Runbook: "a runbook", Verified: &authentic, Authentication: &tickets.Authentication{Author: "microsoft.com", DMARC: "pass"},
		Source: tickets.FromAPI, MessageCount: 7, CreatedAt: at(1), UpdatedAt: at(2), AcknowledgedAt: &acknowledged, AcknowledgedBy: "ana", ResolvedAt: &resolved,
		Machines: []tickets.Machine{{ID: "m1", Name: "ws-1", Group: "desks"}}, Techniques: []string{"T1003", "T1059"},
		Evidence: []tickets.Evidence{{Kind: "process", Value: "cmd.exe", Detail: `"/c"`}},
	}
	bare := tickets.Ticket{
		State: tickets.Open, Severity: tickets.SeverityUnknown, Kind: tickets.KindUnrecognised, Product: tickets.ProductUnknown,
		Title: "cut \xff off\x00", Source: tickets.FromEmail, CreatedAt: at(5), UpdatedAt: at(6),
	}
	for _, ticket := range []*tickets.Ticket{&full, &bare} {
		if err := pgx.BeginFunc(t.Context(), r.pool, func(tx pgx.Tx) error { return ticketdb.OpenTicket(t.Context(), tx, ticket, nil) }); err != nil {
			t.Fatal(err)
		}
	}
	bare.Title = "cut \uFFFD off"
	bare.AlertIDs, bare.Devices, bare.Users, bare.Techniques = []string{}, []string{}, []string{}, []string{}
	bare.Links, bare.Machines, bare.Evidence = []tickets.Link{}, []tickets.Machine{}, []tickets.Evidence{}
	for _, want := range []tickets.Ticket{full, bare} {
		got, err := r.Get(t.Context(), want.Number)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("ticket %d:\ngot  %+v\nwant %+v", want.Number, got, want)
		}
	}
}

func TestEntriesAreKeptWhateverTheirActorIsCalled(t *testing.T) {
	t.Parallel()
	r := open(t)
	ticket := tickets.Ticket{
		State: tickets.Open, Severity: tickets.SeverityUnknown, Kind: tickets.KindUnrecognised, Product: tickets.ProductUnknown,
		Title: "a title", Source: tickets.FromEmail, CreatedAt: r.now, UpdatedAt: r.now,
	}
	err := pgx.BeginFunc(t.Context(), r.pool, func(tx pgx.Tx) error { return ticketdb.OpenTicket(t.Context(), tx, &ticket, nil) })
	if err != nil {
		t.Fatal(err)
	}
	entry := tickets.Entry{Ticket: ticket.Number, Event: tickets.Event{At: r.now, Type: tickets.EventNote, Actor: "cut \xff off\x00"}}
	for _, entries := range [][]tickets.Entry{{entry}, {entry, entry}} {
		err := pgx.BeginFunc(t.Context(), r.pool, func(tx pgx.Tx) error { return ticketdb.AddEvents(t.Context(), tx, entries) })
		if err != nil {
			t.Errorf("%d at once: %v", len(entries), err)
		}
	}
	var kept int
	if err := r.pool.QueryRow(t.Context(), `
		SELECT count(*) FROM ticket_events WHERE ticket = $1 AND actor = $2 AND data = '{}'`, ticket.Number, "cut \uFFFD off").Scan(&kept); err != nil {
		t.Fatal(err)
	}
	if kept != 3 {
		t.Errorf("%d entries were kept, want 3", kept)
	}
}
