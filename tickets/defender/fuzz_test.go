package defender

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"afterhours/tickets"
)

// FuzzReadings gives every reader whatever an API may answer: what is taken is whole and can be stored, and nothing panics.
func FuzzReadings(f *testing.F) {
	for _, seed := range []string{
		documented, `{"id":"da1_1","evidence":{"a":1}}`, `{"id":7}`, `{"incidentId":7,"redirectIncidentId":9,"alerts":[{"alertId":"fa1","devices":null}]}`,
		`{"id":"da1_1","evidence":[{"@odata.type":"#microsoft.graph.security.processEvidence","imageFile":null}]}`,
		`{"value":[{"id":"da1_1","title":"\u0000"}],"@odata.nextLink":"https://x/"}`, "{\"id\":\"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		check := func(reading tickets.Reading) {
			t.Helper()
			alert, report := reading.Alert, reading.Report
			if alert.Title == "" || !alert.Severity.Valid() || report.About() == "" || len(reading.Keys) == 0 || len(reading.Fingerprint) == 0 {
				t.Errorf("it is not whole: %+v %+v", alert, report)
			}
			for _, text := range append([]string{alert.Title, alert.Description, alert.Category, report.AlertID}, alert.Devices...) {
				if !utf8.ValidString(text) || strings.Contains(text, "\x00") {
					t.Errorf("%q cannot be stored", text)
				}
			}
			if len(report.Evidence) > maxEvidence {
				t.Errorf("got %d traces", len(report.Evidence))
			}
		}
		for _, read := range []func(Tenant, json.RawMessage) (tickets.Reading, bool){readEndpointAlert, readGraphAlert} {
			if reading, ok := read(contoso, raw); ok {
				check(reading)
			}
		}
		for _, reading := range readIncident(contoso, raw) {
			check(reading)
		}
		_, _ = decodePage(strings.NewReader(string(raw)), func(element json.RawMessage) error {
			if !json.Valid(element) {
				t.Errorf("an element is no JSON: %q", element)
			}
			return nil
		})
	})
}
