package playbook

import (
	"time"

	"afterhours/tickets"
)

// Would is what a playbook would have done for one reading of the past on one device.
type Would struct {
	Ticket int64
	Title  string
	Device string
	At     time.Time
	Mode   Mode
	Why    string // why nothing would have happened; empty where the mode decides
}

// DryRun says what a playbook would have done for past readings, as if each had been fresh. What only Defender knows of a
// device, its tags and its group where the reading does not name it, is not asked for; a run would look it up.
func (p Playbook) DryRun(past []tickets.Outcome, tenantOf func(directory string) (string, bool)) []Would {
	var found []Would
	seen := map[[2]any]bool{}
	var automatic []time.Time
	for _, outcome := range past {
		reading := outcome.Reading
		at := reading.Mail.ReceivedAt
		var tenant string
		var polled bool
		if reading.Report != nil {
			at, tenant, polled = reading.Report.CreatedAt, reading.Report.Tenant, true
		} else {
			tenant, polled = tenantOf(reading.Tenant)
		}
		for _, device := range candidates(reading) {
			key := [2]any{outcome.Ticket.Number, device.device}
			if seen[key] || !p.CallsFor(factsOf(reading, tenant), device.name, at) {
				continue
			}
			seen[key] = true
			would := Would{Ticket: outcome.Ticket.Number, Title: reading.Alert.Title, Device: device.name, At: at, Mode: p.ModeAt(at)}
			known := Device{Name: device.name}
			if reading.Report != nil {
				for _, machine := range reading.Report.Machines {
					if machine.ID == device.device {
						known = Device{ID: machine.ID, Name: machine.Name, Group: machine.Group}
					}
				}
			}
			would.Why = p.whyNot(outcome, known, polled, at)
			if would.Why == "" && would.Mode == Automatic && limited(p.Action) {
				recent := 0
				for _, before := range automatic {
					if at.Sub(before).Abs() < time.Hour {
						recent++
					}
				}
				if recent >= p.PerHour {
					would.Mode = Ask
				} else {
					automatic = append(automatic, at)
				}
			}
			found = append(found, would)
		}
	}
	return found
}

func (p Playbook) whyNot(outcome tickets.Outcome, device Device, polled bool, at time.Time) string {
	fresh := outcome
	fresh.Ticket = &tickets.Ticket{Number: outcome.Ticket.Number, State: tickets.Open}
	fresh.State = tickets.MailRead
	switch {
	case !polled:
		return "its tenant is not polled, so nothing can be asked of its devices"
	case !trusted(fresh, at):
		return "the mail was forwarded or its author is not authenticated"
	case p.ModeAt(at) == Off:
		return "the playbook was switched off at that hour"
	case device.Group != "" && !equal(p.Match.Group, device.Group):
		return "the device is of another group"
	}
	if reason := p.Excluded(device); reason != "" {
		return "excluded: " + reason
	}
	return ""
}
