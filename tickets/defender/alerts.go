package defender

import (
	"encoding/json"
	"slices"
	"strings"

	"afterhours/tickets"
)

// endpointAlert is an alert of the Defender for Endpoint API, as far as it is used. Rows of 2019 lack what came later.
type endpointAlert struct {
	ID              text       `json:"id"`
	IncidentID      text       `json:"incidentId"`
	AssignedTo      text       `json:"assignedTo"`
	Severity        text       `json:"severity"`
	Status          text       `json:"status"`
	Classification  text       `json:"classification"`
	Determination   text       `json:"determination"`
	DetectionSource text       `json:"detectionSource"`
	Category        text       `json:"category"`
	Title           text       `json:"title"`
	Description     text       `json:"description"`
	CreatedAt       text       `json:"alertCreationTime"`
	FirstEventAt    text       `json:"firstEventTime"`
	UpdatedAt       text       `json:"lastUpdateTime"`
	MachineID       text       `json:"machineId"`
	ComputerDNSName text       `json:"computerDnsName"`
	RBACGroupName   text       `json:"rbacGroupName"`
	TenantID        text       `json:"aadTenantId"`
	Techniques      []text     `json:"mitreTechniques"`
	RelatedUser     *account   `json:"relatedUser"`
	Evidence        []evidence `json:"evidence"`
}

type account struct {
	UserName   text `json:"userName"`
	DomainName text `json:"domainName"`
}

type evidence struct {
	EntityType         text `json:"entityType"`
	SHA1               text `json:"sha1"`
	SHA256             text `json:"sha256"`
	FileName           text `json:"fileName"`
	FilePath           text `json:"filePath"`
	ProcessID          text `json:"processId"`
	ProcessCommandLine text `json:"processCommandLine"`
	ParentFileName     text `json:"parentProcessFileName"`
	IPAddress          text `json:"ipAddress"`
	URL                text `json:"url"`
	RegistryKey        text `json:"registryKey"`
	RegistryValue      text `json:"registryValue"`
	AccountName        text `json:"accountName"`
	DomainName         text `json:"domainName"`
	UserPrincipalName  text `json:"userPrincipalName"`
	DetectionStatus    text `json:"detectionStatus"`
}

// readEndpointAlert turns an alert into a reading. ok is false where it has no id, without which it is nobody's.
func readEndpointAlert(t Tenant, raw json.RawMessage) (reading tickets.Reading, ok bool) {
	var from endpointAlert
	if err := json.Unmarshal(raw, &from); err != nil {
		// A field has another shape than documented: what identifies the alert still counts.
		var least struct {
			ID        text `json:"id"`
			Title     text `json:"title"`
			Severity  text `json:"severity"`
			Status    text `json:"status"`
			CreatedAt text `json:"alertCreationTime"`
			UpdatedAt text `json:"lastUpdateTime"`
		}
		if json.Unmarshal(raw, &least) != nil {
			return reading, false
		}
		from = endpointAlert{ID: least.ID, Title: least.Title, Severity: least.Severity, Status: least.Status, CreatedAt: least.CreatedAt, UpdatedAt: least.UpdatedAt}
	}
	if from.ID.word() == "" {
		return reading, false
	}
	alert := newAlert(t, from.ID, from.Severity, from.Status, from.Title)
	alert.Description, alert.Category = clean(string(from.Description), maxText), from.Category.word()
	alert.DetectionSource, alert.IncidentID = from.DetectionSource.word(), incident(from.IncidentID)
	alert.DetectedAt = tickets.Instant{Time: from.FirstEventAt.at()}
	if tenant := from.TenantID.word(); tenant != "" {
		alert.TenantID = tenant
	}
	report := tickets.Report{
		Tenant: t.ID, AlertID: from.ID.word(), CreatedAt: from.CreatedAt.at(), UpdatedAt: from.UpdatedAt.at(), Status: from.Status.capitalised(),
		Classification: from.Classification.capitalised(), Determination: from.Determination.capitalised(), AssignedTo: from.AssignedTo.word(),
	}
	if name := line(string(from.ComputerDNSName), maxWord); name != "" {
		alert.Devices = append(alert.Devices, name)
	}
	if id := from.MachineID.word(); id != "" {
		report.Machines = append(report.Machines, tickets.Machine{ID: id, Name: line(string(from.ComputerDNSName), maxWord), Group: from.RBACGroupName.word()})
		alert.Links = append(alert.Links, tickets.Link{Rel: tickets.RelDevice, URL: portal + "machines/" + path(id)})
	}
	if from.RelatedUser != nil {
		addUser(&alert, from.RelatedUser.DomainName, from.RelatedUser.UserName)
	}
	for _, technique := range from.Techniques {
		report.Techniques = append(report.Techniques, technique.word())
	}
	for _, item := range from.Evidence {
		if strings.EqualFold(string(item.EntityType), "User") {
			if name := item.UserPrincipalName.word(); name != "" {
				addUser(&alert, "", item.UserPrincipalName)
			} else {
				addUser(&alert, item.DomainName, item.AccountName)
			}
		}
		if trace, ok := item.trace(); ok && len(report.Evidence) < maxEvidence {
			report.Evidence = append(report.Evidence, trace)
		}
	}
	return finish(t, alert, report), true
}

// trace is one piece of evidence as it is shown.
func (e evidence) trace() (trace tickets.Evidence, ok bool) {
	trace.Kind = strings.ToLower(e.EntityType.word())
	name := line(string(e.FileName), maxWord)
	if path := line(string(e.FilePath), maxWord); path != "" && name != "" {
		name = strings.TrimRight(path, `\/`) + `\` + name
		if strings.Contains(path, "/") {
			name = strings.ReplaceAll(name, `\`, "/")
		}
	}
	hash := e.SHA256.word()
	if hash == "" {
		hash = e.SHA1.word()
	}
	switch trace.Kind {
	case "process":
		trace.Value = line(string(e.ProcessCommandLine), maxText)
		if trace.Value == "" {
			trace.Value = name
		}
		if parent := e.ParentFileName.word(); parent != "" {
			trace.Detail = "started by " + parent
		}
	case "file":
		trace.Value, trace.Detail = name, hash
	case "ip":
		trace.Value = e.IPAddress.word()
	case "url":
		trace.Value = line(string(e.URL), maxText)
	case "registry":
		trace.Kind = "registry"
		trace.Value, trace.Detail = line(string(e.RegistryKey), maxText), line(string(e.RegistryValue), maxWord)
	case "user":
		return trace, false // it stands among the ticket's users
	default:
		trace.Value = name
	}
	if status := e.DetectionStatus.word(); status != "" {
		trace.Detail = strings.TrimPrefix(trace.Detail+" · "+strings.ToLower(status), " · ")
	}
	return trace, trace.Value != ""
}

// portal is where people look at alerts.
const portal = "https://security.microsoft.com/"

// newAlert is what all kinds of alerts have in common.
func newAlert(t Tenant, id, severity, status, title text) tickets.Alert {
	alert := tickets.Alert{
		Kind: tickets.KindAlert, Action: tickets.ActionNew, Product: productOf(id.word()), Severity: severityOf(severity),
		Title: line(string(title), maxWord), Status: status.capitalised(), TenantID: t.TenantID, Provenance: tickets.ProvenanceMicrosoft,
		Language: "en", AlertIDs: []string{id.word()}, Devices: []string{}, Users: []string{}, Files: []string{}, Attachments: []tickets.Attachment{},
		Warnings: []string{}, MergedIncidentIDs: []string{}, Tracking: []string{}, Message: tickets.MessageInfo{To: []string{}},
		Links: []tickets.Link{{Rel: tickets.RelAlert, URL: portal + "alerts/" + path(id.word()) + "?tid=" + path(t.TenantID)}},
	}
	if alert.Title == "" {
		alert.Title = "Alert " + id.word()
	}
	alert.Message.Subject = alert.Title
	return alert
}

// finish makes a reading of an alert and its report.
func finish(t Tenant, alert tickets.Alert, report tickets.Report) tickets.Reading {
	if report.UpdatedAt.IsZero() {
		report.UpdatedAt = report.CreatedAt
	}
	if report.CreatedAt.IsZero() {
		report.CreatedAt = report.UpdatedAt
	}
	if report.Status == tickets.StatusResolved {
		alert.Action = tickets.ActionResolved
	}
	if alert.IncidentID != "" {
		alert.Links = append(alert.Links, tickets.Link{Rel: tickets.RelIncident, URL: portal + "incident2/" + path(alert.IncidentID) + "/overview?tid=" + path(t.TenantID)})
	}
	report.Techniques = slices.DeleteFunc(report.Techniques, func(technique string) bool { return technique == "" })
	return tickets.NewReport(alert, report, t.TenantID, t.Sole)
}

func addUser(alert *tickets.Alert, domain, name text) {
	user := line(name.word(), maxWord)
	if user == "" {
		return
	}
	if domain := domain.word(); domain != "" {
		user = domain + `\` + user
	}
	if !slices.Contains(alert.Users, user) {
		alert.Users = append(alert.Users, user)
	}
}

// incident is an incident's number; 0 is none.
func incident(id text) string {
	if word := id.word(); word != "0" {
		return word
	}
	return ""
}

func severityOf(word text) tickets.Severity {
	severity := tickets.Severity(strings.ToLower(string(word)))
	if !severity.Valid() {
		return tickets.SeverityUnknown
	}
	return severity
}

// productOf is the product by the two letters before an alert's id (Microsoft, "Investigate alerts"). Without them it is
// an alert of Defender for Endpoint, whose ids once had none.
func productOf(id string) tickets.Product {
	if len(id) > 2 && tickets.FoldAlertID(id) != strings.ToLower(id) {
		switch strings.ToLower(id[:2]) {
		case "ra", "ta", "ea", "rm", "ir":
			return tickets.ProductXDR
		case "fa":
			return tickets.ProductOffice365
		case "aa", "ri":
			return tickets.ProductIdentity
		case "ca", "ma":
			return tickets.ProductCloudApps
		case "ad":
			return tickets.ProductEntra
		case "dl":
			return tickets.ProductPurview
		case "dc":
			return tickets.ProductCloud
		case "sn":
			return tickets.ProductSentinel
		}
	}
	return tickets.ProductEndpoint
}
