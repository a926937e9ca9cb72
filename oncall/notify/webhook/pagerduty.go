package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"afterhours/oncall/notify"
)

// pagerDutyPath is the end of an address that speaks PagerDuty's Events API, version 2, at any of its regions. The secret
// of such a contact or webhook is the integration's routing key.
const pagerDutyPath = "/v2/enqueue"

// maxSummary is how much PagerDuty takes of an alert's summary, in characters.
const maxSummary = 1024

var routingKey = regexp.MustCompile(`^[A-Za-z0-9]{32}$`)

func isPagerDuty(address string) bool {
	target, err := url.Parse(address)
	return err == nil && target.Path == pagerDutyPath
}

func checkRoutingKey(secret string) error {
	if !routingKey.MatchString(secret) {
		return errors.New("the secret must be the integration's key at PagerDuty: 32 letters and digits, shown under the service's integrations as Events API V2")
	}
	return nil
}

// pagerDutyAction is what a message is there; empty for what is no incident's business. A ticket that is resolved by now
// must not open an incident again, however late the message is.
func pagerDutyAction(message notify.Message) string {
	switch message.Type {
	case "ticket.resolved":
		return "resolve"
	case "ticket.acknowledged", "page.taken":
		return "acknowledge"
	case "page", "page.summary", "page.test", "ticket.created", "ticket.escalated", "ticket.updated":
		if message.State == "resolved" || message.State == "acknowledged" && message.Type == "ticket.updated" {
			return ""
		}
		return "trigger"
	}
	return ""
}

// pagerDutyEvent is one event (developer.pagerduty.com/docs/events-api-v2-overview). Everything about a ticket has one
// key there, so that it is one incident.
type pagerDutyEvent struct {
	RoutingKey string            `json:"routing_key"`
	Action     string            `json:"event_action"`
	DedupKey   string            `json:"dedup_key"`
	Payload    *pagerDutyPayload `json:"payload,omitempty"`
	Client     string            `json:"client,omitempty"`
	ClientURL  string            `json:"client_url,omitempty"`
}

type pagerDutyPayload struct {
	Summary   string            `json:"summary"`
	Source    string            `json:"source"`
	Severity  string            `json:"severity"`
	Timestamp time.Time         `json:"timestamp"`
	Details   map[string]string `json:"custom_details,omitempty"`
}

func (c *Channel) pagerDuty(ctx context.Context, to notify.Contact, message notify.Message) (notify.Receipt, error) {
	event := pagerDutyEvent{RoutingKey: to.Secret, Action: pagerDutyAction(message), DedupKey: dedupKey(message)}
	switch event.Action {
	case "":
		return notify.Receipt{Delivered: true, Detail: "PagerDuty has no use for it"}, nil
	case "trigger":
		event.Client, event.ClientURL = "afterhours", message.Link
		event.Payload = &pagerDutyPayload{
			Summary: notify.Cut(notify.OneLine(message.Subject), maxSummary), Source: message.Device, Severity: pagerDutySeverity(message),
			Timestamp: message.At.UTC(), Details: map[string]string{},
		}
		if event.Payload.Source == "" {
			event.Payload.Source = "afterhours"
		}
		for _, fact := range message.Facts {
			event.Payload.Details[fact.Label] = fact.Value
		}
	}
	body, err := json.Marshal(event)
	if err != nil {
		return notify.Receipt{}, notify.Permanent(fmt.Errorf("event for PagerDuty: %w", err))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.Address, bytes.NewReader(body))
	if err != nil {
		return notify.Receipt{}, notify.Permanent(errors.New("the address of PagerDuty cannot be requested"))
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "afterhours")
	if _, err := notify.Post(c.Client, request, c.Now); err != nil {
		return notify.Receipt{}, err
	}
	return notify.Receipt{Delivered: true, ProviderID: event.DedupKey, Detail: "taken by PagerDuty: " + event.Action}, nil
}

// dedupKey names the incident: the ticket's, or for what is of no single ticket the message's own.
func dedupKey(message notify.Message) string {
	if message.Ticket == 0 || message.Type == "page.summary" || message.Type == "page.test" {
		return "afterhours-" + message.ID
	}
	return fmt.Sprintf("afterhours-ticket-%d", message.Ticket)
}

func pagerDutySeverity(message notify.Message) string {
	switch message.Severity {
	case "high":
		return "critical"
	case "medium", "unknown":
		return "error"
	case "low":
		return "warning"
	}
	return "info"
}
