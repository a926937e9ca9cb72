package fakedefender

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Machine is a device of the Defender for Endpoint API.
type Machine struct {
	ID            string   `json:"id"`
	DNSName       string   `json:"computerDnsName"`
	OSPlatform    string   `json:"osPlatform"`
	HealthStatus  string   `json:"healthStatus"`
	RBACGroupName string   `json:"rbacGroupName"`
	Tags          []string `json:"machineTags"`
	Onboarding    string   `json:"onboardingStatus"`

	Isolated   bool `json:"-"`
	Restricted bool `json:"-"`
}

// MachineAction is one response action.
type MachineAction struct {
	ID               string     `json:"id"`
	Type             string     `json:"type"`
	Scope            *string    `json:"scope"`
	Requestor        string     `json:"requestor"`
	RequestorComment string     `json:"requestorComment"`
	Status           string     `json:"status"`
	MachineID        string     `json:"machineId"`
	DNSName          string     `json:"computerDnsName"`
	CreatedAt        time.Time  `json:"creationDateTimeUtc"`
	UpdatedAt        *time.Time `json:"lastUpdateDateTimeUtc"`
	RelatedFileInfo  *struct{}  `json:"relatedFileInfo"`
}

// AddMachine adds a device.
func (s *Server) AddMachine(machine Machine) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	machine.Tags = append([]string{}, machine.Tags...)
	s.machines[machine.ID] = &machine
}

// Machine returns a device as it is now.
func (s *Server) Machine(id string) Machine {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.settle()
	return *s.machines[id]
}

// Actions are all actions that were accepted, in order.
func (s *Server) Actions() []MachineAction {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.settle()
	actions := make([]MachineAction, len(s.actions))
	for i, action := range s.actions {
		actions[i] = *action
	}
	return actions
}

// find looks a device up by its id or its name.
func (s *Server) find(id string) *Machine {
	if machine := s.machines[id]; machine != nil {
		return machine
	}
	for _, machine := range s.machines {
		host, _, _ := strings.Cut(machine.DNSName, ".")
		if strings.EqualFold(machine.DNSName, id) || strings.EqualFold(host, id) {
			return machine
		}
	}
	return nil
}

func (s *Server) getMachine(w http.ResponseWriter, r *http.Request) {
	machine := s.find(r.PathValue("id"))
	if machine == nil {
		refuse(w, http.StatusNotFound, "ResourceNotFound", "Machine "+r.PathValue("id")+" was not found")
		return
	}
	answerJSON(w, http.StatusOK, machine)
}

// kinds are the actions by their path, with the permission that each needs.
var kinds = map[string]struct{ kind, role string }{
	"isolate":                     {"Isolate", "Machine.Isolate"},
	"unisolate":                   {"Unisolate", "Machine.Isolate"},
	"runAntiVirusScan":            {"RunAntiVirusScan", "Machine.Scan"},
	"restrictCodeExecution":       {"RestrictCodeExecution", "Machine.RestrictExecution"},
	"unrestrictCodeExecution":     {"UnrestrictCodeExecution", "Machine.RestrictExecution"},
	"collectInvestigationPackage": {"CollectInvestigationPackage", "Machine.CollectForensics"},
	"tags":                        {"", "Machine.ReadWrite.All"},
}

func (s *Server) act(w http.ResponseWriter, r *http.Request) {
	known, ok := kinds[r.PathValue("action")]
	if !ok {
		refuse(w, http.StatusNotFound, "NotFound", "No HTTP resource was found that matches the request URI "+r.URL.Path)
		return
	}
	s.api(known.role, func(w http.ResponseWriter, r *http.Request) { s.accept(w, r, known.kind) })(w, r)
}

func (s *Server) accept(w http.ResponseWriter, r *http.Request, kind string) {
	machine := s.machines[r.PathValue("id")]
	if machine == nil {
		refuse(w, http.StatusNotFound, "ResourceNotFound", "Machine "+r.PathValue("id")+" was not found")
		return
	}
	var body struct {
		Comment, IsolationType, ScanType, Value, Action string
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestBody", "Request body is incorrect")
		return
	}
	if kind == "" {
		s.tag(w, machine, body.Value, body.Action)
		return
	}
	if body.Comment == "" || kind == "Isolate" && body.IsolationType == "" {
		refuse(w, http.StatusBadRequest, "MissingRequiredParameter", "Parameter is missing in the request")
		return
	}
	s.settle()
	for _, action := range s.actions {
		if action.MachineID == machine.ID && action.Type == kind && !ended(action.Status) {
			refuse(w, http.StatusBadRequest, "ActiveRequestAlreadyExists", "Action is already in progress")
			return
		}
	}
	now := s.Now().UTC()
	action := &MachineAction{
		ID: fmt.Sprintf("%08x-0000-4000-8000-%012x", len(s.actions)+1, now.UnixNano()&0xffffffffffff), Type: kind, Requestor: s.ClientID,
		RequestorComment: body.Comment, Status: "Pending", MachineID: machine.ID, DNSName: machine.DNSName, CreatedAt: now,
	}
	if kind == "Isolate" {
		action.Scope = &body.IsolationType
	}
	s.actions = append(s.actions, action)
	answerJSON(w, http.StatusCreated, action)
}

func (s *Server) tag(w http.ResponseWriter, machine *Machine, value, action string) {
	if value == "" || action != "Add" && action != "Remove" {
		refuse(w, http.StatusBadRequest, "InvalidInput", "The tag action is not valid")
		return
	}
	machine.Tags = slices.DeleteFunc(machine.Tags, func(tag string) bool { return tag == value })
	if action == "Add" {
		machine.Tags = append(machine.Tags, value)
	}
	answerJSON(w, http.StatusOK, machine)
}

func ended(status string) bool { return status != "Pending" && status != "InProgress" }

// settle lets the time that has passed show in the actions.
func (s *Server) settle() {
	now := s.Now().UTC()
	for _, action := range s.actions {
		if ended(action.Status) {
			continue
		}
		age := now.Sub(action.CreatedAt)
		if age < s.ActionTakes {
			if age > 0 {
				action.Status, action.UpdatedAt = "InProgress", &now
			}
			continue
		}
		action.Status, action.UpdatedAt = "Succeeded", &now
		if s.ActionEnds != "" && s.ActionEnds != "Succeeded" {
			action.Status = s.ActionEnds
			continue
		}
		machine := s.machines[action.MachineID]
		switch action.Type {
		case "Isolate":
			machine.Isolated = true
		case "Unisolate":
			machine.Isolated = false
		case "RestrictCodeExecution":
			machine.Restricted = true
		case "UnrestrictCodeExecution":
			machine.Restricted = false
		}
	}
}

func (s *Server) getAction(w http.ResponseWriter, r *http.Request) {
	s.settle()
	for _, action := range s.actions {
		if action.ID == r.PathValue("id") {
			answerJSON(w, http.StatusOK, action)
			return
		}
	}
	refuse(w, http.StatusNotFound, "ResourceNotFound", "Machine action "+r.PathValue("id")+" was not found")
}

var equals = regexp.MustCompile(`(\w+) eq '([^']*)'`)

// listActions knows the filters machineId and type, joined by and; the newest comes first.
func (s *Server) listActions(w http.ResponseWriter, r *http.Request) {
	s.settle()
	wanted := map[string]string{}
	for _, match := range equals.FindAllStringSubmatch(r.URL.Query().Get("$filter"), -1) {
		wanted[strings.ToLower(match[1])] = match[2]
	}
	found := []*MachineAction{}
	for _, action := range slices.Backward(s.actions) {
		if of, ok := wanted["machineid"]; ok && of != action.MachineID {
			continue
		}
		if kind, ok := wanted["type"]; ok && kind != action.Type {
			continue
		}
		found = append(found, action)
	}
	shown := page(s, r, found, maxTop)
	s.answerList(w, r, "MachineActions", shown, len(shown), len(found))
}
