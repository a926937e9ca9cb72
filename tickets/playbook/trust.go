package playbook

import (
	"strings"
	"time"

	"afterhours/tickets"
)

// freshFor is how old news may be to start an action.
const freshFor = time.Hour

// candidate is a device for which a reading calls, by its id where the API names one, else by its name.
type candidate struct{ device, name string }

// trusted says whether a reading may start an action: the API's own word, or a mail that is authenticated as Microsoft's
// and came straight from there. Old news starts nothing.
func trusted(outcome tickets.Outcome, now time.Time) bool {
	reading := outcome.Reading
	if outcome.Ticket == nil || outcome.State == tickets.MailRepeated || reading.Alert.Action == tickets.ActionResolved || outcome.Ticket.State == tickets.Resolved {
		return false
	}
	if report := reading.Report; report != nil {
		return report.AlertID != "" && !report.Notice && !report.OnlyKnown && now.Sub(report.CreatedAt) <= freshFor
	}
	verified := reading.Mail.Envelope.Verified
	return reading.Backlog == "" && verified != nil && *verified && reading.Alert.Provenance == tickets.ProvenanceMicrosoft &&
		!reading.Alert.Message.Forwarded && !reading.Alert.Message.AutoSubmitted && now.Sub(reading.Mail.ReceivedAt) <= freshFor
}

// factsOf are what a reading itself says: what another mail wrote on the ticket counts for nothing here.
func factsOf(reading tickets.Reading, tenant string) Facts {
	alert := reading.Alert
	facts := Facts{
		Severity: string(alert.Severity), Category: alert.Category, Product: string(alert.Product), Title: alert.Title, Source: "email",
		Detection: alert.DetectionSource, Tenant: tenant, Directory: reading.Tenant,
	}
	if reading.Report != nil {
		facts.Source = "api"
	}
	return facts
}

// candidates are a reading's own devices.
func candidates(reading tickets.Reading) []candidate {
	var found []candidate
	known := map[string]bool{}
	if reading.Report != nil {
		for _, machine := range reading.Report.Machines {
			found = append(found, candidate{machine.ID, machine.Name})
			known[strings.ToLower(machine.Name)] = true
		}
	}
	for _, name := range reading.Alert.Devices {
		if !known[strings.ToLower(name)] {
			found = append(found, candidate{name, name})
		}
	}
	return found
}
