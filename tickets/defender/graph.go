package defender

import (
	"encoding/json"
	"strings"

	"afterhours/tickets"
)

// graphAlert is an alert of Graph's alerts_v2, as far as it is used.
type graphAlert struct {
	ID              text            `json:"id"`
	IncidentID      text            `json:"incidentId"`
	Status          text            `json:"status"`
	Severity        text            `json:"severity"`
	Classification  text            `json:"classification"`
	Determination   text            `json:"determination"`
	DetectionSource text            `json:"detectionSource"`
	TenantID        text            `json:"tenantId"`
	Title           text            `json:"title"`
	Description     text            `json:"description"`
	Category        text            `json:"category"`
	AssignedTo      text            `json:"assignedTo"`
	Techniques      []text          `json:"mitreTechniques"`
	CreatedAt       text            `json:"createdDateTime"`
	UpdatedAt       text            `json:"lastUpdateDateTime"`
	FirstActivity   text            `json:"firstActivityDateTime"`
	Evidence        []graphEvidence `json:"evidence"`
}

type graphEvidence struct {
	Type               text        `json:"@odata.type"`
	MachineID          text        `json:"mdeDeviceId"`
	DNSName            text        `json:"deviceDnsName"`
	Group              text        `json:"rbacGroupName"`
	ProcessCommandLine text        `json:"processCommandLine"`
	IPAddress          text        `json:"ipAddress"`
	URL                text        `json:"url"`
	RegistryKey        text        `json:"registryKey"`
	ImageFile          *graphFile  `json:"imageFile"`
	FileDetails        *graphFile  `json:"fileDetails"`
	UserAccount        *graphUser  `json:"userAccount"`
	LoggedOnUsers      []graphUser `json:"loggedOnUsers"`
}

type graphFile struct {
	Name   text `json:"fileName"`
	Path   text `json:"filePath"`
	SHA256 text `json:"sha256"`
}

type graphUser struct {
	AccountName       text `json:"accountName"`
	DomainName        text `json:"domainName"`
	UserPrincipalName text `json:"userPrincipalName"`
}

// readGraphAlert turns an alert of Graph into a reading.
func readGraphAlert(t Tenant, raw json.RawMessage) (reading tickets.Reading, ok bool) {
	var from graphAlert
	if json.Unmarshal(raw, &from) != nil {
		// A field has another shape than documented: what identifies the alert still counts.
		var least struct {
			ID        text `json:"id"`
			Title     text `json:"title"`
			Severity  text `json:"severity"`
			Status    text `json:"status"`
			CreatedAt text `json:"createdDateTime"`
			UpdatedAt text `json:"lastUpdateDateTime"`
		}
		if json.Unmarshal(raw, &least) != nil {
			return reading, false
		}
		from = graphAlert{ID: least.ID, Title: least.Title, Severity: least.Severity, Status: least.Status, CreatedAt: least.CreatedAt, UpdatedAt: least.UpdatedAt}
	}
	if from.ID.word() == "" {
		return reading, false
	}
	alert := newAlert(t, from.ID, from.Severity, from.Status, from.Title)
	alert.Description, alert.Category = clean(string(from.Description), maxText), from.Category.word()
	alert.DetectionSource, alert.IncidentID = from.DetectionSource.word(), incident(from.IncidentID)
	alert.DetectedAt = tickets.Instant{Time: from.FirstActivity.at()}
	report := tickets.Report{
		Tenant: t.ID, AlertID: from.ID.word(), CreatedAt: from.CreatedAt.at(), UpdatedAt: from.UpdatedAt.at(), Status: from.Status.capitalised(),
		Classification: from.Classification.capitalised(), Determination: from.Determination.capitalised(), AssignedTo: from.AssignedTo.word(),
	}
	for _, technique := range from.Techniques {
		report.Techniques = append(report.Techniques, technique.word())
	}
	for _, item := range from.Evidence {
		item.read(&alert, &report)
	}
	return finish(t, alert, report), true
}

func (e graphEvidence) read(alert *tickets.Alert, report *tickets.Report) {
	kind := strings.TrimSuffix(strings.TrimPrefix(string(e.Type), "#microsoft.graph.security."), "Evidence")
	var trace tickets.Evidence
	switch kind {
	case "device":
		name := line(string(e.DNSName), maxWord)
		if name != "" {
			alert.Devices = append(alert.Devices, name)
		}
		if id := e.MachineID.word(); id != "" {
			report.Machines = append(report.Machines, tickets.Machine{ID: id, Name: name, Group: e.Group.word()})
		}
		for _, user := range e.LoggedOnUsers {
			user.add(alert)
		}
	case "user":
		if e.UserAccount != nil {
			e.UserAccount.add(alert)
		}
	case "process":
		trace = tickets.Evidence{Kind: "process", Value: line(string(e.ProcessCommandLine), maxText)}
		if e.ImageFile != nil {
			if trace.Value == "" {
				trace.Value = e.ImageFile.Name.word()
			}
			trace.Detail = e.ImageFile.SHA256.word()
		}
	case "file":
		if e.FileDetails != nil {
			trace = tickets.Evidence{Kind: "file", Value: e.FileDetails.Name.word(), Detail: e.FileDetails.SHA256.word()}
		}
	case "ip":
		trace = tickets.Evidence{Kind: "ip", Value: e.IPAddress.word()}
	case "url":
		trace = tickets.Evidence{Kind: "url", Value: line(string(e.URL), maxText)}
	case "registryKey":
		trace = tickets.Evidence{Kind: "registry", Value: line(string(e.RegistryKey), maxText)}
	}
	if trace.Value != "" && len(report.Evidence) < maxEvidence {
		report.Evidence = append(report.Evidence, trace)
	}
}

func (u graphUser) add(alert *tickets.Alert) {
	if u.UserPrincipalName.word() != "" {
		addUser(alert, "", u.UserPrincipalName)
		return
	}
	addUser(alert, u.DomainName, u.AccountName)
}
