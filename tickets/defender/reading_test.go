package defender

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"afterhours/tickets"
)

// the alert of the documentation, shortened.
const documented = `{"id":"da637551227677560813_-961444813","incidentId":1126093,"investigationId":null,"assignedTo":null,"severity":"Low",
"status":"New","classification":null,"determination":null,"investigationState":"Queued","detectionSource":"WindowsDefenderAtp","category":"Execution",
"threatFamilyName":null,"title":"Low-reputation arbitrary code executed by signed executable","description":"Binaries signed by Microsoft can be used.",
"alertCreationTime":"2021-01-26T20:33:57.7220239Z","firstEventTime":"2021-01-26T20:31:32.9562661Z","lastUpdateTime":"2021-01-26T20:33:59.2Z",
"resolvedTime":null,"machineId":"111e6dd8c833c8a052ea231ec1b19adaf497b625","computerDnsName":"temp123.middleeast.corp.microsoft.com","rbacGroupName":"A",
"aadTenantId":"a839b112-1253-6432-9bf6-94542403f21c","threatName":null,"mitreTechniques":["T1064","T1085",""],
"relatedUser":{"userName":"temp123","domainName":"DOMAIN"},"comments":[],"aNewField":{"of":"tomorrow"},
"evidence":[{"entityType":"User","accountName":"eranb","domainName":"MIDDLEEAST","userPrincipalName":"temp123@microsoft.com","sha1":null},
{"entityType":"Process","sha256":"a4752c71","fileName":"rundll32.exe","filePath":"C:\\Windows\\SysWOW64","processId":3276,"processCommandLine":"rundll32.exe  c:\\temp\\suspicious.dll,RepeatAfterMe","parentProcessFileName":"null","detectionStatus":"Detected"},
{"entityType":"Url","url":"http://evil.example/x"},{"entityType":"Ip","ipAddress":"192.0.2.44"},{"entityType":"Registry","registryKey":"HKLM\\Run","registryValue":"x"},
{"entityType":"Hologram","fileName":"unheard.of"}]}`

func TestTheDocumentedAlertIsReadWhole(t *testing.T) {
	t.Parallel()
	got, ok := readEndpointAlert(contoso, json.RawMessage(documented))
	if !ok {
		t.Fatal("it is not read")
	}
	alert, report := got.Alert, got.Report
	if alert.Severity != tickets.Low || alert.IncidentID != "1126093" || alert.Category != "Execution" || alert.Product != tickets.ProductEndpoint ||
		strings.Join(alert.Devices, " ") != "temp123.middleeast.corp.microsoft.com" || strings.Join(alert.Users, " ") != `DOMAIN\temp123 temp123@microsoft.com` {
		t.Errorf("got the alert %+v", alert)
	}
	if want := time.Date(2021, 1, 26, 20, 33, 57, 722023900, time.UTC); !report.CreatedAt.Equal(want) || report.Status != "New" || report.Classification != "" {
		t.Errorf("got the report %+v", report)
	}
	if len(report.Machines) != 1 || report.Machines[0].Group != "A" || strings.Join(report.Techniques, " ") != "T1064 T1085" {
		t.Errorf("got machines %+v and techniques %v", report.Machines, report.Techniques)
	}
	var traces []string
	for _, trace := range report.Evidence {
		traces = append(traces, trace.Kind+" "+trace.Value)
	}
	want := `process rundll32.exe c:\temp\suspicious.dll,RepeatAfterMe|url http://evil.example/x|ip 192.0.2.44|registry HKLM\Run|hologram unheard.of`
	if got := strings.Join(traces, "|"); got != want {
		t.Errorf("got the evidence\n%s\nwant\n%s", got, want)
	}
}

// TestAnAlertOfAnotherShapeIsStillAnAlert changes one field at a time.
func TestAnAlertOfAnotherShapeIsStillAnAlert(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"a row of 2019":                `{"id":"636688558380765161_2136280442","alertUser":"a","alertFiles":[],"category":"null","severity":"High","alertCreationTime":"2019-11-03T23:49:45Z"}`,
		"an unknown severity":          `{"id":"da1_1","severity":"Catastrophic","status":"Pondered","alertCreationTime":"2026-03-01T03:00:00.19Z"}`,
		"evidence that is no list":     `{"id":"da1_1","severity":"High","evidence":{"a":1}}`,
		"a user that is a text":        `{"id":"da1_1","severity":"High","relatedUser":"ana"}`,
		"an incident's id as a text":   `{"id":"da1_1","incidentId":"77","severity":"High"}`,
		"an incident's id of nothing":  `{"id":"da1_1","incidentId":0,"severity":"High"}`,
		"a title with control signs":   `{"id":"da1_1","title":"a\u0000b\tc\r\nd","severity":"High"}`,
		"a very long description":      `{"id":"da1_1","description":"` + strings.Repeat("x", 100_000) + `"}`,
		"times that are none":          `{"id":"da1_1","alertCreationTime":"yesterday","lastUpdateTime":7}`,
		"nothing but what it is about": `{"id":"da1_1"}`,
	} {
		got, ok := readEndpointAlert(contoso, json.RawMessage(raw))
		if !ok || got.Report.AlertID == "" || got.Alert.Title == "" || !got.Alert.Severity.Valid() || strings.ContainsAny(got.Alert.Title, "\x00\r\n\t") || len(got.Alert.Description) > 2*maxText {
			t.Errorf("%s: got %t, %+v", name, ok, got.Alert)
		}
	}
	for _, raw := range []string{`{}`, `{"id":""}`, `{"id":null}`, `7`, `"x"`, `[]`} {
		if _, ok := readEndpointAlert(contoso, json.RawMessage(raw)); ok {
			t.Errorf("%s is taken for an alert", raw)
		}
	}
}

func TestGraphSaysTheSameInOtherWords(t *testing.T) {
	t.Parallel()
	const raw = `{"id":"da637551227677560813_-961444813","incidentId":"28282","status":"inProgress","severity":"high","classification":"truePositive","determination":"unknown",
"serviceSource":"microsoftDefenderForEndpoint","title":"Suspicious execution","recommendedActions":"Collect\tfiles \uFFFD","category":"Execution","assignedTo":"ana@contoso.example","mitreTechniques":["T1064"],
"createdDateTime":"2026-03-01T03:00:00.9494640Z","lastUpdateDateTime":"2026-03-01T03:01:00Z","evidence":[
{"@odata.type":"#microsoft.graph.security.deviceEvidence","mdeDeviceId":"73e7e2de709dff64ef64b1d0c30e67fab63279db","deviceDnsName":"yonif-lap3.example","rbacGroupName":"null","loggedOnUsers":[{"accountName":"yonif","domainName":"DOMAIN"}]},
{"@odata.type":"#microsoft.graph.security.processEvidence","processCommandLine":"powershell -enc x","imageFile":{"fileName":"powershell.exe","sha256":"9f914d"}},
{"@odata.type":"#microsoft.graph.security.fileEvidence","fileDetails":{"fileName":"MsSense.exe","sha256":"8c8c"}},
{"@odata.type":"#microsoft.graph.security.registryKeyEvidence","registryKey":"SYSTEM\\x"},{"@odata.type":"#microsoft.graph.security.unheardOf"}]}`
	got, ok := readGraphAlert(contoso, json.RawMessage(raw))
	if !ok || got.Report.Status != "InProgress" || got.Report.Classification != "TruePositive" || got.Report.Determination != "" || got.Alert.Severity != tickets.High || got.Alert.IncidentID != "28282" {
		t.Fatalf("got %t, %+v, %+v", ok, got.Alert, got.Report)
	}
	if len(got.Report.Machines) != 1 || got.Report.Machines[0].Group != "" || strings.Join(got.Alert.Users, " ") != `DOMAIN\yonif` || len(got.Report.Evidence) != 3 {
		t.Errorf("got machines %+v, users %v, evidence %+v", got.Report.Machines, got.Alert.Users, got.Report.Evidence)
	}
	odd, ok := readGraphAlert(contoso, json.RawMessage(`{"id":"da1_1","severity":"high","evidence":"none"}`))
	if !ok || odd.Alert.Severity != tickets.High {
		t.Errorf("of another shape: got %t, %+v", ok, odd.Alert)
	}
}

func TestAnIncidentBringsItsMergesAndTheAlertsOfOtherProducts(t *testing.T) {
	t.Parallel()
	const raw = `{"incidentId":924518,"redirectIncidentId":null,"status":"Active","lastUpdateTime":"2026-03-01T03:00:00Z","alerts":[
{"alertId":"faf8edcc11-8a2f-4d57-8a6e-2f1e3b4c5d6e","title":"Activity from infrequent country","severity":"Medium","category":"InitialAccess","status":"New","creationTime":"2026-03-01T02:59:00Z","mitreTechniques":["T1078"],
"devices":[{"deviceId":"24c222b0b60fe148eeece49ac83910cc6a7ef491","deviceDnsName":"user5cx.middleeast.corp.example","rbacGroupName":"WCBA"}],
"entities":[{"entityType":"User","accountName":"brucel","domainName":"CORP"},{"entityType":"Ip","ipAddress":"192.0.2.10"},{"entityType":"Process","processCommandLine":"a.exe -x"}]},
{"alertId":"da637551227677560813_1","title":"of Endpoint, which its own list shows","severity":"High"},
{"alertId":"ca11112222-3333-4444-8555-666677778888","title":"Of another shape","severity":"High","devices":"none"},{"title":"of nobody"}]}`
	got := readIncident(contoso, json.RawMessage(raw))
	if len(got) != 2 || got[0].Alert.IncidentID != "924518" || got[0].Alert.Product != tickets.ProductOffice365 || got[1].Alert.Title != "Of another shape" || got[1].Alert.IncidentID != "924518" {
		t.Fatalf("got %d readings: %+v", len(got), got)
	}
	if report := got[0].Report; len(report.Machines) != 1 || report.Machines[0].ID != "24c222b0b60fe148eeece49ac83910cc6a7ef491" || len(report.Evidence) != 2 || len(report.Techniques) != 1 {
		t.Errorf("got %+v", report)
	}
	merged := readIncident(contoso, json.RawMessage(`{"incidentId":7,"redirectIncidentId":9,"status":"Redirected","alerts":[]}`))
	if len(merged) != 1 || !merged[0].Report.OnlyKnown || merged[0].Alert.IncidentID != "9" || merged[0].Alert.MergedIncidentIDs[0] != "7" {
		t.Errorf("got %+v, want the news of a merge", merged)
	}
	for _, none := range []string{`{"incidentId":7,"redirectIncidentId":7}`, `{"incidentId":null}`, `[]`} {
		if got := readIncident(contoso, json.RawMessage(none)); len(got) != 0 {
			t.Errorf("%s: got %+v", none, got)
		}
	}
}

func TestAPageThatIsNoneIsAnError(t *testing.T) {
	t.Parallel()
	count := 0
	each := func(json.RawMessage) error { count++; return nil }
	next, err := decodePage(strings.NewReader(`{"@odata.context":{"a":[1]},"value":[{"id":1},{"id":2}],"@odata.nextLink":"https://x/","later":null}`), each)
	if err != nil || next != "https://x/" || count != 2 {
		t.Errorf("got %q, %d elements, %v", next, count, err)
	}
	for _, broken := range []string{``, `[]`, `{}`, `{"value":[{"id":1},`, `{"value":{}}`, `{"value":[]`, `<html>`, `{"value":[],"@odata.nextLink":7}`} {
		if _, err := decodePage(strings.NewReader(broken), each); err == nil {
			t.Errorf("%q is taken for a page", broken)
		}
	}
	if _, err := decodePage(strings.NewReader(`{"value":[1]}`), func(json.RawMessage) error { return errors.New("full") }); err == nil {
		t.Error("what its taker says is lost")
	}
}

func TestAnAlertsIDTellsItsProduct(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]tickets.Product{
		"da637551227677560813_-961444813": tickets.ProductEndpoint, "ed09e47ccc-b74a-45bb-985f-8d6c077b70b6_1": tickets.ProductEndpoint,
		"637551227677560813_-961444813": tickets.ProductEndpoint, "ra639058096351022135_-847381402": tickets.ProductXDR,
		"fa09e47ccc-b74a-45bb-985f-8d6c077b70b6": tickets.ProductOffice365, "CA09E47CCC-B74A-45BB-985F-8D6C077B70B6": tickets.ProductCloudApps,
		"aa09e47ccc-b74a-45bb-985f-8d6c077b70b6": tickets.ProductIdentity, "ad09e47ccc-b74a-45bb-985f-8d6c077b70b6": tickets.ProductEntra,
		"dl09e47ccc-b74a-45bb-985f-8d6c077b70b6": tickets.ProductPurview, "dc09e47ccc-b74a-45bb-985f-8d6c077b70b6": tickets.ProductCloud,
		"sn09e47ccc-b74a-45bb-985f-8d6c077b70b6": tickets.ProductSentinel,
	} {
		if got := productOf(id); got != want {
			t.Errorf("%s: got %s, want %s", id, got, want)
		}
	}
}
