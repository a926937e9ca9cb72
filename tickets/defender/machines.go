package defender

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Machine is a device of Defender for Endpoint.
type Machine struct {
	ID    string
	Name  string
	Group string
	Tags  []string
}

// Action is one response action as Microsoft follows it.
type Action struct {
	ID        string
	Kind      string // Isolate, Unisolate, RunAntiVirusScan, RestrictCodeExecution, …
	Status    string // Pending, InProgress, Succeeded, Failed, TimeOut or Cancelled
	Comment   string
	CreatedAt time.Time
}

// Ended says whether an action has come to its end.
func (a Action) Ended() bool {
	switch a.Status {
	case "Pending", "InProgress", "":
		return false
	}
	return true
}

// The errors of a request for an action that its caller tells apart.
const (
	CodeActive   = "ActiveRequestAlreadyExists"
	CodeNotFound = "ResourceNotFound"
)

type machineRecord struct {
	ID    text   `json:"id"`
	Name  text   `json:"computerDnsName"`
	Group text   `json:"rbacGroupName"`
	Tags  []text `json:"machineTags"`
}

type actionRecord struct {
	ID        text `json:"id"`
	Kind      text `json:"type"`
	Status    text `json:"status"`
	Comment   text `json:"requestorComment"`
	CreatedAt text `json:"creationDateTimeUtc"`
}

func (r actionRecord) action() Action {
	return Action{ID: r.ID.word(), Kind: r.Kind.word(), Status: r.Status.word(), Comment: clean(string(r.Comment), maxText), CreatedAt: r.CreatedAt.at()}
}

// Machine finds a device by its id or its name. A name finds only the device of that very name, with or without its
// domain: acting on another one would be worse than not acting.
func (c *Client) Machine(ctx context.Context, t Tenant, idOrName string) (Machine, error) {
	var found machineRecord
	err := c.do(ctx, call{tenant: t, of: endpointAPI, method: http.MethodGet, path: "/api/machines/" + url.PathEscape(idOrName), urgent: true}, decodeInto(&found))
	if err != nil {
		return Machine{}, err
	}
	machine := Machine{ID: found.ID.word(), Name: line(string(found.Name), maxWord), Group: found.Group.word()}
	for _, tag := range found.Tags {
		machine.Tags = append(machine.Tags, tag.word())
	}
	host := func(name string) string { short, _, _ := strings.Cut(strings.ToLower(name), "."); return short }
	same := strings.EqualFold(machine.ID, idOrName) || strings.EqualFold(machine.Name, idOrName) ||
		host(machine.Name) == host(idOrName) && (!strings.Contains(idOrName, ".") || !strings.Contains(machine.Name, "."))
	if machine.ID == "" || !same {
		return Machine{}, &Fault{Code: CodeNotFound, Says: fmt.Sprintf("Defender knows no device %q", idOrName), status: http.StatusNotFound}
	}
	return machine, nil
}

// Act asks for an action on a device: path is the action's own, like isolate. It is never asked twice by itself: whether an
// action began whose answer was lost, Actions tells.
func (c *Client) Act(ctx context.Context, t Tenant, machine, path string, body map[string]string) (Action, error) {
	var accepted actionRecord
	err := c.do(ctx, call{
		tenant: t, of: endpointAPI, method: http.MethodPost, path: "/api/machines/" + url.PathEscape(machine) + "/" + path, body: body, urgent: true,
	}, decodeInto(&accepted))
	return accepted.action(), err
}

// Action returns an action as it is now.
func (c *Client) Action(ctx context.Context, t Tenant, id string) (Action, error) {
	var found actionRecord
	err := c.do(ctx, call{tenant: t, of: endpointAPI, method: http.MethodGet, path: "/api/machineactions/" + url.PathEscape(id), urgent: true}, decodeInto(&found))
	return found.action(), err
}

// Actions returns the newest actions of a kind on a device.
func (c *Client) Actions(ctx context.Context, t Tenant, machine, kind string) ([]Action, error) {
	var found struct {
		Value []actionRecord `json:"value"`
	}
	filter := fmt.Sprintf("machineId eq '%s' and type eq '%s'", strings.ReplaceAll(machine, "'", "''"), kind)
	err := c.do(ctx, call{tenant: t, of: endpointAPI, method: http.MethodGet, path: query("/api/machineactions", "$filter", filter, "$top", "100"), urgent: true}, decodeInto(&found))
	actions := make([]Action, len(found.Value))
	for i, record := range found.Value {
		actions[i] = record.action()
	}
	return actions, err
}

// Tag adds a tag to a device; one that it has stays.
func (c *Client) Tag(ctx context.Context, t Tenant, machine, tag string, remove bool) error {
	body := map[string]string{"Value": tag, "Action": "Add"}
	if remove {
		body["Action"] = "Remove"
	}
	return c.do(ctx, call{tenant: t, of: endpointAPI, method: http.MethodPost, path: "/api/machines/" + url.PathEscape(machine) + "/tags", body: body, urgent: true}, ignore)
}

// Check asks for one alert, to say whether a tenant can be polled.
func (c *Client) Check(ctx context.Context, t Tenant) error {
	path := query("/api/alerts", "$top", "1")
	of := endpointAPI
	if t.Source == SourceGraph {
		path, of = query("/v1.0/security/alerts_v2", "$top", "1"), graphAPI
	}
	return c.do(ctx, call{tenant: t, of: of, method: http.MethodGet, path: path, urgent: true}, ignore)
}

// ignore reads an answer to its end, so that the connection can serve again.
func ignore(body io.Reader) error {
	_, err := io.Copy(io.Discard, body)
	return err
}
