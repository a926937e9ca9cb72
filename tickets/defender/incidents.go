package defender

import (
	"encoding/json"
	"net/url"
	"regexp"

	"afterhours/tickets"
)

// incidentRecord is an incident of the Defender XDR API, as far as it is used.
type incidentRecord struct {
	ID         text              `json:"incidentId"`
	RedirectID text              `json:"redirectIncidentId"`
	UpdatedAt  text              `json:"lastUpdateTime"`
	CreatedAt  text              `json:"createdTime"`
	Alerts     []json.RawMessage `json:"alerts"`
}

type incidentAlert struct {
	ID              text `json:"alertId"`
	Title           text `json:"title"`
	Description     text `json:"description"`
	Severity        text `json:"severity"`
	Category        text `json:"category"`
	Status          text `json:"status"`
	Classification  text `json:"classification"`
	AssignedTo      text `json:"assignedTo"`
	DetectionSource text `json:"detectionSource"`
	CreatedAt       text `json:"creationTime"`
	UpdatedAt       text `json:"lastUpdatedTime"`
	FirstActivity   text `json:"firstActivity"`

	Techniques []text           `json:"mitreTechniques"`
	Devices    []incidentDevice `json:"devices"`
	Entities   []evidence       `json:"entities"`
}

// incidentDevice names a device of Defender for Endpoint by either of two keys.
type incidentDevice struct {
	MachineID text `json:"mdatpDeviceId"`
	ID        text `json:"deviceId"`
	DNSName   text `json:"deviceDnsName"`
	Group     text `json:"rbacGroupName"`
}

// machineID is a device's id in Defender for Endpoint: 40 hexadecimal digits; other ids are of other products.
var machineID = regexp.MustCompile(`^[0-9a-fA-F]{40}$`)

func (d incidentDevice) machine() string {
	for _, id := range []string{d.MachineID.word(), d.ID.word()} {
		if machineID.MatchString(id) {
			return id
		}
	}
	return d.MachineID.word()
}

// readIncident turns an incident into readings: the news that it went into another, and its alerts of products that the
// list of alerts does not show.
func readIncident(t Tenant, raw json.RawMessage) []tickets.Reading {
	var from incidentRecord
	if json.Unmarshal(raw, &from) != nil || incident(from.ID) == "" {
		return nil
	}
	if into := incident(from.RedirectID); into != "" && into != incident(from.ID) {
		return []tickets.Reading{mergeOf(t, incident(from.ID), into, from)}
	}
	var readings []tickets.Reading
	for _, raw := range from.Alerts {
		var item incidentAlert
		if json.Unmarshal(raw, &item) != nil {
			item = leastOf(raw)
		}
		if item.ID.word() == "" || productOf(item.ID.word()) == tickets.ProductEndpoint {
			continue
		}
		readings = append(readings, readIncidentAlert(t, incident(from.ID), item))
	}
	return readings
}

// leastOf is what identifies an alert of which a field has another shape than documented.
func leastOf(raw json.RawMessage) incidentAlert {
	var least struct {
		ID        text `json:"alertId"`
		Title     text `json:"title"`
		Severity  text `json:"severity"`
		Status    text `json:"status"`
		CreatedAt text `json:"creationTime"`
		UpdatedAt text `json:"lastUpdatedTime"`
	}
	_ = json.Unmarshal(raw, &least) // without an id it is left out
	return incidentAlert{ID: least.ID, Title: least.Title, Severity: least.Severity, Status: least.Status, CreatedAt: least.CreatedAt, UpdatedAt: least.UpdatedAt}
}

func readIncidentAlert(t Tenant, of string, from incidentAlert) tickets.Reading {
	alert := newAlert(t, from.ID, from.Severity, from.Status, from.Title)
	alert.IncidentID, alert.Category, alert.DetectionSource = of, from.Category.word(), from.DetectionSource.word()
	alert.Description = clean(string(from.Description), maxText)
	alert.DetectedAt = tickets.Instant{Time: from.FirstActivity.at()}
	report := tickets.Report{
		Tenant: t.ID, AlertID: from.ID.word(), CreatedAt: from.CreatedAt.at(), UpdatedAt: from.UpdatedAt.at(), Status: from.Status.capitalised(),
		Classification: from.Classification.capitalised(), AssignedTo: from.AssignedTo.word(),
	}
	for _, technique := range from.Techniques {
		report.Techniques = append(report.Techniques, technique.word())
	}
	for _, device := range from.Devices {
		name := line(string(device.DNSName), maxWord)
		if name != "" {
			alert.Devices = append(alert.Devices, name)
		}
		if id := device.machine(); id != "" {
			report.Machines = append(report.Machines, tickets.Machine{ID: id, Name: name, Group: device.Group.word()})
		}
	}
	for _, entity := range from.Entities {
		if entity.UserPrincipalName.word() != "" {
			addUser(&alert, "", entity.UserPrincipalName)
		} else {
			addUser(&alert, entity.DomainName, entity.AccountName)
		}
		if trace, ok := entity.trace(); ok && len(report.Evidence) < maxEvidence {
			report.Evidence = append(report.Evidence, trace)
		}
	}
	return finish(t, alert, report)
}

// mergeOf says that one incident went into another.
func mergeOf(t Tenant, id, into string, from incidentRecord) tickets.Reading {
	alert := newAlert(t, "", "", "", "Incident "+text(id)+" was merged into "+text(into))
	alert.Kind, alert.Action, alert.Product = tickets.KindIncident, tickets.ActionUpdated, tickets.ProductXDR
	alert.AlertIDs, alert.Links = []string{}, []tickets.Link{}
	alert.IncidentID, alert.MergedIncidentIDs = into, []string{id}
	report := tickets.Report{
		Tenant: t.ID, Subject: "incident:" + id, OnlyKnown: true, CreatedAt: from.CreatedAt.at(), UpdatedAt: from.UpdatedAt.at(),
	}
	return finish(t, alert, report)
}

func path(segment string) string { return url.PathEscape(segment) }
