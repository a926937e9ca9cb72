package webhook_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"afterhours/oncall/notify"
	"afterhours/oncall/notify/notifytest"
	"afterhours/oncall/notify/webhook"
)

const routingKey = "R0123456789abcdefR0123456789abcd"

type event struct {
	RoutingKey string `json:"routing_key"`
	Action     string `json:"event_action"`
	DedupKey   string `json:"dedup_key"`
	ClientURL  string `json:"client_url"`
	Payload    struct {
		Summary, Source, Severity string
		Details                   map[string]string `json:"custom_details"`
	}
}

// pagerDuty answers as PagerDuty's Events API does, and hands out what it took.
func pagerDuty(t *testing.T) (address string, got *[]event) {
	t.Helper()
	got = &[]event{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e event
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &e); err != nil || e.RoutingKey != routingKey || e.Action == "trigger" && e.Payload.Summary == "" || r.Header.Get("webhook-signature") != "" {
			notifytest.JSON(http.StatusBadRequest, `{"status":"invalid event"}`)(w, r)
			return
		}
		*got = append(*got, e)
		notifytest.JSON(http.StatusAccepted, `{"status":"success","message":"Event processed","dedup_key":"`+e.DedupKey+`"}`)(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/v2/enqueue", got
}

func TestTheContractHoldsForPagerDuty(t *testing.T) {
	t.Parallel()
	notifytest.Run(t, notifytest.Subject{
		Channel: channel(),
		Contact: func(url string) notify.Contact {
			return notify.Contact{Address: url + "/v2/enqueue", Secret: routingKey}
		},
		Answers: map[string]notifytest.Answer{
			"an event that it does not like": {Send: notifytest.JSON(400, `{"status":"invalid event","errors":["`+routingKey+`"]}`), Permanent: true},
		},
		Accept: func(t *testing.T, w http.ResponseWriter, _ *http.Request, body []byte) {
			var e event
			if err := json.Unmarshal(body, &e); err != nil {
				t.Error(err)
			}
			if e.Action != "trigger" || e.DedupKey != "afterhours-ticket-1042" || e.Payload.Severity != "critical" || e.Payload.Source != "srv-sql-07" ||
				e.Payload.Summary != notifytest.Message().Subject || e.ClientURL != notifytest.Message().Link || e.Payload.Details["Users"] == "" {
				t.Errorf("event: got %s", body)
			}
			w.WriteHeader(http.StatusAccepted)
		},
	})
}

func TestATicketIsOneIncidentFromTriggerToResolve(t *testing.T) {
	t.Parallel()
	address, got := pagerDuty(t)
	for _, c := range []struct{ kind, state, want string }{
		{"ticket.created", "open", "trigger"},
		{"page", "open", "trigger"},
		{"ticket.escalated", "open", "trigger"},
		{"ticket.updated", "open", "trigger"},
		{"ticket.updated", "acknowledged", ""},
		{"ticket.acknowledged", "acknowledged", "acknowledge"},
		{"page.taken", "acknowledged", "acknowledge"},
		{"ticket.resolved", "resolved", "resolve"},
		{"ticket.created", "resolved", ""}, // late: it must not open the incident again
		{"oncall.changed", "", ""},
		{"page.failed", "open", ""},
	} {
		*got = nil
		message := notifytest.Message()
		message.Type, message.State = c.kind, c.state
		receipt, err := channel().Send(t.Context(), notify.Contact{Address: address, Secret: routingKey}, message)
		if err != nil || !receipt.Delivered {
			t.Fatalf("%s: %+v, %v", c.kind, receipt, err)
		}
		action := ""
		for _, e := range *got {
			action += e.Action
			if e.DedupKey != "afterhours-ticket-1042" {
				t.Errorf("%s: got the key %s", c.kind, e.DedupKey)
			}
		}
		if action != c.want {
			t.Errorf("%s of a ticket that is %s: got %q, want %q", c.kind, c.state, action, c.want)
		}
	}
}

func TestDetailStaysInTheHouseWherePagerDutyIsAMinimalContact(t *testing.T) {
	t.Parallel()
	address, got := pagerDuty(t)
	message := notifytest.Message()
	message.Subject, message.Title, message.Device, message.Facts, message.Data = "High alert (#1042)", "", "", nil, json.RawMessage(`{"ticket":{"number":1042}}`)
	if _, err := channel().Send(t.Context(), notify.Contact{Address: address, Secret: routingKey}, message); err != nil {
		t.Fatal(err)
	}
	if sent, _ := json.Marshal(*got); strings.Contains(string(sent), "srv-sql") || strings.Contains(string(sent), "Ransomware") {
		t.Errorf("got %s", sent)
	}
}

func TestPagerDutyNeedsARoutingKey(t *testing.T) {
	t.Parallel()
	strict := webhook.New(webhook.Options{})
	for secret, ok := range map[string]bool{routingKey: true, "": false, secret: false, "short": false} {
		err := strict.Check(notify.Contact{Address: "https://events.pagerduty.com/v2/enqueue", Secret: secret})
		if (err == nil) != ok {
			t.Errorf("%q: got %v", secret, err)
		}
	}
	if err := strict.Check(notify.Contact{Address: "https://events.eu.pagerduty.com/v2/enqueue", Secret: routingKey}); err != nil {
		t.Errorf("the European region: %v", err)
	}
}
