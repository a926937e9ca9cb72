package fakedefender

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Alert is an alert of the Defender for Endpoint API, its keys in the order of the documentation.
type Alert struct {
	ID                 string     `json:"id"`
	IncidentID         *int       `json:"incidentId"`
	InvestigationID    *int       `json:"investigationId"`
	AssignedTo         *string    `json:"assignedTo"`
	Severity           string     `json:"severity"`
	Status             string     `json:"status"`
	Classification     *string    `json:"classification"`
	Determination      *string    `json:"determination"`
	InvestigationState string     `json:"investigationState"`
	DetectionSource    string     `json:"detectionSource"`
	DetectorID         string     `json:"detectorId"`
	Category           string     `json:"category"`
	ThreatFamilyName   *string    `json:"threatFamilyName"`
	Title              string     `json:"title"`
	Description        string     `json:"description"`
	CreatedAt          time.Time  `json:"alertCreationTime"`
	FirstEventAt       time.Time  `json:"firstEventTime"`
	LastEventAt        time.Time  `json:"lastEventTime"`
	UpdatedAt          time.Time  `json:"lastUpdateTime"`
	ResolvedAt         *time.Time `json:"resolvedTime"`
	MachineID          string     `json:"machineId"`
	ComputerDNSName    string     `json:"computerDnsName"`
	RBACGroupName      string     `json:"rbacGroupName"`
	TenantID           string     `json:"aadTenantId"`
	ThreatName         *string    `json:"threatName"`
	Techniques         []string   `json:"mitreTechniques"`
	RelatedUser        *User      `json:"relatedUser"`
	Comments           []Comment  `json:"comments"`
	Evidence           []Evidence `json:"evidence"`
}

// User is who was signed in.
type User struct {
	UserName   string `json:"userName"`
	DomainName string `json:"domainName"`
}

// Comment is one remark on an alert.
type Comment struct {
	Comment     string    `json:"comment"`
	CreatedBy   string    `json:"createdBy"`
	CreatedTime time.Time `json:"createdTime"`
}

// Evidence is one trace; all keys are there, the unused ones null.
type Evidence struct {
	EntityType         string    `json:"entityType"`
	CreatedAt          time.Time `json:"evidenceCreationTime"`
	SHA1               *string   `json:"sha1"`
	SHA256             *string   `json:"sha256"`
	FileName           *string   `json:"fileName"`
	FilePath           *string   `json:"filePath"`
	ProcessID          *int      `json:"processId"`
	ProcessCommandLine *string   `json:"processCommandLine"`
	ParentFileName     *string   `json:"parentProcessFileName"`
	IPAddress          *string   `json:"ipAddress"`
	URL                *string   `json:"url"`
	RegistryKey        *string   `json:"registryKey"`
	AccountName        *string   `json:"accountName"`
	DomainName         *string   `json:"domainName"`
	UserPrincipalName  *string   `json:"userPrincipalName"`
	DetectionStatus    *string   `json:"detectionStatus"`
}

// Add adds an alert, or brings it up to date; its missing times are now.
func (s *Server) Add(alert Alert) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	now := s.Now().UTC()
	for _, at := range []*time.Time{&alert.CreatedAt, &alert.FirstEventAt, &alert.LastEventAt, &alert.UpdatedAt} {
		if at.IsZero() {
			*at = now
		}
	}
	if alert.Status == "" {
		alert.Status = "New"
	}
	if alert.TenantID == "" {
		alert.TenantID = s.Tenant
	}
	if known := s.byID[alert.ID]; known != nil {
		*known = alert
		return
	}
	s.byID[alert.ID] = &alert
	s.alerts = append(s.alerts, &alert)
}

// Update changes an alert as somebody in the portal does.
func (s *Server) Update(id string, change func(alert *Alert)) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	alert := s.byID[id]
	change(alert)
	alert.UpdatedAt = s.Now().UTC()
}

// Alert returns an alert as it is now.
func (s *Server) Alert(id string) Alert {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return *s.byID[id]
}

func (s *Server) listAlerts(w http.ResponseWriter, r *http.Request) {
	since, bad := filterTime(r, "lastUpdateTime")
	if bad != "" {
		refuse(w, http.StatusBadRequest, "BadRequest", bad)
		return
	}
	var found []*Alert
	for _, alert := range s.alerts {
		if !alert.UpdatedAt.Before(since) {
			found = append(found, alert)
		}
	}
	slices.SortStableFunc(found, func(a, b *Alert) int { return a.UpdatedAt.Compare(b.UpdatedAt) })
	if s.Duplicates > 0 {
		for i := len(found) / s.Duplicates; i > 0; i-- {
			at := i*s.Duplicates - 1
			found = slices.Insert(found, at, found[at])
		}
	}
	shown := page(s, r, found, maxTop)
	list := make([]Alert, len(shown))
	for i, alert := range shown {
		list[i] = *alert
		if !strings.Contains(r.URL.Query().Get("$expand"), "evidence") {
			list[i].Evidence = nil
		}
		list[i].Evidence = append([]Evidence{}, list[i].Evidence...)
	}
	s.answerList(w, r, "Alerts", list, len(shown), len(found))
}

// answerList writes an OData list, with the address of the next page where there is one and the server gives it out.
func (s *Server) answerList(w http.ResponseWriter, r *http.Request, name string, values any, shown, all int) {
	body := map[string]any{"@odata.context": "https://" + r.Host + "/api/$metadata#" + name, "value": values}
	skip, _ := strconv.Atoi(r.URL.Query().Get("$skip"))
	if s.NextLink && skip+shown < all {
		query := r.URL.Query()
		query.Set("$skip", strconv.Itoa(skip+shown))
		body["@odata.nextLink"] = "http://" + r.Host + r.URL.Path + "?" + query.Encode()
	}
	answerJSON(w, http.StatusOK, body)
}

func page[T any](s *Server, r *http.Request, found []T, most int) []T {
	top, err := strconv.Atoi(r.URL.Query().Get("$top"))
	if err != nil || top > most {
		top = most
	}
	if s.MaxPage > 0 {
		top = min(top, s.MaxPage)
	}
	skip, _ := strconv.Atoi(r.URL.Query().Get("$skip"))
	from := min(skip, len(found))
	return found[from:min(from+top, len(found))]
}

var filterForm = regexp.MustCompile(`^(\w+)\s+(ge|gt)\s+(\S+)$`)

// filterTime reads a filter like "lastUpdateTime ge 2026-01-02T03:04:05Z".
func filterTime(r *http.Request, field string) (since time.Time, bad string) {
	filter := r.URL.Query().Get("$filter")
	if filter == "" {
		return since, ""
	}
	match := filterForm.FindStringSubmatch(filter)
	if match == nil || match[1] != field {
		return since, "Invalid filter clause: " + filter
	}
	since, err := time.Parse(time.RFC3339Nano, match[3])
	if err != nil {
		return since, "Unrecognized 'Edm.String' literal '" + match[3] + "' in '" + filter + "'."
	}
	return since, ""
}

func (s *Server) getAlert(w http.ResponseWriter, r *http.Request) {
	alert := s.byID[r.PathValue("id")]
	if alert == nil {
		refuse(w, http.StatusNotFound, "ResourceNotFound", "Alert "+r.PathValue("id")+" was not found")
		return
	}
	answerJSON(w, http.StatusOK, alert)
}

func (s *Server) patchAlert(w http.ResponseWriter, r *http.Request) {
	alert := s.byID[r.PathValue("id")]
	if alert == nil {
		refuse(w, http.StatusNotFound, "ResourceNotFound", "Alert "+r.PathValue("id")+" was not found")
		return
	}
	var change struct {
		Status, AssignedTo, Classification, Determination, Comment *string
	}
	var body map[string]any
	var raw json.RawMessage
	if json.NewDecoder(r.Body).Decode(&raw) != nil || json.Unmarshal(raw, &change) != nil || json.Unmarshal(raw, &body) != nil || len(body) == 0 {
		refuse(w, http.StatusBadRequest, "InvalidRequestBody", "Request body is incorrect")
		return
	}
	s.writes = append(s.writes, Write{alert.ID, body})
	now := s.Now().UTC()
	if change.Status != nil {
		alert.Status = *change.Status
		alert.ResolvedAt = nil
		if alert.Status == "Resolved" {
			alert.ResolvedAt = &now
		}
	}
	if change.AssignedTo != nil {
		alert.AssignedTo = change.AssignedTo
	}
	if change.Classification != nil {
		alert.Classification, alert.Determination = change.Classification, change.Determination
	}
	if change.Comment != nil {
		alert.Comments = append(alert.Comments, Comment{*change.Comment, "App-" + s.ClientID, now})
	}
	alert.UpdatedAt = now
	answerJSON(w, http.StatusOK, alert)
}

// Incident is an incident of the Defender XDR API.
type Incident struct {
	ID         int             `json:"incidentId"`
	RedirectID *int            `json:"redirectIncidentId"`
	Name       string          `json:"incidentName"`
	CreatedAt  time.Time       `json:"createdTime"`
	UpdatedAt  time.Time       `json:"lastUpdateTime"`
	AssignedTo *string         `json:"assignedTo"`
	Severity   string          `json:"severity"`
	Status     string          `json:"status"`
	Alerts     []IncidentAlert `json:"alerts"`
}

// IncidentAlert is an alert as an incident shows it.
type IncidentAlert struct {
	ID              string           `json:"alertId"`
	Title           string           `json:"title"`
	Severity        string           `json:"severity"`
	Category        string           `json:"category"`
	Status          string           `json:"status"`
	ServiceSource   string           `json:"serviceSource"`
	DetectionSource string           `json:"detectionSource"`
	CreatedAt       time.Time        `json:"creationTime"`
	UpdatedAt       time.Time        `json:"lastUpdatedTime"`
	Devices         []IncidentDevice `json:"devices"`
}

// IncidentDevice is a device as an incident shows it.
type IncidentDevice struct {
	ID      string `json:"mdatpDeviceId"`
	DNSName string `json:"deviceDnsName"`
}

// AddIncident adds an incident or replaces it.
func (s *Server) AddIncident(incident Incident) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if incident.CreatedAt.IsZero() {
		incident.CreatedAt = s.Now().UTC()
	}
	incident.UpdatedAt = s.Now().UTC()
	s.incidents[incident.ID] = &incident
}

// Merge puts one incident into another, as Defender does when it finds that they belong together.
func (s *Server) Merge(from, into int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	incident := s.incidents[from]
	incident.RedirectID, incident.Status, incident.UpdatedAt = &into, "Redirected", s.Now().UTC()
}

func (s *Server) listIncidents(w http.ResponseWriter, r *http.Request) {
	since, bad := filterTime(r, "lastUpdateTime")
	if bad != "" {
		refuse(w, http.StatusBadRequest, "BadRequest", bad)
		return
	}
	found := []*Incident{}
	for _, incident := range s.incidents {
		if !incident.UpdatedAt.Before(since) {
			found = append(found, incident)
		}
	}
	slices.SortFunc(found, func(a, b *Incident) int { return a.ID - b.ID })
	shown := page(s, r, found, 100)
	s.answerList(w, r, "Incidents", shown, len(shown), len(found))
}

// listGraphAlerts shows the same alerts in the form of Graph.
func (s *Server) listGraphAlerts(w http.ResponseWriter, r *http.Request) {
	since, bad := filterTime(r, "lastUpdateDateTime")
	if bad != "" {
		refuse(w, http.StatusBadRequest, "BadRequest", bad)
		return
	}
	found := []map[string]any{}
	for _, alert := range s.alerts {
		if !alert.UpdatedAt.Before(since) {
			found = append(found, graphForm(alert))
		}
	}
	shown := page(s, r, found, 2000)
	body := map[string]any{"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#security/alerts_v2", "value": shown}
	skip, _ := strconv.Atoi(r.URL.Query().Get("$skip"))
	if skip+len(shown) < len(found) {
		query := url.Values{"$filter": r.URL.Query()["$filter"], "$top": r.URL.Query()["$top"], "$skip": {strconv.Itoa(skip + len(shown))}}
		body["@odata.nextLink"] = "http://" + r.Host + r.URL.Path + "?" + query.Encode()
	}
	answerJSON(w, http.StatusOK, body)
}

func graphForm(alert *Alert) map[string]any {
	camel := func(word string) string {
		if word == "" {
			return "unknown"
		}
		return strings.ToLower(word[:1]) + word[1:]
	}
	incident := ""
	if alert.IncidentID != nil {
		incident = fmt.Sprint(*alert.IncidentID)
	}
	evidence := []any{}
	if alert.ComputerDNSName != "" {
		evidence = append(evidence, map[string]any{
			"@odata.type": "#microsoft.graph.security.deviceEvidence", "mdeDeviceId": alert.MachineID, "deviceDnsName": alert.ComputerDNSName,
			"rbacGroupName": alert.RBACGroupName, "verdict": "unknown",
		})
	}
	form := map[string]any{
		"id": alert.ID, "providerAlertId": strings.TrimPrefix(alert.ID, "da"), "incidentId": incident, "status": camel(alert.Status),
		"severity": camel(alert.Severity), "classification": "unknown", "determination": "unknown",
		"serviceSource": "microsoftDefenderForEndpoint", "detectionSource": camel(alert.DetectionSource), "tenantId": alert.TenantID,
		"title": alert.Title, "description": alert.Description, "category": alert.Category, "assignedTo": alert.AssignedTo,
		"alertWebUrl":     "https://security.microsoft.com/alerts/" + alert.ID + "?tid=" + alert.TenantID,
		"mitreTechniques": alert.Techniques, "createdDateTime": alert.CreatedAt, "lastUpdateDateTime": alert.UpdatedAt,
		"firstActivityDateTime": alert.FirstEventAt, "evidence": evidence, "comments": []any{}, "systemTags": []any{},
	}
	if alert.Classification != nil {
		form["classification"] = camel(*alert.Classification)
	}
	return form
}
