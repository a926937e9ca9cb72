package tickets

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// LateAfter is how old an alert may be when the API shows it first: an older one is recorded and pages nobody.
const LateAfter = time.Hour

// Bounds of what a ticket keeps of reports.
const (
	maxEvidence   = 50
	maxMachines   = 100
	maxTechniques = 50
)

// StatusResolved is the status of an alert that is done, as the API writes it.
const StatusResolved = "Resolved"

// The events that Microsoft's API and what is done through it leave on a timeline.
const (
	EventWrittenBack EventType = "written_back" // Defender was told what people decided here, or could not be
	EventPlaybook    EventType = "playbook"     // a response action was asked for, approved, carried out or refused
)

// Report is what Microsoft's API says of an alert beyond what a mail can. It belongs to a Reading that no mail brought.
type Report struct {
	Tenant         string    `json:"tenant"`   // our id of the tenant that was asked
	AlertID        string    `json:"alert_id"` // empty where it is no alert's
	Subject        string    `json:"subject"`  // what it is about where it is no alert
	CreatedAt      time.Time `json:"created_at"`
	UpdatedAt      time.Time `json:"updated_at"`
	Status         string    `json:"status"` // New, InProgress, Resolved, or what Microsoft adds
	Classification string    `json:"classification"`
	Determination  string    `json:"determination"`
	AssignedTo     string    `json:"assigned_to"`
	// Assignee is the configured person behind AssignedTo, empty where it is none of them.
	Assignee   string     `json:"-"`
	Machines   []Machine  `json:"machines"`
	Techniques []string   `json:"techniques"` // MITRE ATT&CK
	Evidence   []Evidence `json:"evidence"`
	// OnlyKnown says that the report opens no ticket: it is news for matters that are known, like a merge of incidents.
	OnlyKnown bool `json:"only_known"`
	// Notice says that it is no alert of Microsoft's but ours about the tenant.
	Notice bool `json:"notice"`
	// Notify are the targets of a notice, in the form of a policy's step; empty leaves it to the routes.
	Notify []string `json:"-"`
}

// Machine is a device as the API knows it.
type Machine struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Group string `json:"group"`
}

// Evidence is one trace of an alert: a process with its command line, a file, an address, a user, a registry key.
type Evidence struct {
	Kind   string `json:"kind"`
	Value  string `json:"value"`
	Detail string `json:"detail"`
}

// Reported is what is stored of the last report of an alert.
type Reported struct {
	Ticket         int64
	UpdatedAt      time.Time
	Fingerprint    []byte
	Status         string
	Classification string
	AssignedTo     string
}

// About is the alert of a report without its prefix, or its other subject.
func (r Report) About() string {
	if r.AlertID == "" {
		return r.Subject
	}
	return FoldAlertID(r.AlertID)
}

// Key names what a report is about among all tenants.
func (r Report) Key() string { return r.Tenant + "/" + r.About() }

// NewReport prepares a reading of the API. directory is the tenant's GUID; sole says that there is no other tenant, so
// that mails which name none are about this one. more are keys beside those of the alert.
func NewReport(alert Alert, report Report, directory string, sole bool, more ...string) Reading {
	reading := Reading{Alert: alert, Report: &report, Tenant: directory}
	if len(more) == 0 || report.AlertID != "" {
		reading.Keys = Keys(alert, report.UpdatedAt, nil)
	}
	reading.Keys = append(reading.Keys, more...)
	if sole && strings.EqualFold(alert.TenantID, directory) {
		reading.Keys = append(reading.Keys, incidentKeys(alert, "")...)
	}
	slices.Sort(reading.Keys)
	reading.Keys = slices.Compact(reading.Keys)
	content := report
	content.UpdatedAt = time.Time{} // a touch that changes nothing is no news
	if said, err := json.Marshal(struct {
		Alert  Alert
		Report Report
	}{alert, content}); err == nil {
		sum := sha256.Sum256(said)
		reading.Fingerprint = sum[:]
	}
	return reading
}

// incidentKeys are the keys of an alert's incidents in a tenant.
func incidentKeys(alert Alert, tenant string) []string {
	var keys []string
	for _, id := range append([]string{alert.IncidentID}, alert.MergedIncidentIDs...) {
		if id != "" {
			keys = append(keys, "incident:"+strings.ToLower(tenant+"/"+id))
		}
	}
	return keys
}

// Directories are the tenants that are configured, by which a mail that names none is given to one.
type Directories []Directory

// Directory is one tenant: its GUID, and the organisation's name as its mails write it, which may be empty.
type Directory struct{ ID, Organisation string }

// Attribute gives a mail's reading its tenant and the keys that the API's readings of the same incident have. With a
// single tenant every mail is its own, and a mail with the tenant's id and one without meet as well. With several, a mail
// without an id belongs to the one whose organisation it names; its incident's number alone is no key then, because two
// tenants may have incidents of the same number.
func (d Directories) Attribute(reading Reading) Reading {
	reading.Tenant = reading.Alert.TenantID
	bare, ours := incidentKeys(reading.Alert, ""), ""
	switch {
	case len(d) == 1 && (reading.Tenant == "" || strings.EqualFold(reading.Tenant, d[0].ID)):
		ours = d[0].ID
		reading.Keys = append(reading.Keys, bare...)
	case reading.Tenant == "" && reading.Alert.Organisation != "":
		for _, directory := range d {
			if strings.EqualFold(directory.Organisation, reading.Alert.Organisation) {
				ours = directory.ID
				reading.Keys = slices.DeleteFunc(reading.Keys, func(key string) bool { return slices.Contains(bare, key) })
			}
		}
	}
	if ours != "" {
		reading.Tenant = ours
		reading.Keys = append(reading.Keys, incidentKeys(reading.Alert, ours)...)
	}
	slices.Sort(reading.Keys)
	reading.Keys = slices.Compact(reading.Keys)
	return reading
}

// enrich adds to a ticket what a report says, within bounds.
func enrich(ticket *Ticket, report Report) {
	for _, machine := range report.Machines {
		at := slices.IndexFunc(ticket.Machines, func(known Machine) bool { return strings.EqualFold(known.ID, machine.ID) })
		switch {
		case at >= 0:
			fill(&ticket.Machines[at].Name, machine.Name)
			fill(&ticket.Machines[at].Group, machine.Group)
		case len(ticket.Machines) < maxMachines:
			ticket.Machines = append(ticket.Machines, machine)
		}
	}
	for _, technique := range report.Techniques {
		if len(ticket.Techniques) < maxTechniques && !slices.Contains(ticket.Techniques, technique) {
			ticket.Techniques = append(ticket.Techniques, technique)
		}
	}
	for _, evidence := range report.Evidence {
		if len(ticket.Evidence) < maxEvidence && !slices.Contains(ticket.Evidence, evidence) {
			ticket.Evidence = append(ticket.Evidence, evidence)
		}
	}
}
